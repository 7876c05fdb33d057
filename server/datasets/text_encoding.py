"""Which encoding a text file is in: its mark, the pattern of its zeros, strict UTF-8, then the likeliest other."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import chardet

from server.datasets.encodings import known_codec

_BLOCK = 4 * 1024 * 1024
_SAMPLED_WHOLE = 8 * 1024 * 1024  # a preview verifies files up to this size from end to end: 10 ms
_GUESS_BYTES = 200_000
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Encodings that business files are really in; without the list two lines of German become Turkish of a Macintosh.
_LIKELY = (
    "gb18030", "big5", "cp932", "shift_jis", "euc-jp", "cp949", "euc-kr",
    "windows-1252", "windows-1250", "windows-1251", "windows-1253", "windows-1254", "koi8-r", "iso-8859-15",
)  # fmt: skip
_CHINESE_PRIOR = 0.1  # added to chardet's confidence, which is 0.1 to 0.25 on two lines of any East Asian text
_COMMON_HANZI_SHARE = 0.6


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundEncoding:
    """A Python codec, the length of the byte order mark, and how sure we are.

    `is_mixed`: some lines are in another encoding; their rows will be rejected.
    """

    name: str
    mark_bytes: int = 0
    is_verified: bool = True
    is_mixed: bool = False


def find_encoding(path: Path, *, wanted: str | None = None, whole: bool = True) -> FoundEncoding:
    """`whole` reads the file to its end, since 64 KB of ASCII prove nothing; otherwise large files are sampled."""
    with path.open("rb") as stream:
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
        size = path.stat().st_size
        is_verified = whole or size <= _SAMPLED_WHOLE
        votes = _vote(_pieces(stream, size, whole=is_verified))
    if marked or votes.foreign_lines <= votes.utf8_lines:
        return FoundEncoding(
            name="utf-8", mark_bytes=mark_bytes, is_verified=is_verified, is_mixed=votes.foreign_lines > 0
        )
    return FoundEncoding(
        name=_likeliest(bytes(votes.foreign_sample)), is_verified=is_verified, is_mixed=votes.utf8_lines > 0
    )


def _mark(head: bytes) -> tuple[int, str | None]:
    for mark, name in _MARKS:
        if head.startswith(mark):
            return len(mark), name
    return 0, None


def _zero_pattern(head: bytes) -> str | None:
    """UTF-16 without a mark: ASCII characters leave zeros on one side. Chinese ones do not, but line ends do."""
    half = len(head) // 2
    sides = {"utf-16-be": head[0 : half * 2 : 2].count(0), "utf-16-le": head[1 : half * 2 : 2].count(0)}
    name = max(sides, key=lambda side: sides[side])
    zeros, others = sides[name], min(sides.values())
    # A stray NUL in a small file is not a pattern; 一 (U+4E00) puts zeros on the other side.
    line_ends = head.count(b"\n\0" if name == "utf-16-le" else b"\0\n")
    is_pattern = zeros > half * 0.05 and others <= zeros * 0.3 and (line_ends > 0 or zeros > half * 0.3)
    return name if is_pattern else None


class _Votes:
    """How many lines with other than ASCII bytes are UTF-8, how many are not, and some of the latter."""

    def __init__(self) -> None:
        self.utf8_lines = 0
        self.foreign_lines = 0
        self.foreign_sample = bytearray()

    def count(self, line: bytes) -> None:
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


def _vote(pieces: Iterator[bytes]) -> _Votes:
    votes = _Votes()
    for piece in pieces:
        if piece.isascii():
            continue
        try:
            piece.decode("utf-8")
        except UnicodeDecodeError:
            for line in piece.split(b"\n"):
                votes.count(line)
        else:
            votes.utf8_lines += piece.count(b"\n") + 1
        if votes.are_clear:
            break
    return votes


def _pieces(stream: BinaryIO, size: int, *, whole: bool) -> Iterator[bytes]:
    """The file in pieces that end with a line, or only its beginning, middle and end."""
    if whole:
        yield from _lines_from(stream, 0, size)
        return
    for start, length in ((0, _BLOCK // 2), (size // 2, _BLOCK // 4), (size - _BLOCK // 4, _BLOCK // 4)):
        yield from _lines_from(stream, start, length)


def _lines_from(stream: BinaryIO, start: int, length: int) -> Iterator[bytes]:
    stream.seek(start)
    rest = b"" if start == 0 else None
    end = start + length
    while (left := end - stream.tell()) > 0 and (block := stream.read(min(_BLOCK, left))):
        if rest is None:  # the first line may have begun in the middle of a character
            block = block[block.find(b"\n") + 1 :]
            rest = b""
        cut = block.rfind(b"\n") + 1
        if cut == 0 and len(rest) < _BLOCK:
            rest += block
            continue
        yield rest + block[:cut]
        rest = block[cut:]
    if rest and stream.tell() >= end and not stream.read(1):
        yield rest


def _likeliest(sample: bytes) -> str:
    guesses = chardet.detect_all(sample, ignore_threshold=True, include_encodings=_LIKELY)
    scores = {str(guess["encoding"]).lower(): float(guess["confidence"] or 0) for guess in guesses}
    if _common_hanzi_share(sample) >= _COMMON_HANZI_SHARE:
        scores["gb18030"] = scores.get("gb18030", 0.0) + _CHINESE_PRIOR
    fitting = [name for name in sorted(scores, key=lambda name: -scores[name]) if _decodes(sample, name)]
    best = fitting[0] if fitting else "gb18030" if _decodes(sample, "gb18030") else "windows-1252"
    return codecs.lookup(best).name


def _common_hanzi_share(sample: bytes) -> float:
    """How much of the non-ASCII text, read as GB 2312, are the 3,755 characters of everyday Chinese (its level 1)."""
    text = sample.decode("gb18030", "replace")
    foreign = [character for character in text if character > "\x7f"]
    common = 0
    for character in foreign:
        code = character.encode("gb18030", "replace")
        common += len(code) == 2 and 0xB0 <= code[0] <= 0xD7 and code[1] >= 0xA1
    return common / len(foreign) if foreign else 0.0


def _decodes(sample: bytes, name: str) -> bool:
    """Whether (nearly) all lines can be read; a single glitch does not rule an encoding out."""
    lines = sample.split(b"\n")
    failed = 0
    for line in lines:
        try:
            line.decode(name)
        except (UnicodeDecodeError, LookupError):
            failed += 1
    return failed * 20 <= len(lines)
