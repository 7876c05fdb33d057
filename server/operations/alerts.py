"""What administrators can ask of alerts: rules, what fires and fired, what is on its way, a test of each channel."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from server.alerts.alert import Alert, AlertChannel, AlertRule
from server.alerts.heartbeat import HeartbeatState, OutgoingHeartbeat
from server.alerts.measuring import Measuring
from server.alerts.store import (
    DEFAULT_RULES,
    all_rules,
    count_alerts,
    default_rule,
    open_alerts,
    past_alerts,
    put_rule,
    remove_rule,
)
from server.alerts.subject import WHOLE, Cause, Measurements, WatchedSubject
from server.alerts.subjects import SUBJECTS, subject_named
from server.alerts.telling import AlertTelling
from server.alerts.words import AlertNews
from server.auth.audit import Audit
from server.auth.permissions import Principal
from server.clock import Clock, new_id, utc_now
from server.delivery.outbox import again, latest_parcels
from server.delivery.parcel import Parcel, ParcelState
from server.delivery.posting import Posting
from server.errors import Conflict, FieldError, InvalidInput, NotFound
from server.jobs.outcomes import Notice
from server.live.notices import Notices
from server.storage.database import Database

MOST_RULE_SECONDS = 30 * 86_400
MOST_TARGET = 300
MOST_RULES = 100
_PARCELS_SHOWN = 30
_TEST_NOTICE = Notice(
    title="This is a test of the alerts", body="You are told here when a rule fires.", level="info", url="/admin/alerts"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleStanding:
    """`value` is how it is now, None while that is not known, at the `node` where it is worst (empty: of the whole).

    `alerts` are what fires of it, or is about to, at most one for each node.
    """

    rule: AlertRule
    value: float | None
    node: str
    alerts: tuple[Alert, ...]

    @property
    def firing(self) -> list[Alert]:
        return [alert for alert in self.alerts if alert.is_firing]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelTest:
    """What became of a test message: `error` is a phrase that says why it did not arrive."""

    channel: AlertChannel
    state: ParcelState
    error: dict[str, Any] | None
    at: datetime


class AlertOperations:
    def __init__(
        self,
        *,
        database: Database,
        measuring: Measuring,
        telling: AlertTelling,
        posting: Posting,
        notices: Notices,
        heartbeat: OutgoingHeartbeat,
        clock: Clock = utc_now,
    ) -> None:
        self._database = database
        self._measuring = measuring
        self._telling = telling
        self._posting = posting
        self._notices = notices
        self._heartbeat = heartbeat
        self._clock = clock

    async def rules(self, principal: Principal) -> list[RuleStanding]:
        """All of them, with how each stands at this moment."""
        principal.require_admin()
        async with self._database.read() as connection:
            rules = await all_rules(connection)
            alerts = [alert for alert in await open_alerts(connection) if alert.ended_at is None]
        found = await self._measuring.measure(rules, self._clock())
        return [_standing(rule, found, [alert for alert in alerts if alert.rule_id == rule.id]) for rule in rules]

    async def change_rule(
        self,
        principal: Principal,
        rule_id: str,
        *,
        threshold: float | None = None,
        seconds: float | None = None,
        is_on: bool | None = None,
        channels: Collection[AlertChannel] | None = None,
    ) -> AlertRule:
        """Change what is given. Raises `InvalidInput` for what no rule of its subject can have, `Conflict` for what
        another one says already."""
        principal.require_admin()
        async with self._database.write() as connection:
            rule = await self._known(connection, rule_id)
            changed = replace(
                rule,
                threshold=rule.threshold if threshold is None else threshold,
                seconds=rule.seconds if seconds is None else seconds,
                is_on=rule.is_on if is_on is None else is_on,
                channels=rule.channels if channels is None else frozenset(channels),
            )
            _require_sensible(changed)
            if (changed.threshold, changed.seconds) != (rule.threshold, rule.seconds):
                _require_another(changed, await all_rules(connection))
            await put_rule(connection, changed)
            await Audit.record(
                connection, principal, "alert_rule.change", rule.subject.label, _told(changed), subject_id=rule.id
            )
            return await self._known(connection, rule_id)

    async def add_rule(
        self,
        principal: Principal,
        *,
        subject: str,
        target: str = "",
        threshold: float | None = None,
        seconds: float | None = None,
        channels: Collection[AlertChannel] | None = None,
    ) -> AlertRule:
        """One more, such as a second threshold, or of a script's job that `target` names.

        Raises `Conflict` when there is one that says the same: it would tell everything twice.
        """
        principal.require_admin()
        watched = subject_named(subject)
        if watched is None:
            problem = FieldError(
                field="subject",
                message="There is no subject “{name}”; there are {known}.",
                parameters={"name": subject[:100], "known": ", ".join(each.name for each in SUBJECTS)},
            )
            raise InvalidInput(errors=[problem])
        rule = replace(
            default_rule(watched),
            id=new_id(),
            target=target.strip(),
            threshold=watched.threshold if threshold is None else threshold,
            seconds=watched.seconds if seconds is None else seconds,
            channels=frozenset(AlertChannel if channels is None else channels),
        )
        _require_sensible(rule)
        async with self._database.write() as connection:
            rules = await all_rules(connection)
            if len(rules) >= MOST_RULES:
                raise InvalidInput("There may be at most {limit} rules.", limit=MOST_RULES)
            _require_another(rule, rules)
            await put_rule(connection, rule)
            await Audit.record(
                connection, principal, "alert_rule.add", rule.subject.label, _told(rule), subject_id=rule.id
            )
            return await self._known(connection, rule.id)

    async def remove_rule(self, principal: Principal, rule_id: str) -> None:
        """One that somebody added goes; one that is there by itself is as it was in the beginning."""
        principal.require_admin()
        async with self._database.write() as connection:
            rule = await self._known(connection, rule_id)
            await remove_rule(connection, rule_id)
            action = "alert_rule.reset" if rule_id in DEFAULT_RULES else "alert_rule.delete"
            await Audit.record(connection, principal, action, rule.subject.label, subject_id=rule.id)

    async def history(
        self, principal: Principal, *, q: str | None = None, limit: int = 50, before: str | None = None
    ) -> tuple[Sequence[Alert], str | None, int]:
        """What fired, the newest first; where the next page begins, and how many there are in all."""
        principal.require_admin()
        async with self._database.read() as connection:
            found = await past_alerts(connection, q=q, limit=limit + 1, before=before)
            total = await count_alerts(connection, q=q)
        return found[:limit], found[limit - 1].id if len(found) > limit else None, total

    async def outbox(self, principal: Principal) -> Sequence[Parcel]:
        """What has not arrived, then what was sent last."""
        principal.require_admin()
        async with self._database.read() as connection:
            return await latest_parcels(connection, limit=_PARCELS_SHOWN)

    async def send_again(self, principal: Principal, parcel_id: str) -> Parcel:
        """At once; how it then stands. Raises `NotFound` for one that was sent."""
        principal.require_admin()
        async with self._database.write() as connection:
            if not await again(connection, parcel_id, self._clock()):
                raise NotFound
            await Audit.record(connection, principal, "outbox.send_again", subject_id=parcel_id)
        parcel = await self._posting.post_one(parcel_id)
        if parcel is None:
            raise NotFound
        return parcel

    async def test(self, principal: Principal, channel: AlertChannel) -> ChannelTest:
        """A message on the way that real ones go, and what really became of it."""
        principal.require_admin()
        now = self._clock()
        if channel is AlertChannel.NOTICE:
            async with self._database.write() as connection:
                await Audit.record(connection, principal, "alert.test", channel)
            await self._notices.notify_who_asked(principal.user_id, _TEST_NOTICE)
            return ChannelTest(channel=channel, state=ParcelState.SENT, error=None, at=now)
        if not self._telling.is_set_up(channel):
            message = (
                "No mail is set up: set smtp_host, mail_from and alert_mail_to."
                if channel is AlertChannel.MAIL
                else "No webhook is set up: set alert_webhook_url."
            )
            raise InvalidInput(message, code="not_set_up")
        async with self._database.write() as connection:
            parcel_id = await self._telling.put(connection, channel, AlertNews(firing=(), ended=(), is_test=True), now)
            await Audit.record(connection, principal, "alert.test", channel)
        parcel = await self._posting.post_one(parcel_id)
        if parcel is None:
            raise NotFound
        return ChannelTest(channel=channel, state=parcel.state, error=parcel.error, at=parcel.sent_at or now)

    def channels(self, principal: Principal) -> dict[AlertChannel, bool]:
        """Whether each is set up."""
        principal.require_admin()
        return {channel: self._telling.is_set_up(channel) for channel in AlertChannel}

    def heartbeat(self, principal: Principal) -> HeartbeatState:
        principal.require_admin()
        return self._heartbeat.state

    async def _known(self, connection: Any, rule_id: str) -> AlertRule:
        for rule in await all_rules(connection):
            if rule.id == rule_id:
                return rule
        raise NotFound


def _standing(rule: AlertRule, found: Measurements, alerts: Sequence[Alert]) -> RuleStanding:
    values = {node: value for node, value in rule.subject.values(found, rule.target).items() if value is not None}
    worst = (min if rule.subject.is_low_bad else max)(values, key=values.__getitem__, default=WHOLE)
    return RuleStanding(rule=rule, value=values.get(worst), node=worst, alerts=tuple(alerts))


def by_cause(standings: Sequence[RuleStanding]) -> dict[Cause, list[RuleStanding]]:
    return {cause: [each for each in standings if each.rule.subject.cause is cause] for cause in Cause}


def _require_sensible(rule: AlertRule) -> None:
    subject, problems = rule.subject, list[FieldError]()
    if not math.isfinite(rule.threshold) or not subject.least <= rule.threshold <= subject.most:
        parameters: dict[str, object] = {"least": f"{subject.least:.12g}", "most": f"{subject.most:.12g}"}
        message = "Choose a threshold from {least} to {most}."
        problems.append(FieldError(field="threshold", message=message, parameters=parameters))
    if not 0 <= rule.seconds <= MOST_RULE_SECONDS:
        problems.append(FieldError(field="seconds", message="Choose a time from 0 seconds to 30 days."))
    problems += _problems_of_target(subject, rule.target)
    if problems:
        raise InvalidInput(errors=problems)


def _require_another(rule: AlertRule, rules: Sequence[AlertRule]) -> None:
    """Whom it tells makes no difference, nor whether it is on: that is changed of the one there is."""
    said = (rule.subject.name, rule.target, rule.threshold, rule.seconds)
    others = [(each.subject.name, each.target, each.threshold, each.seconds) for each in rules if each.id != rule.id]
    if said in others:
        message = "There is a rule that says just this. Change that one, or choose another threshold or time."
        raise Conflict(message, code="alert_rule_exists", errors=[FieldError(field="threshold", message=message)])


def _problems_of_target(subject: WatchedSubject, target: str) -> list[FieldError]:
    if subject.needs_target and not target:
        return [FieldError(field="target", message="Say which: the title of the script's jobs.")]
    if target and not subject.needs_target:
        return [FieldError(field="target", message="Only a script's jobs have a title: leave this empty.")]
    if len(target) > MOST_TARGET or not target.isprintable():
        return [FieldError(field="target", message="Write one line of at most 300 characters.")]
    return []


def _told(rule: AlertRule) -> dict[str, Any]:
    return {
        "subject": rule.subject.name,
        "target": rule.target,
        "threshold": rule.threshold,
        "seconds": rule.seconds,
        "on": rule.is_on,
        "channels": sorted(rule.channels),
    }
