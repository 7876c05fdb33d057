"""Bytes are durable before they count, whatever becomes of the request that brings them."""

from __future__ import annotations

import asyncio
import hashlib
import os
import resource
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from server.errors import ChecksumMismatch, Conflict, Gone, Locked, NotFound, StorageFull, TooLarge
from server.storage.database import Database
from server.uploads.tus import Checksum
from tests.unit.uploads.conftest import Landing, new_landing

CONTENT = os.urandom(3 * 1024 * 1024 + 17)
LIMIT = 10 * len(CONTENT)


async def in_pieces(content: bytes, piece_bytes: int = 100_000) -> AsyncIterator[bytes]:
    for start in range(0, len(content), piece_bytes):
        yield content[start : start + piece_bytes]


async def then_broken(content: bytes) -> AsyncIterator[bytes]:
    yield content
    raise ConnectionResetError("gone")


async def then_silent(content: bytes, heard: asyncio.Event) -> AsyncIterator[bytes]:
    yield content
    heard.set()
    await asyncio.Event().wait()


async def never_silent(stop: asyncio.Event) -> AsyncIterator[bytes]:
    while not stop.is_set():
        yield b"x"
        await asyncio.sleep(0.01)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def checksum_of(content: bytes) -> Checksum:
    return Checksum(algorithm="sha256", digest=hashlib.sha256(content).digest())


async def test_a_file_in_one_request_is_whole_and_hashed(landing: Landing) -> None:
    upload = await landing.announce(len(CONTENT))
    received = await landing.receiver.receive(upload.id, in_pieces(CONTENT), offset=0, max_bytes=LIMIT)
    assert received.is_whole
    assert received.sha256 == sha256(CONTENT)
    assert received.expires_at is None
    assert landing.file(received).read_bytes() == CONTENT


async def test_a_file_in_several_requests_is_hashed_as_it_comes(landing: Landing) -> None:
    upload = await landing.announce(len(CONTENT))
    half = await landing.receiver.receive(upload.id, in_pieces(CONTENT[:1_000_000]), offset=0, max_bytes=LIMIT)
    assert (half.offset, half.sha256) == (1_000_000, None)
    whole = await landing.receiver.receive(
        upload.id, in_pieces(CONTENT[1_000_000:]), offset=half.offset, max_bytes=LIMIT
    )
    assert whole.sha256 == sha256(CONTENT)


async def test_a_file_of_unknown_size_ends_with_its_request(landing: Landing) -> None:
    upload = await landing.announce(None)
    received = await landing.receiver.receive(upload.id, in_pieces(CONTENT), offset=0, max_bytes=LIMIT, is_last=True)
    assert (received.size, received.sha256) == (len(CONTENT), sha256(CONTENT))


async def test_a_broken_connection_keeps_what_came(landing: Landing) -> None:
    upload = await landing.announce(len(CONTENT))
    with pytest.raises(ConnectionResetError):
        await landing.receiver.receive(upload.id, then_broken(CONTENT[:123_456]), offset=0, max_bytes=LIMIT)
    assert (await landing.stored(upload)).offset == 123_456
    whole = await landing.receiver.receive(upload.id, in_pieces(CONTENT[123_456:]), offset=123_456, max_bytes=LIMIT)
    assert whole.sha256 == sha256(CONTENT)


async def test_a_cancelled_request_keeps_what_came(landing: Landing) -> None:
    upload = await landing.announce(len(CONTENT))
    heard = asyncio.Event()
    request = asyncio.create_task(
        landing.receiver.receive(upload.id, then_silent(CONTENT[:5_000], heard), offset=0, max_bytes=LIMIT)
    )
    await heard.wait()
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request
    assert (await landing.stored(upload)).offset == 5_000


async def test_a_wrong_offset_is_a_conflict_that_names_the_right_one(landing: Landing) -> None:
    upload = await landing.announce(len(CONTENT))
    with pytest.raises(Conflict, match="at byte 0, not at 7") as caught:
        await landing.receiver.receive(upload.id, in_pieces(CONTENT), offset=7, max_bytes=LIMIT)
    assert caught.value.specific_code == "wrong_offset"
    assert (await landing.stored(upload)).offset == 0


