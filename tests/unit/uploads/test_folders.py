"""Folders of the server: which files of them can be fetched, and which never."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import pytest

from server.errors import InvalidInput, NotFetched, NotFetchedNow
from server.uploads.elsewhere import Found, Place
from server.uploads.folders import Folders


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder


@pytest.fixture
def folders(inbox: Path) -> Folders:
    return Folders({"inbox": inbox})


def put(folder: Path, name: str, content: str, *, at: int) -> Path:
    path = folder / name
    path.write_text(content)
    os.utime(path, (at, at))
    return path


async def read(folders: Folders, file: str, **more: str) -> tuple[str, bytes] | None:
    async with folders.open(Place(folder="inbox", file=file, **more)) as found:
        return None if found is None else (found.name, await read_all(found))


async def read_all(found: Found) -> bytes:
    return b"".join([chunk async for chunk in found.chunks])


async def test_the_newest_file_of_a_pattern_is_meant(folders: Folders, inbox: Path) -> None:
    put(inbox, "orders-1.csv", "a\n1\n", at=100)
    put(inbox, "orders-2.csv", "a\n2\n", at=300)
    put(inbox, "other.csv", "b\n", at=400)
    assert await read(folders, "orders-*.csv") == ("orders-2.csv", b"a\n2\n")
    assert await read(folders, "orders-1.csv") == ("orders-1.csv", b"a\n1\n")
    assert [file.name for file in await folders.files("inbox")] == ["other.csv", "orders-2.csv", "orders-1.csv"]


async def test_a_version_that_is_known_is_not_read_again(folders: Folders, inbox: Path) -> None:
    put(inbox, "a.csv", "a\n", at=100)
    (file,) = await folders.files("inbox")
    assert await read(folders, "a.csv", unless=file.version) is None
    put(inbox, "a.csv", "a\nb\n", at=200)
    assert await read(folders, "a.csv", unless=file.version) == ("a.csv", b"a\nb\n")


async def test_what_is_still_on_its_way_and_what_is_no_file_is_left_alone(
    folders: Folders, inbox: Path, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("password\n")
    (inbox / "link.csv").symlink_to(secret)
    (inbox / "below").mkdir()
    (inbox / "below" / "b.csv").write_text("x\n")
    os.mkfifo(inbox / "pipe.csv")
    for name in (".hidden.csv", "~$open.csv", "a.csv.part", "a.csv.tmp"):
        (inbox / name).write_text("x\n")
    assert await folders.files("inbox") == []
    for name in ("link.csv", "pipe.csv", "*"):
        with pytest.raises(NotFetched):
            await read(folders, name)


@pytest.mark.parametrize("file", ["../secret.csv", "below/b.csv", "/etc/passwd", "..\\secret.csv", "a\0b", None])
async def test_a_folder_is_not_left(folders: Folders, file: str | None) -> None:
    with pytest.raises(InvalidInput):
        folders.require(Place(folder="inbox", file=file))


async def test_a_file_that_was_just_written_is_waited_for_until_it_rests(inbox: Path) -> None:
    folders = Folders({"inbox": inbox}, settled_seconds=0.2)
    path = put(inbox, "a.csv", "a\n", at=int(time.time()))

    async def grow() -> None:
        for _ in range(3):
            with path.open("a") as stream:
                stream.write("1\n")
            await asyncio.sleep(0.05)

    growing = asyncio.create_task(grow())
    await asyncio.sleep(0)
    assert await read(folders, "a.csv") == ("a.csv", b"a\n1\n1\n1\n")
    await growing


async def test_a_file_that_never_rests_is_tried_again_later(inbox: Path) -> None:
    folders = Folders({"inbox": inbox}, settled_seconds=0.05)
    put(inbox, "a.csv", "a\n", at=int(time.time()) + 3600)  # by a clock that is ahead
    assert await read(folders, "a.csv") == ("a.csv", b"a\n")
    path = put(inbox, "b.csv", "a\n", at=int(time.time()))
    stop = asyncio.Event()

    async def write() -> None:
        while not stop.is_set():
            os.utime(path)
            await asyncio.sleep(0.01)

    writing = asyncio.create_task(write())
    await asyncio.sleep(0)
    with pytest.raises(NotFetchedNow, match="still being written"):
        await read(folders, "b.csv")
    stop.set()
    await writing


async def test_folders_that_nobody_named_or_that_are_gone_are_told(folders: Folders, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as caught:
        await folders.files("etc")
    assert [problem.text for problem in caught.value.errors] == ["The server has no folder “etc” to import from."]
    with pytest.raises(InvalidInput, match="cannot be read: it is not there"):
        await Folders({"gone": tmp_path / "gone"}).files("gone")


async def test_a_file_that_grows_while_it_is_read_is_tried_again_later(folders: Folders, inbox: Path) -> None:
    path = put(inbox, "a.csv", "a\n1\n", at=100)
    async with folders.open(Place(folder="inbox", file="a.csv")) as found:
        assert found is not None
        put(path.parent, "a.csv", "a\n1\n2\n", at=200)
        with pytest.raises(NotFetchedNow) as caught:
            await read_all(found)
    assert caught.value.temporary
