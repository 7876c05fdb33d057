"""Half-width katakana, as banks and old programs of Japan write names: a byte each, which are letters elsewhere."""

from __future__ import annotations

import re

_RUN = re.compile("[\uff66-\uff9f]+")
# A sound mark follows upon a kana that has such a sound; small ones and the long mark begin no word.
_SOUNDED = "(?:(?<=[\uff73\uff76-\uff84\uff8a-\uff8e])\uff9e|(?<=[\uff8a-\uff8e])\uff9f)?"
_WORD = re.compile(f"(?:[\uff66\uff71-\uff9d]{_SOUNDED}[\uff67-\uff70]*)+")
_OTHER = "[a-z\u0370-\uff65\ufffd]"
_IN_OTHER_WORD = re.compile(f"{_OTHER}[\uff66-\uff9f]|[\uff66-\uff9f]{_OTHER}")
# Rows A, K and S, half of all kana of a text. The bytes of the others are the small letters of KOI8.
_FIRST_ROWS = re.compile("[\uff71-\uff7f]")
_LEAST = 6
_LEAST_OF_FIRST_ROWS = 0.25


def has_kana_words(text: str, *, is_own: bool) -> bool:
    """Whether all half-width kana of a text, and there are some, stand as they do in Japanese.

    `is_own`: whoever has the file reads Japanese, so that a word is enough.
    """
    runs = _RUN.findall(text)
    if not runs or not all(map(_WORD.fullmatch, runs)) or _IN_OTHER_WORD.search(text) is not None:
        return False
    count, first = sum(map(len, runs)), sum(len(_FIRST_ROWS.findall(run)) for run in runs)
    return is_own if count < _LEAST else first >= _LEAST_OF_FIRST_ROWS * count
