"""`/api/v1/jobs/reasons`: why jobs failed."""

from __future__ import annotations

from msgspec import Struct

from server.http.endpoint import Call, Endpoint
from views.api.job_choice import JobCriteria, filter_by
from views.context import formats_for


class JobReason(Struct, frozen=True, kw_only=True):
    """How many failed with the error `code`; `message` and `job_id` are those of the newest of them.

    `reason` is what scripts said, with # for its numbers; the list of jobs takes it as `reason`. It is empty where the
    code says it all.
    """

    code: str
    reason: str
    count: int
    message: str
    job_id: str


class JobReasons(Struct, frozen=True, kw_only=True):
    items: list[JobReason]


async def list_reasons(call: Call[None, JobCriteria]) -> JobReasons:
    found = await call.operations.jobs.failure_reasons(call.principal, await filter_by(call, call.query))
    formats = formats_for(call.request)
    return JobReasons(
        items=[
            JobReason(
                code=reason.code,
                reason=reason.reason,
                count=reason.count,
                message=formats.error_text(reason.newest.error),
                job_id=reason.newest.id,
            )
            for reason in found
        ]
    )


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/jobs/reasons",
        name="list_failure_reasons",
        handler=list_reasons,
        summary="Why jobs failed, the most frequent reason first.",
        query=JobCriteria,
        answer=JobReasons,
        errors=(404,),
    ),
]
