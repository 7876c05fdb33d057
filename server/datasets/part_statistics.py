"""Figures about each column of a written part, in one scan: what the dataset page shows without reading rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from server.datasets.decimals import MOST_DIGITS, exact_figure
from server.datasets.schema import NUMERIC_TYPES, Column
from server.datasets.sql_text import literal, quoted
from server.datasets.whole_checks import opened_for_reading

_TEXT_CHARACTERS = 100
_MOST_ADDED_DIGITS = 28  # of a decimal whose sums surely have 38 at most


def column_statistics(part: Path, columns: Sequence[Column]) -> dict[str, dict[str, Any]]:
    """By column: `count` (of values), `nulls`, `distinct` (estimated), `min`, `max`; for numbers `sum` and `mean`."""
    wanted = [expression for column in columns for expression in _expressions(column)]
    source = literal(part)
    with opened_for_reading(part) as connection:
        row = connection.execute(
            f"SELECT count(*), {', '.join(expression for _, _, expression in wanted)} FROM read_parquet({source})"  # noqa: S608
        ).fetchone()
    assert row is not None
    total, figures = row[0], row[1:]
    statistics: dict[str, dict[str, Any]] = {column.name: {} for column in columns}
    for (name, figure, _), value in zip(wanted, figures, strict=True):
        statistics[name][figure] = _plain(value)
    for values in statistics.values():
        values["nulls"] = total - values["count"]
    return statistics


def _expressions(column: Column) -> list[tuple[str, str, str]]:
    name = column.name
    place = quoted(name)
    value = f"left({place}, {_TEXT_CHARACTERS})" if column.type == "text" else place
    figures = {
        "count": f"count({place})",
        "distinct": f"approx_count_distinct({place})",
        "min": f"min({value})",
        "max": f"max({value})",
    }
    if column.type in NUMERIC_TYPES:
        # Floating point numbers compensated, so that millions of them add up.
        is_exact = column.type == "integer" or (column.precision or MOST_DIGITS) <= _MOST_ADDED_DIGITS
        figures |= {"sum": f"{'sum' if is_exact else 'fsum'}({place})", "mean": f"avg({place})"}
    return [(name, figure, expression) for figure, expression in figures.items()]


def _plain(value: Any) -> Any:
    """As JSON can hold it."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return exact_figure(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
