"""How Chinese is said: whoever types letters finds 销售 by xiaoshou, by xiaosh and by xs.

What is kept of a run of characters are its pairs, in each way they may be read, and the first letters of each pair: of
销售月报 xiaoshou, shouyue, yuebao, bao, xs, sy and yb. So a name costs a few words however its characters are read, and
what somebody types is asked for pair by pair, which needs no dictionary.
"""

from __future__ import annotations

import asyncio
import re
import unicodedata
from array import array
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from importlib.util import find_spec
from itertools import pairwise, product
from pathlib import Path

SOUND = "~~"  # before each: nobody who types a word means one by chance
_FIRST_HAN = "\u2e80"
_MOST_READINGS = 3  # of one character
_MOST_SPLITS = 4  # of what was typed: xian is 先 and 西安
_LEAST_LETTERS, _MOST_LETTERS = 2, 60
_INITIALS = ("zh", "ch", "sh", *"bpmfdtnlgkhjqxrzcsyw")
_SAID = "i ia ie iao iu ian in iang ing iong u ua uo uai ui uan un uang ong v ve ue"
_SAID_ALONE = "a o e ai ei ao ou an en ang eng er"  # and without an initial
_ALONE = frozenset(_SAID_ALONE.split())
_FINALS = _ALONE | frozenset(_SAID.split())
_BEGUN = frozenset(("", "on", "ion"))  # and what the last one may still be besides
_FIRSTS = frozenset("bpmfdtnlgkhjqxrzcsywaoe")  # letters that syllables begin with
_LONGEST = 6  # zhuang
_TONES = dict.fromkeys(map(ord, "\u0300\u0301\u0304\u030c"))
_LINE = re.compile(rb'"(\d+)": "')
_CHARACTERS = 0x32400  # all Han characters come before


def is_chinese(text: str) -> bool:
    """Whether any of it may have a sound."""
    return any(each >= _FIRST_HAN for each in text)


async def learn(texts: Iterable[str]) -> None:
    """Before sounds of `texts` are needed on the event loop: the first Chinese that a process meets takes a while."""
    if not _is_open() and any(map(is_chinese, texts)):
        await asyncio.to_thread(_dictionary)


def sounds_of(words: Sequence[str]) -> list[str]:
    """Of words that follow one another, of which each Han character is one; each sound once, without `SOUND`."""
    readings = [*map(_readings, words), ()]
    found = dict.fromkeys(sound for here, after in pairwise(readings) for sound in _pairs(here, after))
    return list(found)


def marked(sounds: Iterable[str]) -> list[str]:
    return [SOUND + each for each in sounds]


@cache
def asked_sounds(typed: str) -> Sequence[Sequence[str]]:
    """What a name has to sound like for which somebody typed `typed`: all of the sounds of one of these.

    Of the last of them, this is how it begins.
    """
    if not (_LEAST_LETTERS <= len(typed) <= _MOST_LETTERS and typed.isascii() and typed.isalpha()):
        return []
    found = [[one + other for one, other in pairwise(split)] or [split[0]] for split in _splits(typed)]
    if _FIRSTS.issuperset(typed):
        found.append([one + other for one, other in pairwise(typed)])
    return list(map(list, dict.fromkeys(map(tuple, found))))


def sounds_like(name: Sequence[str], typed: str) -> bool:
    """Whether the words of a name sound as was typed."""
    found = sounds_of(name)
    return any(
        set(found).issuperset(wanted[:-1]) and any(each.startswith(wanted[-1]) for each in found)
        for wanted in asked_sounds(typed)
    )


def _pairs(here: Sequence[str], after: Sequence[str]) -> Iterator[str]:
    if here and not after:
        yield from here
    for one, other in product(here, after):
        yield one + other
        yield one[0] + other[0]


def _splits(typed: str) -> list[tuple[str, ...]]:
    """Into syllables, of which the last may only be begun; those with the fewest first."""
    known: list[list[tuple[str, ...]]] = [[()]]
    for end in range(1, len(typed) + 1):
        starts = range(max(0, end - _LONGEST), end)
        here = [
            (*before, typed[start:end])
            for start in starts
            if _is_syllable(typed[start:end], may_be_begun=end == len(typed))
            for before in known[start]
        ]
        known.append(sorted(here, key=len)[:_MOST_SPLITS])
    return known[-1]


def _is_syllable(text: str, *, may_be_begun: bool) -> bool:
    initial = next((each for each in _INITIALS if text.startswith(each)), "")
    final = text.removeprefix(initial)
    if not initial:
        return final in _ALONE
    return final in _FINALS or (may_be_begun and final in _BEGUN)


@cache
def _readings(word: str) -> Sequence[str]:
    """Of one Han character, the usual one first; of all else none."""
    if len(word) != 1 or word < _FIRST_HAN:
        return ()
    text, places = _dictionary()
    start = places[ord(word)] if ord(word) < len(places) else 0
    said = text[start : text.index(b'"', start)].decode("utf-8") if start else ""
    # Without its tone: nǚ is typed nv.
    plain = unicodedata.normalize("NFC", unicodedata.normalize("NFD", said).translate(_TONES)).replace("ü", "v")
    return tuple(each for each in dict.fromkeys(plain.split(",")) if each.isascii() and each.isalpha())[:_MOST_READINGS]


def _is_open() -> bool:
    return _dictionary.cache_info().currsize > 0


@cache
def _dictionary() -> tuple[bytes, array[int]]:
    """The library's own file, and where in it each character is said; 2 MB.

    To have the library read it takes a fifth of a second, in which no other thread gets its turn for 40 ms, and 12 MB.
    Nobody pays for it whose names have no Chinese characters.
    """
    spec = find_spec("pypinyin")
    assert spec is not None
    assert spec.origin is not None
    text = Path(spec.origin).with_name("pinyin_dict.json").read_bytes()
    places = array("I", bytes(4 * _CHARACTERS))
    for found in _LINE.finditer(text):
        if (code := int(found[1])) < _CHARACTERS:
            places[code] = found.end()
    return text, places
