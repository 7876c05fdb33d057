"""The rows that several nodes share as one queue: how jobs are put, claimed and found again, by PostgreSQL's clock."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec import convert
from sqlalchemy import ColumnElement, bindparam, func, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import String

from server.jobs.away import FILES_AWAY, IMPATIENT, Patience
from server.jobs.external_kind import KIND as EXTERNAL
from server.jobs.job import Job, State
from server.jobs.life import REVISIONS_LOST
from server.jobs.store import FIELDS, job_of
from server.storage.tables import job_turns, jobs

LIGHT = "light"  # the lane of jobs that take no place
PUT, CANCELLED = "jindu_jobs", "jindu_jobs_cancelled"
"""What is told without a word to it: jobs wait, and jobs should end. Their rows say which."""

_ALL = ", ".join(f'jobs."{name}"' for name in FIELDS)
_MOST_SHOWN = 2_000  # of those that wait: nobody looks further back
_CLAIM = (
    text(f"""
WITH busy AS (
  SELECT owner_id, lane, count(*) AS running FROM jobs WHERE state = 'running' AND lane <> '' GROUP BY owner_id, lane
), chosen AS (
  SELECT jobs.id, jobs.owner_id, jobs.lane
  FROM jobs
  LEFT JOIN busy ON busy.owner_id = jobs.owner_id AND busy.lane = jobs.lane
  LEFT JOIN job_turns ON job_turns.owner_id = jobs.owner_id AND job_turns.lane = jobs.lane
  WHERE jobs.state = 'queued' AND NOT jobs.cancel_requested AND jobs.due_at <= statement_timestamp()
    AND (NOT :without_files OR jobs.stage <> '{FILES_AWAY}' OR jobs.stalled_since < :patience_ended)
    AND jobs.kind = ANY(:kinds) AND jobs.lane = ANY(:lanes) AND NOT jobs.lane || ' ' || jobs.owner_id = ANY(:full)
  ORDER BY array_position(:lanes, jobs.lane), coalesce(busy.running, 0), job_turns.taken_at NULLS FIRST,
    array_position(ARRAY['high', 'normal', 'low'], jobs.priority::text), jobs.due_at, jobs.sequence
  LIMIT 1
  FOR UPDATE OF jobs SKIP LOCKED
), turn AS (
  INSERT INTO job_turns (owner_id, lane, taken_at) SELECT owner_id, lane, clock_timestamp() FROM chosen
  ON CONFLICT (owner_id, lane) DO UPDATE SET taken_at = excluded.taken_at
)
UPDATE jobs SET state = 'running', attempt = attempt + 1, revision = revision + {REVISIONS_LOST}, node = :node,
  started_at = statement_timestamp(), finished_at = NULL,
  lease_until = statement_timestamp() + :lease * interval '1 second'
FROM chosen WHERE jobs.id = chosen.id
RETURNING {_ALL}
""")  # noqa: S608
    .bindparams(*(bindparam(name, type_=ARRAY(String)) for name in ("kinds", "lanes", "full")))
    .columns(*(jobs.c[name] for name in FIELDS))
)
_LEFT = (jobs.c.state == State.RUNNING.value) & (jobs.c.kind != EXTERNAL.name)
_IS_LOST = jobs.c.lease_until.is_(None) | (jobs.c.lease_until < func.statement_timestamp())


@dataclass(frozen=True, slots=True, kw_only=True)
class InLine:
    """One job as it stands in the line: what is needed to say who is next."""

    job: Job
    lane: str
    seconds: float  # running: since it began; waiting: until it may begin
    node: str = ""  # at which it runs


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """What runs and what waits at this moment, over all nodes; those that wait in the order in which they came."""

    running: Sequence[InLine]
    waiting: Sequence[InLine]
    waiting_in_all: int
    had_turns: Mapping[str, Sequence[str]]  # by lane: owners, the longest ago first
    kinds_run: Collection[str] | None = None  # by nodes that are there; None while that is not known


def from_now(seconds: float) -> ColumnElement[Any]:
    """A moment, by the database's clock."""
    return func.statement_timestamp() + func.make_interval(0, 0, 0, 0, 0, 0, seconds)


