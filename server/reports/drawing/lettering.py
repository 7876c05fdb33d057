"""How much room a text takes, and how it is made to fit: broken into lines, or cut with an ellipsis."""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Sequence

ELLIPSIS = "…"
# Widths of a sans-serif face in parts of its size, rather generous: pages use the reader's own face.
_NARROW = frozenset("iljtfrI.,:;'|!()[]{}/\\ -·’‘")
_WITHOUT_WIDTH = frozenset({"Mn", "Me", "Cf"})  # vowels and accents above and below letters, joiners
_WIDE = frozenset("mwMWOQGD@%&—…")
_SCRIPTS = (
    ("\u0590", "\u06ff", 0.7),  # Hebrew, Arabic
    ("\u0900", "\u09ff", 0.72),  # Devanagari, Bengali
    ("\u0b80", "\u0bff", 1.05),  # Tamil
    ("\u0e00", "\u0e7f", 0.66),  # Thai
    ("\u2190", "\u2bff", 1.0),  # arrows, symbols
    ("\U0001f000", "\U0001faff", 1.3),  # emoji
)


def width(text: str, size: float) -> float:
    """In the same unit as `size`."""
    return sum(map(_share, text)) * size


@functools.lru_cache(maxsize=4096)
def _share(letter: str) -> float:
    if unicodedata.category(letter) in _WITHOUT_WIDTH:
        return 0.0
    for first, last, share in _SCRIPTS:
        if first <= letter <= last:
            return share
    if unicodedata.east_asian_width(letter) in ("W", "F"):
        return 1.0
    if letter in _NARROW:
        return 0.38
    if letter in _WIDE:
        return 0.92
    return 0.7 if letter.isupper() else 0.61


def cut(text: str, room: float, size: float) -> str:
    """The whole text, or as much as has room and an ellipsis."""
    if width(text, size) <= room:
        return text
    left = room - width(ELLIPSIS, size)
    taken = []
    for letter in text:
        left -= _share(letter) * size
        if left < 0:
            break
        taken.append(letter)
    return "".join(taken).rstrip() + ELLIPSIS


def cut_apart(texts: Sequence[str], room: float, size: float) -> list[str]:
    """Each as `cut`; those that would read alike lose their middle instead, so that their ends tell them apart."""
    found = [cut(text, room, size) for text in texts]
    meant: dict[str, set[str]] = {}
    for text, short in zip(texts, found, strict=True):
        meant.setdefault(short, set()).add(text)
    return [
        _without_middle(text, room, size) if len(meant[short]) > 1 else short
        for text, short in zip(texts, found, strict=True)
    ]


def _without_middle(text: str, room: float, size: float) -> str:
    half = (room - width(ELLIPSIS, size)) / 2
    head = cut(text, half + width(ELLIPSIS, size), size).removesuffix(ELLIPSIS)
    left, tail = half, ""
    for letter in reversed(text):
        left -= _share(letter) * size
        if left < 0:
            break
        tail = letter + tail
    return f"{head}{ELLIPSIS}{tail.lstrip()}"


def wrapped(text: str, room: float, size: float, *, lines: int) -> list[str] | None:
    """At most so many lines, broken between words and between Chinese characters; None where it does not fit."""
    found = [""]
    for piece in _pieces(text):
        longer = found[-1] + piece
        if width(longer.rstrip(), size) <= room:
            found[-1] = longer
            continue
        if width(piece.rstrip(), size) > room:
            return None
        found.append(piece)
    found = [line.strip() for line in found if line.strip()]
    return found if len(found) <= lines else None


def fitted(text: str, room: float, size: float, *, lines: int) -> list[str]:
    """As `wrapped`; what does not fit is cut in the last line."""
    found: list[str] = []
    rest = " ".join(text.split())
    while rest and len(found) < lines - 1:
        whole = wrapped(rest, room, size, lines=lines - len(found))
        if whole is not None:
            return [*found, *whole]
        head = _head(rest, room, size)
        if not head:
            break
        found.append(head.strip())
        rest = rest[len(head) :].lstrip()
    return [*found, cut(rest, room, size)] if rest else found or [""]


def _head(text: str, room: float, size: float) -> str:
    """As many whole pieces as have room; one that has none is broken anywhere."""
    taken = ""
    for piece in _pieces(text):
        if width((taken + piece).rstrip(), size) > room:
            break
        taken += piece
    return taken or cut(text, room, size).rstrip(ELLIPSIS)


def _pieces(text: str) -> list[str]:
    """Words with the space behind them; wide characters one by one, but for marks that never begin a line."""
    pieces: list[str] = []
    joined = False  # whether the next letter goes on with the last piece
    for letter in text:
        is_wide = unicodedata.east_asian_width(letter) in ("W", "F")
        closes = letter in "，。、；：！？）》」』”%"
        if pieces and (closes or letter == " " or (joined and not is_wide)):
            pieces[-1] += letter
        else:
            pieces.append(letter)
        joined = not is_wide and letter not in " -/"
    return pieces
