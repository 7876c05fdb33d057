"""Small multiples: the same chart for each value of a column, on one scale, so that they can be compared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from server.errors import InvalidInput
from server.reports.charts.chart import Chart
from server.reports.rows import QueryRow, Rows, columns_of, rows_of, some_of, unknown_column

BESIDE = 3  # in a row
_MOST = 24


def parts_of(rows: Rows, query: str, column: str) -> list[tuple[Any, Rows]]:
    """The rows of each value, in the order in which these come. Raises `InvalidInput` for more than a page shows."""
    if column not in columns_of(rows):
        raise unknown_column(query, column, columns_of(rows))
    found: dict[Any, list[QueryRow]] = {}
    for row in rows_of(rows):
        found.setdefault(row[column], []).append(row)
    if len(found) > _MOST:
        raise InvalidInput(
            "“{column}” has {count} values; at most {limit} small charts can be compared. Group them in the query.",
            code="report_failed",
            column=column,
            count=len(found),
            limit=_MOST,
        )
    return [(value, some_of(rows, members)) for value, members in found.items()]


def on_one_scale(charts: Sequence[Chart]) -> list[Chart]:
    """All reach from the lowest value to the highest of any of them."""
    ends = [end for chart in charts for end in _ends(chart)]
    reach = (min(ends), max(ends)) if ends else None
    return [msgspec.structs.replace(chart, reach=reach) for chart in charts]


def _ends(chart: Chart) -> list[float]:
    """The lowest and the highest place of a mark."""
    if chart.stacked == "shares":
        return []
    values = [[float(value or 0) for value in one.values] for one in chart.series]
    if not chart.stacked:
        return [value for each in values for value in each]
    columns = list(zip(*values, strict=True))
    above = [sum(value for value in column if value > 0) for column in columns]
    return above + [sum(value for value in column if value < 0) for column in columns]
