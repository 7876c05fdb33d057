"""Which encoding a text file is in: its mark, the pattern of its zeros, strict UTF-8, then the likeliest other."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import NamedTuple

from server.datasets.ahead import in_order
from server.datasets.encoding_scores import Candidate, likeliest
from server.datasets.encodings import known_codec
from server.datasets.kept_bytes import Bytes, is_utf8
from server.datasets.reused_blocks import ReusedBlocks

_BLOCK = 4 * 1024 * 1024
_READ_AT_ONCE = 1024 * 1024
_SAMPLED_WHOLE = 8 * 1024 * 1024  # a preview verifies files up to this size from end to end: 10 ms
_GUESS_BYTES = 200_000
END_OF_FILE = b"\x1a"  # Ctrl-Z, as programs of DOS still write it
_BEFORE_CONTROLS = b"\xc2"
_C1_CONTROLS = re.compile(rb"\xc2[\x80-\x9f]")
_TABLE_BYTES = b"\n\t,; 0123456789"  # ASCII of any table, whose bytes are seldom half of another character
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# How encodings of seven bits switch from ASCII to characters of their own: no text of another one has this.
_SWITCHES = ((b"\x1b$)C", "iso2022_kr"), (b"\x1b$B", "iso2022_jp"), (b"\x1b$@", "iso2022_jp"))


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundEncoding:
    """A Python codec, the length of the byte order mark, and how sure we are.

    `is_valid`: all of the file was seen to be UTF-8. `is_mixed`: some lines are in another encoding; their rows will be
    rejected. `candidates`, where it is a guess: what else it could be, the likeliest first, which is `name`.
    `has_controls`: the text has characters that nobody types and that come of reading one encoding as another.
    """

    name: str
    mark_bytes: int = 0
    is_verified: bool = True
    is_valid: bool = False
    is_mixed: bool = False
    has_controls: bool = False
    candidates: tuple[Candidate, ...] = ()


def find_encoding(
    path: Path, *, wanted: str | None = None, whole: bool = True, language: str | None = None
) -> FoundEncoding:
    """`whole` reads the file to its end, since 64 KB of ASCII prove nothing; otherwise large files are sampled.

    `language` is that of whoever has the file: the likelier one where the bytes do not tell.
    """
    with path.open("rb", buffering=0) as stream:
        head = stream.read(65536)
        mark_bytes, marked = _mark(head)
        if wanted:
            codec = known_codec(wanted)
            has_mark = marked is not None and codec.split("-")[0:2] == marked.split("-")[0:2]
            if codec in ("utf-16", "utf-32"):
                codec = marked if marked and marked.startswith(codec) else f"{codec}-le"
            return FoundEncoding(name=codec, mark_bytes=mark_bytes if has_mark else 0)
        if marked and marked != "utf-8":
            return FoundEncoding(name=marked, mark_bytes=mark_bytes)
        if not marked and (pattern := _zero_pattern(head)):
            return FoundEncoding(name=pattern)
        if not marked and (switching := _switching(head)):
            return FoundEncoding(name=switching)
        size = path.stat().st_size
        is_verified = whole or size <= _SAMPLED_WHOLE
        votes = _vote(lambda: _pieces(stream, size, whole=is_verified))
    if marked or votes.foreign_lines <= votes.utf8_lines:
        return FoundEncoding(
            name="utf-8",
            mark_bytes=mark_bytes,
            is_verified=is_verified,
            is_valid=is_verified and not votes.foreign_lines,
            is_mixed=votes.foreign_lines > 0,
            has_controls=votes.has_controls,
        )
    candidates = likeliest(bytes(votes.foreign_sample), language or "")
    return FoundEncoding(
        name=candidates[0].name,
        is_verified=is_verified,
        is_mixed=votes.utf8_lines > 0,
        candidates=candidates if len(candidates) > 1 else (),
    )


def without_marks(block: Bytes) -> Bytes:
    """UTF-8 without the marks at the beginning of lines, where files were joined."""
    if codecs.BOM_UTF8[0] not in block or codecs.BOM_UTF8 not in block:  # one byte is found much faster than three
        return block
    return block.removeprefix(codecs.BOM_UTF8).replace(b"\n" + codecs.BOM_UTF8, b"\n")


def _mark(head: bytes) -> tuple[int, str | None]:
    for mark, name in _MARKS:
        if head.startswith(mark):
            return len(mark), name
    return 0, None


def _switching(head: bytes) -> str | None:
    """ISO 2022 of Japan or Korea, which is ASCII but for what stands between its switches."""
    return next((name for switch, name in _SWITCHES if switch in head and head.isascii()), None)


def _zero_pattern(head: bytes) -> str | None:
    """UTF-16 without a mark: ASCII characters leave zeros on one side. Chinese ones do not, but line ends do."""
    half = len(head) // 2
    sides = {"utf-16-be": head[0 : half * 2 : 2].count(0), "utf-16-le": head[1 : half * 2 : 2].count(0)}
    name = max(sides, key=lambda side: sides[side])
    zeros, others = sides[name], min(sides.values())
    # A stray NUL in a small file is not a pattern; 一 (U+4E00) puts zeros on the other side.
    line_ends = head.count(b"\n\0" if name == "utf-16-le" else b"\0\n")
    is_pattern = zeros > half * 0.05 and others <= zeros * 0.3 and (line_ends > 0 or zeros > half * 0.3)
    return name if is_pattern and _have_their_zeros(head, 0 if name == "utf-16-be" else 1) else None


def _have_their_zeros(head: bytes, side: int) -> bool:
    """Whether most digits and separators have a zero at their side: a few NULs in ASCII stand beside few of them."""
    zeros, others = head[side::2], head[1 - side :: 2]
    beside = sum(zero == 0 and other in _TABLE_BYTES for zero, other in zip(zeros, others, strict=False))
    told = sum(map(head.count, _TABLE_BYTES))
    return not told or 2 * beside > told


class _Votes:
    """How many lines with other than ASCII bytes are UTF-8, how many are not, and some of the latter."""

    def __init__(self) -> None:
        self.utf8_lines = 0
        self.has_controls = False
        self.foreign_lines = 0
        self.foreign_sample = bytearray()

    def count(self, line: Bytes) -> None:
        if line.isascii():
            return
        try:
            line.decode("utf-8")
        except UnicodeDecodeError:
            self.foreign_lines += 1
            if len(self.foreign_sample) < _GUESS_BYTES:
                self.foreign_sample += line[:_GUESS_BYTES] + b"\n"
        else:
            self.utf8_lines += 1

    @property
    def are_clear(self) -> bool:
        return self.foreign_lines > 5000 and self.utf8_lines * 10 < self.foreign_lines


def _vote(pieces: Callable[[], Iterable[Bytes]]) -> _Votes:
    """Lines are counted only where some of them are not UTF-8; that takes as long as all else."""
    votes = _Votes()
    for _, looked_at in in_order(_looked_at, pieces()):
        votes.has_controls = votes.has_controls or looked_at.has_controls
        if looked_at.is_foreign:
            return _counted(pieces())
    return votes


def _counted(pieces: Iterable[Bytes]) -> _Votes:
    votes = _Votes()
    for piece, looked_at in in_order(_looked_at, pieces):
        votes.has_controls = votes.has_controls or looked_at.has_controls
        if looked_at.is_foreign:
            for line in piece.split(b"\n"):
                votes.count(line)
        elif not piece.isascii():
            votes.utf8_lines += piece.count(b"\n") + 1
        if votes.are_clear:
            break
    return votes


class _LookedAt(NamedTuple):
    """Whether a piece of a file has control characters, and bytes that are not UTF-8."""

    has_controls: bool
    is_foreign: bool


def _looked_at(piece: Bytes) -> _LookedAt:
    # One byte is found much faster than a pattern.
    has_controls = _BEFORE_CONTROLS in piece and _C1_CONTROLS.search(piece) is not None
    return _LookedAt(has_controls, is_foreign=not piece.isascii() and not is_utf8(piece))


def _pieces(stream: FileIO, size: int, *, whole: bool) -> Iterator[Bytes]:
    """The file in pieces that end with a line, or only its beginning, middle and end."""
    if whole:
        yield from _lines_from(stream, 0, size)
        return
    for start, length in ((0, _BLOCK // 2), (size // 2, _BLOCK // 4), (size - _BLOCK // 4, _BLOCK // 4)):
        yield from _lines_from(stream, start, length)


def _lines_from(stream: FileIO, start: int, length: int) -> Iterator[Bytes]:
    blocks = ReusedBlocks(_READ_AT_ONCE)
    stream.seek(start)
    end, rest = start + length, b""
    if start:  # the first line may have begun in the middle of a character
        block = blocks.read(stream, most=length)
        rest = bytes(block[block.find(b"\n") + 1 :])
    while len(block := blocks.read(stream, rest, most=max(0, end - stream.tell()))) > len(rest):
        cut = block.rfind(b"\n") + 1
        if cut == 0 and len(block) < _BLOCK:
            rest = bytes(block)
            continue
        rest = bytes(memoryview(block)[cut:]) if cut else b""
        if cut:
            del block[cut:]
        yield block
    if rest and stream.tell() >= end and not stream.read(1):
        yield rest
