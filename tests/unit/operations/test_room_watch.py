"""A full disk is told to administrators, once."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from server.auth.permissions import Principal, Role
from server.jobs.outcomes import Notice
from server.operations.room_watch import RoomWatch
from server.storage.reserve import Reserve
from server.storage.room import Room
from tests.unit.operations.conftest import House
from tests.waiting import until

FULL, EMPTY = 2**62, 0


def watching(house: House) -> RoomWatch:
    parts = house.parts
    return RoomWatch(room=parts.storage.room, database=parts.storage.database, notices=parts.live.notices)


async def titles(house: House, principal: Principal) -> list[str]:
    return [one.title for one in (await house.todo.notifications.latest(principal)).items]


async def look(house: House, watch: RoomWatch, min_free_bytes: int) -> None:
    house.parts.storage.room.min_free_bytes = min_free_bytes
    await watch.look()


async def test_administrators_are_told_once_and_nobody_else(house: House) -> None:
    watch = watching(house)
    for _ in range(3):
        await look(house, watch, FULL)
    assert await titles(house, house.admin) == ["The server's disk is full"]
    assert await titles(house, house.alice) == []


async def test_they_are_told_again_after_there_was_room(house: House) -> None:
    watch = watching(house)
    for min_free_bytes in (FULL, EMPTY, FULL):
        await look(house, watch, min_free_bytes)
    assert len(await titles(house, house.admin)) == 2


async def test_but_not_with_each_megabyte_that_comes_and_goes(house: House) -> None:
    watch = watching(house)
    free = house.parts.storage.room.statistics().free_bytes
    just_enough = free * 9 // 10  # room, but no quarter more than that
    for min_free_bytes in (FULL, just_enough, FULL):
        await look(house, watch, min_free_bytes)
    assert len(await titles(house, house.admin)) == 1


async def test_who_is_locked_out_is_not_told_and_every_other_administrator_is(house: House) -> None:
    chief, former = await house.user("chief", role=Role.ADMIN), await house.user("former", role=Role.ADMIN)
    await house.todo.admin.change_user(house.admin, former.user_id, is_disabled=True)
    await look(house, watching(house), FULL)
    assert len(await titles(house, chief)) == 1
    assert await titles(house, former) == []


async def test_administrators_are_told_whatever_they_chose_to_be_told_of(house: House) -> None:
    await house.todo.accounts.change_me(house.admin, {"notifications": {"failed": False}})
    async with house.parts.storage.database.write() as connection:
        failed = Notice(title="Failed", level="error")
        assert await house.parts.live.notices.keep_wanted(connection, house.admin.user_id, failed) == []
    await look(house, watching(house), FULL)
    assert await titles(house, house.admin) == ["The server's disk is full"]


async def test_a_look_that_fails_is_not_the_last(
    house: House, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    parts, disk = house.parts, tmp_path / "disk"
    room = Room(disk, min_free_bytes=FULL, reserve=Reserve(tmp_path / "reserve", wanted_bytes=0))
    watch = RoomWatch(room=room, database=parts.storage.database, notices=parts.live.notices, every_seconds=0.01)
    watching = asyncio.create_task(watch.run())
    await until(lambda: "could not be looked at" in caplog.text)
    await asyncio.to_thread(disk.mkdir)
    assert await until(lambda: titles(house, house.admin)) == ["The server's disk is full"]
    watching.cancel()
    await asyncio.wait([watching])
