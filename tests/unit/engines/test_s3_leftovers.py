"""What a crash leaves of a file that was being put in parts: found and removed once it is old."""

from __future__ import annotations

from datetime import timedelta

import aiohttp
import pytest
from yarl import URL

from server.care.store_checks import check_leftovers
from server.clock import utc_now
from server.engines.s3_bucket import S3Bucket, place_of
from server.engines.s3_leftovers import S3Leftovers
from server.engines.s3_signing import SignedAddresses
from server.storage.blob_store import StorageAway
from tests import seaweed


def signed_at(url: str, secret: str = seaweed.SECRET) -> SignedAddresses:
    place = place_of(url)
    return SignedAddresses(
        address=place.endpoint,
        bucket=place.bucket,
        prefix=place.prefix,
        region=place.region,
        key_id=seaweed.KEY_ID,
        secret=secret,
    )


async def begin(signed: SignedAddresses, key: str) -> None:
    address = URL(signed.request("POST", f"{signed.prefix}/{key}", {"uploads": ""}), encoded=True)
    async with aiohttp.ClientSession() as session, session.post(address) as response:
        assert response.status == 200, await response.text()


async def test_what_was_begun_long_ago_goes_and_nothing_else() -> None:
    url = seaweed.new_place()
    signed, others = signed_at(url), signed_at(seaweed.new_place())
    bucket = S3Bucket(url, key_id=seaweed.KEY_ID, secret=seaweed.SECRET)
    await bucket.put("blobs/datasets/whole/data.parquet", b"rows")
    for key in ("blobs/datasets/a/data.parquet", "blobs/datasets/b/data.parquet"):
        await begin(signed, key)
    await begin(others, "blobs/datasets/theirs/data.parquet")
    young, old = S3Leftovers(signed), S3Leftovers(signed, clock=lambda: utc_now() + timedelta(days=2))
    assert (await young.found(), await young.remove()) == ([], 0)
    found = await old.found()
    assert {each.key for each in found} == {f"{signed.prefix}/blobs/datasets/{name}/data.parquet" for name in "ab"}
    told = [each async for each in check_leftovers(old)]
    assert [(each.code, each.detail["count"]) for each in told] == [("unfinished_objects", 2)]
    assert await old.remove() == 2
    assert await old.found() == []
    assert await bucket.get("blobs/datasets/whole/data.parquet") == b"rows"
    assert len(await S3Leftovers(others, clock=lambda: utc_now() + timedelta(days=2)).found()) == 1


async def test_a_store_that_refuses_is_away() -> None:
    leftovers = S3Leftovers(signed_at(seaweed.new_place(), secret="wrong"))
    with pytest.raises(StorageAway):
        await leftovers.remove()
    assert [each.code async for each in check_leftovers(leftovers)] == ["unfinished_not_listed"]
