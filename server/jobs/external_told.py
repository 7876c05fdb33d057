"""What scripts say of their jobs: that one begins, how far it is, how it ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from server.clock import new_id, utc_now
from server.errors import Conflict
from server.jobs.external_kind import KIND
from server.jobs.job import Job, JobError, State, whole
from server.jobs.outcomes import ended, succeeded

_SILENT = "silent"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewExternalJob:
    """What a script says of its job when it begins."""

    title: str
    unit: str = KIND.unit
    total: float | None = None
    stage: str = ""
    message: str = ""
    messages_left_out: int = 0
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a script says that its job ended."""

    state: State
    error: JobError | None = None
    result: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """What a script says in the middle; what is None stays as it was. Nothing at all still means: I am alive.

    `messages_left_out` counts what it said between the last message that it sent and this one.
    """

    progress: float | None = None
    total: float | None = None
    stage: str | None = None
    message: str | None = None
    messages_left_out: int = 0
    detail: dict[str, Any] | None = None
    ending: Ending | None = None


class Cancelled(Conflict):
    """This job was cancelled; the script that works on it should stop."""

    code = "job_cancelled"


class Over(Conflict):
    """This job is over already; begin a new one."""

    code = "job_over"


def begun_job(owner_id: str, new: NewExternalJob) -> Job:
    """It runs from now on, in its only attempt."""
    now = utc_now()
    return Job(
        id=new_id(),
        kind=KIND.name,
        owner_id=owner_id,
        title=new.title,
        unit=new.unit,
        created_at=now,
        started_at=now,
        state=State.RUNNING,
        attempt=1,
        revision=1,
        total=None if new.total is None else whole(new.total),
        stage=new.stage,
        message=new.message,
        detail=new.detail,
    )


def given_up(seconds: float) -> Ending:
    """Of one whose script said nothing for so long."""
    error = JobError(
        code=_SILENT,
        message="Nothing was heard of the script for {seconds} seconds, so it was given up. See whether it still runs; "
        "when it speaks again, this goes on.",
        parameters={"seconds": round(seconds) if seconds >= 1 else seconds},
    )
    return Ending(state=State.FAILED, error=error)


def was_given_up(job: Job) -> bool:
    return job.kind == KIND.name and job.error is not None and job.error.code == _SILENT


def answer_when_over(job: Job, update: Update) -> Job:
    """The job, when the update asks for just the end it has (the answer to it was lost); raises otherwise."""
    if update.ending is not None and update.ending.state is job.state:
        return job
    raise Cancelled if job.state is State.CANCELLED else Over


def changes_of(job: Job, ending: Ending) -> dict[str, Any]:
    if ending.state is State.SUCCEEDED:
        return dict(succeeded(job, ending.result))
    changes = dict(ended(ending.state))
    if ending.state is State.FAILED:
        changes["error"] = ending.error or _UNEXPLAINED
    return changes


_UNEXPLAINED = JobError(
    code="script_failed", message="The script said that it failed, but not why; look at its own output."
)