async def test_more_bytes_than_announced_are_refused(landing: Landing) -> None:
    upload = await landing.announce(1_000)
    with pytest.raises(TooLarge):
        await landing.receiver.receive(upload.id, in_pieces(CONTENT[:1_001], 600), offset=0, max_bytes=LIMIT)
    stored = await landing.stored(upload)
    assert stored.offset == 600
    assert not stored.is_whole


async def test_a_file_of_unknown_size_may_not_pass_the_limit(landing: Landing) -> None:
    upload = await landing.announce(None)
    with pytest.raises(TooLarge):
        await landing.receiver.receive(upload.id, in_pieces(CONTENT), offset=0, max_bytes=999, is_last=True)


async def test_bytes_with_a_wrong_checksum_do_not_count(landing: Landing) -> None:
    upload = await landing.announce(20)
    await landing.receiver.receive(upload.id, in_pieces(b"0123456789"), offset=0, max_bytes=LIMIT)
    with pytest.raises(ChecksumMismatch):
        await landing.receiver.receive(
            upload.id, in_pieces(b"abcdefghij"), offset=10, max_bytes=LIMIT, checksum=checksum_of(b"ABCDEFGHIJ")
        )
    stored = await landing.stored(upload)
    assert stored.offset == 10
    assert landing.file(stored).read_bytes() == b"0123456789"


async def test_half_of_what_a_checksum_covers_does_not_count(landing: Landing) -> None:
    upload = await landing.announce(20)
    with pytest.raises(ConnectionResetError):
        await landing.receiver.receive(
            upload.id, then_broken(b"01234"), offset=0, max_bytes=LIMIT, checksum=checksum_of(b"0123456789")
        )
    assert (await landing.stored(upload)).offset == 0


async def test_bytes_with_the_right_checksum_count(landing: Landing) -> None:
    upload = await landing.announce(10)
    received = await landing.receiver.receive(
        upload.id, in_pieces(b"0123456789"), offset=0, max_bytes=LIMIT, checksum=checksum_of(b"0123456789")
    )
    assert received.sha256 == sha256(b"0123456789")


async def test_a_second_request_is_locked_out_while_the_first_sends(landing: Landing) -> None:
    upload = await landing.announce(1_000_000)
    stop = asyncio.Event()
    first = asyncio.create_task(landing.receiver.receive(upload.id, never_silent(stop), offset=0, max_bytes=LIMIT))
    await asyncio.sleep(0)
    with pytest.raises(Locked):
        await landing.receiver.receive(upload.id, in_pieces(CONTENT), offset=0, max_bytes=LIMIT)
    stop.set()
    await first


async def test_a_silent_request_gives_way_and_its_bytes_stay(landing: Landing) -> None:
    upload = await landing.announce(10)
    heard = asyncio.Event()
    silent = asyncio.create_task(
        landing.receiver.receive(upload.id, then_silent(b"01234", heard), offset=0, max_bytes=LIMIT)
    )
    await heard.wait()
    with pytest.raises(Conflict, match="at byte 5"):
        await landing.receiver.receive(upload.id, in_pieces(b"0123456789"), offset=0, max_bytes=LIMIT)
    with pytest.raises(Locked, match="took over"):
        await silent
    whole = await landing.receiver.receive(upload.id, in_pieces(b"56789"), offset=5, max_bytes=LIMIT)
    assert whole.sha256 == sha256(b"0123456789")


async def test_asking_for_the_position_ends_a_silent_request(landing: Landing) -> None:
    upload = await landing.announce(10)
    heard = asyncio.Event()
    silent = asyncio.create_task(
        landing.receiver.receive(upload.id, then_silent(b"01234", heard), offset=0, max_bytes=LIMIT)
    )
    await heard.wait()
    async with asyncio.timeout(10):
        while (await landing.stored(upload)).offset == 0:
            await landing.receiver.settle(upload.id)
    with pytest.raises(Locked):
        await silent
    assert (await landing.stored(upload)).offset == 5


