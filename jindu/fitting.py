"""Cutting what a script says to what the server takes: whatever it says, its job is shown."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from jindu import limits

# What the server takes out as well; spaces of all kinds become one.
_INVISIBLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\s]+")
_FEWEST_CHARACTERS = 8


def text(value: object, longest: int) -> str:
    """One line of at most so many characters. Half a surrogate pair, as file names may hold, cannot be sent."""
    line = _INVISIBLE.sub(" ", str(value).encode("utf-8", "replace").decode()).strip()
    return line if len(line) <= longest else line[: longest - 1] + "…"


def amount(value: object) -> float:
    """As a number that others can be added to. Raises `TypeError` where the script counts with something else."""
    if isinstance(value, (int, float)):
        return value
    try:
        return float(value)  # type: ignore[arg-type]  # of NumPy, `Decimal`, a word from a file
    except (TypeError, ValueError):
        raise TypeError(f"Jindu counts in numbers, and this is none: {value!r}") from None


def number(value: float | None) -> float | None:
    """As JSON can carry it, whole where it is whole; None for what is no number."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return None
    within = min(limits.LARGEST_NUMBER, max(0, value))
    whole = int(within)
    return whole if whole == within else float(within)


def detail(values: Mapping[str, Any]) -> dict[str, Any]:
    return _fitting(values, limits.DETAIL_BYTES, limits.DETAIL_VALUE_CHARACTERS)


def result(values: Mapping[str, Any]) -> dict[str, Any]:
    return _fitting(values, limits.RESULT_BYTES, limits.RESULT_VALUE_CHARACTERS)


def _fitting(values: Mapping[str, Any], most_bytes: int, longest: int) -> dict[str, Any]:
    """Long texts become shorter before a value is left out: its name would stay on the page with what it was before."""
    first = list(values.items())[: limits.DETAIL_VALUES]
    while longest >= _FEWEST_CHARACTERS:
        cut = {text(name, limits.NAME_CHARACTERS): _value(value, longest) for name, value in first}
        if size(cut) <= most_bytes:
            return cut
        longest //= 2
    while size(cut) > most_bytes:
        cut.popitem()
    return cut


def size(values: Mapping[str, Any]) -> int:
    """Bytes as the server counts them."""
    return len(json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode())


def _value(value: object, longest: int) -> object:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int) and abs(value) <= limits.LARGEST_NUMBER:
        return int(value)
    if isinstance(value, float) and math.isfinite(value):
        return float(value)
    return text(value, longest)
