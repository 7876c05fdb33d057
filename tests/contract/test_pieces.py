"""The bytes of uploads: what is acknowledged stays, and whoever reads one is told when it goes."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from pathlib import Path

import pytest

from server.clock import utc_now
from server.errors import Gone
from server.uploads.pieces import Part, Pieces, RunningHash, UploadGone
from tests.contract.stores import stores_of


@pytest.fixture(params=["local", "s3"])
def uploads(request: pytest.FixtureRequest, tmp_path: Path) -> Pieces:
    return stores_of(request.param, tmp_path).pieces


async def put(uploads: Pieces, upload_id: str, content: bytes) -> None:
    await uploads.create(upload_id)
    file = await uploads.open(upload_id, offset=0, writer=1, running_hash=None)
    await file.append(content)
    assert await file.sync() == len(content)
    await file.close()


async def test_what_was_not_acknowledged_goes_when_it_is_opened_again(uploads: Pieces) -> None:
    await put(uploads, "a", b"0123456789")
    file = await uploads.open("a", offset=4, writer=2, running_hash=None)
    await file.append(b"xy")
    assert await file.sync() == 6
    await file.close()
    async with uploads.whole("a", size=6) as path:
        assert path.read_bytes() == b"0123xy"


async def test_fewer_bytes_than_were_acknowledged_are_told(uploads: Pieces) -> None:
    await put(uploads, "a", b"0123")
    with pytest.raises(Gone, match="upload the file again"):
        await uploads.open("a", offset=5, writer=2, running_hash=None)


async def test_a_cut_ends_the_running_hash(uploads: Pieces) -> None:
    await uploads.create("a")
    file = await uploads.open(
        "a", offset=0, writer=1, running_hash=RunningHash(), check=hashlib.sha1(usedforsecurity=False)
    )
    await file.append(b"0123")
    assert file.hash is not None
    assert file.hash.hexdigest() == hashlib.sha256(b"0123").hexdigest()
    assert file.check.hexdigest() == hashlib.sha1(b"0123", usedforsecurity=False).hexdigest()
    await file.cut(2)
    assert (file.hash, file.written) == (None, 2)
    await file.close()


async def test_parts_become_one_upload_and_stay(uploads: Pieces) -> None:
    await put(uploads, "a", b"01")
    await put(uploads, "b", b"23")
    a, b = Part(upload_id="a", size=2), Part(upload_id="b", size=2)
    assert await uploads.join([b, a], "whole") == (4, hashlib.sha256(b"2301").hexdigest())
    assert await uploads.sha256("whole", size=4) == hashlib.sha256(b"2301").hexdigest()
    assert {found.upload_id async for found in uploads.all()} == {"a", "b", "whole"}
    with pytest.raises(Gone):
        await uploads.join([a, Part(upload_id="missing", size=1)], "another")
    assert "another" not in {found.upload_id async for found in uploads.all()}


async def test_whoever_reads_an_upload_that_goes_is_told_so(uploads: Pieces) -> None:
    async def read_while_it_is_discarded() -> None:
        async with uploads.whole("a", size=1):
            await uploads.discard("a")
            raise ValueError("some reader's own words")

    with pytest.raises(UploadGone):
        await read_while_it_is_discarded()  # it was never there
    await put(uploads, "a", b"0")
    with pytest.raises(UploadGone):
        await read_while_it_is_discarded()


async def test_what_lies_here_says_since_when(uploads: Pieces) -> None:
    await put(uploads, "a", b"0")
    (found,) = [each async for each in uploads.all()]
    assert abs(found.changed_at - utc_now()) < timedelta(minutes=1)
    await uploads.discard("a", "never")
    assert [each async for each in uploads.all()] == []


async def test_what_a_writer_brings_who_was_given_up_counts_for_nothing(uploads: Pieces) -> None:
    """It was slow, somebody else began at the same byte, and both come to their end."""
    await uploads.create("a")
    given_up = await uploads.open("a", offset=0, writer=1, running_hash=None)
    await given_up.append(b"0123")
    later = await uploads.open("a", offset=0, writer=2, running_hash=None)
    await later.append(b"ab")
    await later.sync()
    await given_up.close()
    last = await uploads.open("a", offset=2, writer=3, running_hash=None)
    await last.append(b"cd")
    assert await last.sync() == 4
    for each in (later, last):
        await each.close()
    async with uploads.whole("a", size=4) as path:
        assert path.read_bytes() == b"abcd"


async def test_many_bytes_come_back_as_they_were(uploads: Pieces) -> None:
    """More than one piece, in odd portions, over two requests."""
    content = bytes(range(251)) * 80_000
    await uploads.create("a")
    running, offset = RunningHash(), 0
    for writer, end in enumerate((9_000_001, len(content))):
        file = await uploads.open("a", offset=offset, writer=writer, running_hash=running)
        for start in range(offset, end, 1_000_003):
            await file.append(content[start : min(start + 1_000_003, end)])
        offset = await file.sync()
        await file.close()
    whole = hashlib.sha256(content).hexdigest()
    assert (offset, running.hexdigest()) == (len(content), whole)
    assert await uploads.sha256("a", size=offset) == whole
    async with uploads.whole("a", size=offset) as path:
        assert path.read_bytes() == content
    with pytest.raises(UploadGone):
        async with uploads.whole("b", size=0):
            pass
