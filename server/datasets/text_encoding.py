"""Which encoding a text file is in: its mark, the pattern of its zeros, strict UTF-8, then the likeliest other."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import NamedTuple

import chardet

from server.datasets.ahead import in_order
from server.datasets.common_hanzi import COMMON_HANZI
from server.datasets.encodings import known_codec
from server.datasets.kept_bytes import Bytes, is_utf8
from server.datasets.plausible_text import plausibility
from server.datasets.reused_blocks import ReusedBlocks

_BLOCK = 4 * 1024 * 1024
_READ_AT_ONCE = 1024 * 1024
_SAMPLED_WHOLE = 8 * 1024 * 1024  # a preview verifies files up to this size from end to end: 10 ms
_GUESS_BYTES = 200_000
_JUDGED_BYTES = 5_000  # whose characters are looked at one by one
END_OF_FILE = b"\x1a"  # Ctrl-Z, as programs of DOS still write it
_BEFORE_CONTROLS = b"\xc2"
_C1_CONTROLS = re.compile(rb"\xc2[\x80-\x9f]")
_TABLE_BYTES = b"\n\t,; 0123456789"  # ASCII of any table, whose bytes are seldom half of another character
_EAST_ASIAN = re.compile("[\u2e80-\u9fff]+")
_JUDGED_LINES = 2_000
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# How encodings of seven bits switch from ASCII to characters of their own: no text of another one has this.
_SWITCHES = ((b"\x1b$)C", "iso2022_kr"), (b"\x1b$B", "iso2022_jp"), (b"\x1b$@", "iso2022_jp"))
# Encodings that business files are really in; without the list two lines of German become Turkish of a Macintosh.
_LIKELY = (
    "windows-1252", "windows-1250", "gb18030", "big5", "cp932", "shift_jis", "euc-jp", "cp949", "euc-kr",
    "windows-1251", "windows-1253", "windows-1254", "windows-1255", "windows-1256", "windows-1258", "windows-1257",
    "cp874", "koi8-r", "koi8-u", "iso-8859-2", "iso-8859-15", "cp850", "mac-roman",
)  # fmt: skip
# Of DOS, which files of old programs still have.
_OF_DOS = ("cp866", "cp852")
# What people of a language write when it is not UTF-8.
_OF_LANGUAGES = {
    "zh": ("gb18030",), "zh-tw": ("big5",), "zh-hk": ("big5",), "zh-hant": ("big5",), "ja": ("cp932",),
    "ko": ("cp949",), "ru": ("cp1251", "koi8-r"), "uk": ("cp1251", "koi8-u"), "bg": ("cp1251",), "el": ("cp1253",),
    "tr": ("cp1254",), "he": ("cp1255",), "ar": ("cp1256",), "fa": ("cp1256",), "th": ("cp874",), "vi": ("cp1258",),
    "pl": ("cp1250", "iso8859-2"), "cs": ("cp1250",), "sk": ("cp1250",), "hu": ("cp1250",), "ro": ("cp1250",),
    "hr": ("cp1250",), "sl": ("cp1250",), "lt": ("cp1257",), "lv": ("cp1257",), "et": ("cp1257",),
}  # fmt: skip
_WESTERN_LANGUAGES = frozenset({"en", "de", "fr", "es", "pt", "it", "nl", "sv", "da", "nb", "no", "fi"})
_MULTIBYTE = frozenset({"gb18030", "big5", "cp932", "shift_jis", "euc_jp", "cp949", "euc_kr"})
# Encodings that files seldom have, and that are like another one in all that short texts hold.
_RARE = {"mac-roman": 0.27, "cp850": 0.4, "cp866": 0.15, "cp852": 0.3,
         "cp1257": 0.12, "cp1258": 0.12, "koi8-u": 0.05, "iso8859-15": 0.03,
         "iso8859-2": 0.03, "cp1254": 0.02, "shift_jis": 0.01}  # fmt: skip
_CHINESE_PRIOR = 0.1  # added to chardet's confidence, which is 0.1 to 0.25 on two lines of any East Asian text
_LANGUAGE_PRIOR = 0.15
_EAST_ASIAN_PRIOR = 0.2  # more for whoever reads it: the bytes of a word or two are letters elsewhere, too
_CHARDETS_WEIGHT = 0.4
_FEW_COUNTED = 8  # characters, of which nobody can tell how frequent they are
_FEW_FOREIGN = 3  # different characters that are no proof of Chinese, Japanese or Korean
_TEARING = frozenset({"big5", "cp932", "shift_jis"})  # the second byte of a character may be ASCII
_ODDS_OF_WORDS = 0.2  # against whole words of these, which may be symbols and letters
_SURE_LEAD = 0.25
_ENOUGH_FOREIGN = 400  # characters whose frequencies chardet can rely on
_CANDIDATES = 4
_SAMPLE_CHARACTERS = 120
_COMMON_HANZI_SHARE = 0.6
_COMMON_SHARE, _COMMON_WEIGHT = 0.3, 0.5  # so many of the characters are common ones in any Chinese table


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An encoding, and what the same few lines say when they are read in it."""

    name: str
    sample: str


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


