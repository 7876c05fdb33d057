"""Published files are whole, under keys of ours, or not there at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.errors import NotFound, StorageFull
from server.storage.blobs import Blobs
from server.storage.full_disk import full_disk_named


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(tmp_path)


def test_a_published_blob_is_found_under_its_key(blobs: Blobs) -> None:
    partial = blobs.new_partial(".parquet")
    partial.write_bytes(b"rows")
    blobs.publish(partial, "datasets/abc/1.parquet")
    assert blobs.path("datasets/abc/1.parquet").read_bytes() == b"rows"
    assert not partial.exists()


def test_an_unknown_or_deleted_blob_is_not_found(blobs: Blobs) -> None:
    partial = blobs.new_partial()
    partial.write_bytes(b"x")
    blobs.publish(partial, "reports/1.pdf")
    blobs.delete("reports/1.pdf")
    with pytest.raises(NotFound):
        blobs.path("reports/1.pdf")


@pytest.mark.parametrize("key", ["../secret.key", "/etc/passwd", "a/../../b", "", "a//b", "a/.hidden", "A", "a\n"])
def test_a_key_cannot_leave_the_directory(blobs: Blobs, key: str) -> None:
    with pytest.raises(ValueError, match="not a blob key"):
        blobs.path(key)


def test_what_a_crash_left_half_written_is_removed_at_start(blobs: Blobs) -> None:
    partial = blobs.new_partial()
    partial.write_bytes(b"half")
    blobs.clear_partials()
    assert not partial.exists()
    assert blobs.new_partial().parent.is_dir()


def test_a_full_disk_is_named() -> None:
    with pytest.raises(StorageFull, match="disk is full"), full_disk_named(), Path("/dev/full").open("wb") as stream:
        stream.write(b"x" * 100_000)


def test_other_errors_of_the_disk_stay_what_they_are(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), full_disk_named():
        (tmp_path / "missing").read_bytes()
