"""Jobs in the database: each change of state at once, progress now and then, and search."""

from __future__ import annotations

import statistics
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Row, and_, bindparam, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.jobs.job import FINAL_STATES, Completeness, Job, State, whole
from server.jobs.job_filter import ERROR_CODE, REASON, JobFilter, conditions_of
from server.jobs.job_log import JobLogStore, LogLine
from server.jobs.past_attempts import PastAttempts
from server.storage import findable
from server.storage.database import Database
from server.storage.pages import Listing, page_of, place_of, size_of
from server.storage.rows import lock
from server.storage.tables import jobs

IS_OVER = jobs.c.state.in_([state.value for state in FINAL_STATES])
PROGRESS_FIELDS = ("revision", "progress", "total", "stage", "message", "detail", "stalled_since")
_NOT_STORED = frozenset({"rate", "waiting", "is_stalled", "last_seconds", "unit_seconds"})  # they are of the moment
FIELDS = tuple(name for name in Job.__struct_fields__ if name not in _NOT_STORED)
_LAST_ONES = 5  # whose median says how long such a job takes
_MOST_REASONS = 20  # more than anybody reads
_SAVED_AT_ONCE = 50  # rows: a few milliseconds on the event loop, where PostgreSQL's driver encodes them


@dataclass(frozen=True, slots=True, kw_only=True)
class UsualDurations:
    """What earlier jobs say of one that begins; None where there were none."""

    last_seconds: float | None
    unit_seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureReason:
    """Why so many failed: the error's code, what a script said, without its numbers, and the newest of them."""

    code: str
    reason: str
    count: int
    newest: Job


@dataclass(frozen=True, slots=True, kw_only=True)
class JobMention:
    """What is told of a job that is only named."""

    title: str
    state: State


