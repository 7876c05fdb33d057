"""How an attempt's end becomes a state: success, failure with a reason to act on, cancelled, or queued again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.exc import IntegrityError

from server.clock import utc_now
from server.errors import JinduError
from server.jobs.job import Completeness, Job, JobError, State
from server.texts import plain


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something a user should know. `parameters` fill `{placeholders}` of the two English texts."""

    title: str
    body: str = ""
    level: str = "info"
    url: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a job function leaves: `Job.result`, and what the owner is told wherever they are.

    `is_partial`: some of it failed or was left out, which the job's kind says in words (`JobKind.missing`).
    """

    result: dict[str, Any] | None = None
    is_partial: bool = False
    notice: Notice | None = None


_LOG = logging.getLogger("jindu.jobs")

INTERNAL_ERROR = JobError(
    code="internal_error",
    message="Something unexpected went wrong; the server's log has the details. Try again, or ask an administrator.",
)
CHANGED_MEANWHILE = JobError(
    code="conflict", message="What this job works with was changed or deleted at the same moment; look again."
)
UNKNOWN_KIND = JobError(code="unknown_kind", message="This server no longer runs jobs of this kind.")
_STANDING: Mapping[str, Any] = {"rate": None, "stalled_since": None, "is_stalled": False, "unit_seconds": None}
FROM_THE_BEGINNING: Mapping[str, Any] = {
    **_STANDING,
    "state": State.QUEUED,
    "progress": 0,
    "stage": "",
    "message": "",
    "detail": {},
    "error": None,
    "result": None,
    "cancel_requested": False,
    "not_before": None,
    "started_at": None,
    "finished_at": None,
    "took_seconds": None,
    "outcome": None,
    "last_seconds": None,
}


LOST_BEFORE = "The worker of the attempt before this one was not heard of any more."
LOST_IN_BETWEEN = "The worker of this attempt was not heard of any more."
STOPPED_IN_BETWEEN = "The server stopped in the middle of this attempt."  # as its log says


def interrupted(*, goes_on: bool) -> Mapping[str, Any]:
    """What changes in a job whose server stopped: see `attempt_repeated`."""
    changes = attempt_repeated(goes_on=goes_on)
    return dict(changes, message="The server stopped in the middle of the attempt before this one.")


def attempt_repeated(*, goes_on: bool) -> Mapping[str, Any]:
    """What changes in a job that waits for its next attempt by itself, and says why there will be one.

    One that `goes_on` where it was keeps what it has done; of the others nobody knows how far they will be.
    """
    changes = dict(
        FROM_THE_BEGINNING, message="The attempt before this one failed for a reason that may pass; the log says which."
    )
    if not goes_on:
        return {**changes, "total": None}
    return {name: value for name, value in changes.items() if name not in ("progress", "stage", "detail")}


def left_by(work: asyncio.Future[Outcome | None]) -> Outcome | None:
    """What a job function that succeeded has left; None when it did not."""
    if not work.done() or work.cancelled() or work.exception() is not None:
        return None
    return work.result() or Outcome()


def end_of(
    job: Job, work: asyncio.Future[Outcome | None], wanted: State | None, *, goes_on: bool = False
) -> Mapping[str, Any]:
    """What changes in `job` now that its function ended or was given up; `wanted` is how somebody wanted it to end.

    `goes_on`: see `interrupted`.
    """
    if (left := left_by(work)) is not None:
        return succeeded(job, left.result, is_partial=left.is_partial)
    if wanted is State.QUEUED:
        return interrupted(goes_on=goes_on)
    if wanted is not None:  # an error now is only its stumbling over being stopped
        return ended(wanted)
    if work.cancelled():
        _LOG.error("job function cancelled itself", extra=_named(job))
        return ended(State.FAILED, error=INTERNAL_ERROR)
    return ended(State.FAILED, error=_explained(job, work.exception()))


def ended(state: State, **changes: Any) -> Mapping[str, Any]:
    """What changes in any job that is over."""
    return {**_STANDING, "state": state, "finished_at": utc_now(), "cancel_requested": False, **changes}


def succeeded(job: Job, result: dict[str, Any] | None, *, is_partial: bool = False) -> Mapping[str, Any]:
    """It is done with all that it counted."""
    total = job.progress if job.total is None else job.total
    outcome = Completeness.PARTIAL if is_partial else Completeness.COMPLETE
    return ended(State.SUCCEEDED, result=result, progress=total, total=total, outcome=outcome)


def _explained(job: Job, error: BaseException | None) -> JobError:
    if isinstance(error, JinduError):
        return JobError(code=error.specific_code, message=error.message, parameters=plain(error.parameters))
    if isinstance(error, IntegrityError):  # what it worked with or for was deleted, or made by somebody else first
        _LOG.warning("job met a change: %s", error.orig, extra=_named(job))
        return CHANGED_MEANWHILE
    _LOG.error("job failed unexpectedly", exc_info=error, extra=_named(job))
    return INTERNAL_ERROR


def _named(job: Job) -> dict[str, str]:
    return {"action": "run_job", "job": job.id, "kind": job.kind}
