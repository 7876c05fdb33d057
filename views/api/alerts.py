"""`/admin/alerts`, `/admin/outbox`: rules, what fires and fired, what is on its way out."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from server.alerts.alert import Alert, AlertChannel, AlertRule
from server.alerts.subject import AlertUnit, Cause
from server.alerts.subjects import SUBJECTS
from server.delivery.parcel import Channel, Parcel, ParcelState
from server.http.endpoint import Call, Endpoint, NoQuery, PageById, ShortPage
from server.http.short_lists import cut
from server.http.values import line
from server.operations.alerts import MOST_RULE_SECONDS, MOST_TARGET, ChannelTest, RuleStanding
from server.storage.pages import Listing
from server.texts import told
from views.context import formats_for

Threshold = Annotated[float, Meta(ge=0, le=1e9)]
RuleSeconds = Annotated[float, Meta(ge=0, le=MOST_RULE_SECONDS)]
Channels = Annotated[list[AlertChannel], Meta(max_length=10)]
RuleId = Annotated[str, Meta(pattern="^[0-9a-z_]{1,64}$")]
_SUBJECT = "^({})$".format("|".join(subject.name for subject in SUBJECTS))


class NewRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is left out is as the subject has it by itself. `target`: the title of a script's jobs."""

    subject: Annotated[str, Meta(max_length=64, extra_json_schema={"pattern": _SUBJECT})]
    target: Annotated[str, line(MOST_TARGET)] = ""
    threshold: Threshold | None = None
    seconds: RuleSeconds | None = None
    channels: Channels | None = None


class RuleChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is left out stays as it is."""

    threshold: Threshold | None = None
    seconds: RuleSeconds | None = None
    on: bool | None = None
    channels: Channels | None = None


class RuleInfo(msgspec.Struct, frozen=True, kw_only=True):
    """It fires when the value was above the threshold for `seconds`, below if `low_is_bad`. A share is from 0 to 1."""

    id: str
    subject: str
    label: str
    cause: Cause
    unit: AlertUnit
    low_is_bad: bool
    target: str
    threshold: float
    seconds: float
    on: bool
    channels: list[AlertChannel]
    changed: bool


class RuleState(RuleInfo, frozen=True, kw_only=True):
    """`value` is null while nothing is known of it. What is measured at each node has that of the worst, which `node`
    names; what fires is at `firing_at`, with an empty name for what is measured of all together."""

    value: float | None
    node: str
    firing_since: datetime | None
    firing_at: list[str]


class RuleList(Listing[RuleState], frozen=True, kw_only=True):
    pass


class AlertInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One time that a rule fired, at a `node` or of all together (empty). `told` is what was last sent of it: nothing,
    `firing` or `ended`."""

    id: str
    rule_id: str
    subject: str
    target: str
    node: str
    cause: Cause
    unit: AlertUnit
    threshold: float
    fired_at: datetime | None
    ended_at: datetime | None
    value: float
    worst: float
    told: str


class AlertList(Listing[AlertInfo], frozen=True, kw_only=True):
    pass


class ChannelChoice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    channel: AlertChannel


class TriedChannel(msgspec.Struct, frozen=True, kw_only=True):
    """`state` is what really became of it: `sent` once the other side took it. `error` says why not."""

    channel: AlertChannel
    state: ParcelState
    error: str
    at: datetime