class JobStore:
    """Reads and writes of jobs. Methods with a `connection` take part in the caller's transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.lines = JobLogStore(database)
        self.attempts = PastAttempts(database)

    async def add(self, connection: AsyncConnection, job: Job) -> Job:
        """The job as it is stored: with its place among all of them."""
        stored = await connection.execute(insert(jobs).values(_row(job)).returning(jobs.c.sequence))
        await findable.put(connection, [findable.of_job(job.id, job.owner_id, job.title)])
        return msgspec.structs.replace(job, sequence=stored.scalar_one())

    async def get(self, job_id: str) -> Job | None:
        async with self._database.read() as connection:
            row = (await connection.execute(select(jobs).where(jobs.c.id == job_id))).one_or_none()
        return job_of(row) if row else None

    async def move(self, connection: AsyncConnection, job: Job, *, before: Job) -> bool:
        """Store a change of state if the job is still as `before` says; False when somebody else has moved it."""
        # The answer to our commit may have been lost: what stands there is then what we want to store.
        is_ours = and_(jobs.c.state == job.state, jobs.c.revision == job.revision)
        result = await connection.execute(
            update(jobs)
            .where(jobs.c.id == job.id, jobs.c.attempt == before.attempt, or_(jobs.c.state == before.state, is_ours))
            .values(**_row(job))
        )
        return result.rowcount == 1

    async def request_cancel(self, job_id: str) -> None:
        async with self._database.write(shared=True) as connection:
            await self.request_cancels(connection, [job_id])

    async def request_cancels(self, connection: AsyncConnection, job_ids: Collection[str]) -> None:
        """They end whatever becomes of whoever asks: a node that starts, or looks, finds it in their rows."""
        wanted = jobs.c.id.in_(job_ids)
        await connection.execute(update(jobs).where(wanted, ~IS_OVER).values(cancel_requested=True))

    async def holds(self, connection: AsyncConnection, job: Job) -> bool:
        """Whether this attempt of `job` still counts and nobody asked it to stop; nor can they until we commit."""
        is_running = select(jobs.c.id).where(
            jobs.c.id == job.id,
            jobs.c.attempt == job.attempt,
            jobs.c.state == State.RUNNING,
            jobs.c.cancel_requested.is_(False),
        )
        return (await connection.execute(lock(is_running))).one_or_none() is not None

    async def is_cancelled(self, connection: AsyncConnection, job_id: str) -> bool:
        """Whether it was, or is about to be; nobody can do so until we commit."""
        wanted = or_(jobs.c.cancel_requested, jobs.c.state == State.CANCELLED)
        return (
            await connection.execute(lock(select(jobs.c.id).where(jobs.c.id == job_id, wanted)))
        ).first() is not None

    async def save(self, changed: Sequence[Job], lines: Sequence[LogLine]) -> None:
        """Progress of running attempts and what was logged meanwhile, in one transaction."""
        async with self._database.write(shared=True) as connection:
            if changed:
                in_order = sorted(changed, key=lambda job: job.id)  # two that lock the same rows must not cross
                for start in range(0, len(in_order), _SAVED_AT_ONCE):  # the event loop has its turn in between
                    some = in_order[start : start + _SAVED_AT_ONCE]
                    await connection.execute(_SAVE_PROGRESS, [_progress_row(job) for job in some])
            await self.lines.add(connection, lines)

    async def unfinished(self) -> list[Job]:
        """Jobs an earlier process left queued or running, oldest first."""
        async with self._database.read() as connection:
            rows = await connection.execute(
                select(jobs).where(jobs.c.state.in_([State.QUEUED, State.RUNNING])).order_by(jobs.c.sequence)
            )
            return [job_of(row) for row in rows]

    async def unfinished_of(self, owner_id: str) -> list[Job]:
        """The owner's that are queued or running, oldest first."""
        wanted = select(jobs).where(jobs.c.owner_id == owner_id, ~IS_OVER).order_by(jobs.c.sequence)
        async with self._database.read() as connection:
            return [job_of(row) for row in await connection.execute(wanted)]

    async def by_ids(self, job_ids: Collection[str]) -> list[Job]:
        async with self._database.read() as connection:
            return [job_of(row) for row in await connection.execute(select(jobs).where(jobs.c.id.in_(job_ids)))]

    async def count_unfinished(self, connection: AsyncConnection, owner_id: str) -> int:
        counted = select(func.count()).select_from(jobs).where(jobs.c.owner_id == owner_id, ~IS_OVER)
        return (await connection.execute(counted)).scalar_one()

    async def with_upload(self, owner_id: str, kind: str, upload_ids: Collection[str]) -> list[Job]:
        """What was done with these uploads, newest first."""
        upload_id = jobs.c.parameters["upload_id"].as_string()
        wanted = select(jobs).where(jobs.c.owner_id == owner_id, jobs.c.kind == kind, upload_id.in_(upload_ids))
        async with self._database.read() as connection:
            return [job_of(row) for row in await connection.execute(wanted.order_by(jobs.c.sequence.desc()))]

    async def search(self, wanted: JobFilter) -> Listing[Job]:
        """One page, newest first."""
        conditions = conditions_of(wanted)
        sizes = select(jobs.c.sequence, _SIZE).where(*conditions, *_after(wanted.cursor))
        sizes = sizes.order_by(jobs.c.sequence.desc())
        async with self._database.read() as connection:
            total = (await connection.execute(select(func.count()).select_from(jobs).where(*conditions))).scalar_one()
            found = [(row[0], row[1]) for row in await connection.execute(sizes.limit(wanted.limit + 1))]
            places, has_more = page_of(found, limit=wanted.limit)
            page = select(jobs).where(jobs.c.sequence.in_(places)).order_by(jobs.c.sequence.desc())
            rows = (await connection.execute(page)).all()
        next_cursor = str(places[-1]) if has_more else None
        return Listing(items=[job_of(row) for row in rows], next_cursor=next_cursor, total=total)

    async def count_by_state(self, wanted: JobFilter) -> dict[tuple[State, Completeness | None], int]:
        """How many of those that fit are in each state, and with which outcome."""
        counts = select(jobs.c.state, jobs.c.outcome, func.count()).where(*conditions_of(wanted))
        async with self._database.read() as connection:
            rows = await connection.execute(counts.group_by(jobs.c.state, jobs.c.outcome))
            return {
                (State(state), Completeness(outcome) if outcome else None): number for state, outcome, number in rows
            }

    async def failure_reasons(self, wanted: JobFilter) -> list[FailureReason]:
        """Of those that fit and failed, the most frequent first."""
        failed = (*conditions_of(wanted), jobs.c.state == State.FAILED.value, ERROR_CODE.is_not(None))
        each = select(ERROR_CODE.label("code"), REASON.label("reason"), jobs.c.sequence).where(*failed).subquery()
        newest, count = func.max(each.c.sequence), func.count()
        grouped = select(each.c.code, each.c.reason, count, newest).group_by(each.c.code, each.c.reason)
        grouped = grouped.order_by(count.desc(), newest.desc()).limit(_MOST_REASONS)
        async with self._database.read() as connection:
            found = (await connection.execute(grouped)).all()
            places = [sequence for *_, sequence in found]
            rows = await connection.execute(select(jobs).where(jobs.c.sequence.in_(places)))
            newest_of = {row.sequence: job_of(row) for row in rows}
        return [
            FailureReason(code=code, reason=reason, count=number, newest=newest_of[sequence])
            for code, reason, number, sequence in found
            if sequence in newest_of  # it may have been deleted since
        ]

    async def ids(self, wanted: JobFilter) -> list[str]:
        """Of the oldest `limit` that fit, in their order."""
        query = select(jobs.c.id).where(*conditions_of(wanted)).order_by(jobs.c.sequence).limit(wanted.limit)
        async with self._database.read() as connection:
            return list((await connection.execute(query)).scalars())

    async def mentions(self, wanted: JobFilter) -> dict[str, JobMention]:
        """By id, of all that fit."""
        query = select(jobs.c.id, jobs.c.title, jobs.c.state).where(*conditions_of(wanted))
        async with self._database.read() as connection:
            return {
                row.id: JobMention(title=row.title, state=State(row.state)) for row in await connection.execute(query)
            }

    async def usual(self, job: Job, *, by_title: bool) -> UsualDurations:
        """How long the owner's last such jobs took; `by_title`: those of another title are other work."""
        async with self._database.read() as connection:
            return await self.usual_in(connection, job, by_title=by_title)

    async def usual_in(self, connection: AsyncConnection, job: Job, *, by_title: bool = False) -> UsualDurations:
        ended = select(jobs.c.took_seconds, jobs.c.total).where(
            jobs.c.owner_id == job.owner_id,
            jobs.c.kind == job.kind,
            jobs.c.state == State.SUCCEEDED.value,
            jobs.c.took_seconds.is_not(None),
        )
        ended = ended.order_by(jobs.c.sequence.desc())
        same = ended.where(jobs.c.title == job.title)
        last = (await connection.execute(same.limit(1))).one_or_none()
        found = (await connection.execute((same if by_title else ended).limit(_LAST_ONES))).all()
        paces = [row.took_seconds / row.total for row in found if row.total]
        return UsualDurations(
            last_seconds=last.took_seconds if last else None,
            unit_seconds=statistics.median(paces) if paces else None,
        )


