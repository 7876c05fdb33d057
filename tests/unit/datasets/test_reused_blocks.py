"""Blocks of a file lie in memory that is taken again, but never under somebody who still looks at one."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from server.datasets.reused_blocks import ReusedBlocks


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "digits"
    path.write_bytes(b"0123456789")
    return path


def test_blocks_follow_upon_what_was_left_of_the_one_before(path: Path) -> None:
    blocks = ReusedBlocks(4)
    with path.open("rb", buffering=0) as stream:
        found = [bytes(blocks.read(stream, before)) for before in (b"", b"left ", b"", b"end")]
    assert found == [b"0123", b"left 4567", b"89", b"end"]


def test_no_more_is_read_than_was_asked_for(path: Path) -> None:
    with path.open("rb", buffering=0) as stream:
        assert ReusedBlocks(4).read(stream, b"-", most=2) == b"-01"


def test_a_block_stays_as_it_is_while_somebody_has_it_or_a_view_of_it(path: Path) -> None:
    blocks = ReusedBlocks(2)
    with path.open("rb", buffering=0) as stream:
        kept = blocks.read(stream)
        seen = pa.py_buffer(blocks.read(stream))
        rest = [bytes(blocks.read(stream)) for _ in range(3)]
    assert (kept, seen.to_pybytes(), rest) == (b"01", b"23", [b"45", b"67", b"89"])


def test_memory_is_taken_again_once_nobody_has_its_block(path: Path) -> None:
    blocks = ReusedBlocks(2)
    with path.open("rb", buffering=0) as stream:
        places = {pa.py_buffer(blocks.read(stream)).address for _ in range(5)}
    assert len(places) == 1
