"""What the values of each column look like: nulls, range, distinct values, the most frequent ones, a histogram."""

from __future__ import annotations

import time

import msgspec

from server.datasets.answers import shown
from server.datasets.query_session import QuerySession
from server.datasets.schema import NUMERIC_TYPES, TEMPORAL_TYPES, Column
from server.datasets.sql_text import quoted
from server.datasets.work import ColumnProfile, ProfileRequest, TopValue
from server.jobs.worker_process import OnReport

BINS = 24
TOP = 6
_VIEW = "data"
_FEW = 50
_FREQUENT = 0.01
_SAMPLE_ROWS = 500_000  # shapes do not get clearer beyond, only slower
_MEASURED = NUMERIC_TYPES | TEMPORAL_TYPES
_DETAIL_SHARE = 0.6  # of the time limit: columns after that are shown without details


def profile_columns(request: ProfileRequest, report: OnReport) -> list[ColumnProfile]:
    """One scan for all figures, then a look at each column while there is time."""
    deadline = time.monotonic() + request.limits.seconds * _DETAIL_SHARE
    session = QuerySession({_VIEW: request.paths}, request.limits)
    try:
        count, profiles = _figures(session, request.columns)
        return [
            _detailed(session, profile, count) if count and time.monotonic() < deadline else profile
            for profile in profiles
        ]
    finally:
        session.close()


def _figures(session: QuerySession, columns: tuple[Column, ...]) -> tuple[int, list[ColumnProfile]]:
    parts = ["count(*)"]
    for column in columns:
        name = quoted(column.name)
        parts += [f"count({name})", f"approx_count_distinct({name})", f"min({name})", f"max({name})"]
        numeric = column.type in NUMERIC_TYPES
        parts += [f"avg({name})", f"approx_quantile({name}, 0.5)"] if numeric else ["null", "null"]
    row = session.execute(f"select {', '.join(parts)} from {_VIEW}", {}).rows[0]  # noqa: S608 – quoted names only
    count: int = row[0]
    profiles = []
    for place, column in enumerate(columns):
        present, distinct, low, high, mean, median = row[1 + 6 * place : 7 + 6 * place]
        profiles.append(
            ColumnProfile(
                name=column.name,
                type=column.type,
                nulls=count - present,
                distinct=min(distinct, present),
                min=shown(low),
                max=shown(high),
                mean=shown(mean),
                median=shown(median),
            )
        )
    return count, profiles


def _detailed(session: QuerySession, profile: ColumnProfile, count: int) -> ColumnProfile:
    sampled = count > _SAMPLE_ROWS
    source = f"select {quoted(profile.name)} as v from {_VIEW}"  # noqa: S608 – quoted name
    if sampled:
        # Bernoulli, not reservoir: it needs no memory for the rows it keeps.
        source += f" tablesample bernoulli({100 * _SAMPLE_ROWS / count:.4f}%) repeatable (1)"
    if profile.type in _MEASURED and profile.min != profile.max:
        return msgspec.structs.replace(profile, histogram=_histogram(session, source, profile.type), sampled=sampled)
    if profile.distinct >= count - profile.nulls > TOP:  # every value once: no value says anything
        return profile
    top = _top(session, source)
    if profile.distinct > _FEW and top and top[0].share < _FREQUENT:  # an identifier: its first six say nothing
        return profile
    return msgspec.structs.replace(profile, top=top, sampled=sampled)


def _histogram(session: QuerySession, source: str, kind: str) -> list[int]:
    number = "epoch(v)" if kind in TEMPORAL_TYPES else "v::double"
    rows = session.execute(
        f"with x as (select {number} as n from ({source}) where v is not null), "  # noqa: S608
        "r as (select min(n) as low, max(n) as high from x) "
        f"select least({BINS - 1}, floor({BINS} * (n - low) / nullif(high - low, 0)))::int as bin, count(*) "
        "from x, r group by 1",
        {},
    ).rows
    counts = {bin_: count for bin_, count in rows if bin_ is not None}
    return [counts.get(place, 0) for place in range(BINS)]


def _top(session: QuerySession, source: str) -> list[TopValue]:
    rows = session.execute(
        f"with x as (select v from ({source}) where v is not null) "  # noqa: S608
        f"select v::varchar, count(*) / (select count(*) from x) from x group by 1 order by 2 desc, 1 limit {TOP}",
        {},
    ).rows
    return [TopValue(value=value[:80], share=float(share)) for value, share in rows]