def likeliest(sample: bytes, language: str = "") -> tuple[Candidate, ...]:
    """The encodings that it may be in, the best first; only one when nothing else comes near."""
    guesses = chardet.detect_all(sample, ignore_threshold=True, include_encodings=_LIKELY)
    confidence = {
        _codec(str(guess["encoding"])): float(guess["confidence"] or 0) for guess in guesses if guess["encoding"]
    }
    if _common_hanzi_share(sample) >= _COMMON_HANZI_SHARE:
        confidence["gb18030"] = confidence.get("gb18030", 0.0) + _CHINESE_PRIOR
    texts = {name: _decoded(sample, name) for name in map(_codec, (*_LIKELY, *_OF_DOS)) if _decodes(sample, name)}
    scores = {name: _score(name, text, sample, confidence.get(name, 0.0), language) for name, text in texts.items()}
    if not texts:
        return (Candidate(name="cp1252", sample=""),)
    alike: dict[str, list[str]] = {}  # those that say the same
    for name in sorted(texts, key=lambda name: -scores[name]):
        alike.setdefault(texts[name], []).append(name)
    names = [_usual(same, language) for same in alike.values()][:_CANDIDATES]
    best = max(scores[name] for name in alike[texts[names[0]]])
    foreign = sum(character > "\x7f" for character in texts[names[0]])
    near = sum(best - scores[name] < _SURE_LEAD for name in names[1:]) if foreign <= _ENOUGH_FOREIGN else 0
    return tuple(Candidate(name=name, sample=_told(texts[name])) for name in names[: near + 1])


def _usual(names: Sequence[str], language: str) -> str:
    """Of encodings in which a text is the same, the one that most files are in."""
    own, order = _of_language(language), [_codec(name) for name in (*_LIKELY, *_OF_DOS)]
    return min(names, key=lambda name: (name not in own, order.index(name)))


def _codec(name: str) -> str:
    return codecs.lookup(name).name


def _decoded(sample: bytes, name: str) -> str:
    whole_lines = sample[: sample.rfind(b"\n", 0, _JUDGED_BYTES) + 1] or sample[:_JUDGED_BYTES]
    return whole_lines.decode(name, "replace")


def _score(name: str, text: str, sample: bytes, confidence: float, language: str) -> float:
    """How well the text reads, then how often such bytes are of this encoding, then who has the file."""
    foreign = [character for character in text if character > "\x7f"]
    counted = _CHARDETS_WEIGHT * min(confidence, 1.0) * min(1.0, len(foreign) / _FEW_COUNTED)
    score = plausibility(text) - _RARE.get(name, 0.0) + counted
    is_own = name in _of_language(language)
    if name in _MULTIBYTE:
        score += _east_asian(name, text, foreign, is_own=is_own)
    return score + (_LANGUAGE_PRIOR if is_own else 0.0)