async def test_after_a_crash_only_acknowledged_bytes_are_trusted(database: Database, tmp_path: Path) -> None:
    before = new_landing(database, tmp_path / "uploads")
    upload = await before.announce(10)
    await before.receiver.receive(upload.id, in_pieces(b"01234"), offset=0, max_bytes=LIMIT)
    with before.file(upload).open("ab") as stream:
        stream.write(b"torn write")
    after = new_landing(database, tmp_path / "uploads")
    whole = await after.receiver.receive(upload.id, in_pieces(b"56789"), offset=5, max_bytes=LIMIT)
    assert whole.is_whole
    assert after.file(whole).read_bytes() == b"0123456789"
    assert whole.sha256 is None  # the hash of the first half is lost: the job reads the file again


async def test_a_file_that_lost_bytes_is_not_filled_with_zeros(landing: Landing) -> None:
    upload = await landing.announce(10)
    await landing.receiver.receive(upload.id, in_pieces(b"01234"), offset=0, max_bytes=LIMIT)
    os.truncate(landing.file(upload), 2)
    with pytest.raises(Gone, match="upload the file again"):
        await landing.receiver.receive(upload.id, in_pieces(b"56789"), offset=5, max_bytes=LIMIT)


@pytest.fixture
def small_files_only() -> Iterator[int]:
    """The kernel refuses to let a file grow past this, as it does when a quota is used up."""
    limit = 2 * 1024 * 1024
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    yield limit
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_a_full_disk_is_told_and_nothing_acknowledged_is_lost(landing: Landing, small_files_only: int) -> None:
    upload = await landing.announce(len(CONTENT))
    with pytest.raises(StorageFull, match="disk is full"):
        await landing.receiver.receive(upload.id, in_pieces(CONTENT), offset=0, max_bytes=LIMIT)
    stored = await landing.stored(upload)
    assert stored.offset == small_files_only
    assert landing.file(stored).read_bytes() == CONTENT[: stored.offset]


async def test_the_reserve_of_free_space_is_not_touched(database: Database, tmp_path: Path) -> None:
    landing = new_landing(database, tmp_path / "uploads", min_free_bytes=2**62)
    upload = await landing.announce(10)
    with pytest.raises(StorageFull, match="stay reserved"):
        await landing.receiver.receive(upload.id, in_pieces(b"0123456789"), offset=0, max_bytes=LIMIT)


async def test_a_discarded_upload_leaves_nothing_and_ends_its_request(landing: Landing) -> None:
    upload = await landing.announce(10)
    heard = asyncio.Event()
    request = asyncio.create_task(
        landing.receiver.receive(upload.id, then_silent(b"01234", heard), offset=0, max_bytes=LIMIT)
    )
    await heard.wait()
    await landing.receiver.discard(upload.id)
    with pytest.raises(Locked):
        await request
    assert await landing.store.get(upload.id) is None
    assert not landing.file(upload).exists()
    with pytest.raises(NotFound):
        await landing.receiver.receive(upload.id, in_pieces(b"x"), offset=0, max_bytes=LIMIT)
    await landing.receiver.discard(upload.id)


async def test_two_requests_at_once_never_mix_their_bytes(landing: Landing) -> None:
    upload = await landing.announce(len(CONTENT))
    outcomes = await asyncio.gather(
        *(landing.receiver.receive(upload.id, in_pieces(CONTENT), offset=0, max_bytes=LIMIT) for _ in range(4)),
        return_exceptions=True,
    )
    assert sum(not isinstance(outcome, BaseException) for outcome in outcomes) == 1
    assert all(isinstance(outcome, Conflict | Locked) for outcome in outcomes if isinstance(outcome, BaseException))
    assert landing.file(upload).read_bytes() == CONTENT
