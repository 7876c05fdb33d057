"""After a crash the last second counts, not the last beat; and only of the run that crashed."""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from server.clock import new_id
from server.monitoring.pulse import LastPulse, Pulse
from server.monitoring.uptime import Heartbeat, availability, runs_since
from server.storage.database import Database
from tests.waiting import until

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)


def test_what_was_written_is_read_by_the_next_process(tmp_path: Path) -> None:
    pulse = Pulse(tmp_path / "alive")
    assert pulse.last() is None
    run_id = new_id()
    for second in range(3):
        pulse.write(LastPulse(run_id=run_id, at=NOON + timedelta(seconds=second)))
    assert Pulse(tmp_path / "alive").last() == LastPulse(run_id=run_id, at=NOON + timedelta(seconds=2))
    assert (tmp_path / "alive").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", ["", "x", "01abc yesterday", "\xff"])
def test_a_file_that_says_nothing_is_no_sign_of_life(content: str, tmp_path: Path) -> None:
    (tmp_path / "alive").write_text(content, "latin-1")
    assert Pulse(tmp_path / "alive").last() is None


async def test_it_goes_on_where_it_cannot_be_written(tmp_path: Path) -> None:
    pulse = Pulse(tmp_path / "folder" / "alive")
    task = asyncio.create_task(pulse.run(lambda: LastPulse(run_id="r", at=NOON)))
    await asyncio.sleep(0)
    os.mkdir(tmp_path / "folder")
    await until(lambda: asyncio.to_thread(pulse.last))
    task.cancel()
    await asyncio.wait([task])


@pytest.mark.parametrize(
    ("last_beat", "last_pulse", "down"),
    [
        (10, 19, 41),  # killed nine seconds after its beat: from then on it was down, not from the beat on
        (10, 40, 50),  # alive, but for half a minute it could not store that it was: that counts as down as before
        (10, 5, 50),  # a file of before
        (10, 120, 50),  # of a clock that was ahead
    ],
)
async def test_a_crash_is_down_from_its_last_second_on(
    database: Database, last_beat: int, last_pulse: int, down: int
) -> None:
    crashed, following = Heartbeat(node="a", version="1"), Heartbeat(node="a", version="1")
    restart = NOON + timedelta(seconds=60)
    async with database.write() as connection:
        await crashed.begin(connection, NOON)
        await crashed.beat(connection, NOON + timedelta(seconds=last_beat))
        last = LastPulse(run_id=crashed.run_id, at=NOON + timedelta(seconds=last_pulse))
        await following.mend(connection, last, restart)
        await following.begin(connection, restart)
        assert availability(await runs_since(connection, NOON), NOON, restart).down_seconds == down


async def test_a_run_that_ended_in_order_stays_as_it_was(database: Database) -> None:
    stopped = Heartbeat(node="a", version="1")
    async with database.write() as connection:
        await stopped.begin(connection, NOON)
        await stopped.end(connection, NOON + timedelta(seconds=5))
        last = LastPulse(run_id=stopped.run_id, at=NOON + timedelta(seconds=9))
        await Heartbeat(node="a", version="1").mend(connection, last, NOON + timedelta(seconds=60))
        (run,) = await runs_since(connection, NOON)
    assert run.seen_at == NOON + timedelta(seconds=5)
