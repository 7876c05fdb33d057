"""Parts become one file whole or not at all."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from threading import Event

import pytest

from server.errors import Gone
from server.uploads.joining import Stopped, join_files

PIECES = [os.urandom(1_500_000), b"", b"x", os.urandom(700_000)]


@pytest.fixture
def parts(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / str(number) for number in range(len(PIECES))]
    for path, piece in zip(paths, PIECES, strict=True):
        path.write_bytes(piece)
    return paths


def test_the_file_has_the_bytes_of_its_parts_in_order(parts: list[Path], tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    digest = hashlib.sha256(b"".join(PIECES)).hexdigest()
    assert join_files(parts, whole, stop=Event()) == (len(b"".join(PIECES)), digest)
    assert whole.read_bytes() == b"".join(PIECES)
    assert whole.stat().st_mode & 0o777 == 0o600
    assert [part.read_bytes() for part in parts] == PIECES


def test_what_an_earlier_try_left_is_written_over(parts: list[Path], tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    whole.write_bytes(b"torn" * 1_000_000)
    join_files(parts, whole, stop=Event())
    assert whole.read_bytes() == b"".join(PIECES)


def test_stopping_leaves_the_parts_alone(parts: list[Path], tmp_path: Path) -> None:
    stop = Event()
    stop.set()
    with pytest.raises(Stopped):
        join_files(parts, tmp_path / "whole", stop=stop)
    assert not (tmp_path / "whole").exists()
    assert [part.read_bytes() for part in parts] == PIECES


def test_a_missing_part_leaves_no_half_file(parts: list[Path], tmp_path: Path) -> None:
    parts[2].unlink()
    with pytest.raises(Gone, match="upload the file again"):
        join_files(parts, tmp_path / "whole", stop=Event())
    assert not (tmp_path / "whole").exists()
