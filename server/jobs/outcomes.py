"""How an attempt's end becomes a state: success, failure with a reason to act on, cancelled, or queued again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from server.clock import utc_now
from server.errors import JinduError
from server.jobs.job import Job, JobError, State
from server.texts import plain

_LOG = logging.getLogger("jindu.jobs")

INTERNAL_ERROR = JobError(
    code="internal_error",
    message="Something unexpected went wrong; the server's log has the details. Try again, or ask an administrator.",
)
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


def ended(state: State, **changes: Any) -> Mapping[str, Any]:
    """What changes in any job that is over."""
    return {"state": state, "finished_at": utc_now(), "rate": None, "cancel_requested": False, **changes}


def _explained(job: Job, error: BaseException | None) -> JobError:
    if isinstance(error, JinduError):
        return JobError(code=error.specific_code, message=error.message, parameters=plain(error.parameters))
    _LOG.error("job failed unexpectedly", exc_info=error, extra=_named(job))
    return INTERNAL_ERROR


def _named(job: Job) -> dict[str, str]:
    return {"action": "run_job", "job": job.id, "kind": job.kind}
