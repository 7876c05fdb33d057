"""Blobs in an S3 store: what every store does stands in tests/contract/test_blob_store.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.engines.blob_cache import BlobCache
from server.engines.s3_bucket import S3Bucket
from server.engines.s3_files import S3Files
from server.storage.blob_store import StorageAway
from tests import seaweed


@pytest.fixture
def bucket() -> S3Bucket:
    return S3Bucket(seaweed.new_place(), key_id=seaweed.KEY_ID, secret=seaweed.SECRET)


def on_a_node(bucket: S3Bucket, folder: Path) -> S3Files:
    return S3Files(bucket, BlobCache(folder, max_bytes=1_000_000))


async def publish(blobs: S3Files, tmp_path: Path, content: bytes) -> None:
    scratch = tmp_path / "scratch"
    scratch.write_bytes(content)
    await blobs.publish(scratch, "datasets/a/1.parquet")


async def test_another_node_reads_what_one_published(bucket: S3Bucket, tmp_path: Path) -> None:
    here, there = on_a_node(bucket, tmp_path / "here"), on_a_node(bucket, tmp_path / "there")
    await publish(here, tmp_path, b"rows")
    async with there.fetch(["datasets/a/1.parquet"]) as (path,):
        assert path.read_bytes() == b"rows"


async def test_a_file_that_comes_damaged_is_not_read(bucket: S3Bucket, tmp_path: Path) -> None:
    await publish(on_a_node(bucket, tmp_path / "here"), tmp_path, b"rows")
    _, metadata = await bucket.metadata("blobs/datasets/a/1.parquet")
    await bucket.put("blobs/datasets/a/1.parquet", b"rowz", {"sha256": metadata["sha256"]})
    with pytest.raises(StorageAway, match="came damaged"):
        async with on_a_node(bucket, tmp_path / "there").fetch(["datasets/a/1.parquet"]):
            pass


async def test_a_large_file_goes_up_in_parts_and_comes_back_whole(bucket: S3Bucket, tmp_path: Path) -> None:
    content = bytes(range(256)) * 160_000  # 39 MiB
    await publish(on_a_node(bucket, tmp_path / "here"), tmp_path, content)
    async with on_a_node(bucket, tmp_path / "there").fetch(["datasets/a/1.parquet"]) as (path,):
        assert path.read_bytes() == content
