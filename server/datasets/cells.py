"""Cells in general: words for nothing and for truth values, and letters that look alike."""

from __future__ import annotations

import re
import unicodedata

# How a value was written, as far as it does not keep that itself; a currency is another (see notations.py).
PLAIN, PERCENT, IN_UTC, TURNED_INTO_UTC = "", "%", "Z", "+"
# What stands for "nothing" in a column of numbers, dates or truth values; compared without regard to case.
NULL_WORDS = (
    "", "null", "n/a", "#n/a", "na", "n.a.", "none", "nan", "nil", "k.a.", "-", "--", "—", "–", "/", "\\n", "无", "空",
)  # fmt: skip
# In text only what nobody writes as text.
TEXT_NULLS = ("", "NULL", "N/A", "#N/A", "\\N")
# Each beside its opposite. No `si`, which is Slovenia beside Norway's `no`.
TRUTH_PAIRS = (
    ("true", "false"), ("yes", "no"), ("y", "n"), ("t", "f"), ("1", "0"), ("on", "off"),
    ("是", "否"), ("对", "错"), ("真", "假"), ("✓", "✗"), ("√", "×"), ("はい", "いいえ"), ("예", "아니요"),
    ("ja", "nein"), ("ja", "nee"), ("ja", "nej"), ("wahr", "falsch"), ("oui", "non"), ("vrai", "faux"), ("sí", "no"),
    ("verdadero", "falso"), ("verdadeiro", "falso"), ("vero", "falso"), ("sim", "não"), ("tak", "nie"),
    ("prawda", "fałsz"), ("ano", "ne"), ("evet", "hayır"), ("да", "нет"), ("истина", "ложь"),
)  # fmt: skip
TRUE_WORDS = frozenset(true for true, _ in TRUTH_PAIRS)
FALSE_WORDS = frozenset(false for _, false in TRUTH_PAIRS)
_GUARD = re.compile(r'="([^"]*)"')
_LOOKALIKES = str.maketrans(
    {"−": "-", "–": "-", "—": "-", "﹣": "-", "\u00a0": " ", "\u202f": " ", "’": "'", "￥": "¥"}
)


def plain(text: str) -> str:
    """Full-width digits and punctuation as their narrow twins, odd spaces and minus signs as the usual ones."""
    return text.strip() if text.isascii() else unicodedata.normalize("NFKC", text).translate(_LOOKALIKES).strip()


def unguarded(text: str) -> str:
    """`="00123"` is how a text is kept from being a number in Excel."""
    guarded = _GUARD.fullmatch(text.strip())
    return guarded[1] if guarded else text


def read_truth(text: str) -> bool | None:
    word = plain(text).casefold()
    return True if word in TRUE_WORDS else False if word in FALSE_WORDS else None