_SIZE = size_of(jobs.c.parameters, jobs.c.detail, jobs.c.result, jobs.c.error, jobs.c.message)
_SAVE_PROGRESS = (
    update(jobs)
    .where(
        jobs.c.id == bindparam("the_id"),
        jobs.c.attempt == bindparam("the_attempt"),
        jobs.c.state == State.RUNNING.value,
        jobs.c.revision < bindparam("new_revision"),  # whoever lost a script to another node is behind
    )
    .values({name: bindparam(f"new_{name}") for name in PROGRESS_FIELDS})
)


def _progress_row(job: Job) -> dict[str, Any]:
    values = {f"new_{name}": getattr(job, name) for name in PROGRESS_FIELDS}
    return {"the_id": job.id, "the_attempt": job.attempt, **values}


def _row(job: Job) -> dict[str, Any]:
    values = {name: getattr(job, name) for name in FIELDS}
    values["state"] = job.state.value
    values["priority"] = job.priority.value
    values["error"] = msgspec.to_builtins(job.error)
    values["outcome"] = job.outcome.value if job.outcome else None
    del values["sequence"]  # the database counts
    return values


def job_of(row: Row[Any]) -> Job:
    """Of a row that has all `FIELDS`."""
    values = {name: row._mapping[name] for name in FIELDS}
    job = msgspec.convert(values, Job, strict=False)
    return msgspec.structs.replace(
        job, progress=whole(job.progress), total=None if job.total is None else whole(job.total)
    )


def _after(cursor: str | None) -> list[ColumnElement[bool]]:
    return [] if cursor is None else [jobs.c.sequence < place_of(cursor)]
