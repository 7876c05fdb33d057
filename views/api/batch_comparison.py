"""`/api/v1/batches/{id}/comparison`: which figures moved most since the batch before."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec

from server.http.endpoint import Call, Endpoint
from server.reports.batch_comparing import Figure, Move


class ComparisonQuery(msgspec.Struct, frozen=True, kw_only=True, rename={"other": "with"}):
    """`with`: the other batch; left out, the last one of the same template before this one. `limit` bounds `moved`."""

    other: Annotated[str, msgspec.Meta(max_length=26)] = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=500)] = 50


class ComparedBatch(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    name: str
    created_at: datetime


class FigureMoved(msgspec.Struct, frozen=True, kw_only=True):
    """`change` is a part of what it was before (0.1: a tenth more), null where that was zero. `place` is the row for
    which the figure is repeated, and the headings above it.
    """

    report_id: str
    title: str
    label: str
    place: str
    before: Figure
    after: Figure
    change: float | None


class BatchMoves(msgspec.Struct, frozen=True, kw_only=True):
    """Reports belong together when their parameters are the same but for days and months. `before` is null when there
    is nothing to compare with; `changed` counts all figures that did, `moved` holds the first, the largest part first.
    `not_made` counts reports that there were before and that failed, or were not made for another reason.
    `unpaired` counts figures of which nobody can tell which one they were before: they are not compared.
    """

    before: ComparedBatch | None
    compared: int
    only_now: int
    only_before: int
    not_made: int
    changed: int
    unpaired: int
    moved: list[FigureMoved]


async def get_comparison(call: Call[None, ComparisonQuery]) -> BatchMoves:
    found = await call.operations.batch_comparison.of(call.principal, call.path["id"], other_id=call.query.other)
    before, moves = found.before, found.moves
    return BatchMoves(
        before=ComparedBatch(id=before.id, name=before.name, created_at=before.created_at) if before else None,
        compared=moves.compared,
        only_now=moves.only_now,
        only_before=moves.only_before,
        not_made=moves.not_made,
        changed=len(moves.moved),
        unpaired=moves.unpaired,
        moved=[_moved(move) for move in moves.moved[: call.query.limit]],
    )


def _moved(move: Move) -> FigureMoved:
    return FigureMoved(**{field: getattr(move, field) for field in move.__struct_fields__})


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/batches/{id}/comparison",
        name="api_batch_comparison",
        handler=get_comparison,
        summary="Which figures moved most since the batch before",
        query=ComparisonQuery,
        answer=BatchMoves,
        errors=(404, 422),
    ),
]
