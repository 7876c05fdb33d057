"""Which whole numbers are years: no amounts, so that nothing stands between their thousands."""

from __future__ import annotations

FIRST_YEAR, LAST_YEAR = 1000, 9999
_NAMES = frozenset(("year", "yr", "fy", "jahr", "annee", "année", "an", "año", "ano", "anno", "jaar", "rok", "год"))
_ENDINGS = ("年", "年份", "年度")
_RATES = frozenset(["per", "pro", "par", "por", "每"])


def is_year(value: int, column: str) -> bool:
    """Of a column of this name: `year`, `order_year`, `年份`; not `sales per year`, which is an amount."""
    words = column.casefold().replace("_", " ").split() or [""]
    is_name = words[-1] in _NAMES or (words[-1].endswith(_ENDINGS) and not words[-1].startswith("每"))
    is_whole = not isinstance(value, bool) and FIRST_YEAR <= value <= LAST_YEAR
    return is_name and is_whole and not _RATES.intersection(words)
