"""Which pieces make up an upload, and what a piece that could not be stored takes with it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.engines.s3_bucket import S3Bucket
from server.engines.s3_pieces import PIECE_BYTES, PieceWriter, StoredPiece, chain_of
from server.storage.blob_store import StorageAway
from server.uploads.pieces import RunningHash
from tests import seaweed


@given(st.data())
def test_the_last_writer_counts_wherever_writers_met(data: st.DataObject) -> None:
    """Each goes on where the one before was acknowledged, while that one's further pieces may still arrive."""
    pieces, told, acknowledged = [], b"", 0
    for writer in range(data.draw(st.integers(1, 5))):
        start = acknowledged
        for size in data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=4)):
            pieces.append(StoredPiece(key=f"{writer}", start=start, size=size, writer=writer))
            start += size
            if data.draw(st.booleans()) and start > acknowledged:
                told, acknowledged = told + bytes([writer]) * (start - acknowledged), start
    chain = chain_of(data.draw(st.permutations(pieces)), acknowledged)
    read = b"".join(bytes([piece.writer]) * piece.size for piece in chain)
    assert read[:acknowledged] == told


class FillingUp(S3Bucket):
    """It takes so many objects, and then is away for one."""

    left = 0

    async def put(self, key: str, content: bytes | Path, metadata: Mapping[str, str] | None = None) -> None:
        self.left -= 1
        if self.left == -1:
            raise StorageAway
        await super().put(key, content, metadata)


@pytest.mark.parametrize("stored", [0, 1, 2])
async def test_what_follows_a_piece_that_failed_was_never_written(stored: int) -> None:
    bucket = FillingUp(seaweed.new_place(), key_id=seaweed.KEY_ID, secret=seaweed.SECRET)
    bucket.left = stored
    file = PieceWriter(bucket, "uploads/a", offset=0, writer=1, running_hash=RunningHash())

    async def send() -> None:
        for _ in range(4):
            await file.append(b"x" * PIECE_BYTES)
        await file.sync()

    with pytest.raises(StorageAway):
        await send()
    assert (await file.sync(), file.hash) == (stored * PIECE_BYTES, None)
    await file.append(b"y")
    assert await file.sync() == stored * PIECE_BYTES + 1
    await file.close()


class Slow(S3Bucket):
    """It takes nothing until it may."""

    def __init__(self) -> None:
        super().__init__(seaweed.new_place(), key_id=seaweed.KEY_ID, secret=seaweed.SECRET)
        self.may_take = asyncio.Event()

    async def put(self, key: str, content: bytes | Path, metadata: Mapping[str, str] | None = None) -> None:
        await self.may_take.wait()
        await super().put(key, content, metadata)


async def test_who_sends_quickly_waits_for_no_piece_and_who_sends_slowly_has_all_of_it_stored() -> None:
    bucket = Slow()
    file = PieceWriter(bucket, "uploads/a", offset=0, writer=1, running_hash=RunningHash())
    await file.append(b"x" * (PIECE_BYTES + 1))
    assert await file.settle() == 0  # one is on its way
    bucket.may_take.set()
    assert await file.settle() == file.written  # none was filled since
    await file.append(b"x" * (3 * PIECE_BYTES))
    assert PIECE_BYTES < await file.settle() <= file.written
    assert await file.sync() == file.written == 4 * PIECE_BYTES + 1
    await file.close()
