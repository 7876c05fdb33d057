"""The clock that queries of a report read: the report's own, so that the same order gives the same rows next year.

DuckDB looks for a macro before it looks for a function of its own, also where SQL has a word (`current_date`).
Functions that draw at random are seeded.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from server.datasets.sql_text import literal

_DATES = ("today", "current_date")
_MOMENTS = ("now", "current_timestamp", "get_current_timestamp", "transaction_timestamp")
_LOCAL_MOMENTS = ("localtimestamp", "current_localtimestamp")
_LOCAL_TIMES = ("localtime", "current_localtime")
_TIMES = ("current_time", "get_current_time")
SEED = "select setseed(0.5)"
"""Whatever is drawn at random after it is drawn alike."""


def clock_statements(now: datetime) -> Iterator[str]:
    """SQL after which `now` is the present moment; `now` is aware, and its zone the one that days are counted in."""
    local = now.replace(tzinfo=None).isoformat(sep=" ")
    moment = f"timestamptz {literal(now.isoformat(sep=' '))}"
    yield f"set timezone = {literal(getattr(now.tzinfo, 'key', 'UTC'))}"
    for names, value in (
        (_DATES, f"date {literal(now.date())}"),
        (_MOMENTS, moment),
        (_LOCAL_MOMENTS, f"timestamp {literal(local)}"),
        (_LOCAL_TIMES, f"time {literal(now.time())}"),
        (_TIMES, f"timetz {literal(now.timetz())}"),
    ):
        for name in names:
            yield f"create macro {name}() as {value}"
    yield (
        "create macro age(moment) as system.main.age(current_date::timestamp, moment), "
        "(later, earlier) as system.main.age(later, earlier)"
    )
