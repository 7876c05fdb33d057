"""Scheduled backups: by administrators alone, the newest few kept, and told of to all of them when they fail."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from server.auth.permissions import Role
from server.care.backup_commands import BackupCommands, ToldBackup
from server.care.verifying import verify
from server.errors import Forbidden, InvalidInput
from server.operations.schedule_wishes import ScheduleWish
from server.schedules.plans import BackupPlan, BackupResult, RunsWhat
from server.schedules.run_store import backup_proven_at
from server.schedules.schedule import ScheduleRun, StopReason
from server.settings import Settings
from tests.unit.operations.conftest import House, refused
from tests.unit.operations.schedule_runs.test_imports import by_time, ran
from tests.unit.operations.test_schedules import Node, told

WISH = ScheduleWish(runs=RunsWhat.BACKUP, backup=BackupPlan(keep=2), name="Nightly", cron="0 8 * * *", time_zone="UTC")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "backups").mkdir()
    return tmp_path / "backups"


@pytest.fixture
def settings(settings: Settings, place: Path) -> Settings:
    return replace(settings, backup_to=str(place), backup_at="", job_retries=0, min_free_bytes=0)


@pytest.fixture
def node(house: House) -> Node:
    return Node(house)


def made(run: ScheduleRun) -> BackupResult:
    assert isinstance(run.result, BackupResult), run
    return run.result


def files(place: Path) -> set[str]:
    return {path.name for path in place.iterdir()}


async def test_a_backup_is_whole_and_others_may_not_even_plan_one(node: Node, house: House, place: Path) -> None:
    with refused(Forbidden):
        await node.schedules.create(house.bob, WISH)
    schedule_id = (await node.schedules.create(house.admin, WISH)).id
    run = await by_time(node, schedule_id)
    assert run.shown_state == "succeeded", run.job_error
    found = made(run)
    assert Path(found.file).parent == place
    assert found.bytes > 0
    assert found.proven_at is not None
    async with house.parts.storage.database.read() as connection:
        assert await backup_proven_at(connection) == found.proven_at  # what an alert looks at
    await node.schedules.change(house.admin, schedule_id, {"enabled": False})
    async with house.parts.storage.database.read() as connection:
        assert await backup_proven_at(connection) is None
    await node.schedules.change(house.admin, schedule_id, {"enabled": True})
    assert (await asyncio.to_thread(verify, Path(found.file))).tables["users"].rows == 3
    assert (await node.schedules.list(house.bob)).total == 0
    # Who is no administrator any more backs up nothing, and all administrators hear of it.
    other = await house.user("second", role=Role.ADMIN)
    await house.todo.admin.change_user(other, house.admin.user_id, role=Role.EDITOR)
    node.now += timedelta(days=1)
    await node.look()
    assert (await node.schedules.get(other, schedule_id)).reason is StopReason.RIGHTS
    assert any("was stopped" in each for each in await told(house, other))


async def test_the_newest_few_are_kept_and_nothing_of_anybody_else(
    node: Node, house: House, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    problems: list[str] = []
    unproven: list[str] = []

    async def make(commands: BackupCommands, name: str) -> ToldBackup:
        """Without the process, which the test above begins."""
        file = commands.folder / name
        file.write_bytes(b"zip")
        return ToldBackup(file=str(file), bytes=3, problem=problems.pop() if problems else "")

    async def prove(_commands: BackupCommands, _file: str) -> str:
        return unproven.pop() if unproven else ""

    monkeypatch.setattr(BackupCommands, "make", make)
    monkeypatch.setattr(BackupCommands, "prove", prove)
    (place / "of-somebody-else.zip").touch()
    schedule_id = (await node.schedules.create(house.admin, WISH)).id
    names = [Path(made(await by_time(node, schedule_id)).file).name for _ in range(3)]
    assert await asyncio.to_thread(files, place) == {"of-somebody-else.zip", *names[1:]}
    runs = await node.runs(schedule_id)
    assert [made(run).is_removed for run in runs] == [True, False, False]

    other = await house.user("second", role=Role.ADMIN)
    problems.append("2 files that rows name are not there, such as datasets/x.")
    failed = await by_time(node, schedule_id)
    assert failed.shown_state == "failed"
    assert failed.job_error is not None
    assert failed.job_error.parameters["problem"].startswith("2 files that rows name")
    assert made(failed).is_whole is False
    assert len(await asyncio.to_thread(files, place)) == 4  # a bad one takes away no good one
    assert any("failed" in each for each in await told(house, house.admin))
    assert any("failed" in each for each in await told(house, other))
    assert await told(house, house.bob) == []
    unproven.append("It cannot be restored.")
    failed = await by_time(node, schedule_id)
    assert (failed.shown_state, made(failed).is_whole, made(failed).proven_at) == ("failed", False, None)
    # By hand in the same second as an attempt that was cut short: what is there is taken as it is.
    await node.schedules.run(house.admin, schedule_id)
    assert made(await ran(node, schedule_id, 5)).bytes == 3


async def test_without_a_place_none_can_be_planned(house: House) -> None:
    kinds = house.todo.schedules.kinds
    kinds[RunsWhat.BACKUP]._commands = None  # type: ignore[attr-defined]
    with refused(InvalidInput, fields=("backup",)):
        await Node(house).schedules.create(house.admin, WISH)
