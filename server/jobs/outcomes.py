"""How an attempt's end becomes a state: success, failure with a reason to act on, cancelled, or queued again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from sqlalchemy.exc import IntegrityError

from server.clock import utc_now
from server.errors import JinduError
from server.jobs.job import Job, JobError, State
from server.jobs.kinds import JobKind
from server.texts import plain

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
    "started_at": None,
    "finished_at": None,
}


def outcome(job: Job, work: asyncio.Future[Any], wanted: State | None) -> Mapping[str, Any]:
    """What changes in `job` now that its function ended or was given up; `wanted` is how somebody wanted it to end."""
    if work.done() and not work.cancelled() and work.exception() is None:
        total = job.progress if job.total is None else job.total
        return ended(State.SUCCEEDED, result=work.result(), progress=total, total=total)
    if wanted is State.QUEUED:
        return FROM_THE_BEGINNING
    if wanted is not None:  # an error now is only its stumbling over being stopped
        return ended(wanted)
    if work.cancelled():
        _LOG.error("job function cancelled itself", extra=_named(job))
        return ended(State.FAILED, error=INTERNAL_ERROR)
    return ended(State.FAILED, error=_explained(job, work.exception()))


def after_crash(job: Job, kind: JobKind | None, *, max_attempts: int) -> Mapping[str, Any] | None:
    """What changes in a job that an earlier process left behind; None when it only waits for its turn.

    Interrupted too often it fails: it may be what crashes us.
    """
    if kind is None:
        return ended(State.FAILED, error=UNKNOWN_KIND)
    if job.state is State.QUEUED:
        return None
    if job.cancel_requested:
        return ended(State.CANCELLED)
    interruptions = job.interruptions + 1 if kind.counts_interruptions else 0
    if interruptions < max_attempts:
        return {**FROM_THE_BEGINNING, "interruptions": interruptions}
    error = JobError(
        code="interrupted",
        message="The server stopped {count} times while this ran, so it was given up. Try again later.",
        parameters={"count": interruptions},
    )
    return ended(State.FAILED, error=error, interruptions=interruptions)


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
