"""Files in pieces: whole, in part, and let go of by whoever stops drawing."""

from __future__ import annotations

from contextlib import aclosing
from pathlib import Path

import pytest

from server.errors import NotFound
from server.storage.file_pieces import LocalFile, file_pieces, in_thread, pieces_of


async def test_a_file_comes_in_pieces_of_bounded_size(tmp_path: Path) -> None:
    content = bytes(range(256)) * 1024
    path = tmp_path / "a"
    path.write_bytes(content)
    pieces = [piece async for piece in file_pieces(path)]
    assert b"".join(pieces) == content
    assert max(map(len, pieces)) <= 64 * 1024
    assert b"".join([piece async for piece in LocalFile(path).stream(start=10, end=70_000)]) == content[10:70_000]
    assert await LocalFile(path).size() == len(content)


async def test_a_file_that_is_not_there_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        await anext(file_pieces(tmp_path / "missing"))
    with pytest.raises(NotFound):
        await LocalFile(tmp_path / "missing").size()


async def test_whoever_stops_drawing_lets_go_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"x" * 200_000)
    with path.open("rb") as stream:
        async with aclosing(pieces_of(stream)) as pieces:
            assert len(await anext(pieces)) == 64 * 1024
        assert stream.closed


async def test_an_empty_piece_is_the_end() -> None:
    assert [piece async for piece in in_thread(iter([b"a", b"b", b"", b"c"]))] == [b"a", b"b"]
