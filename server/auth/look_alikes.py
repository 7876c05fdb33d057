"""Names that people cannot tell apart: `admin`, `аdmin` with a Cyrillic а, `ádmin`, `admin.`, `adm1n`."""

from __future__ import annotations

import unicodedata
from functools import cache, lru_cache
from importlib import resources

import msgspec

_TRIMMED = ("P", "Z", "Sk")  # punctuation, spaces and accents that stand alone, at the ends of a name


def look_alike(one: str, other: str) -> bool:
    return not skeletons(one).isdisjoint(skeletons(other))


@lru_cache(maxsize=10_000)
def skeletons(name: str) -> frozenset[str]:
    """Forms that names share when they look the same, after Unicode's UTS 39 (4), without accents.

    Two of them: a capital I looks like an l, and a name may be written in capitals.
    """
    plain = _without_accents(name)
    return frozenset(_trimmed(_mapped(text).casefold()) for text in (plain, plain.casefold()))


def _mapped(text: str) -> str:
    prototypes = _prototypes()
    return "".join(prototypes.get(character, character) for character in text)


def _without_accents(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(character for character in decomposed if unicodedata.category(character) != "Mn")


def _trimmed(text: str) -> str:
    """Without what is easily overlooked at its ends; a name of nothing else stays as it is."""
    first, last = 0, len(text)
    while first < last and unicodedata.category(text[first]).startswith(_TRIMMED):
        first += 1
    while last > first and unicodedata.category(text[last - 1]).startswith(_TRIMMED):
        last -= 1
    return " ".join(text[first:last].split()) or text


class _Entry(msgspec.Struct):
    c: str


@cache
def _prototypes() -> dict[str, str]:
    """Each character that looks like another to the one that stands for all of them.

    The package's own functions would keep all its data with names and aliases, 16 MB. In it each character has a list
    of those that it is mixed up with: the one that stands for all has them all, the others have it alone.
    """
    raw = resources.files("confusable_homoglyphs").joinpath("confusables.json").read_bytes()
    mixed_up = msgspec.json.decode(raw, type=dict[str, list[_Entry]])
    found: dict[str, str] = {}
    for character, entries in mixed_up.items():
        if len(entries) != 1 or len(character) != 1:
            continue
        other = entries[0].c
        if len(mixed_up.get(other, ())) > 1 or other < character:
            found[character] = other
    return found