def _east_asian(name: str, text: str, foreign: list[str], *, is_own: bool) -> float:
    """What speaks for two bytes a character, and against. `is_own`: whoever has the file reads that language."""
    different = len(set(foreign))
    # Two bytes of which the second is ASCII are more often a ° and a letter; common characters of Big5 have it, too.
    has_ascii = name not in ("gb18030", "cp949")
    torn = sum(len(code) == 2 and code[1] < 0x80 for code in (letter.encode(name, "replace") for letter in foreign))
    rare = _rare_share(name, foreign)
    if name in _TEARING and not is_own and different < _FEW_FOREIGN and rare == 0 and _are_words(text):
        return -_ODDS_OF_WORDS
    score = 0.0
    if torn and not (has_ascii and (len(foreign) > _FEW_FOREIGN or (is_own and different > 1))):
        score -= 0.5 * torn / len(foreign)
    elif is_own:
        score += _EAST_ASIAN_PRIOR
    if different < _FEW_FOREIGN and not is_own:
        score -= 0.25
    # Korean stands in the first half of the rows of Chinese: a long run of that is no chance.
    usual = {"gb18030": 0.1, "cp949": min(0.2, 0.01 * len(foreign))}.get(name, 0.0)
    if name == "gb18030":
        usual -= _uncommon(foreign)
    return score + (usual if rare == 0 else -0.3 * rare)


def _uncommon(foreign: Sequence[str]) -> float:
    """What speaks against Chinese in which few characters are common ones; of a word or two that says little."""
    if not foreign:
        return 0.0
    common = sum(letter in COMMON_HANZI for letter in foreign)
    missing = 1.0 - min(1.0, common / (_COMMON_SHARE * len(foreign)))
    return _COMMON_WEIGHT * missing * min(1.0, max(0, len(foreign) - 2) / _FEW_COUNTED)


def _are_words(text: str) -> bool:
    """Whether no ideograph or kana stands alone, as one that is a ° and a letter does."""
    runs = _EAST_ASIAN.findall(text)
    return bool(runs) and all(len(run) > 1 for run in runs)


def _of_language(language: str) -> tuple[str, ...]:
    wanted = language.lower().replace("_", "-")
    if wanted.split("-")[0] in _WESTERN_LANGUAGES:
        return ("cp1252",)
    return _OF_LANGUAGES.get(wanted) or _OF_LANGUAGES.get(wanted.split("-")[0], ())


def _rare_share(name: str, foreign: list[str]) -> float:
    """Of the characters those that only dictionaries have, by the rows of the code table."""
    is_rare: dict[str, Callable[[bytes], bool]] = {
        "gb18030": lambda code: len(code) != 2 or not (0xA1 <= code[0] <= 0xD7 and code[1] >= 0xA1),
        "big5": lambda code: len(code) == 2 and not 0xA1 <= code[0] <= 0xC6,
        "cp932": lambda code: len(code) == 1 or (len(code) == 2 and code[0] >= 0x98),
        "shift_jis": lambda code: len(code) == 1 or (len(code) == 2 and code[0] >= 0x98),
        "euc_jp": lambda code: len(code) != 2 or code[0] >= 0xD0,
        "cp949": lambda code: len(code) != 2 or not (0xB0 <= code[0] <= 0xC8 and code[1] >= 0xA1),
        "euc_kr": lambda code: len(code) != 2 or not 0xB0 <= code[0] <= 0xC8,
    }
    return sum(is_rare[name](character.encode(name, "replace")) for character in foreign) / max(1, len(foreign))


def _told(text: str) -> str:
    """A line or two of it that hold what is not ASCII."""
    lines = [line.strip() for line in text.splitlines() if not line.isascii()]
    return " ⏎ ".join(lines[:3])[:_SAMPLE_CHARACTERS]


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
    with suppress(UnicodeDecodeError):
        sample.decode(name)
        return True
    lines = sample.split(b"\n")[:_JUDGED_LINES]
    failed = 0
    for line in lines:
        try:
            line.decode(name)
        except (UnicodeDecodeError, LookupError):
            failed += 1
    return failed * 20 <= len(lines)
