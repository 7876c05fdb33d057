"""`/api/v1/jobs`: list, look, log, cancel, start again, and a demonstration job."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from aiohttp import web
from msgspec import Meta, Struct

from server.clock import rfc3339
from server.http.based_requests import outside
from server.http.endpoint import IDEMPOTENCY_KEY, Call, Endpoint, Header, NoQuery, encoded
from server.http.values import KEY_SCHEMA, Count
from server.jobs.job import Job, State
from server.jobs.kinds import JobKinds
from server.operations.job_chains import NO_CHAIN, ChainPart, JobChain
from server.realtime.job_fields import JobFields
from server.storage.pages import Listing
from views.api.job_choice import JobQuery, filter_by


class JobLinks(Struct, frozen=True, kw_only=True):
    """Null where it cannot be done now. `update` takes what the script of an `external` job has to say."""

    self: str
    log: str
    page: str
    cancel: str | None
    retry: str | None
    delete: str | None
    update: str | None


class JobChainPart(Struct, frozen=True, kw_only=True):
    """A job before or after this one, with the file they share; `name` is the file's, of an import its dataset's.

    `removed`: the file is no more. `planned`: its sender has said what it will be imported into. `job_id` is null where
    there is no job, or none any more. `at` is when it ended, or else began.
    """

    kind: str
    name: str
    state: Literal["queued", "running", "succeeded", "failed", "cancelled", "removed", "planned"]
    job_id: str | None
    upload_id: str | None
    size_bytes: int | None
    at: str | None
    page: str | None


class JobAnswer(JobFields, frozen=True, kw_only=True):
    """A job as in the live protocol, whose it is, and where to go from here.

    `before` is what brought the file that it imports; `after` are the newest imports of the file that it brings.
    """

    owner_id: str
    before: JobChainPart | None
    after: list[JobChainPart]
    links: JobLinks


class JobList(Listing[JobAnswer], frozen=True, kw_only=True):
    pass


class DemonstrationRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A job that counts to `total` within `seconds`, and fails at `fail_at` if told so."""

    seconds: Annotated[float, Meta(ge=0, le=600)] = 10.0
    total: Annotated[int, Meta(ge=1, le=1_000_000_000)] = 100
    fail_at: Count | None = None


class JobStarted(Struct, frozen=True, kw_only=True):
    job_id: str
    kind: str
    links: JobLinks


def job_links(job: Job, kinds: JobKinds) -> JobLinks:
    here = outside(f"/api/v1/jobs/{job.id}")
    kind = kinds.find(job.kind)
    can_retry = kind is not None and kind.can_retry and job.state in (State.FAILED, State.CANCELLED)
    can_update = kind is not None and kind.is_external and not job.state.is_final
    return JobLinks(
        self=here,
        log=f"{here}/log",
        page=outside(f"/jobs/{job.id}"),
        cancel=None if job.state.is_final else f"{here}/cancel",
        retry=f"{here}/retry" if can_retry else None,
        delete=here if job.state.is_final else None,
        update=here if can_update else None,
    )


async def job_answer(call: Call[Any, Any], job: Job) -> JobAnswer:
    """`job` in the caller's language."""
    return (await _answers(call, [job]))[0]


async def _answers(call: Call[Any, Any], shown: Sequence[Job]) -> list[JobAnswer]:
    chains = await call.operations.job_chains.of(call.principal, shown)
    return [_answer(call, job, chains.get(job.id, NO_CHAIN)) for job in shown]


def _answer(call: Call[Any, Any], job: Job, chain: JobChain) -> JobAnswer:
    fields = call.parts.job_fields(job, call.principal.language, call.principal.user_id)
    values = {name: getattr(fields, name) for name in JobFields.__struct_fields__}
    return JobAnswer(
        **values,
        owner_id=job.owner_id,
        before=_part(chain.before) if chain.before else None,
        after=[_part(part) for part in chain.after],
        links=job_links(job, call.parts.job_kinds),
    )


