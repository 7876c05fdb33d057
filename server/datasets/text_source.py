"""Read the records of a delimited text file exactly, and fast where nothing is odd."""

from __future__ import annotations

import bisect
import codecs
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path

import pyarrow as pa

from server.datasets.above_table import read_above
from server.datasets.ahead import in_order
from server.datasets.careful_reader import CarefulReader, Layout
from server.datasets.chunks import Chunk
from server.datasets.kept_bytes import KEEP_BYTES, Bytes, text_with_bytes
from server.datasets.named import Named
from server.datasets.plain_reader import PlainBlock, read_plain_block
from server.datasets.records import split_lines
from server.datasets.reused_blocks import ReusedBlocks
from server.datasets.text_encoding import END_OF_FILE, FoundEncoding, without_marks
from server.errors import FileProblem

_BLOCK = 8 * 1024 * 1024  # of which each costs a millisecond or two, however small it is
_PIECE = 512 * 1024
_SAMPLE_HEAD = 1024 * 1024
_SAMPLE_PIECE = 256 * 1024
_PADDING = END_OF_FILE + b"\0"  # of the last line: programs fill up whole blocks


@dataclass(slots=True, kw_only=True)
class TextSource:
    """Of the first `first_line` lines `skip_rows` stand above the table, and the others are its header."""

    path: Path
    encoding: FoundEncoding
    layout: Layout
    skip_rows: int = 0
    first_line: int = 0
    max_line_bytes: int
    bytes_read: int = field(default=0, init=False)
    records: int = field(default=0, init=False)
    _position: int = field(default=0, init=False)  # of the block that was read last

    def chunks(self) -> Iterator[Chunk]:
        careful = CarefulReader(self.layout)
        blocks = self._data_blocks()
        yield self._above(next(blocks))
        line, above, plain_rows = self.first_line, self.records, 0
        placed = ((block, self._position) for block in blocks)
        for (_, position), pieces in in_order(lambda item: self._pieces(item[0]), placed):
            for piece, plain in pieces:
                if careful.is_waiting or careful.is_in_other_table or plain is None:
                    chunk, lines = careful.read(piece, line)
                else:
                    chunk, lines = plain.chunk(line), plain.lines
                    plain_rows += lines  # a record in each
                    chunk.rejects[:0] = careful.follow(chunk)
                line += lines
                self.bytes_read = position
                self.records = above + plain_rows + careful.records
                yield chunk
        yield careful.finish(line)
        self.records = above + plain_rows + careful.records

    def _pieces(self, block: Bytes) -> list[tuple[Bytes, PlainBlock | None]]:
        """The block, or parts of it where something in it is not plain: then the exact reader has less to read."""
        plain = self._plain(block)
        if plain is not None or len(block) <= _PIECE:
            return [(block, plain)]
        return [(piece, self._plain(piece)) for piece in _parts(block)]

    def _plain(self, block: Bytes) -> PlainBlock | None:
        return read_plain_block(block, self.layout, is_utf8=self.encoding.is_valid)

    def sample(self) -> Chunk:
        careful = CarefulReader(self.layout)
        chunks, taken = [], self.encoding.mark_bytes
        is_small = self.path.stat().st_size <= _SAMPLE_HEAD
        for position, block in enumerate(self._sample_blocks()):
            taken += len(block)
            if position == 0:
                chunks.append(self._above(block))
                continue
            if not is_small and (plain := self._plain(block)) is not None:
                chunks.append(plain.chunk(self.first_line))
                continue
            chunk, lines = careful.read(block, self.first_line)
            chunks.append(chunk)
            if is_small:
                chunks.append(careful.finish(self.first_line + lines))
            careful.forget()
        return _joined(chunks, self.layout.width, taken)

    def head(self) -> tuple[list[str], bool]:
        """The first lines, with their line ends and without regard to `first_line`; whether they are all."""
        blocks = self._blocks()
        block: Bytes = b""
        while len(block) <= _SAMPLE_PIECE and (more := next(blocks, b"")):
            block += more
        is_whole = len(block) <= _SAMPLE_PIECE
        cut = len(block) if is_whole else block.rfind(b"\n", 0, _SAMPLE_PIECE) + 1
        return split_lines(text_with_bytes(block[: cut or len(block)])), is_whole

    def _above(self, above: Bytes) -> Chunk:
        """What stands above the rows, all of it named or rejected."""
        lines = split_lines(text_with_bytes(above))
        found = read_above(lines[: self.skip_rows], lines[self.skip_rows :], self.layout.dialect)
        self.records = found.records
        return Chunk(
            columns=[pa.array([], pa.string())] * self.layout.width,
            line_of=lambda _row: 0,
            raw_of=lambda _row: "",
            rejects=found.rejects,
            named=found.named,
        )

    def _data_blocks(self) -> Iterator[Bytes]:
        """First the lines above the rows, in one piece that may be empty; then the rows."""
        blocks = self._blocks()
        above: Bytes = b""
        rest: Bytes = b""
        left = self.first_line
        while left and (block := next(blocks, b"")):
            start = 0
            while left and start < len(block):
                start, left = _line_end(block, start), left - 1
            above, rest = above + block[:start], block[start:]
        yield above
        if rest:
            yield rest
        yield from blocks

    def _blocks(self) -> Iterator[Bytes]:
        """The file as UTF-8 in pieces that end where a line ends; bytes that are no text stay invalid."""
        size = min(_BLOCK, max(65536, 2 * self.max_line_bytes))
        rest, done = b"", 0
        with self.path.open("rb", buffering=0) as stream:
            read_on = self._reading(stream, size)
            while (block := read_on(rest)) is not None:
                cut = block.rfind(b"\n") + 1 or block.rfind(b"\r", 0, -1) + 1
                rest = bytes(memoryview(block)[cut:])
                if cut:
                    block = _cut(block, cut)
                    yield without_marks(block)
                    done += cut
                if len(rest) > self.max_line_bytes:
                    raise FileProblem(
                        "Line {line} is longer than {limit} bytes. Is this a table? Check the line ends.",
                        code="line_too_long",
                        line=self._lines_in(done) + 1,
                        limit=self.max_line_bytes,
                    )
        if last := without_marks(rest).rstrip(_PADDING):
            yield last

    def _lines_in(self, size: int) -> int:
        """How many lines the first so many bytes have, as UTF-8."""
        lines = 0
        with self.path.open("rb", buffering=0) as stream:
            read_on = self._reading(stream, _BLOCK)
            while size > 0 and (block := read_on(b"")) is not None:
                lines += block.count(b"\n", 0, size)
                size -= len(block)
        return lines

    def _reading(self, stream: FileIO, size: int) -> Callable[[bytes], Bytes | None]:
        """What gives the next piece of the file as UTF-8 behind what is left of the one before; None at the end."""
        stream.seek(self.encoding.mark_bytes)
        blocks = ReusedBlocks(size)

        def next_block(rest: bytes) -> Bytes | None:
            block = blocks.read(stream, rest)
            self._position = stream.tell()
            return block if len(block) > len(rest) else None

        if self.encoding.name == "utf-8":
            return next_block
        decoder = codecs.getincrementaldecoder(self.encoding.name)(errors=KEEP_BYTES)

        def next_text(rest: bytes) -> Bytes | None:
            block = blocks.read(stream)
            self._position = stream.tell()
            text = decoder.decode(block, final=not block)
            return rest + text.encode("utf-8", "surrogatepass") if block or text else None

        return next_text

    def _sample_blocks(self) -> Iterator[Bytes]:
        size = self.path.stat().st_size
        blocks = self._data_blocks()
        yield next(blocks)
        if size <= _SAMPLE_HEAD:
            yield b"".join(blocks)
            return
        first = next(blocks, b"")
        yield first[: first.rfind(b"\n", 0, _SAMPLE_HEAD) + 1]
        with self.path.open("rb") as stream:
            for start in (size // 2, max(_SAMPLE_HEAD, size - _SAMPLE_PIECE)):
                stream.seek(start - (start - self.encoding.mark_bytes) % 4)
                piece = stream.read(_SAMPLE_PIECE).decode(self.encoding.name, KEEP_BYTES)
                is_end = stream.tell() == size  # where the last line may have no line end
                lines = piece[piece.find("\n") + 1 : len(piece) if is_end else piece.rfind("\n") + 1]
                yield lines.encode("utf-8", "surrogatepass") + (b"\n" if is_end else b"")


def _cut(block: Bytes, size: int) -> Bytes:
    """Its first bytes; of one that is read into again, without a copy."""
    if isinstance(block, bytes):
        return block[:size]
    del block[size:]
    return block


def _parts(block: Bytes) -> Iterator[Bytes]:
    """Parts that end where a line ends, and may be within quotes."""
    start = 0
    while start < len(block):
        end = block.find(b"\n", start + _PIECE) + 1 or len(block)
        yield block[start:end]
        start = end


def _line_end(block: Bytes, start: int) -> int:
    """Where the line that begins at `start` ends, its line end included."""
    feed, carriage = block.find(b"\n", start), block.find(b"\r", start)
    if carriage >= 0 and (feed < 0 or carriage < feed - 1):
        return carriage + 1
    return feed + 1 if feed >= 0 else len(block)


def _joined(chunks: Sequence[Chunk], width: int, taken: int) -> Chunk:
    filled = [chunk for chunk in chunks if chunk.row_count] or chunks[:1]
    rejects = list(itertools.chain.from_iterable(chunk.rejects for chunk in chunks))
    named = Named()
    for chunk in chunks:
        named.update(chunk.named)
    ends = list(itertools.accumulate(chunk.row_count for chunk in filled))

    def of(row: int) -> tuple[Chunk, int]:
        """The chunk that a row is of, and its place there."""
        place = bisect.bisect_right(ends, row)
        return filled[place], row - (ends[place - 1] if place else 0)

    def line_of(row: int) -> int:
        chunk, place = of(row)
        return chunk.line_of(place)

    def raw_of(row: int) -> str:
        chunk, place = of(row)
        return chunk.raw_of(place)

    return Chunk(
        columns=[pa.concat_arrays([chunk.columns[index] for chunk in filled]) for index in range(width)],
        line_of=line_of,
        raw_of=raw_of,
        rejects=rejects,
        named=named,
        bytes_read=taken,
    )
