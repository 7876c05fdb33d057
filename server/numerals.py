"""Whole numbers as people and programs write them into addresses, forms and headers."""

from __future__ import annotations

_LARGEST = 2**63 - 1  # what the database holds


def whole_number(text: str | None, *, at_most: int = _LARGEST) -> int | None:
    """`text` in ASCII digits as a number; None when it is none, or larger.

    `int()` alone would also take "+1", "1_0" and "１", and fail at thousands of digits.
    """
    if not text or not text.isascii() or not text.isdigit():
        return None
    significant = text.lstrip("0") or "0"
    if len(significant) > len(str(at_most)):
        return None
    number = int(significant)
    return number if number <= at_most else None
