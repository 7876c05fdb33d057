"""Blobs as files: in place at once or not at all. What every store does stands in tests/contract/test_blob_store.py."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from server.engines.local_files import LocalFiles
from server.errors import NotFound


@pytest.fixture
def blobs(tmp_path: Path) -> LocalFiles:
    return LocalFiles(tmp_path / "blobs")


def scratch(tmp_path: Path, name: str, content: bytes = b"x") -> Path:
    path = tmp_path / name
    path.write_bytes(content)
    return path


def files_in(directory: Path) -> list[str]:
    return sorted(path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file())


async def test_a_file_of_another_disk_or_none_leaves_nothing_behind(blobs: LocalFiles, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await blobs.publish(tmp_path / "gone", "reports/1/a.pdf")
    first = scratch(tmp_path, "a")
    with pytest.raises(FileNotFoundError):
        await blobs.publish_together({"reports/1/a.pdf": first, "reports/1/b.pdf": tmp_path / "gone"})
    assert files_in(tmp_path / "blobs") == []


async def test_a_directory_goes_with_its_last_file_and_the_one_of_its_kind_stays(
    blobs: LocalFiles, tmp_path: Path
) -> None:
    await blobs.publish_together({f"reports/1/{name}.pdf": scratch(tmp_path, name) for name in ("a", "b")})
    await blobs.delete("reports/1/a.pdf")
    assert (tmp_path / "blobs" / "reports" / "1").is_dir()
    await blobs.delete("reports/1/b.pdf", "reports/1/b.pdf")
    assert not (tmp_path / "blobs" / "reports" / "1").exists()
    assert (tmp_path / "blobs" / "reports").is_dir()


async def test_what_is_read_is_read_to_its_end_though_it_is_deleted_meanwhile(
    blobs: LocalFiles, tmp_path: Path
) -> None:
    content = os.urandom(1_000_000)
    await blobs.publish(scratch(tmp_path, "a", content), "reports/1/a.pdf")
    pieces = blobs.stream("reports/1/a.pdf")
    first = await anext(pieces)
    await blobs.delete("reports/1/a.pdf")
    assert first + b"".join([piece async for piece in pieces]) == content
    with pytest.raises(NotFound):
        async with blobs.fetch(["reports/1/a.pdf"]):
            pass


async def test_a_directory_is_no_blob(blobs: LocalFiles, tmp_path: Path) -> None:
    await blobs.publish(scratch(tmp_path, "a"), "reports/1/a.pdf")
    with pytest.raises(NotFound):
        async with blobs.fetch(["reports/1"]):
            pass
    assert [found.key async for found in blobs.under("reports")] == ["reports/1/a.pdf"]


async def test_files_that_are_placed_and_deleted_at_once_do_not_miss_their_directory(
    blobs: LocalFiles, tmp_path: Path
) -> None:
    for number in range(30):
        names = [f"{number}-{each}" for each in range(3)]
        await blobs.publish(scratch(tmp_path, "old"), "datasets/1/old")
        await asyncio.gather(
            blobs.delete("datasets/1/old"),
            *(blobs.publish(scratch(tmp_path, name), f"datasets/1/{name}") for name in names),
        )
        await blobs.delete(*(f"datasets/1/{name}" for name in names))
    assert files_in(tmp_path / "blobs") == []
