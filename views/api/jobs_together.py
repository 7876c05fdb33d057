"""`/api/v1/jobs/cancel`, `/retry` and `/delete`: the same with many jobs at once."""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from server.errors import InvalidInput
from server.http.endpoint import Call, Endpoint, NoQuery
from server.operations.jobs_together import AT_ONCE, JobAction
from views.api.job_choice import JobsWanted, filter_by


class JobChoice(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"wanted": "filter"}):
    """Those that fit the filter; with `ids` only these of them. Where neither chooses, `all` has to be true: all of
    yours, for admins all of everybody's.

    Give `until`, the moment of the list that somebody saw, so that nothing is caught that came after it.
    """

    wanted: JobsWanted = JobsWanted()
    ids: Annotated[tuple[str, ...], Meta(min_length=1, max_length=AT_ONCE)] | None = None
    is_all: bool = msgspec.field(name="all", default=False)


class JobNotDone(Struct, frozen=True, kw_only=True):
    """`code` is `not_found` (there is none, or none of yours), `job_over` (nothing to cancel), `job_not_retryable`,
    `job_not_over` (nothing to delete yet), `job_not_in_filter`, or that of the error it alone would have got."""

    job_id: str
    code: str


class JobsDone(Struct, frozen=True, kw_only=True):
    """`not_done` names those of which it could not be done, `refused` counts them by code; ask again for those
    `left`."""

    done: int
    not_done: list[JobNotDone]
    refused: dict[str, int]
    left: int


def _acting(action: JobAction) -> Callable[[Call[JobChoice, NoQuery]], Awaitable[JobsDone]]:
    async def act(call: Call[JobChoice, NoQuery]) -> JobsDone:
        body, wanted = call.body, call.body.wanted
        if body.ids is None and wanted == JobsWanted() and not body.is_all:
            raise InvalidInput("Say which jobs: by a filter, by their ids, or all of them with “all”: true.")
        chosen = dataclasses.replace(
            await filter_by(call, wanted), states=wanted.state, outcomes=wanted.outcome, ids=body.ids
        )
        found = await call.operations.jobs_together.act(call.principal, action, chosen)
        not_done = [JobNotDone(job_id=each.job_id, code=each.code) for each in found.not_done]
        return JobsDone(done=found.done, not_done=not_done, refused=found.refused, left=found.left)

    return act


_SUMMARIES = {
    JobAction.CANCEL: "Stop those that wait or run.",
    JobAction.RETRY: "Start those again that failed or were cancelled.",
    JobAction.DELETE: "Remove those that are over, with their logs; what they made stays.",
}
ENDPOINTS = [
    Endpoint(
        method="POST",
        path=f"/jobs/{action}",
        name=f"{action}_jobs",
        handler=_acting(action),
        summary=f"{summary} At most {AT_ONCE} at once, the oldest first.",
        access="write",
        body=JobChoice,
        answer=JobsDone,
        errors=(404,),
    )
    for action, summary in _SUMMARIES.items()
]
