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


class JobsDone(Struct, frozen=True, kw_only=True):
    """`refused` counts by the code of the error that each alone would have got; ask again for those `left`."""

    done: int
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
        return JobsDone(done=found.done, refused=found.refused, left=found.left)

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
