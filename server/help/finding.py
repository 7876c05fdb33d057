"""Finds sections by what they say. The documents are few: each is looked through, which takes a millisecond or two."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from server.help.work import HelpDocument, HelpSection

_HAN = "\u3400-\u9fff"
_PIECES = re.compile(f"[{_HAN}]+|[^\\s{_HAN}]+")
_ENDINGS = re.compile(r"(?<=\w{4})(?:ing|ed|es|s)$")
_IN_TITLE, _IN_TEXT, _IS_TITLE = 10, 1, 5
_BEFORE, _EXTRACT = 50, 180
_MOST_WORDS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchedSection:
    """Its words as they are compared: without capitals, full-width letters as the usual ones."""

    document: HelpDocument
    section: HelpSection
    title: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundSection:
    """`extract` is what stands around the first word that was asked for."""

    document: HelpDocument
    section: HelpSection
    extract: str


def searched(documents: Sequence[HelpDocument]) -> tuple[SearchedSection, ...]:
    return tuple(
        SearchedSection(document=document, section=section, title=_folded(title), text=_folded(section.text))
        for document in documents
        for section in document.sections
        for title in (section.title or document.title,)
    )


def saying(sections: Sequence[SearchedSection], words: str, limit: int) -> list[FoundSection]:
    """Those with all words, in titles first."""
    wanted = _folded(words).split()[:_MOST_WORDS]
    return _best(sections, wanted, limit, least=len(wanted)) if wanted else []


def found(sections: Sequence[SearchedSection], words: str, limit: int) -> list[FoundSection]:
    """Those with all words, or where there is none, those with parts of the most words."""
    parts = _parts(_folded(words).split()[:_MOST_WORDS])
    return saying(sections, words, limit) or (
        _best(sections, parts, limit, least=(len(parts) + 1) // 2) if parts else []
    )


def _best(sections: Sequence[SearchedSection], wanted: Sequence[str], limit: int, *, least: int) -> list[FoundSection]:
    return [
        FoundSection(document=one.document, section=one.section, extract=_extract(one, wanted))
        for one in _ranked(sections, wanted, least=least)[:limit]
    ]


def _ranked(sections: Sequence[SearchedSection], wanted: Sequence[str], *, least: int) -> list[SearchedSection]:
    points = [(_points(section, wanted), section) for section in sections]
    enough = [(each, section) for (count, each), section in points if count >= least]
    return [section for _, section in sorted(enough, key=lambda pair: -pair[0])]  # which keeps the order of chapters


def _points(section: SearchedSection, wanted: Sequence[str]) -> tuple[int, int]:
    """How many of the words it has, and how well it fits."""
    in_title = sum(word in section.title for word in wanted)
    in_text = sum(word in section.text for word in wanted)
    either = sum(word in section.title or word in section.text for word in wanted)
    is_title = section.title.startswith(wanted[0]) if wanted else False
    return either, either * 100 + in_title * _IN_TITLE + in_text * _IN_TEXT + is_title * _IS_TITLE


def _parts(words: Sequence[str]) -> list[str]:
    """Of words that no section has together: without endings, and Chinese two characters at a time."""
    parts: list[str] = []
    for piece in (piece for word in words for piece in _PIECES.findall(word)):
        if piece[0] < "\u3400":
            parts.append(_ENDINGS.sub("", piece))
        else:
            parts += [piece[at : at + 2] for at in range(max(len(piece) - 1, 1))]
    return list(dict.fromkeys(parts))


def _extract(one: SearchedSection, wanted: Sequence[str]) -> str:
    text = one.section.text
    # Folding may change a length, so that a place in the one is a place in the other but roughly.
    places = [place for word in wanted if (place := one.text.find(word)) >= 0]
    start = max(min(places, default=0) - _BEFORE, 0)
    if start and (blank := text.find(" ", start, start + _BEFORE // 2)) >= 0:
        start = blank + 1
    piece = text[start : start + _EXTRACT]
    return f"{'… ' if start else ''}{piece.strip()}{' …' if start + _EXTRACT < len(text) else ''}"


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()
