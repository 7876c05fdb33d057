"""What scripts say of their jobs: that one begins, how far it is, how it ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from server.errors import Conflict
from server.jobs.external_kind import KIND
from server.jobs.job import Job, JobError, State
from server.jobs.outcomes import ended, succeeded


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
