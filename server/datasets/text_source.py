"""Read the records of a delimited text file exactly, and fast where nothing is odd."""

from __future__ import annotations

import codecs
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa

from server.datasets.careful_reader import CarefulReader
from server.datasets.chunks import Chunk
from server.datasets.dialect import Dialect
from server.datasets.plain_reader import read_plain_block
from server.datasets.records import split_lines
from server.datasets.text_encoding import END_OF_FILE, FoundEncoding, without_marks
from server.errors import FileProblem

_BLOCK = 4 * 1024 * 1024
_SAMPLE_HEAD = 1024 * 1024
_SAMPLE_PIECE = 256 * 1024


def _keep_bytes(error: UnicodeError) -> tuple[str, int]:
    """Undecodable bytes become lone surrogates, which no text holds: the row is rejected, the file goes on."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "".join(chr(0xDC00 + byte) for byte in error.object[error.start : error.end]), error.end


codecs.register_error("jindu-keep-bytes", _keep_bytes)


@dataclass(slots=True, kw_only=True)
class TextSource:
    """`width` is the number of columns, `first_line` the number of lines above the first data record."""

    path: Path
    encoding: FoundEncoding
    dialect: Dialect
    width: int
    first_line: int
    max_line_bytes: int
    bytes_read: int = field(default=0, init=False)

    def chunks(self) -> Iterator[Chunk]:
        careful = CarefulReader(self.dialect, self.width, self.encoding.name)
        line = self.first_line
        for block in self._data_blocks():
            if careful.is_waiting or (chunk := read_plain_block(block, line, self.width, self.dialect)) is None:
                chunk, lines = careful.read(block, line)
                line += lines
            else:
                line += chunk.row_count
            yield chunk
        if careful.is_waiting:
            yield careful.finish(line)

    def sample(self) -> Chunk:
        careful = CarefulReader(self.dialect, self.width, self.encoding.name)
        chunks, taken = [], 0
        for position, block in enumerate(self._sample_blocks()):
            chunk, _ = careful.read(block, self.first_line)
            chunks.append(chunk)
            if position == 0 and self.path.stat().st_size <= _SAMPLE_HEAD:
                chunks.append(careful.finish(self.first_line))
            careful.forget()
            taken += len(block)
        return _joined(chunks, self.width, taken)

    def head(self) -> list[str]:
        """The first lines, with their line ends and without regard to `first_line`."""
        block = next(self._blocks(), b"")
        cut = block.rfind(b"\n", 0, _SAMPLE_PIECE) + 1 if len(block) > _SAMPLE_PIECE else len(block)
        return split_lines(block[: cut or len(block)].decode("utf-8", "surrogateescape"))

    def _data_blocks(self) -> Iterator[bytes]:
        left = self.first_line
        for block in self._blocks():
            if left:
                start = 0
                while left and start < len(block):
                    start, left = _line_end(block, start), left - 1
                block = block[start:]
            if block:
                yield block

    def _blocks(self) -> Iterator[bytes]:
        """The file as UTF-8 in pieces that end where a line ends; bytes that are no text stay invalid."""
        size = min(_BLOCK, max(65536, self.max_line_bytes))
        rest, line = b"", 1
        with self.path.open("rb") as stream:
            stream.seek(self.encoding.mark_bytes)
            for block in self._transcoded(stream, size):
                cut = block.rfind(b"\n") + 1 or block.rfind(b"\r", 0, -1) + 1
                if cut:
                    whole = without_marks(rest + block[:cut])
                    yield whole
                    line += whole.count(b"\n")
                    rest = block[cut:]
                else:
                    rest += block
                if len(rest) > self.max_line_bytes:
                    raise FileProblem(
                        "Line {line} is longer than {limit} bytes. Is this a table? Check the line ends.",
                        code="line_too_long",
                        line=line,
                        limit=self.max_line_bytes,
                    )
        if rest := without_marks(rest).rstrip(END_OF_FILE):
            yield rest

    def _transcoded(self, stream: BinaryIO, size: int) -> Iterator[bytes]:
        if self.encoding.name == "utf-8":
            while block := stream.read(size):
                self.bytes_read = stream.tell()
                yield block
            return
        decoder = codecs.getincrementaldecoder(self.encoding.name)(errors="jindu-keep-bytes")
        while block := stream.read(size):
            self.bytes_read = stream.tell()
            yield decoder.decode(block).encode("utf-8", "surrogatepass")
        yield decoder.decode(b"", final=True).encode("utf-8", "surrogatepass")

    def _sample_blocks(self) -> Iterator[bytes]:
        size = self.path.stat().st_size
        first = next(self._data_blocks(), b"")
        if size <= _SAMPLE_HEAD:
            yield first
            return
        yield first[: first.rfind(b"\n", 0, _SAMPLE_HEAD) + 1]
        with self.path.open("rb") as stream:
            for start in (size // 2, max(_SAMPLE_HEAD, size - _SAMPLE_PIECE)):
                stream.seek(start - (start - self.encoding.mark_bytes) % 4)
                piece = stream.read(_SAMPLE_PIECE).decode(self.encoding.name, "jindu-keep-bytes")
                lines = piece[piece.find("\n") + 1 : piece.rfind("\n") + 1]
                yield lines.encode("utf-8", "surrogatepass")


def _line_end(block: bytes, start: int) -> int:
    """Where the line that begins at `start` ends, its line end included."""
    feed, carriage = block.find(b"\n", start), block.find(b"\r", start)
    if carriage >= 0 and (feed < 0 or carriage < feed - 1):
        return carriage + 1
    return feed + 1 if feed >= 0 else len(block)


def _joined(chunks: Sequence[Chunk], width: int, taken: int) -> Chunk:
    filled = [chunk for chunk in chunks if chunk.row_count]
    if not filled:
        return Chunk(columns=[pa.array([], pa.string())] * width, line_of=lambda _row: 0, raw_of=lambda _row: "")
    return Chunk(
        columns=[pa.concat_arrays([chunk.columns[index] for chunk in filled]) for index in range(width)],
        line_of=filled[0].line_of,
        raw_of=filled[0].raw_of,
        rejects=list(itertools.chain.from_iterable(chunk.rejects for chunk in chunks)),
        bytes_read=taken,
    )
