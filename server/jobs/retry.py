"""What is tried again, when, and how often: the one place that tells errors that pass from those that stay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from server.clock import utc_now
from server.errors import JinduError, QuotaExceeded, WorkerDied, is_out_of_memory
from server.jobs.away import held_up_since, pause_seconds, said_of, stage_of
from server.jobs.job import Job, JobError, State
from server.jobs.outcomes import attempt_repeated, ended, interrupted
from server.storage.database import NOT_NOW

LATER_SECONDS = 5.0  # somebody will make room, or start the database, and nobody can say when
_STORE_SECONDS = (0.2, 1.0, 5.0, 15.0, 30.0)  # longer than a database takes that is restarted
_WORKER_SECONDS = (0.0,)  # once more: it may have died of another one's memory, or by the kernel's choice
_GROWTH = 6.0  # from ten seconds: a minute, six minutes, ten, ten …
LONGEST_PAUSE_SECONDS = 600.0  # between two attempts


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """How often an attempt is repeated by itself, and after how long the first time.

    `away_seconds`: for how long a job waits for a database or a store of files that is away, however often.
    """

    most: int
    first_seconds: float = 10.0
    away_seconds: float = 0.0


NEVER = Retries(most=0)


def is_temporary(error: BaseException) -> bool:
    """Whether the same may succeed later without anybody having changed what was asked for."""
    if isinstance(error, JinduError):
        return error.temporary
    return isinstance(error, SQLAlchemyError) or is_out_of_memory(error)


def seconds_to_next_try(error: BaseException, *, failures: int) -> float | None:
    """How long to wait after the `failures`th error in a row; None when there should be no further try."""
    if not is_temporary(error):
        return None
    if isinstance(error, NOT_NOW) or stage_of(error) is not None:
        return LATER_SECONDS
    delays = _WORKER_SECONDS if isinstance(error, WorkerDied) else _STORE_SECONDS
    return delays[failures - 1] if failures <= len(delays) else None


def after_failure(
    job: Job, error: BaseException, *, retries: Retries, goes_on: bool = False
) -> Mapping[str, Any] | None:
    """What changes in a job whose attempt ended in `error` and is repeated by itself; None when a person has to act.

    The next attempt begins after a while that grows; after `retries.most` of them in a row the failure stands. What is
    away uses up none of them.
    """
    stage = stage_of(error)
    if stage is not None:
        return _held_up(job, stage, retries=retries, goes_on=goes_on)
    needs_a_person = isinstance(error, QuotaExceeded | IntegrityError) or not is_temporary(error)
    if needs_a_person or job.failures >= retries.most or job.cancel_requested:
        return None
    seconds = min(LONGEST_PAUSE_SECONDS, retries.first_seconds * _GROWTH**job.failures)
    return {
        **attempt_repeated(goes_on=goes_on),
        "failures": job.failures + 1,
        "not_before": utc_now() + timedelta(seconds=seconds),
    }


def _held_up(job: Job, stage: str, *, retries: Retries, goes_on: bool) -> Mapping[str, Any] | None:
    now = utc_now()
    since = held_up_since(job, stage, now)
    if job.cancel_requested or (now - since).total_seconds() >= retries.away_seconds:
        return None
    return {
        **attempt_repeated(goes_on=goes_on),
        "stage": stage,
        "message": said_of(stage),
        "stalled_since": since,
        "not_before": now + timedelta(seconds=pause_seconds(since, now)),
    }


def after_crash(
    job: Job, *, counts_interruptions: bool, max_attempts: int, goes_on: bool = False
) -> Mapping[str, Any] | None:
    """What changes in a job that an earlier process left behind; None when it only waits for its turn.

    Interrupted too often it fails: it may be what crashes us.
    """
    if job.cancel_requested:
        return ended(State.CANCELLED)
    if job.state is State.QUEUED:
        return None
    interruptions = job.interruptions + 1 if counts_interruptions else 0
    if interruptions < max_attempts:
        return {**interrupted(goes_on=goes_on), "interruptions": interruptions}
    error = JobError(
        code="interrupted",
        message="The server stopped {count} times while this ran, so it was given up. Try again later.",
        parameters={"count": interruptions},
    )
    return ended(State.FAILED, error=error, interruptions=interruptions)
