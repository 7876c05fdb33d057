"""Uploads as files: what is acknowledged stays, and whoever reads one is told when it goes."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from pathlib import Path

import pytest

from server.clock import utc_now
from server.engines.local_uploads import LocalUploads
from server.errors import Gone
from server.uploads.pieces import RunningHash, UploadGone


@pytest.fixture
def uploads(tmp_path: Path) -> LocalUploads:
    return LocalUploads(tmp_path / "uploads")


async def put(uploads: LocalUploads, upload_id: str, content: bytes) -> None:
    await uploads.create(upload_id)
    file = await uploads.open(upload_id, offset=0, running_hash=None)
    await file.append(content)
    assert await file.sync() == len(content)
    await file.close()


async def test_what_was_not_acknowledged_goes_when_it_is_opened_again(uploads: LocalUploads) -> None:
    await put(uploads, "a", b"0123456789")
    file = await uploads.open("a", offset=4, running_hash=None)
    await file.append(b"xy")
    await file.close()
    async with uploads.whole("a") as path:
        assert path.read_bytes() == b"0123xy"


async def test_fewer_bytes_than_were_acknowledged_are_told(uploads: LocalUploads) -> None:
    await put(uploads, "a", b"0123")
    with pytest.raises(Gone, match="upload the file again"):
        await uploads.open("a", offset=5, running_hash=None)


async def test_a_cut_ends_the_running_hash(uploads: LocalUploads) -> None:
    await uploads.create("a")
    file = await uploads.open("a", offset=0, running_hash=RunningHash(), check=hashlib.sha1(usedforsecurity=False))
    await file.append(b"0123")
    assert file.hash is not None
    assert file.hash.hexdigest() == hashlib.sha256(b"0123").hexdigest()
    assert file.check.hexdigest() == hashlib.sha1(b"0123", usedforsecurity=False).hexdigest()
    await file.cut(2)
    assert (file.hash, file.written) == (None, 2)
    await file.close()


async def test_parts_become_one_upload_and_stay(uploads: LocalUploads) -> None:
    await put(uploads, "a", b"01")
    await put(uploads, "b", b"23")
    assert await uploads.join(["b", "a"], "whole") == (4, hashlib.sha256(b"2301").hexdigest())
    assert await uploads.sha256("whole") == hashlib.sha256(b"2301").hexdigest()
    assert {found.upload_id async for found in uploads.all()} == {"a", "b", "whole"}
    with pytest.raises(Gone):
        await uploads.join(["a", "missing"], "another")
    assert "another" not in {found.upload_id async for found in uploads.all()}


async def test_whoever_reads_an_upload_that_goes_is_told_so(uploads: LocalUploads) -> None:
    async def read_while_it_is_discarded() -> None:
        async with uploads.whole("a"):
            await uploads.discard("a")
            raise ValueError("some reader's own words")

    with pytest.raises(UploadGone):
        await read_while_it_is_discarded()  # it was never there
    await put(uploads, "a", b"0")
    with pytest.raises(UploadGone):
        await read_while_it_is_discarded()


async def test_what_lies_here_says_since_when(uploads: LocalUploads) -> None:
    await put(uploads, "a", b"0")
    (found,) = [each async for each in uploads.all()]
    assert abs(found.changed_at - utc_now()) < timedelta(minutes=1)
    await uploads.discard("a", "never")
    assert [each async for each in uploads.all()] == []
