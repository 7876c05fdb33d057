"""Uploads in an S3 store: what every place for them does stands in tests/contract/test_pieces.py."""

from __future__ import annotations

from pathlib import Path

from server.engines.blob_cache import BlobCache
from server.engines.s3_bucket import S3Bucket
from server.engines.s3_pieces import PieceWriter
from server.engines.s3_uploads import S3Uploads
from server.uploads.pieces import Part, RunningHash
from tests import seaweed


async def test_another_node_goes_on_where_one_ended_and_each_reads_all_of_it(tmp_path: Path) -> None:
    bucket = S3Bucket(seaweed.new_place(), key_id=seaweed.KEY_ID, secret=seaweed.SECRET)
    one, other = (S3Uploads(bucket, BlobCache(tmp_path / name, max_bytes=1_000)) for name in ("one", "other"))
    await one.create("a")
    for writer, node in enumerate((one, other, one)):
        file = await node.open("a", offset=writer * 2, writer=writer, running_hash=None)
        await file.append(b"%d," % writer)
        assert await file.sync() == writer * 2 + 2
        await file.close()
    for node in (one, other):
        async with node.whole("a", size=6) as path:
            assert path.read_bytes() == b"0,1,2,"


async def test_an_upload_that_is_discarded_is_gone_from_the_cache_as_well(tmp_path: Path) -> None:
    cache = BlobCache(tmp_path, max_bytes=1_000)
    uploads = S3Uploads(S3Bucket(seaweed.new_place(), key_id=seaweed.KEY_ID, secret=seaweed.SECRET), cache)
    await uploads.create("a")
    file = await uploads.open("a", offset=0, writer=1, running_hash=None)
    await file.append(b"0123")
    await file.sync()
    await file.close()
    async with uploads.whole("a", size=4):
        pass
    assert cache.bytes == 4
    await uploads.discard("a")
    assert cache.bytes == 0


class Counted(S3Bucket):
    """How many objects were brought from it."""

    brought = 0

    async def get(self, key: str) -> bytes:
        self.brought += 1
        return await super().get(key)


async def bring(uploads: S3Uploads, content: bytes, *, offset: int, hashed: RunningHash) -> PieceWriter:
    file = await uploads.open("a", offset=offset, writer=offset + 1, running_hash=hashed)
    await file.append(content)
    assert await file.sync() == offset + len(content)
    return file


async def test_what_arrived_here_is_read_without_being_brought_back(tmp_path: Path) -> None:
    """In two requests, as long as all of it came here and was acknowledged."""
    bucket, cache = Counted(seaweed.new_place(), key_id=seaweed.KEY_ID, secret=seaweed.SECRET), cache_at(tmp_path)
    uploads = S3Uploads(bucket, cache, arriving_in=cache)
    await uploads.create("a")
    running = RunningHash()
    for offset, content in ((0, b"01"), (2, b"23")):
        file = await bring(uploads, content, offset=offset, hashed=running)
        file.acknowledged = file.written
        await file.close()
    async with uploads.whole("a", size=4) as path:
        assert (path.read_bytes(), bucket.brought, cache.bytes) == (b"0123", 0, 4)
    await (await bring(uploads, b"45", offset=4, hashed=running)).close()  # nobody heard of it
    assert cache.bytes == 0
    async with uploads.whole("a", size=4) as path:
        assert (path.read_bytes(), bucket.brought) == (b"0123", 2)


async def test_a_file_of_parts_is_kept_where_it_was_joined(tmp_path: Path) -> None:
    bucket, cache = Counted(seaweed.new_place(), key_id=seaweed.KEY_ID, secret=seaweed.SECRET), cache_at(tmp_path)
    uploads = S3Uploads(bucket, cache, arriving_in=cache)
    await uploads.create("a")
    await (await bring(uploads, b"01", offset=0, hashed=RunningHash())).close()
    await uploads.join([Part(upload_id="a", size=2), Part(upload_id="a", size=2)], "whole")
    brought = bucket.brought
    async with uploads.whole("whole", size=4) as path:
        assert (path.read_bytes(), bucket.brought) == (b"0101", brought)


def cache_at(folder: Path) -> BlobCache:
    return BlobCache(folder, max_bytes=1_000)
