"""Backups that the server makes by itself: one a day, proven, told of when they fail, the old ones taken away."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest

from server.care.backup_commands import BackupCommands
from server.care.nightly import BackupState, NightlyBackup, NightlyBackups, backup_state
from server.storage.database import Database
from tests.unit.care.made_up_data import MadeUpData

LATE = timedelta(hours=36)
NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)


class Night:
    """A server's backups at a time that the test sets."""

    def __init__(self, database: Database, data: Path, folder: Path) -> None:
        self.now = NOON
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self.database = database
        self.backups = NightlyBackups(
            database=database,
            commands=BackupCommands(folder=folder, environment={"JINDU_DATA": str(data), "JINDU_MIN_FREE_BYTES": "0"}),
            at=time(3),
            keep_days=7,
            clock=lambda: self.now,
        )

    async def state(self) -> BackupState | None:
        async with self.database.read() as connection:
            return await backup_state(connection)


@pytest.fixture
async def night(data: MadeUpData, tmp_path: Path) -> AsyncIterator[Night]:
    data.execute("delete from nightly_backups")
    database = data.database()
    yield Night(database, data.path, tmp_path / "nightly")
    await database.close()


async def test_one_is_made_a_day_proven_and_after_a_week_taken_away(night: Night) -> None:
    night.now = NOON.replace(hour=2, minute=59)
    assert not await night.backups.make_due()
    night.now = NOON  # the server was away at three
    assert await night.backups.make_due()
    assert not await night.backups.make_due()
    (first,) = night.folder.iterdir()
    (night.folder / "jindu-of-somebody-else.zip").touch()
    found = await night.state()
    assert found is not None
    assert found.proven == found.newest == dataclasses.replace(found.newest, file=str(first), problem="")
    assert found.newest.bytes == first.stat().st_size
    night.now = NOON + timedelta(days=8)
    assert await night.backups.make_due()
    left = {path.name for path in night.folder.iterdir()} - {"jindu-of-somebody-else.zip"}
    assert len(left) == 1
    assert first.name not in left


async def test_one_that_fails_says_why_and_the_proven_one_stays(night: Night) -> None:
    await night.backups.make_due()
    night.folder.rename(night.folder.with_name("unmounted"))
    night.now = NOON + timedelta(days=1)
    await night.backups.make_due()
    found = await night.state()
    assert found is not None
    assert "There is no directory" in found.newest.problem
    assert found.is_worrying(night.now, late=LATE)
    assert found.proven is not None
    assert found.proven.day == "2026-11-27"


def test_what_is_proven_is_worth_a_look_after_a_night_was_missed() -> None:
    begun = NightlyBackup(day="2026-11-27", began_at=NOON)
    proven = dataclasses.replace(begun, proven_at=NOON)
    assert not BackupState(newest=proven, proven=proven).is_worrying(NOON + timedelta(hours=30), late=LATE)
    assert BackupState(newest=proven, proven=proven).is_worrying(NOON + timedelta(hours=37), late=LATE)
    assert not BackupState(newest=begun, proven=None).is_worrying(NOON + timedelta(hours=1), late=LATE)
    assert BackupState(newest=begun, proven=None).is_worrying(NOON + timedelta(hours=37), late=LATE)
