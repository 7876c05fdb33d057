"""`/push`: browsers that show notifications though no page is open."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec

from server.delivery.push import PushTarget
from server.http.endpoint import Call, Endpoint, NoQuery, ShortPage
from server.http.short_lists import cut
from server.http.values import line
from server.live.notice_kinds import NoticeKind
from server.operations.push import PushSubscription
from server.realtime.presence import device_name
from server.storage.pages import Listing


class PushServerKey(msgspec.Struct, frozen=True, kw_only=True):
    """What `PushManager.subscribe` takes as `applicationServerKey`; null where nothing is sent to browsers."""

    key: str | None


class PushSecrets(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    p256dh: Annotated[str, line(100, least=80)]
    auth: Annotated[str, line(30, least=20)]


class PushWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`PushSubscription.toJSON()` as browsers give it, and of what this one tells: without `kinds` as it was before, or
    of what ended, failed or was commented, of schedules, and of announcements. `expirationTime` (milliseconds since
    1970) is theirs to know: the push service says when a subscription has ended."""

    endpoint: Annotated[str, line(1_000, least=10)]
    keys: PushSecrets
    expiration_time: float | None = msgspec.field(name="expirationTime", default=None)
    kinds: list[NoticeKind] | None = None


class PushSubscriptionInfo(msgspec.Struct, frozen=True, kw_only=True):
    """`host` is the push service of the browser's maker. `is_paused`: the server was restored from a backup, and that
    browser has not been here since."""

    id: str
    host: str
    device: str
    kinds: list[NoticeKind]
    created_at: datetime
    is_current: bool
    is_paused: bool


class PushSubscriptionList(Listing[PushSubscriptionInfo], frozen=True, kw_only=True):
    pass


async def get_key(call: Call[None, NoQuery]) -> PushServerKey:
    return PushServerKey(key=await call.operations.push.key(call.principal))


async def list_subscriptions(call: Call[None, ShortPage]) -> PushSubscriptionList:
    page = cut(await call.operations.push.mine(call.principal), call.query, lambda each: each.user_agent)
    return PushSubscriptionList(items=list(map(_told, page.items)), next_cursor=page.next_cursor, total=page.total)


async def get_subscription(call: Call[None, NoQuery]) -> PushSubscriptionInfo:
    return _told(await call.operations.push.one(call.principal, call.path["id"]))


async def subscribe(call: Call[PushWish, NoQuery]) -> PushSubscriptionInfo:
    wish = call.body
    target = PushTarget(endpoint=wish.endpoint, p256dh=wish.keys.p256dh, auth=wish.keys.auth)
    return _told(await call.operations.push.subscribe(call.principal, target, wish.kinds))


async def unsubscribe(call: Call[None, NoQuery]) -> None:
    await call.operations.push.end(call.principal, call.path["id"])


def _told(subscription: PushSubscription) -> PushSubscriptionInfo:
    return PushSubscriptionInfo(
        id=subscription.id,
        host=subscription.host,
        device=device_name(subscription.user_agent),
        kinds=sorted(subscription.kinds),
        created_at=subscription.created_at,
        is_current=subscription.is_current,
        is_paused=subscription.is_paused,
    )


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/push/key",
        name="api_push_key",
        handler=get_key,
        summary="The public key that a browser subscribes to notifications with",
        answer=PushServerKey,
    ),
    Endpoint(
        method="GET",
        path="/push/subscriptions",
        name="api_push_subscriptions",
        handler=list_subscriptions,
        summary="My browsers that show notifications though no page is open",
        query=ShortPage,
        answer=PushSubscriptionList,
    ),
    Endpoint(
        method="POST",
        path="/push/subscriptions",
        name="api_push_subscribe",
        handler=subscribe,
        summary="Have this browser show notifications, or change of what it tells",
        body=PushWish,
        answer=PushSubscriptionInfo,
        status=201,
    ),
    Endpoint(
        method="GET",
        path="/push/subscriptions/{id}",
        name="api_push_subscription",
        handler=get_subscription,
        summary="One of my browsers that show notifications",
        answer=PushSubscriptionInfo,
    ),
    Endpoint(
        method="DELETE",
        path="/push/subscriptions/{id}",
        name="api_push_unsubscribe",
        handler=unsubscribe,
        summary="Have one of my browsers show no more notifications",
        status=204,
    ),
]
