"""Whether there is room, and the room that is kept back for need."""

from __future__ import annotations

import asyncio
import errno
import os
import sqlite3
import time
from pathlib import Path

import pytest

from server.engines.sqlite_continuity import Continuity
from server.errors import NotFound, StorageFull
from server.storage.blobs import Blobs
from server.storage.deleting import delete_whole
from server.storage.full_disk import full_disk_named, is_full_disk
from server.storage.reserve import Reserve
from server.storage.room import Room, Space

MIB = 1024 * 1024


def room_in(directory: Path, *, min_free_bytes: int = 0, reserve_bytes: int = 0) -> tuple[Room, Reserve]:
    reserve = Reserve(directory / "reserve", wanted_bytes=reserve_bytes)
    return Room(directory, min_free_bytes=min_free_bytes, reserve=reserve), reserve


def test_what_is_kept_back_really_lies_on_the_disk_and_shrinks_to_a_last_bit_when_given(tmp_path: Path) -> None:
    _, reserve = room_in(tmp_path, reserve_bytes=2 * MIB)
    assert (reserve.held_bytes, reserve.is_needed) == (0, True)
    reserve.take()
    found = (tmp_path / "reserve").stat()
    assert (reserve.held_bytes, found.st_size) == (2 * MIB, 2 * MIB)
    assert found.st_blocks * 512 >= 2 * MIB
    reserve.give()
    assert 0 < (tmp_path / "reserve").stat().st_size <= MIB // 4
    assert (reserve.held_bytes, reserve.is_needed) == (0, True)


def test_the_next_start_knows_whether_it_was_given(tmp_path: Path) -> None:
    _, reserve = room_in(tmp_path, reserve_bytes=2 * MIB)
    reserve.take()
    assert not room_in(tmp_path, reserve_bytes=2 * MIB)[1].is_needed
    reserve.give()
    assert room_in(tmp_path, reserve_bytes=2 * MIB)[1].is_needed


def test_a_reserve_that_somebody_deleted_is_given_all_the_same_and_comes_back(tmp_path: Path) -> None:
    _, reserve = room_in(tmp_path, reserve_bytes=2 * MIB)
    reserve.take()
    (tmp_path / "reserve").unlink()
    reserve.give()
    assert reserve.is_needed
    reserve.take()
    assert (tmp_path / "reserve").stat().st_size == 2 * MIB


def test_another_size_or_none_is_taken_over_at_the_next_start(tmp_path: Path) -> None:
    for size in (2 * MIB, 4 * MIB, MIB):
        _, reserve = room_in(tmp_path, reserve_bytes=size)
        reserve.begin()
        reserve.take()
        assert (tmp_path / "reserve").stat().st_size == reserve.held_bytes == size
    _, reserve = room_in(tmp_path)
    reserve.begin()
    assert not (tmp_path / "reserve").exists()
    assert (reserve.held_bytes, reserve.is_needed) == (0, False)


def test_nothing_new_is_begun_while_what_was_kept_back_is_in_use(tmp_path: Path) -> None:
    room, reserve = room_in(tmp_path, reserve_bytes=2 * MIB)
    reserve.take()
    assert room.state is Space.OK
    reserve.give()
    assert room.state is Space.FULL
    room.require()  # there is plenty: it is kept back again first
    assert (room.state, reserve.held_bytes) == (Space.OK, 2 * MIB)


def test_too_little_free_space_is_told_with_figures(tmp_path: Path) -> None:
    room, _ = room_in(tmp_path, min_free_bytes=2**62)
    assert room.state is Space.LOW
    with pytest.raises(StorageFull, match=f"5 are needed and {2**62} stay"):
        room.require(5)


async def test_work_that_runs_out_of_room_is_cancelled(tmp_path: Path) -> None:
    room, _ = room_in(tmp_path, min_free_bytes=2**62)
    with pytest.raises(StorageFull):
        await room.within(asyncio.sleep(60))
    room, reserve = room_in(tmp_path, reserve_bytes=2 * MIB)
    ended = asyncio.Event()

    async def work() -> None:
        reserve.give()
        reserve.size = 2**62  # there is not so much room to keep back, as when others have filled the disk
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    with pytest.raises(StorageFull):
        await room.within(work())
    assert ended.is_set()


async def test_work_within_room_gives_its_answer_or_its_error(tmp_path: Path) -> None:
    room, _ = room_in(tmp_path)
    assert await room.within(asyncio.sleep(0, "answer")) == "answer"

    async def fail() -> None:
        raise NotFound

    with pytest.raises(NotFound):
        await room.within(fail())


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        OSError(errno.EFBIG, "File too large"),
        RuntimeError("IO Error: Could not write all bytes to file: No space left on device"),
    ],
)
def test_a_full_disk_has_one_name_whoever_met_it(error: Exception) -> None:
    with pytest.raises(StorageFull), full_disk_named():
        raise error


@pytest.mark.parametrize("error", [OSError(errno.EIO, "I/O error"), ValueError("x"), NotFound(), sqlite3.Error()])
def test_other_errors_keep_theirs(error: Exception) -> None:
    assert not is_full_disk(error)


async def test_files_go_first_when_there_is_no_room_to_forget_them() -> None:
    done: list[str] = []

    async def forget() -> str:
        done.append("forget")
        if "remove" not in done:
            raise StorageFull
        return "forgotten"

    assert await delete_whole(forget=forget, remove=lambda: done.append("remove")) == "forgotten"
    assert done == ["forget", "remove", "forget"]


async def test_a_workplace_leaves_nothing_however_it_ends(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)

    async def fail_in_the_middle() -> None:
        async with blobs.workplace() as directory:
            (directory / "half").write_bytes(b"x")
            raise ValueError("in the middle")

    with pytest.raises(ValueError, match="in the middle"):
        await fail_in_the_middle()
    assert list((tmp_path / "partial").iterdir()) == []


def test_what_is_left_goes_by_its_age_and_what_is_written_stays(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)
    hours_ago = time.time() - 7 * 3600
    old, old_directory, written = blobs.new_partial(".csv"), blobs.new_partial(), blobs.new_partial()
    old.touch()
    for directory in (old_directory, written):
        directory.mkdir()
        (directory / "rows").write_bytes(b"x")
    os.utime(old_directory / "rows", (hours_ago, hours_ago))
    for path in (old, old_directory, written):
        os.utime(path, (hours_ago, hours_ago))
    blobs.clear_partials(older_than_seconds=6 * 3600)
    assert list((tmp_path / "partial").iterdir()) == [written]
    blobs.clear_partials()
    assert list((tmp_path / "partial").iterdir()) == []


def test_a_mark_that_cannot_be_written_is_none(tmp_path: Path) -> None:
    """An old one could hide what a power cut takes."""
    database, mark = tmp_path / "jindu.db", tmp_path / "mark"
    database.write_bytes(b"rows")
    continuity = Continuity(database, mark)
    continuity.begin()
    database.with_name("jindu.db-wal").touch()
    assert not continuity.is_broken()
    mark.with_name("mark.new").symlink_to("/dev/full")  # the one file that is always full
    continuity.end()
    assert continuity.is_broken()
    assert {path.name for path in tmp_path.iterdir()} == {"jindu.db", "jindu.db-wal"}
