"""What each attempt of a job was: when it ran, its stages, how it ended. Written once, with the change that ends it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Row, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.jobs.job import Job, JobError, State
from server.storage.database import Database
from server.storage.rows import insert_missing
from server.storage.tables import job_attempts

MOST_STAGES = 20  # of an attempt; a script may name one for each thing it does
_LEAST_UNNAMED_SECONDS = 0.1  # before the first stage; less is not worth a word
MOST_ATTEMPTS = 20  # the newest of a job that are read


class PastStage(msgspec.Struct, frozen=True, array_like=True):
    name: str  # empty before the first one was told
    seconds: float


class PastAttempt(msgspec.Struct, frozen=True, kw_only=True):
    """`ended_as` is the state that followed: `queued` when it is to be repeated.

    `seconds` is None where nobody knows.
    """

    number: int
    started_at: datetime | None
    ended_at: datetime
    ended_as: State
    seconds: float | None
    error: JobError | None = None
    stages: Sequence[PastStage] = ()


class StageTimes:
    """How long the attempts under way here take, and each of their stages, by a clock that nobody sets."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._stages: dict[str, list[tuple[str, float]]] = {}  # by job: the stage, and when it began

    def begin(self, job: Job) -> None:
        """One that is under way already goes on."""
        self._stages.setdefault(job.id, [(job.stage, self._clock())])

    def seconds(self, job_id: str) -> float | None:
        """None for an attempt that did not begin here."""
        stages = self._stages.get(job_id)
        return None if stages is None else self._clock() - stages[0][1]

    def moved(self, job_id: str, stage: str) -> None:
        """What comes after too many stages counts as the last of them."""
        stages = self._stages.get(job_id)
        if stages and stages[-1][0] != stage and len(stages) < MOST_STAGES:
            stages.append((stage, self._clock()))

    def so_far(self, job_id: str) -> tuple[PastStage, ...]:
        stages = self._stages.get(job_id, [])
        ends = [*(began for _, began in stages[1:]), self._clock()][: len(stages)]
        lengths = [PastStage(name, end - began) for (name, began), end in zip(stages, ends, strict=True)]
        return tuple(length for length in lengths if length.name or length.seconds >= _LEAST_UNNAMED_SECONDS)

    def end(self, job_id: str) -> None:
        self._stages.pop(job_id, None)


class PastAttempts:
    """The table of them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, connection: AsyncConnection, job: Job, past: PastAttempt) -> None:
        """In the transaction that stores `job` as it is after it. Stored twice, when its answer was lost, it is one."""
        row = {
            "job_id": job.id,
            "revision": job.revision,
            "number": past.number,
            "started_at": past.started_at,
            "ended_at": past.ended_at,
            "ended_as": past.ended_as.value,
            "seconds": past.seconds,
            "error": msgspec.to_builtins(past.error),
            "stages": msgspec.to_builtins(past.stages),
        }
        await insert_missing(connection, job_attempts, [row], key=("job_id", "revision"))

    async def of_job(self, job_id: str) -> tuple[list[PastAttempt], int]:
        """The newest of them, the last one first; and how many there are."""
        mine = job_attempts.c.job_id == job_id
        newest = select(job_attempts).where(mine).order_by(job_attempts.c.revision.desc()).limit(MOST_ATTEMPTS)
        async with self._database.read() as connection:
            rows = (await connection.execute(newest)).all()
            count = (await connection.execute(select(func.count()).select_from(job_attempts).where(mine))).scalar_one()
        return [_past_attempt(row) for row in rows], count


def _past_attempt(row: Row[Any]) -> PastAttempt:
    values = {name: row._mapping[name] for name in PastAttempt.__struct_fields__}
    return msgspec.convert(values, PastAttempt, strict=False)
