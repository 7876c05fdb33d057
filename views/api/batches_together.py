"""`/api/v1/batches/delete`, `/retry`, `/cancel` and `/share`: the same with all batches that fit a filter."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from msgspec import Struct

from server.auth.grants import Grant
from server.http.endpoint import Call, Endpoint, NoQuery
from server.http.values import Count
from server.operations.batches_together import AT_ONCE, BatchAction
from views.api.batch_choice import filter_by
from views.api.sharing import GrantItem, grant_of
from views.batch_filter import BatchCriteria


class BatchesWanted(BatchCriteria, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """As in the query of the list; with nothing in it all of yours and those that are shared with you."""


class BatchesChoice(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"wanted": "filter"}):
    """`expected` is with how many of them it can be done, as whoever decided was told; where it is another number by
    now the answer is 409, which says it, and nothing is done."""

    wanted: BatchesWanted
    expected: Count


class BatchesShare(BatchesChoice, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`grant` is added to those that each of them has, in place of one to the same people; `expected` as elsewhere."""

    grant: GrantItem


class BatchNotDone(Struct, frozen=True, kw_only=True):
    """`code` is that of the error it alone would have got."""

    batch_id: str
    code: str


class BatchesActed(Struct, frozen=True, kw_only=True):
    """`not_done` names those of which it could not be done; ask again for those `left`."""

    done: int
    not_done: list[BatchNotDone]
    left: int


def _acting(action: BatchAction) -> Callable[[Call[BatchesChoice, NoQuery]], Awaitable[BatchesActed]]:
    async def act(call: Call[BatchesChoice, NoQuery]) -> BatchesActed:
        return await _act(call, action)

    return act


async def _share(call: Call[BatchesShare, NoQuery]) -> BatchesActed:
    return await _act(call, BatchAction.SHARE, grant_of(call.body.grant))


async def _act(call: Call[Any, NoQuery], action: BatchAction, grant: Grant | None = None) -> BatchesActed:
    body: BatchesChoice = call.body
    found = await call.operations.batches_together.act(
        call.principal, action, filter_by(call, body.wanted), expected=body.expected, grant=grant
    )
    not_done = [BatchNotDone(batch_id=each.batch_id, code=each.code) for each in found.not_done]
    return BatchesActed(done=found.done, not_done=not_done, left=found.left)


_SUMMARIES = {
    BatchAction.DELETE: "Delete those of yours that are over, with all their files.",
    BatchAction.RETRY: "Make the failed reports of those again that you may edit.",
    BatchAction.CANCEL: "Stop those that wait or run and that you may edit.",
    BatchAction.SHARE: "Share those that are yours.",
}
ENDPOINTS = [
    Endpoint(
        method="POST",
        path=f"/batches/{action}",
        name=f"{action}_batches",
        handler=_share if action is BatchAction.SHARE else _acting(action),
        summary=f"{summary} At most {AT_ONCE} at once, the oldest first.",
        access="write",
        body=BatchesShare if action is BatchAction.SHARE else BatchesChoice,
        answer=BatchesActed,
        errors=(409, 422),
    )
    for action, summary in _SUMMARIES.items()
]
