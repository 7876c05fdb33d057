"""`/me/usage` and `/admin/usage`: how much of the disk people's things take."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from server.http.endpoint import Call, Endpoint, NoQuery, ShortPage
from server.http.short_lists import cut
from server.storage.pages import Listing
from server.storage.quotas import Stored


class KindUsage(msgspec.Struct, frozen=True, kw_only=True):
    """`limit_bytes` is null where there is no limit."""

    used_bytes: int
    limit_bytes: int | None


class MyUsage(msgspec.Struct, frozen=True, kw_only=True):
    """Datasets count with all their versions, uploads with the size they were announced with."""

    uploads: KindUsage
    datasets: KindUsage
    reports: KindUsage


class UserUsage(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes that one user's things take."""

    user_id: str
    uploads: int = 0
    datasets: int = 0
    reports: int = 0


class UsageList(Listing[UserUsage], frozen=True, kw_only=True):
    pass


async def my_usage(call: Call[None, NoQuery]) -> MyUsage:
    lines = await call.operations.usage.mine(call.principal)
    by_kind = {
        line.kind.value: KindUsage(used_bytes=line.used_bytes, limit_bytes=line.limit_bytes or None) for line in lines
    }
    return MyUsage(**by_kind)


async def everybodys_usage(call: Call[None, ShortPage]) -> UsageList:
    used = await call.operations.usage.by_user(call.principal)
    items = [_of(user_id, kinds) for user_id, kinds in used.items()]
    items.sort(key=lambda each: each.uploads + each.datasets + each.reports, reverse=True)
    page = cut(items, call.query, lambda each: each.user_id)
    return UsageList(items=list(page.items), next_cursor=page.next_cursor, total=page.total)


def _of(user_id: str, used: Mapping[Stored, int]) -> UserUsage:
    return UserUsage(user_id=user_id, **{kind.value: size for kind, size in used.items()})


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/me/usage",
        name="api_my_usage",
        handler=my_usage,
        summary="How much of the disk my things take, and may take",
        answer=MyUsage,
    ),
    Endpoint(
        method="GET",
        path="/admin/usage",
        name="api_usage",
        handler=everybodys_usage,
        summary="How much of the disk each user's things take, the most first",
        access="admin",
        query=ShortPage,
        answer=UsageList,
    ),
]
