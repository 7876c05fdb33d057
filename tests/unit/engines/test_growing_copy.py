"""A copy of what is on its way: kept while there is room, and never in the way of whatever it is a copy of."""

from __future__ import annotations

import hashlib
from pathlib import Path

from server.engines.blob_cache import BlobCache
from server.engines.growing_copy import GrowingCopy
from tests.functional.small_disk import small_disk

_SHA256 = hashlib.sha256(b"0123").hexdigest()


async def never(path: Path) -> str:
    raise AssertionError(f"{path} was asked for")


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def begun(cache: BlobCache, after: str | None = None) -> GrowingCopy:
    copy = await GrowingCopy.begun(cache, after=after)
    assert copy is not None
    return copy


async def write(copy: GrowingCopy, content: bytes) -> None:
    await copy.make_room(len(content))
    copy.write(content)


async def test_it_goes_on_from_what_is_kept(tmp_path: Path) -> None:
    cache = BlobCache(tmp_path, max_bytes=10)
    first = await begun(cache)
    await write(first, b"01")
    assert cache.bytes == 2
    await first.keep("two", hashlib.sha256(b"01").hexdigest())
    second = await begun(cache, "two")
    await write(second, b"23")
    assert cache.bytes == 4
    await second.keep("four", _SHA256)
    assert await GrowingCopy.begun(cache, after="two") is None
    async with cache.reading("four", never) as path:
        assert path.read_bytes() == b"0123"
        assert await GrowingCopy.begun(cache, after="four") is None  # somebody reads it
    assert cache.bytes == 4


async def test_copies_make_room_for_it_and_it_ends_where_there_is_none(tmp_path: Path) -> None:
    cache = BlobCache(tmp_path, max_bytes=10)
    for key in ("a", "b"):
        kept = await begun(cache)
        await write(kept, b"0123")
        await kept.keep(key, _SHA256)
    copy = await begun(cache)
    await write(copy, b"01234567")
    assert cache.bytes == 8
    await write(copy, b"89a")
    assert (cache.bytes, copy.size) == (0, 8)
    await copy.keep("c", _SHA256)
    assert files_in(tmp_path) == []


async def test_one_that_is_given_up_leaves_nothing(tmp_path: Path) -> None:
    cache = BlobCache(tmp_path, max_bytes=10)
    copy = await begun(cache)
    await write(copy, b"0123")
    await copy.drop()
    assert cache.bytes == 0
    assert files_in(tmp_path) == []


async def test_a_full_disk_is_nobody_s_trouble(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", mib=1) as disk:
        cache = BlobCache(disk.path, max_bytes=100_000_000)
        copy = await begun(cache)
        await write(copy, b"x" * 4_000_000)
        assert copy.size < 4_000_000
        await copy.drop()
        assert cache.bytes == 0
