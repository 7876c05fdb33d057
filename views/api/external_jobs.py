"""`POST /api/v1/jobs` and `PATCH /api/v1/jobs/{id}`: jobs that run in anybody's script and are only shown here."""

from __future__ import annotations

from typing import Annotated, Any

from aiohttp import web
from msgspec import Struct

from server.http.endpoint import Call, Endpoint, NoQuery, encoded
from server.http.external_bodies import ExternalJobChange, ExternalJobRequest, new_job, update_of
from server.http.values import described
from server.jobs.job import Job
from views.api.jobs import JobAnswer, JobLinks, job_answer, job_links

_MAX_BODY_BYTES = 64 * 1024


def _only_with(state: str) -> dict[str, Any]:
    return {"required": ["state"], "properties": {"state": {"const": state}}}


_Change = Annotated[
    ExternalJobChange,
    described(dependentSchemas={"error": _only_with("failed"), "result": _only_with("succeeded")}),
]


class ExternalJobStarted(Struct, frozen=True, kw_only=True):
    """`silence_seconds`: send something at least so often, be it `{}`; else the job counts as failed."""

    job_id: str
    kind: str
    state: str
    silence_seconds: float
    links: JobLinks


async def begin_job(call: Call[ExternalJobRequest, NoQuery]) -> web.Response:
    """It counts as running at once. Tell how far it is with `PATCH /api/v1/jobs/{id}`."""
    operations, wanted = call.operations.external_jobs, call.body
    key = call.request.headers.get("Idempotency-Key")
    job = await operations.begin(call.principal, new_job(wanted), idempotency_key=key)
    links = _links(call, job)
    answer = ExternalJobStarted(
        job_id=job.id, kind=job.kind, state=job.state.value, silence_seconds=operations.silence_seconds, links=links
    )
    return encoded(answer, status=202, headers={"Location": links.self})


async def change_job(call: Call[ExternalJobChange, NoQuery]) -> JobAnswer:
    """Only for jobs of the kind `external`, only by whoever began them.

    409 with the code `job_cancelled` says that somebody pressed *Cancel*: stop. `job_over`: it ended already. Asking
    again for the end it has is answered by 200. A job that failed because nothing was heard of its script for too long
    goes on with whatever the script says next, be it its end.
    """
    update = update_of(call.body)
    return await job_answer(call, await call.operations.external_jobs.update(call.principal, call.path["id"], update))


def _links(call: Call[Any, Any], job: Job) -> JobLinks:
    return job_links(job, call.parts.job_kinds)


ENDPOINTS = [
    Endpoint(
        method="POST",
        path="/jobs",
        name="begin_job",
        handler=begin_job,
        summary="Begin a job that runs in your own script.",
        access="write",
        body=ExternalJobRequest,
        answer=ExternalJobStarted,
        status=202,
        max_body_bytes=_MAX_BODY_BYTES,
        errors=(409, 429),
    ),
    Endpoint(
        method="PATCH",
        path="/jobs/{id}",
        name="change_job",
        handler=change_job,
        summary="Say how far your own script is, or that it ended.",
        access="write",
        body=_Change,
        answer=JobAnswer,
        max_body_bytes=_MAX_BODY_BYTES,
        errors=(404, 409, 429),
    ),
]
