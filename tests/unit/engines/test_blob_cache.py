"""Local copies: which stay, which go, and that a torn one is never read."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import pytest

from server.engines.blob_cache import BlobCache, Load

_CONTENT = b"0123456789"


class Store:
    """What lies elsewhere, and how often each was brought."""

    def __init__(self) -> None:
        self.brought: list[str] = []

    def loads(self, key: str) -> Load:
        async def load(path: Path) -> str:
            self.brought.append(key)
            await asyncio.sleep(0)
            await asyncio.to_thread(path.write_bytes, _CONTENT)
            return hashlib.sha256(_CONTENT).hexdigest()

        return load


@pytest.fixture
def store() -> Store:
    return Store()


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def read(cache: BlobCache, store: Store, *keys: str) -> None:
    for key in keys:
        async with cache.reading(key, store.loads(key)) as path:
            assert path.read_bytes() == _CONTENT


async def test_what_nobody_has_read_for_longest_goes_first(store: Store, tmp_path: Path) -> None:
    cache = BlobCache(tmp_path, max_bytes=25)
    await read(cache, store, "a", "b", "a", "c", "a", "b")
    assert (store.brought, cache.bytes) == (["a", "b", "c", "b"], 20)


async def test_what_is_being_read_stays_however_little_room_there_is(store: Store, tmp_path: Path) -> None:
    cache = BlobCache(tmp_path, max_bytes=5)
    async with cache.reading("a", store.loads("a")) as path:
        await read(cache, store, "b", "c")
        assert path.read_bytes() == _CONTENT
    assert cache.bytes == 0
    assert not path.exists()


async def test_many_who_ask_at_once_bring_it_once(store: Store, tmp_path: Path) -> None:
    cache = BlobCache(tmp_path, max_bytes=100)
    await asyncio.gather(*[read(cache, store, "a") for _ in range(20)])
    assert store.brought == ["a"]


async def test_a_copy_that_a_crash_tore_is_brought_again_and_a_whole_one_is_not(store: Store, tmp_path: Path) -> None:
    before = BlobCache(tmp_path, max_bytes=100)
    await read(before, store, "a", "b")
    (torn,) = [path for path in files_in(tmp_path) if path.name.startswith(hashlib.sha256(b"a").hexdigest())]
    torn.write_bytes(b"0123")
    del before
    await read(BlobCache(tmp_path, max_bytes=100), store, "a", "b")
    assert store.brought == ["a", "b", "a"]


async def test_two_processes_have_a_folder_each(store: Store, tmp_path: Path) -> None:
    one, other = BlobCache(tmp_path, max_bytes=100), BlobCache(tmp_path, max_bytes=5)
    await read(one, store, "a")
    await read(other, store, "a")
    await read(one, store, "a")
    assert store.brought == ["a", "a"]


async def test_one_that_could_not_be_brought_leaves_nothing(store: Store, tmp_path: Path) -> None:
    cache = BlobCache(tmp_path, max_bytes=100)

    async def fail(path: Path) -> str:
        await asyncio.to_thread(path.write_bytes, b"01")
        raise ConnectionError

    with pytest.raises(ConnectionError):
        async with cache.reading("a", fail):
            pass
    assert files_in(tmp_path) == []
    await read(cache, store, "a")


async def test_a_file_that_was_made_here_need_not_be_brought(store: Store, tmp_path: Path) -> None:
    cache = BlobCache(tmp_path / "cache", max_bytes=100)
    made = tmp_path / "made"
    made.write_bytes(_CONTENT)
    await cache.keep("a", made, hashlib.sha256(_CONTENT).hexdigest())
    await read(cache, store, "a")
    await cache.forget("a", "never")
    assert (store.brought, cache.bytes, made.exists()) == ([], 0, False)
