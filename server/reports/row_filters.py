"""Jinja's filters that make one figure of many rows: over all rows of a query, also where only the first are listed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jinja2 import Environment, filters, pass_environment

from server.reports.rows import QueryRow, over_all


def _length(value: Any) -> int:
    whole = over_all(value, "count")
    return len(value) if whole is None else int(whole[0])


@pass_environment
def _sum(environment: Environment, iterable: Any, attribute: str | int | None = None, start: Any = 0) -> Any:
    whole = over_all(iterable, "sum", attribute) if attribute is not None else None
    return filters.do_sum(environment, iterable, attribute, start) if whole is None else start + (whole[0] or 0)


@pass_environment
def _min(environment: Environment, value: Any, case_sensitive: bool = False, attribute: Any = None) -> Any:
    whole = over_all(value, "min", attribute) if attribute is not None else None
    return _extreme(filters.do_min, environment, value, case_sensitive, attribute) if whole is None else whole[0]


@pass_environment
def _max(environment: Environment, value: Any, case_sensitive: bool = False, attribute: Any = None) -> Any:
    whole = over_all(value, "max", attribute) if attribute is not None else None
    return _extreme(filters.do_max, environment, value, case_sensitive, attribute) if whole is None else whole[0]


def _extreme(of: Callable[..., Any], environment: Environment, value: Any, case_sensitive: bool, attribute: Any) -> Any:
    """Of a column of rows, its value and not the row, without what is missing; of anything else as Jinja has it."""
    items = list(value) if attribute is not None else value
    if attribute is None or not items or not all(isinstance(item, QueryRow) for item in items):
        return None if attribute is not None and not items else of(environment, items, case_sensitive, attribute)
    present = [item[attribute] for item in items if item[attribute] is not None]
    return of(environment, present, case_sensitive) if present else None


WHOLE_FILTERS: dict[str, Callable[..., Any]] = {
    "length": _length,
    "count": _length,
    "sum": _sum,
    "min": _min,
    "max": _max,
}