def _part(part: ChainPart) -> JobChainPart:
    return JobChainPart(
        kind=part.kind,
        name=part.name,
        state=part.state.value,
        job_id=part.job_id,
        upload_id=part.upload_id,
        size_bytes=part.size_bytes,
        at=rfc3339(part.at) if part.at else None,
        page=outside(f"/jobs/{part.job_id}") if part.job_id else None,
    )


async def list_jobs(call: Call[None, JobQuery]) -> JobList:
    query = call.query
    wanted = dataclasses.replace(
        await filter_by(call, query), states=query.state, outcomes=query.outcome, limit=query.limit, cursor=query.cursor
    )
    page = await call.operations.jobs.list(call.principal, wanted)
    return JobList(items=await _answers(call, page.items), next_cursor=page.next_cursor, total=page.total)


async def get_job(call: Call[None, NoQuery]) -> JobAnswer:
    return await job_answer(call, await call.operations.jobs.get(call.principal, call.path["id"]))


async def cancel_job(call: Call[None, NoQuery]) -> JobAnswer:
    return await job_answer(call, await call.operations.jobs.cancel(call.principal, call.path["id"]))


async def retry_job(call: Call[None, NoQuery]) -> JobAnswer:
    key = call.request.headers.get("Idempotency-Key")
    return await job_answer(
        call, await call.operations.jobs.retry(call.principal, call.path["id"], idempotency_key=key)
    )


async def delete_job(call: Call[None, NoQuery]) -> web.Response:
    await call.operations.job_removal.delete(call.principal, call.path["id"])
    return web.Response(status=204)


async def start_demonstration(call: Call[DemonstrationRequest, NoQuery]) -> web.Response:
    job = await call.operations.jobs.demonstrate(
        call.principal,
        seconds=call.body.seconds,
        total=call.body.total,
        fail_at=call.body.fail_at,
        idempotency_key=call.request.headers.get("Idempotency-Key"),
    )
    links = job_links(job, call.parts.job_kinds)
    answer = JobStarted(job_id=job.id, kind=job.kind, links=links)
    return encoded(answer, status=202, headers={"Location": links.self})


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/jobs",
        name="list_jobs",
        handler=list_jobs,
        summary="Your jobs, newest first; admins see everybody's.",
        query=JobQuery,
        answer=JobList,
    ),
    Endpoint(
        method="POST",
        path="/jobs/demonstration",
        name="start_demonstration",
        handler=start_demonstration,
        summary="Start a job that only counts, to see how jobs move.",
        access="write",
        body=DemonstrationRequest,
        answer=JobStarted,
        status=202,
    ),
    Endpoint(
        method="GET",
        path="/jobs/{id}",
        name="get_job",
        handler=get_job,
        summary="One job, as fresh as its live messages.",
        answer=JobAnswer,
        errors=(404,),
    ),
    Endpoint(
        method="DELETE",
        path="/jobs/{id}",
        name="delete_job",
        handler=delete_job,
        summary="Remove a job that is over, with its log; what it made stays.",
        access="write",
        status=204,
        errors=(404, 409),
    ),
    Endpoint(
        method="POST",
        path="/jobs/{id}/cancel",
        name="cancel_job",
        handler=cancel_job,
        summary="Stop a job; one that is over already stays as it is.",
        access="write",
        answer=JobAnswer,
        errors=(404,),
    ),
    Endpoint(
        method="POST",
        path="/jobs/{id}/retry",
        name="retry_job",
        handler=retry_job,
        summary="Start a failed or cancelled job again from the beginning.",
        access="write",
        headers=[
            Header(
                name=IDEMPOTENCY_KEY,
                said="The same key again answers the job as it is now and starts nothing. "
                "For another request it is refused (409).",
                schema=KEY_SCHEMA,
            )
        ],
        answer=JobAnswer,
        errors=(404, 409),
    ),
]
