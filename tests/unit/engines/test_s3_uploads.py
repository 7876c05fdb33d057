"""Uploads in an S3 store: what every place for them does stands in tests/contract/test_pieces.py."""

from __future__ import annotations

from pathlib import Path

from server.engines.blob_cache import BlobCache
from server.engines.s3_bucket import S3Bucket
from server.engines.s3_uploads import S3Uploads
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
