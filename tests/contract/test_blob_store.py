"""What every store of blobs does, wherever it keeps them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import pytest

from server.clock import utc_now
from server.errors import NotFound
from server.storage.blob_store import BlobStore, StoredBlob, delete_under
from server.storage.scratch import Scratch
from tests.contract.stores import stores_of

Put = Callable[[str, bytes], Awaitable[None]]


@pytest.fixture(params=["local", "s3"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    return stores_of(request.param, tmp_path).blobs


@pytest.fixture
def put(blobs: BlobStore, tmp_path: Path) -> Put:
    scratch = Scratch(tmp_path / "blobs" / "partial")

    async def publish(key: str, content: bytes) -> None:
        path = scratch.path()
        path.write_bytes(content)
        await blobs.publish(path, key)
        assert not path.exists()  # it was taken over

    return publish


async def test_what_was_published_is_fetched_in_the_order_asked_for(blobs: BlobStore, put: Put) -> None:
    await put("datasets/a/1.parquet", b"first")
    await put("datasets/b/2.parquet", b"second")
    async with blobs.fetch(["datasets/b/2.parquet", "datasets/a/1.parquet"]) as paths:
        assert [path.read_bytes() for path in paths] == [b"second", b"first"]


async def test_what_is_not_there_is_not_found(blobs: BlobStore, put: Put) -> None:
    await put("reports/1/a.pdf", b"x")
    await blobs.delete("reports/1/a.pdf", "reports/1/never.pdf")
    with pytest.raises(NotFound):
        await blobs.size("reports/1/a.pdf")
    with pytest.raises(NotFound):
        async with blobs.fetch(["reports/1/a.pdf"]):
            pass
    with pytest.raises(NotFound):
        await blobs.sha256("reports/1/a.pdf")
    with pytest.raises(NotFound):
        await anext(blobs.stream("reports/1/a.pdf"))


async def test_a_blob_is_streamed_whole_or_in_part(blobs: BlobStore, put: Put) -> None:
    content = bytes(range(256)) * 1024  # more than one piece
    await put("reports/1/a.pdf", content)
    stored = StoredBlob(store=blobs, key="reports/1/a.pdf")
    assert await stored.size() == len(content)
    for start, end in ((0, None), (100_000, None), (0, 10), (65_530, 65_550), (5, 5), (len(content), None)):
        assert b"".join([piece async for piece in stored.stream(start=start, end=end)]) == content[start:end]


async def test_all_under_a_prefix_are_listed_and_deleted(blobs: BlobStore, put: Put) -> None:
    before = utc_now() - timedelta(seconds=2)
    for key in ("reports/1/a.pdf", "reports/1/b.pdf", "reports/12/a.pdf"):
        await put(key, key.encode())
    found = {blob.key: blob async for blob in blobs.under("reports/1")}
    assert set(found) == {"reports/1/a.pdf", "reports/1/b.pdf"}
    assert all(blob.size == len(blob.key) and blob.changed_at > before for blob in found.values())
    await delete_under(blobs, "reports/1")
    assert [blob.key async for blob in blobs.under("reports")] == ["reports/12/a.pdf"]
    assert [blob.key async for blob in blobs.under("nothing")] == []


async def test_publishing_the_same_once_more_leaves_it_whole(blobs: BlobStore, put: Put) -> None:
    await put("images/abc", b"logo")
    async with blobs.fetch(["images/abc"]) as (path,):
        with path.open("rb") as stream:
            await put("images/abc", b"logo")
            assert stream.read() == b"logo"
        assert path.read_bytes() == b"logo"


async def test_several_are_published_whole_or_not_at_all(blobs: BlobStore, put: Put, tmp_path: Path) -> None:
    scratch = [tmp_path / name for name in ("a", "b", "gone")]
    for path in scratch[:2]:
        path.write_bytes(b"x")
    await blobs.publish_together({"reports/1/a.pdf": scratch[0]})
    assert await blobs.size("reports/1/a.pdf") == 1
    with pytest.raises(FileNotFoundError):
        await blobs.publish_together({"reports/2/b.pdf": scratch[1], "reports/2/c.pdf": scratch[2]})
    assert [found.key async for found in blobs.under("reports")] == ["reports/1/a.pdf"]


async def test_what_is_published_while_its_neighbours_are_deleted_stays(blobs: BlobStore, put: Put) -> None:
    for number in range(50):
        await put(f"reports/1/{number}.pdf", b"old")
        await asyncio.gather(blobs.delete(f"reports/1/{number}.pdf"), put("reports/1/new.pdf", b"new"))
        async with blobs.fetch(["reports/1/new.pdf"]) as (path,):
            assert path.read_bytes() == b"new"
        await blobs.delete("reports/1/new.pdf")


@pytest.mark.parametrize("key", ["../secret.key", "/etc/passwd", "a/../../b", "", "a//b", "a/.hidden", "A", "a\n"])
async def test_a_key_cannot_lead_elsewhere(blobs: BlobStore, key: str) -> None:
    with pytest.raises(ValueError, match="not a blob key"):
        await blobs.size(key)
    with pytest.raises(ValueError, match="not a blob key"):
        await blobs.delete(key)
