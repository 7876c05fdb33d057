"""`/me/retention` and `/admin/retention`: what there is, what of it goes when, and how much room that frees."""

from __future__ import annotations

from datetime import datetime

import msgspec

from server.http.endpoint import Call, Endpoint, NoQuery
from server.operations.retention import Overview


class KindKept(msgspec.Struct, frozen=True, kw_only=True):
    """`due_…` is what goes at the next sweep. `keep_days` is null for what is kept for ever, 0 for what goes within the
    hour; `setting` says so.

    Messages, notifications and figures go by themselves, before and between sweeps: nothing of them is ever due.
    Bytes of files are exact, those of rows of the database about.
    """

    kind: str
    count: int
    bytes: int
    keep_days: float | None
    setting: str
    due_count: int
    due_bytes: int


class RetentionAnswer(msgspec.Struct, frozen=True, kw_only=True):
    next_sweep_at: datetime
    kinds: list[KindKept]


async def my_retention(call: Call[None, NoQuery]) -> RetentionAnswer:
    return _answer(await call.operations.retention.mine(call.principal))


async def everybodys_retention(call: Call[None, NoQuery]) -> RetentionAnswer:
    return _answer(await call.operations.retention.everybodys(call.principal))


def _answer(overview: Overview) -> RetentionAnswer:
    kinds = [
        KindKept(
            kind=kept.kind,
            count=kept.held.count,
            bytes=kept.held.bytes,
            keep_days=kept.days,
            setting=kept.setting,
            due_count=kept.due.count,
            due_bytes=kept.due.bytes,
        )
        for kept in overview.kinds
    ]
    return RetentionAnswer(next_sweep_at=overview.next_at, kinds=kinds)


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/me/retention",
        name="api_my_retention",
        handler=my_retention,
        summary="What of my things goes when, and how much room that frees",
        answer=RetentionAnswer,
    ),
    Endpoint(
        method="GET",
        path="/admin/retention",
        name="api_retention",
        handler=everybodys_retention,
        summary="What of everybody's things goes when, and how much room that frees",
        access="admin",
        answer=RetentionAnswer,
    ),
]
