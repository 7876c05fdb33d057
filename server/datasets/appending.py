"""What is known of two parts of a dataset together: statistics of appended rows without reading them again."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Context, Decimal
from typing import Any

import msgspec

from server.datasets.day_cells import order_of
from server.datasets.decimals import exact_figure
from server.datasets.notations import has_decimal_mark, merged_notations
from server.datasets.schema import TEMPORAL_TYPES, Column

_EXACT = Context(prec=100)
_SUMMED = frozenset({"nulls", "count", "sum"})


def merged_columns(before: Sequence[Column], added: Sequence[Column]) -> list[Column]:
    """The dataset's columns; decimals have room for the digits of either part."""
    new = {column.name: column for column in added}
    return [_merged_column(column, new[column.name]) if column.name in new else column for column in before]


def _merged_column(before: Column, added: Column) -> Column:
    is_known = before.nullable is not None and added.nullable is not None
    merged = msgspec.structs.replace(
        before,
        format=added.format if _says_more(added, before) else before.format,
        nullable=before.nullable or added.nullable if is_known else None,
        notations=merged_notations(before.notations, added.notations),
    )
    if before.type != "decimal":
        return merged
    return msgspec.structs.replace(merged, precision=added.precision, scale=added.scale)


def _says_more(added: Column, before: Column) -> bool:
    """Whether the rows that came now show how such values are written, and those before did not."""
    if before.type in TEMPORAL_TYPES:
        return order_of(before.format) == "YMD" != order_of(added.format)
    return has_decimal_mark(added) and not has_decimal_mark(before)


def merged_statistics(
    before: dict[str, Any], added: dict[str, Any], columns: Sequence[Column]
) -> dict[str, dict[str, Any]]:
    """Statistics by column of both parts. What cannot be known without the rows (distinct values, top values,
    histograms) is left out rather than guessed."""
    exact = {column.name for column in columns if column.type == "decimal"}
    return {name: _merged(values, added.get(name) or {}, name in exact) for name, values in before.items()}


def _merged(before: dict[str, Any], added: dict[str, Any], is_exact: bool) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    if is_exact:
        before, added = _as_decimals(before), _as_decimals(added)
        merged = _merged(before, added, False)
        return {key: exact_figure(value) if isinstance(value, Decimal) else value for key, value in merged.items()}
    for key in before.keys() & added.keys():
        known = [value for value in (before[key], added[key]) if value is not None]
        if key in _SUMMED and len(known) == 2:
            merged[key] = _EXACT.add(*known) if isinstance(known[0], Decimal) else sum(known)
        elif key in ("min", "max"):
            merged[key] = _extreme(key, known)
    return merged


def _as_decimals(figures: dict[str, Any]) -> dict[str, Any]:
    exact = {key: Decimal(str(figures[key])) for key in ("min", "max", "sum") if figures.get(key) is not None}
    return figures | exact


def _extreme(key: str, known: list[Any]) -> Any:
    if not known:
        return None
    try:
        return min(known) if key == "min" else max(known)
    except TypeError:  # the two parts wrote the value differently: better nothing than something wrong
        return None