class ParcelInfo(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    channel: Channel
    subject: str
    state: ParcelState
    attempts: int
    created_at: datetime
    next_at: datetime | None
    sent_at: datetime | None
    error: str


class ParcelList(Listing[ParcelInfo], frozen=True, kw_only=True):
    pass


async def list_rules(call: Call[None, ShortPage]) -> RuleList:
    found = await call.operations.alerts.rules(call.principal)
    page = cut(found, call.query, lambda each: f"{each.rule.id} {each.rule.subject.label} {each.rule.target}")
    return RuleList(items=[_state(each) for each in page.items], next_cursor=page.next_cursor, total=page.total)


async def add_rule(call: Call[NewRule, NoQuery]) -> RuleInfo:
    body = call.body
    rule = await call.operations.alerts.add_rule(
        call.principal,
        subject=body.subject,
        target=body.target,
        threshold=body.threshold,
        seconds=body.seconds,
        channels=body.channels,
    )
    return RuleInfo(**_rule(rule))


async def change_rule(call: Call[RuleChange, NoQuery]) -> RuleInfo:
    body = call.body
    rule = await call.operations.alerts.change_rule(
        call.principal,
        call.path["rule_id"],
        threshold=body.threshold,
        seconds=body.seconds,
        is_on=body.on,
        channels=body.channels,
    )
    return RuleInfo(**_rule(rule))


async def remove_rule(call: Call[None, NoQuery]) -> None:
    await call.operations.alerts.remove_rule(call.principal, call.path["rule_id"])


async def list_alerts(call: Call[None, PageById]) -> AlertList:
    query = call.query
    found, following, total = await call.operations.alerts.history(
        call.principal, q=query.q, limit=query.limit, before=query.cursor
    )
    return AlertList(items=[alert_info(alert) for alert in found], next_cursor=following, total=total)


async def try_channel(call: Call[ChannelChoice, NoQuery]) -> TriedChannel:
    found = await call.operations.alerts.test(call.principal, call.body.channel)
    return _tested(call, found)


async def list_outbox(call: Call[None, ShortPage]) -> ParcelList:
    found = await call.operations.alerts.outbox(call.principal)
    page = cut(found, call.query, lambda each: f"{each.subject} {each.channel} {each.state}")
    items = [_parcel(call, each) for each in page.items]
    return ParcelList(items=items, next_cursor=page.next_cursor, total=page.total)


async def send_again(call: Call[None, NoQuery]) -> ParcelInfo:
    return _parcel(call, await call.operations.alerts.send_again(call.principal, call.path["parcel_id"]))


def _rule(rule: AlertRule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "subject": rule.subject.name,
        "label": rule.subject.label,
        "cause": rule.subject.cause,
        "unit": rule.subject.unit,
        "low_is_bad": rule.subject.is_low_bad,
        "target": rule.target,
        "threshold": rule.threshold,
        "seconds": rule.seconds,
        "on": rule.is_on,
        "channels": sorted(rule.channels),
        "changed": rule.is_changed,
    }


def _state(standing: RuleStanding) -> RuleState:
    return RuleState(
        **_rule(standing.rule),
        value=standing.value,
        node=standing.node,
        firing_since=min((alert.fired_at for alert in standing.firing if alert.fired_at), default=None),
        firing_at=sorted(alert.node for alert in standing.firing),
    )


def alert_info(alert: Alert) -> AlertInfo:
    return AlertInfo(
        id=alert.id,
        rule_id=alert.rule_id,
        subject=alert.subject.name,
        target=alert.target,
        node=alert.node,
        cause=alert.subject.cause,
        unit=alert.subject.unit,
        threshold=alert.threshold,
        fired_at=alert.fired_at,
        ended_at=alert.ended_at,
        value=alert.value,
        worst=alert.worst,
        told=alert.told.value,
    )


def _in_words(call: Call[Any, Any], error: dict[str, Any] | None) -> str:
    return told("{error}", {"error": error}, formats_for(call.request).gettext) if error else ""


def _tested(call: Call[Any, Any], found: ChannelTest) -> TriedChannel:
    return TriedChannel(channel=found.channel, state=found.state, error=_in_words(call, found.error), at=found.at)


def _parcel(call: Call[Any, Any], parcel: Parcel) -> ParcelInfo:
    return ParcelInfo(
        id=parcel.id,
        channel=parcel.channel,
        subject=parcel.subject,
        state=parcel.state,
        attempts=parcel.attempts,
        created_at=parcel.created_at,
        next_at=parcel.next_at,
        sent_at=parcel.sent_at,
        error=_in_words(call, parcel.error),
    )


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/admin/alerts",
        name="api_alerts",
        handler=list_alerts,
        summary="What fired, the newest first",
        access="admin",
        query=PageById,
        answer=AlertList,
    ),
    Endpoint(
        method="GET",
        path="/admin/alerts/rules",
        name="api_alert_rules",
        handler=list_rules,
        summary="The rules, and how each stands now",
        access="admin",
        query=ShortPage,
        answer=RuleList,
    ),
    Endpoint(
        method="POST",
        path="/admin/alerts/rules",
        name="api_add_alert_rule",
        handler=add_rule,
        summary="Add a rule",
        access="admin",
        body=NewRule,
        answer=RuleInfo,
        status=201,
        errors=(409,),
    ),
    Endpoint(
        method="PATCH",
        path="/admin/alerts/rules/{rule_id}",
        name="api_change_alert_rule",
        handler=change_rule,
        summary="Change a rule's threshold, duration or channels, or switch it off",
        access="admin",
        places={"rule_id": RuleId},
        body=RuleChange,
        answer=RuleInfo,
        errors=(409,),
    ),
    Endpoint(
        method="DELETE",
        path="/admin/alerts/rules/{rule_id}",
        name="api_remove_alert_rule",
        handler=remove_rule,
        summary="Remove a rule that was added; one that is there by itself is as it was in the beginning",
        access="admin",
        places={"rule_id": RuleId},
        status=204,
    ),
    Endpoint(
        method="POST",
        path="/admin/alerts/test",
        name="api_test_alert",
        handler=try_channel,
        summary="Send a test message, and say what became of it",
        access="admin",
        body=ChannelChoice,
        answer=TriedChannel,
    ),
    Endpoint(
        method="GET",
        path="/admin/outbox",
        name="api_outbox",
        handler=list_outbox,
        summary="Mail and webhooks that have not arrived, then those sent last",
        access="admin",
        query=ShortPage,
        answer=ParcelList,
    ),
    Endpoint(
        method="POST",
        path="/admin/outbox/{parcel_id}/send-again",
        name="api_send_again",
        handler=send_again,
        summary="Try once more, at once",
        access="admin",
        answer=ParcelInfo,
    ),
]
