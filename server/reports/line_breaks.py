"""What a line break inside a paragraph stands for: a space, but nothing between Chinese or Japanese characters."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from itertools import pairwise


def between(before: str, after: str) -> str:
    """What stands between two lines."""
    if not before or not after:
        return " "
    last, first = before[-1], after[0]
    joined = _is_mark(last) or _is_mark(first) or (is_wide(last) and is_wide(first))
    return "" if joined else " "


def unfolded(text: str, lines: list[str]) -> str:
    """A scalar that YAML has folded, with the spaces that came from breaks between those `lines`, where they belong."""
    for before, after in _breaks(lines):
        if between(before, after) == "":
            text = text.replace(f"{before} {after}", before + after)
    return text


def _breaks(lines: list[str]) -> Iterator[tuple[str, str]]:
    """The words on both sides of each break; a few letters tell the place well enough."""
    for upper, lower in pairwise(lines):
        before, after = upper.strip()[-8:], lower.strip()[:8]
        if before and after:
            yield before, after


def is_wide(letter: str) -> bool:
    """Korean has spaces between words, and is no part of this."""
    return unicodedata.east_asian_width(letter) in "WF" and not unicodedata.name(letter, "").startswith("HANGUL")


def _is_mark(letter: str) -> bool:
    """Punctuation that is as wide as a character and holds its own space."""
    return is_wide(letter) and unicodedata.category(letter).startswith("P")
