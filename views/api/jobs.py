"""`/api/v1/jobs`: list, look, log, cancel, start again, and a demonstration job."""

from __future__ import annotations

import dataclasses
from datetime import datetime
from typing import Annotated, Any, ClassVar, Protocol

from aiohttp import web
from msgspec import Meta, Struct

from server.clock import rfc3339
from server.http.based_requests import outside
from server.http.endpoint import IDEMPOTENCY_KEY, Call, Endpoint, Header, NoQuery, PageByNumber, encoded
from server.http.values import KEY_SCHEMA, Count
from server.jobs.job import Completeness, Job, State
from server.jobs.job_filter import JobFilter
from server.jobs.kinds import JobKinds
from server.jobs.past_attempts import PastAttempt
from server.realtime.protocol import JobFields
from server.storage.pages import Listing
from views.context import formats_for
from views.formats import ReaderFormats

Moment = Annotated[datetime, Meta(tz=True)]


class JobLinks(Struct, frozen=True, kw_only=True):
    """Null where it cannot be done now. `update` takes what the script of an `external` job has to say."""

    self: str
    log: str
    page: str
    cancel: str | None
    retry: str | None
    delete: str | None
    update: str | None


class JobAnswer(JobFields, frozen=True, kw_only=True):
    """A job as in the live protocol, whose it is, and where to go from here."""

    owner_id: str
    links: JobLinks


class JobList(Listing[JobAnswer], frozen=True, kw_only=True):
    pass


class JobQuery(PageByNumber, frozen=True, kw_only=True):
    """`outcome` is of those that succeeded, `error` the code of those that failed; `user` is a name, for admins.

    `since` and `until` are moments of creation, `ended_since` and `ended_until` of the end. `q` looks in all that
    people know a job by, its error included; `"some words"` stand together, and `-word` leaves out what has it.
    """

    state: tuple[State, ...] = ()
    outcome: tuple[Completeness, ...] = ()
    kind: tuple[str, ...] = ()
    error: tuple[str, ...] = ()
    user: Annotated[str, Meta(min_length=1)] | None = None
    since: Moment | None = None
    until: Moment | None = None
    ended_since: Moment | None = None
    ended_until: Moment | None = None


class JobChoosing(Protocol):
    """What chooses jobs, in the query of the list and in the bodies of what is done with many."""

    @property
    def state(self) -> tuple[State, ...]: ...
    @property
    def outcome(self) -> tuple[Completeness, ...]: ...
    @property
    def kind(self) -> tuple[str, ...]: ...
    @property
    def error(self) -> tuple[str, ...]: ...
    @property
    def user(self) -> str | None: ...
    @property
    def since(self) -> datetime | None: ...
    @property
    def until(self) -> datetime | None: ...
    @property
    def ended_since(self) -> datetime | None: ...
    @property
    def ended_until(self) -> datetime | None: ...
    @property
    def q(self) -> str | None: ...


class AttemptError(Struct, frozen=True, kw_only=True):
    code: str
    message: str


class JobReason(Struct, frozen=True, kw_only=True):
    """How many failed with the error `code`; `message` and `job_id` are those of the newest of them."""

    code: str
    count: int
    message: str
    job_id: str


class JobReasons(Struct, frozen=True, kw_only=True):
    items: list[JobReason]


class ReasonQuery(Struct, frozen=True, kw_only=True):
    """As in the list of jobs; of those that failed alone."""

    kind: tuple[str, ...] = ()
    error: tuple[str, ...] = ()
    user: Annotated[str, Meta(min_length=1)] | None = None
    since: Moment | None = None
    until: Moment | None = None
    ended_since: Moment | None = None
    ended_until: Moment | None = None
    q: str | None = None
    state: ClassVar[tuple[State, ...]] = ()
    outcome: ClassVar[tuple[Completeness, ...]] = ()


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


def job_answer(call: Call[Any, Any], job: Job) -> JobAnswer:
    """`job` in the caller's language."""
    fields = call.parts.job_fields(job, call.principal.language, call.principal.user_id)
    values = {name: getattr(fields, name) for name in JobFields.__struct_fields__}
    links = job_links(job, call.parts.job_kinds)
    return JobAnswer(**values, owner_id=job.owner_id, links=links)


async def job_filter(call: Call[Any, Any], wanted: JobChoosing) -> JobFilter:
    """Raises `NotFound` for a user that there is not."""
    jobs = call.operations.jobs
    return JobFilter(
        owner_id=await jobs.owner_named(call.principal, wanted.user) if wanted.user else None,
        states=wanted.state,
        outcomes=wanted.outcome,
        kinds=wanted.kind,
        errors=wanted.error,
        text=wanted.q or "",
        since=wanted.since,
        until=wanted.until,
        ended_since=wanted.ended_since,
        ended_until=wanted.ended_until,
    )


async def list_jobs(call: Call[None, JobQuery]) -> JobList:
    found = await job_filter(call, call.query)
    wanted = dataclasses.replace(found, limit=call.query.limit, cursor=call.query.cursor)
    page = await call.operations.jobs.list(call.principal, wanted)
    items = [job_answer(call, job) for job in page.items]
    return JobList(items=items, next_cursor=page.next_cursor, total=page.total)


async def list_reasons(call: Call[None, ReasonQuery]) -> JobReasons:
    found = await call.operations.jobs.failure_reasons(call.principal, await job_filter(call, call.query))
    formats = formats_for(call.request)
    return JobReasons(
        items=[
            JobReason(
                code=reason.code,
                count=reason.count,
                message=formats.error_text(reason.newest.error),
                job_id=reason.newest.id,
            )
            for reason in found
        ]
    )


async def get_job(call: Call[None, NoQuery]) -> JobAnswer:
    return job_answer(call, await call.operations.jobs.get(call.principal, call.path["id"]))


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


async def cancel_job(call: Call[None, NoQuery]) -> JobAnswer:
    return job_answer(call, await call.operations.jobs.cancel(call.principal, call.path["id"]))


async def retry_job(call: Call[None, NoQuery]) -> JobAnswer:
    key = call.request.headers.get("Idempotency-Key")
    return job_answer(call, await call.operations.jobs.retry(call.principal, call.path["id"], idempotency_key=key))


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
        method="GET",
        path="/jobs/reasons",
        name="list_failure_reasons",
        handler=list_reasons,
        summary="Why jobs failed, the most frequent reason first.",
        query=ReasonQuery,
        answer=JobReasons,
        errors=(404,),
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
        method="GET",
        path="/jobs/{id}/attempts",
        name="list_job_attempts",
        handler=list_attempts,
        summary="What each attempt of a job was: how long its stages took, and how it ended.",
        answer=JobAttempts,
        errors=(404,),
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
