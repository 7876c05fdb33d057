"""What is being made: whole in the end, or gone."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest

from server.clock import utc_now
from server.errors import StorageFull
from server.storage.full_disk import full_disk_named
from server.storage.scratch import Scratch


async def test_a_workplace_leaves_nothing_however_it_ends(tmp_path: Path) -> None:
    scratch = Scratch(tmp_path)
    async with scratch.workplace() as directory:
        (directory / "made").write_bytes(b"x")

    async def fail_in_the_middle() -> None:
        async with scratch.workplace() as directory:
            (directory / "half").write_bytes(b"x")
            raise ValueError("in the middle")

    with pytest.raises(ValueError, match="in the middle"):
        await fail_in_the_middle()
    assert os.listdir(tmp_path) == []


async def test_a_place_is_kept_unless_its_block_fails(tmp_path: Path) -> None:
    scratch = Scratch(tmp_path)
    async with scratch.place(".csv") as kept:
        kept.write_bytes(b"rows")

    async def fail_in_the_middle() -> None:
        async with scratch.place(".csv") as failed:
            failed.mkdir()
            raise StorageFull

    with pytest.raises(StorageFull):
        await fail_in_the_middle()
    assert os.listdir(tmp_path) == [kept.name]


def test_what_a_crash_left_goes_once_it_is_a_day_old(tmp_path: Path) -> None:
    now = utc_now()
    scratch = Scratch(tmp_path, clock=lambda: now)
    old, old_directory, written, fresh = (scratch.path(suffix) for suffix in (".csv", "-old", "-written", ".pdf"))
    for path in (old, fresh):
        path.touch()
    for directory in (old_directory, written):
        directory.mkdir()
        (directory / "rows").write_bytes(b"x")
    yesterday = (now - timedelta(hours=25)).timestamp()
    for path in (old_directory / "rows", old, old_directory, written):  # its newest file says how old a directory is
        os.utime(path, (yesterday, yesterday))
    scratch.sweep()
    assert set(tmp_path.iterdir()) == {written, fresh}
    now += timedelta(days=1, seconds=10)
    scratch.sweep()
    assert list(tmp_path.iterdir()) == []
    assert scratch.path().parent.is_dir()


def test_a_full_disk_is_named() -> None:
    with pytest.raises(StorageFull, match="disk is full"), full_disk_named(), Path("/dev/full").open("wb") as stream:
        stream.write(b"x" * 100_000)


def test_other_errors_of_the_disk_stay_what_they_are(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), full_disk_named():
        (tmp_path / "missing").read_bytes()
