"""How Chinese is said: whoever types letters finds 销售 by xiaoshou, by xiaosh and by xs.

What is kept of a run of characters are its pairs, in each way they may be read, and the first letters of each pair: of
销售月报 xiaoshou, shouyue, yuebao, bao, xs, sy and yb. So a name costs a few words however its characters are read, and
what somebody types is asked for pair by pair, which needs no dictionary.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from itertools import pairwise, product
from typing import cast

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


async def learn(texts: Iterable[str]) -> None:
    """Before sounds of `texts` are needed on the event loop: the first Chinese that a process meets takes a while."""
    if not _learnt() and any(each >= _FIRST_HAN for text in texts for each in text):
        await asyncio.to_thread(_reader)


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
    return tuple(each for each in dict.fromkeys(_reader()(word)) if each.isascii() and each.isalpha())[:_MOST_READINGS]


def _learnt() -> bool:
    return _reader.cache_info().currsize > 0


@cache
def _reader() -> Callable[[str], Sequence[str]]:
    """Takes 12 MB and a fifth of a second, so nobody pays for it whose names have no Chinese characters."""
    os.environ.setdefault("PYPINYIN_NO_PHRASES", "1")  # 45 MB more, to choose among readings of which we keep all
    os.environ.setdefault("PYPINYIN_NO_DICT_COPY", "1")
    from pypinyin import Style, pinyin

    def readings(character: str) -> Sequence[str]:
        found = pinyin(character, style=Style.NORMAL, heteronym=True, errors="ignore")
        return cast(Sequence[str], found[0] if found else ())

    return readings