async def put(connection: AsyncConnection, job: Job, *, lane: str, seconds: float) -> None:
    """It waits in `lane` from now on, or in so many seconds; nobody has it. Whoever listens is told at the commit."""
    await connection.execute(
        update(jobs).where(jobs.c.id == job.id).values(lane=lane, due_at=from_now(seconds), lease_until=None, node="")
    )
    await notify(connection, PUT)


async def notify(connection: AsyncConnection, channel: str) -> None:
    await connection.execute(select(func.pg_notify(channel, "")))


async def claim(
    connection: AsyncConnection,
    *,
    kinds: Collection[str],
    lanes: Sequence[str],
    full: Collection[str],
    node: str,
    lease_seconds: float,
    patience: Patience = IMPATIENT,
) -> Job | None:
    """Whose turn it is, running at `node`. `full` are lanes and owners, with a space, for whom there is no place."""
    given = {"kinds": list(kinds), "lanes": list(lanes), "full": list(full), "node": node, "lease": lease_seconds}
    given |= {"without_files": patience.files_away(), "patience_ended": patience.ended_before()}
    row = (await connection.execute(_CLAIM, given)).one_or_none()
    return job_of(row) if row is not None else None


async def lost(connection: AsyncConnection) -> list[Job]:
    """Those that run, as their rows say, and whose node is not heard of any more."""
    return [job_of(row) for row in await connection.execute(select(jobs).where(_LEFT, _IS_LOST))]


async def is_lost(connection: AsyncConnection, job: Job) -> bool:
    """Whether `job` still is, and stays so until the transaction ends. Another node may just be seeing to it: no."""
    wanted = select(jobs.c.id).where(jobs.c.id == job.id, jobs.c.attempt == job.attempt, _LEFT, _IS_LOST)
    return (await connection.execute(wanted.with_for_update(skip_locked=True))).one_or_none() is not None


async def in_no_lane(connection: AsyncConnection) -> list[Job]:
    """Put by a server that was alone: it kept its lines in memory."""
    wanted = select(jobs).where(jobs.c.state == State.QUEUED.value, jobs.c.lane == "").order_by(jobs.c.sequence)
    return [job_of(row) for row in await connection.execute(wanted)]


async def is_in_no_lane(connection: AsyncConnection, job: Job) -> bool:
    wanted = select(jobs.c.id).where(jobs.c.id == job.id, jobs.c.state == State.QUEUED.value, jobs.c.lane == "")
    return (await connection.execute(wanted.with_for_update(skip_locked=True))).one_or_none() is not None


async def lines(connection: AsyncConnection) -> Lines:
    since = func.extract("epoch", func.statement_timestamp() - jobs.c.started_at).label("seconds")
    until = func.extract("epoch", jobs.c.due_at - func.statement_timestamp()).label("seconds")
    few = (*(jobs.c[name] for name in _SHOWN), jobs.c.lane, jobs.c.node)
    running = await connection.execute(select(*few, since).where(_LEFT, jobs.c.lane != ""))
    waits = (jobs.c.state == State.QUEUED.value, jobs.c.lane != "", jobs.c.due_at.is_not(None))
    in_order = select(*few, until, func.count().over().label("in_all")).where(*waits)
    waiting = (await connection.execute(in_order.order_by(jobs.c.due_at, jobs.c.sequence).limit(_MOST_SHOWN))).all()
    had_turns: dict[str, list[str]] = {}
    if waiting:
        owners = {row.owner_id for row in waiting}
        turns = select(job_turns.c.lane, job_turns.c.owner_id).where(job_turns.c.owner_id.in_(owners))
        for turn in await connection.execute(turns.order_by(job_turns.c.taken_at)):
            had_turns.setdefault(turn.lane, []).append(turn.owner_id)
    return Lines(
        running=[_shown(row) for row in running],
        waiting=[_shown(row) for row in waiting],
        waiting_in_all=waiting[0].in_all if waiting else 0,
        had_turns=had_turns,
    )


_SHOWN = ("id", "kind", "owner_id", "title", "unit", "created_at", "priority", "sequence", "state", "stage")


def _shown(row: Any) -> InLine:
    values = {name: row._mapping[name] for name in _SHOWN}
    return InLine(
        job=convert(values, Job, strict=False), lane=row.lane, seconds=float(row.seconds or 0.0), node=row.node
    )
