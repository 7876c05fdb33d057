"""What is known of two parts of a dataset together: statistics of appended rows without reading them again."""

from __future__ import annotations

from typing import Any

_SUMMED = frozenset({"nulls", "count", "sum"})


def merged_statistics(before: dict[str, Any], added: dict[str, Any]) -> dict[str, Any]:
    """Statistics by column of both parts. What cannot be known without the rows (distinct values, top values,
    histograms) is left out rather than guessed."""
    return {name: _merged(values, added.get(name) or {}) for name, values in before.items()}


def _merged(before: dict[str, Any], added: dict[str, Any]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for key in before.keys() & added.keys():
        known = [value for value in (before[key], added[key]) if value is not None]
        if key in _SUMMED and len(known) == 2:
            merged[key] = sum(known)
        elif key in ("min", "max"):
            merged[key] = _extreme(key, known)
    return merged


def _extreme(key: str, known: list[Any]) -> Any:
    if not known:
        return None
    try:
        return min(known) if key == "min" else max(known)
    except TypeError:  # the two parts wrote the value differently: better nothing than something wrong
        return None
