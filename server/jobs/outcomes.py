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
from server.jobs.job import Job, JobError, State
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
    """What a job function leaves: `Job.result`, and what the owner is told wherever they are."""

    result: dict[str, Any] | None = None
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
FROM_THE_BEGINNING: Mapping[str, Any] = {
    "state": State.QUEUED,
    "progress": 0,
    "rate": None,
    "stage": "",
    "message": "",
    "detail": {},
    "error": None,
    "result": None,
    "cancel_requested": False,
    "not_before": None,
    "started_at": None,
    "finished_at": None,
}


def left_by(work: asyncio.Future[Outcome | None]) -> Outcome | None:
    """What a job function that succeeded has left; None when it did not."""
    if not work.done() or work.cancelled() or work.exception() is not None:
        return None
    return work.result() or Outcome()


def end_of(job: Job, work: asyncio.Future[Outcome | None], wanted: State | None) -> Mapping[str, Any]:
    """What changes in `job` now that its function ended or was given up; `wanted` is how somebody wanted it to end."""
    if (left := left_by(work)) is not None:
        total = job.progress if job.total is None else job.total
        return ended(State.SUCCEEDED, result=left.result, progress=total, total=total)
    if wanted is State.QUEUED:
        return FROM_THE_BEGINNING
    if wanted is not None:  # an error now is only its stumbling over being stopped
        return ended(wanted)
    if work.cancelled():
        _LOG.error("job function cancelled itself", extra=_named(job))
        return ended(State.FAILED, error=INTERNAL_ERROR)
    return ended(State.FAILED, error=_explained(job, work.exception()))


def ended(state: State, **changes: Any) -> Mapping[str, Any]:
    """What changes in any job that is over."""
    return {"state": state, "finished_at": utc_now(), "rate": None, "cancel_requested": False, **changes}


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
