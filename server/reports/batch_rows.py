"""How rows of batches and their reports are asked for, and what they are read as."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec
from sqlalchemy import ColumnElement, Select, Text, and_, case, cast, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.errors import NotFound
from server.jobs.job import State
from server.reports.batches import BatchHead, BatchReport, ReportFilter
from server.reports.comments import comment_count
from server.storage.pages import size_of
from server.storage.searching import mentions, searched
from server.storage.tables import batches, jobs, reports, users

_LIVE = (State.QUEUED, State.RUNNING)
BatchKind = TypeVar("BatchKind", bound="BatchHead")

# A report that is not finished is what its job makes of it: the job's end is stored once, not once a report.
SHOWN_STATE = case(
    (and_(reports.c.state.in_(_LIVE), jobs.c.state.in_((State.CANCELLED, State.FAILED))), State.CANCELLED.value),
    (and_(reports.c.state == State.RUNNING, jobs.c.state == State.QUEUED), State.QUEUED.value),
    else_=reports.c.state,
)
REPORT_SIZE = size_of(reports.c.parameters, reports.c.error, reports.c.artifacts, reports.c.warnings)


async def one_batch(connection: AsyncConnection, batch_id: str, kind: type[BatchKind]) -> BatchKind:
    row = (await connection.execute(batch_query(kind, batches.c.id == batch_id))).mappings().one_or_none()
    if row is None:
        raise NotFound
    return batch_of(row, await tallies_of(connection, [batch_id]), kind)


def batch_query(kind: type[BatchHead], *conditions: ColumnElement[bool]) -> Select[Any]:
    columns = [column for column in batches.c if column.name in kind.__struct_fields__]
    of_job = jobs.c.state.label("job_state"), jobs.c.outcome.label("job_outcome")
    return (
        select(*columns, *of_job, users.c.name.label("owner"))
        .join(jobs, jobs.c.id == batches.c.job_id)
        .join(users, users.c.id == batches.c.owner_id)
        .where(*conditions)
    )


def report_query(*conditions: ColumnElement[bool]) -> Select[Any]:
    columns = [column for column in reports.c if column.name not in ("state", "words")]
    return (
        select(*columns, SHOWN_STATE.label("state"), comment_count(reports.c.id).label("comment_count"))
        .join(batches, batches.c.id == reports.c.batch_id)
        .join(jobs, jobs.c.id == batches.c.job_id)
        .where(*conditions)
    )


def report_conditions(wanted: ReportFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.state is not None:
        conditions.append(SHOWN_STATE.is_not_distinct_from(wanted.state.value))
    if wanted.ids is not None:
        conditions.append(reports.c.id.in_(wanted.ids))
    for word in searched(wanted.q):
        written = json.dumps(word)[1:-1]  # as the column holds it: 北 is \u5317 there
        conditions.append(
            or_(
                mentions(reports.c.title, word),
                mentions(cast(reports.c.parameters, Text), written),
            )
        )
    conditions += [mentions(reports.c.title, word) for word in searched(wanted.title)]
    return conditions


async def tallies_of(connection: AsyncConnection, batch_ids: Sequence[str]) -> dict[str, dict[str, int]]:
    query = (
        select(reports.c.batch_id, SHOWN_STATE.label("shown"), func.count().label("count"))
        .join(batches, batches.c.id == reports.c.batch_id)
        .join(jobs, jobs.c.id == batches.c.job_id)
        .where(reports.c.batch_id.in_(batch_ids))
        .group_by(reports.c.batch_id, "shown")
    )
    tallies: dict[str, dict[str, int]] = {batch_id: {} for batch_id in batch_ids}
    for row in (await connection.execute(query)).mappings():
        tallies[row["batch_id"]][row["shown"]] = row["count"]
    return tallies


def batch_of(row: Any, tallies: dict[str, dict[str, int]], kind: type[BatchKind]) -> BatchKind:
    return msgspec.convert(_values(row) | {"tally": tallies[row["id"]]}, kind)


def report_of(row: Any) -> BatchReport:
    return msgspec.convert(_values(row), BatchReport)


def _values(row: Any) -> dict[str, Any]:
    return {str(name): value for name, value in row.items()}  # SQLAlchemy's names are strings of its own kind
