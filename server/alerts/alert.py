"""One alert from its first sign to its end, and how each look at a value moves it on: no database, no clock."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from server.alerts.subject import WatchedSubject
from server.clock import new_id

_LEAST_WELL_SECONDS = 60.0  # else a value that comes and goes sends a message each time
_MOST_WELL_SECONDS = 600.0
_UNSEEN = timedelta(seconds=90)  # six looks


class AlertChannel(StrEnum):
    """Where a rule tells of itself."""

    NOTICE = "notice"  # notifications of the administrators
    MAIL = "mail"
    WEBHOOK = "webhook"


class LastTold(StrEnum):
    """What was last sent of an alert. What is sent next is compared with this, not with what was last seen."""

    NOTHING = ""
    FIRING = "firing"
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRule:
    """`seconds` is for how long it has to be beyond the threshold."""

    id: str
    subject: WatchedSubject
    target: str
    threshold: float
    seconds: float
    is_on: bool
    channels: frozenset[AlertChannel]
    is_changed: bool = False  # by an administrator

    @property
    def well_seconds(self) -> float:
        """For how long it has to be well before it counts as over."""
        return min(max(self.seconds, _LEAST_WELL_SECONDS), _MOST_WELL_SECONDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """It fires from `fired_at` to `ended_at`; before, its rule waits whether it lasts."""

    id: str
    rule_id: str
    subject: WatchedSubject
    target: str
    node: str  # at which; empty of the whole
    threshold: float
    began_at: datetime
    seen_at: datetime
    fired_at: datetime | None
    well_since: datetime | None
    ended_at: datetime | None
    value: float
    worst: float
    told: LastTold
    told_at: datetime | None

    @property
    def is_firing(self) -> bool:
        return self.fired_at is not None and self.ended_at is None

    @property
    def is_well(self) -> bool:
        """False as well of one that ended because nobody looks any more."""
        return self.ended_at is not None and not self.subject.is_broken(self.value, self.threshold)

    @property
    def is_untold(self) -> bool:
        """Whether those who were told something know less than is so."""
        if self.ended_at is not None:
            return self.told is LastTold.FIRING
        return self.fired_at is not None and self.told is not LastTold.FIRING


def moved(alert: Alert | None, rule: AlertRule, value: float | None, now: datetime, *, node: str = "") -> Alert | None:
    """The alert after a look at its value; None when there is none, or none any more that ever fired.

    A value that is not known changes nothing: neither is it well again, nor worse.
    """
    if value is None:
        return alert
    subject = rule.subject
    if alert is None:
        return _begun(rule, node, value, now) if subject.is_broken(value, rule.threshold) else None
    seen = replace(alert, value=value, worst=subject.worse(alert.worst, value), seen_at=now, threshold=rule.threshold)
    if alert.fired_at is None:
        return _while_pending(seen, rule, was_seen_at=alert.seen_at)
    return _while_firing(seen, rule, was_seen_at=alert.seen_at)


def ended(alert: Alert, now: datetime) -> Alert:
    """Its rule or its node is gone, or switched off."""
    return replace(alert, ended_at=now)


def _begun(rule: AlertRule, node: str, value: float, now: datetime) -> Alert:
    return Alert(
        id=new_id(),
        rule_id=rule.id,
        subject=rule.subject,
        target=rule.target,
        node=node,
        threshold=rule.threshold,
        began_at=now,
        seen_at=now,
        fired_at=now if not rule.seconds else None,
        well_since=None,
        ended_at=None,
        value=value,
        worst=value,
        told=LastTold.NOTHING,
        told_at=None,
    )


def _while_pending(alert: Alert, rule: AlertRule, *, was_seen_at: datetime) -> Alert | None:
    now = alert.seen_at
    if not rule.subject.is_broken(alert.value, rule.threshold):
        return None
    if not _was_watched(was_seen_at, now):
        return replace(alert, began_at=now)
    if (now - alert.began_at).total_seconds() >= rule.seconds:
        return replace(alert, fired_at=now)
    return alert


def _while_firing(alert: Alert, rule: AlertRule, *, was_seen_at: datetime) -> Alert:
    now = alert.seen_at
    if rule.subject.is_broken(alert.value, rule.threshold):
        return replace(alert, well_since=None)
    if alert.well_since is None or not _was_watched(was_seen_at, now):
        return replace(alert, well_since=now) if rule.subject.is_well(alert.value, rule.threshold) else alert
    if (now - alert.well_since).total_seconds() >= rule.well_seconds:
        return replace(alert, ended_at=now)
    return alert


def _was_watched(was_seen_at: datetime, now: datetime) -> bool:
    """False after the server was away, or the clock was set: how it was meanwhile, nobody knows."""
    return timedelta() <= now - was_seen_at <= _UNSEEN
