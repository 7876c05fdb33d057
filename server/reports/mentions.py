"""Whom a comment names: `@mei`, or `@"Mei Li"` for names with spaces."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from server.auth.users import name_key

MOST_MENTIONS = 20  # in one comment
_LONGEST_NAME = 64
# Not within addresses: of mail, `mei@example.com`, or of pages, `example.com/@mei`.
_WRITTEN = re.compile(
    rf'(?<![A-Za-z0-9_./@-])@(?:"([^"\n]{{1,{_LONGEST_NAME}}})"|([^\s"<>/\\@][^\s"<>/\\]{{0,{_LONGEST_NAME - 1}}}))'
)
_WORD = re.compile(r"[A-Za-z0-9_]")
_AT_THE_END = ".,;:!?)]}'…。，、；：！？）】」』”’"


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """One `@…` of a text. `names` are what it may mean, the longest first: `@李伟请看` may mean 李伟."""

    shown: str
    names: tuple[str, ...]


def written_in(text: str) -> list[Written]:
    """In order, each once."""
    found: dict[str, Written] = {}
    for match in _WRITTEN.finditer(text):
        quoted, plain = match.groups()
        shown = quoted or plain.rstrip(_AT_THE_END)
        if shown and name_key(shown) not in found:
            names = (shown,) if quoted else _beginnings(shown)
            found[name_key(shown)] = Written(shown=shown, names=names)
    return list(found.values())


def keys_of(written: Collection[Written]) -> set[str]:
    """By which people are looked up."""
    return {name_key(name) for each in written for name in each.names}


def meant(each: Written, known: Mapping[str, str]) -> tuple[str, str] | None:
    """What of it is a name, and whose id that is, given ids by name key."""
    for name in each.names:
        if (user_id := known.get(name_key(name))) is not None:
            return name, user_id
    return None


def parts_of(text: str, names: Sequence[str]) -> list[tuple[str, bool]]:
    """The text in pieces, and whether each of them names one of these people."""
    if not names:
        return [(text, False)]
    longest_first = sorted(map(re.escape, names), key=len, reverse=True)
    pieces: list[tuple[str, bool]] = []
    last = 0
    for match in re.finditer(
        rf'(?<![A-Za-z0-9_./@-])@(?:"(?:{"|".join(longest_first)})"|(?:{"|".join(longest_first)}))', text
    ):
        pieces += [(text[last : match.start()], False), (match.group(), True)]
        last = match.end()
    return [piece for piece in [*pieces, (text[last:], False)] if piece[0]]


def _beginnings(shown: str) -> tuple[str, ...]:
    """All that ends where a word of Latin letters may end."""
    ends = (end for end in range(len(shown), 0, -1) if end == len(shown) or not _within_word(shown, end))
    return tuple(shown[:end] for end in ends)


def _within_word(text: str, place: int) -> bool:
    return bool(_WORD.match(text[place - 1]) and _WORD.match(text[place]))
