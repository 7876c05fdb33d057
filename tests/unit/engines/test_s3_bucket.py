"""A bucket that answers, one that does not, and addresses that cannot be one."""

from __future__ import annotations

import socket
from urllib.parse import quote

import pytest

from server.app.resources import meanwhile
from server.engines.s3_bucket import S3Bucket
from server.errors import ConfigurationError, NotFound
from server.storage.blob_store import StorageAway, StorageRefuses
from tests import seaweed
from tests.waiting import until


def bucket_at(url: str, secret: str = seaweed.SECRET) -> S3Bucket:
    return S3Bucket(url, key_id=seaweed.KEY_ID, secret=secret)


async def test_what_is_put_is_there_with_its_metadata_and_only_below_its_prefix() -> None:
    bucket, neighbour = bucket_at(seaweed.new_place()), bucket_at(seaweed.new_place())
    await bucket.put("blobs/a", b"0123", {"sha256": "abc"})
    size, metadata = await bucket.metadata("blobs/a")
    assert (size, metadata["sha256"], await bucket.get("blobs/a")) == (4, "abc", b"0123")
    assert [found.key async for found in bucket.under("blobs")] == ["blobs/a"]
    assert [found.key async for found in neighbour.under("blobs")] == []
    with pytest.raises(NotFound):
        await neighbour.get("blobs/a")
    await bucket.delete(["blobs/a", "blobs/never"])
    assert [found.key async for found in bucket.under("blobs")] == []


async def test_a_store_that_is_away_says_so_until_it_is_back() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    bucket = bucket_at(f"s3://b?endpoint={quote(f'http://127.0.0.1:{port}', safe='')}")
    with pytest.raises(StorageAway):
        await bucket.get("blobs/a")
    assert bucket.is_away


async def test_a_store_that_hangs_is_away_by_the_next_look() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:  # which takes connections, and answers nobody
        endpoint = quote(f"http://127.0.0.1:{listener.getsockname()[1]}", safe="")
        url = f"s3://b?endpoint={endpoint}"
        bucket = S3Bucket(url, key_id=seaweed.KEY_ID, secret=seaweed.SECRET, look_patience_seconds=0.2)
        async with meanwhile(bucket.watch()):
            await until(lambda: bucket.is_away)


async def test_a_wrong_secret_is_no_missing_file() -> None:
    bucket = bucket_at(seaweed.new_place(), secret="another")
    with pytest.raises(StorageRefuses):
        await bucket.metadata("blobs/a")


@pytest.mark.parametrize(
    "url",
    [
        "s3://",
        "s3:///a",
        "s3://key:secret@bucket",
        "s3://bucket?endpiont=https://x",
        "https://bucket",
        "s3://b?endpoint=x",
    ],
)
async def test_an_address_that_is_none_is_refused_with_how_one_looks(url: str) -> None:
    with pytest.raises(ConfigurationError, match="s3://bucket/prefix"):
        bucket_at(url)
