"""`/api/v1/jobs/{id}/attempts`: what each attempt of a job was."""

from __future__ import annotations

from msgspec import Struct

from server.clock import rfc3339
from server.http.endpoint import Call, Endpoint, NoQuery
from server.jobs.job import State
from server.jobs.past_attempts import PastAttempt
from views.context import formats_for
from views.formats import ReaderFormats


class AttemptError(Struct, frozen=True, kw_only=True):
    code: str
    message: str


class JobStage(Struct, frozen=True, kw_only=True):
    name: str
    seconds: float


class JobAttempt(Struct, frozen=True, kw_only=True):
    """`ended_as` is the state that followed: `queued` when the job was to be tried again by itself."""

    attempt: int
    started_at: str | None
    ended_at: str
    ended_as: State
    seconds: float | None
    error: AttemptError | None
    stages: list[JobStage]


class JobAttempts(Struct, frozen=True, kw_only=True):
    """The last one first; `total` may be more than are kept to read."""

    items: list[JobAttempt]
    total: int


async def list_attempts(call: Call[None, NoQuery]) -> JobAttempts:
    attempts, total = await call.operations.jobs.attempts(call.principal, call.path["id"])
    formats = formats_for(call.request)
    return JobAttempts(items=[_attempt(each, formats) for each in attempts], total=total)


def _attempt(past: PastAttempt, formats: ReaderFormats) -> JobAttempt:
    error = past.error
    return JobAttempt(
        attempt=past.number,
        started_at=None if past.started_at is None else rfc3339(past.started_at),
        ended_at=rfc3339(past.ended_at),
        ended_as=past.ended_as,
        seconds=past.seconds,
        error=None if error is None else AttemptError(code=error.code, message=formats.error_text(error)),
        stages=[JobStage(name=stage.name, seconds=round(stage.seconds, 3)) for stage in past.stages],
    )


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/jobs/{id}/attempts",
        name="list_job_attempts",
        handler=list_attempts,
        summary="What each attempt of a job was: how long its stages took, and how it ended.",
        answer=JobAttempts,
        errors=(404,),
    ),
]
