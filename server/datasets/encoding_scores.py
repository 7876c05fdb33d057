"""Which encodings a few bytes may be in, and the likeliest of them: chardet, languages and letters have a say."""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import chardet

from server.datasets.common_hanzi import COMMON_HANZI
from server.datasets.halfwidth_kana import has_kana_words
from server.datasets.plausible_text import plausibility

_JUDGED_BYTES = 5_000  # whose characters are looked at one by one
_EAST_ASIAN = re.compile("[\u2e80-\u9fff]+")

_JUDGED_LINES = 2_000
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
_OF_JAPANESE_BYTES = frozenset({"cp932", "shift_jis"})  # which have kana of one byte
_KANA_PRIOR = 0.15  # by chance they are seldom words
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
    is_own = name in _of_language(language)
    has_kana = name in _OF_JAPANESE_BYTES and has_kana_words(text, is_own=is_own)
    text = unicodedata.normalize("NFKC", text) if has_kana else text  # of full width they read as well
    foreign = [character for character in text if character > "\x7f"]
    counted = _CHARDETS_WEIGHT * min(confidence, 1.0) * min(1.0, len(foreign) / _FEW_COUNTED)
    score = plausibility(text) - _RARE.get(name, 0.0) + counted + (_KANA_PRIOR if has_kana else 0.0)
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
