"""Looks at every rule again and again, on one node for all, and tells what is new."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from server.alerts.alert import Alert, AlertChannel, AlertRule, LastTold, ended, moved
from server.alerts.measuring import Measuring
from server.alerts.store import all_rules, drop_alert, forget_alerts, last_told_by_subject, open_alerts, put_alert
from server.alerts.subject import Cause, Measurements
from server.alerts.subjects import SUBJECT_BY_NAME
from server.alerts.telling import AlertTelling
from server.alerts.windows import forget_windows, windows_since
from server.alerts.words import AlertNews
from server.clock import Clock, utc_now
from server.realtime.history import KeptMessage
from server.storage.database import Database
from server.storage.leases import is_held_by_another, take_lease
from server.storage.repeating import repeat

_LOG = logging.getLogger("jindu.alerts")
EVERY_SECONDS = 15.0
_FIRST_AFTER_SECONDS = 20.0  # the first figures come ten seconds after the start
_LEASE = "alerts"
_LEASE_SECONDS = 60.0
_GATHERED = timedelta(seconds=20)  # what goes wrong at once is told at once, in one message
_APART = timedelta(minutes=5)  # between two messages of one cause
_FORGET_EVERY = timedelta(hours=1)


class AlertWatch:
    """`holder` names this node and process. Alerts stand in the database: a restart neither repeats nor forgets one."""

    def __init__(
        self,
        *,
        database: Database,
        measuring: Measuring,
        telling: AlertTelling,
        holder: str,
        kept_days: float,
        clock: Clock = utc_now,
        changed: Callable[[], object] = lambda: None,
    ) -> None:
        self._database = database
        self._measuring = measuring
        self._telling = telling
        self._holder = holder
        self._kept = timedelta(days=kept_days)
        self._clock = clock
        self._changed = changed
        self._forgot_at: datetime | None = None

    async def run(self) -> None:
        """Until cancelled."""
        await repeat(
            self.look,
            every_seconds=EVERY_SECONDS,
            log=_LOG,
            failed="rules could not be looked at",
            action="watch_alerts",
            first_after_seconds=_FIRST_AFTER_SECONDS,
        )

    async def look(self) -> None:
        """Once at every rule that is on; what is new is told."""
        now = self._clock()
        async with self._database.read() as connection:
            if await is_held_by_another(connection, _LEASE, holder=self._holder, now=now, seconds=_LEASE_SECONDS):
                return
            rules = await all_rules(connection)
        found = await self._measuring.measure([rule for rule in rules if rule.is_on], now)
        async with self._database.write() as connection:
            if not await take_lease(connection, _LEASE, holder=self._holder, now=now, seconds=_LEASE_SECONDS):
                return
            alerts, has_changed = await _judged(connection, rules, found, now)
            kept, has_told = await self._tell(connection, rules, alerts, now)
            await self._forget(connection, now)
        if has_told:
            self._telling.send(kept)
        if has_changed:
            self._changed()

    async def _tell(
        self, connection: AsyncConnection, rules: Sequence[AlertRule], alerts: Sequence[Alert], now: datetime
    ) -> tuple[list[KeptMessage], bool]:
        """What was gathered of each cause, unless somebody works on the server: then it waits for the end of that."""
        untold = [alert for alert in alerts if alert.is_untold]
        if not untold or any(window.is_under_way(now) for window in await windows_since(connection, now)):
            return [], False
        told_at = await last_told_by_subject(connection, now - _APART)
        causes = _due(untold, told_at, now)
        due = [alert for alert in untold if alert.subject.cause in causes]
        if not due:
            return [], False
        channels = {rule.id: rule.channels for rule in rules}
        kept: list[KeptMessage] = []
        for channel in AlertChannel:
            news = _news([alert for alert in due if channel in channels.get(alert.rule_id, AlertChannel)])
            if news:
                kept += await self._telling.keep(connection, channel, news, now)
        for alert in due:
            state = LastTold.ENDED if alert.ended_at is not None else LastTold.FIRING
            await put_alert(connection, replace(alert, told=state, told_at=now))
            _LOG.warning(
                "%s: %s",
                "well again" if alert.is_well else "not watched any more" if alert.ended_at else "alert",
                alert.subject.label,
                extra={
                    "action": "alert",
                    "rule": alert.rule_id,
                    "at_node": alert.node,
                    "value": alert.value,
                    "limit": alert.threshold,
                },
            )
        return kept, True

    async def _forget(self, connection: AsyncConnection, now: datetime) -> None:
        if self._forgot_at is not None and now - self._forgot_at < _FORGET_EVERY:
            return
        self._forgot_at = now
        await forget_alerts(connection, now - self._kept)
        await forget_windows(connection, now - self._kept)


async def _judged(
    connection: AsyncConnection, rules: Sequence[AlertRule], found: Measurements, now: datetime
) -> tuple[list[Alert], bool]:
    """All alerts of which anybody has to be told, and whether any began to fire or ended."""
    before = await open_alerts(connection)
    unseen = {(alert.rule_id, alert.node): alert for alert in before if alert.ended_at is None}
    alerts = [alert for alert in before if alert.ended_at is not None]
    has_changed = False
    looked_at = [
        (rule, node, value)
        for rule in rules
        if rule.is_on
        for node, value in rule.subject.values(found, rule.target).items()
    ]
    for rule, node, value in looked_at:
        alert = unseen.pop((rule.id, node), None)
        after = moved(alert, rule, value, now, node=node)
        has_changed |= (after is not None and after.is_firing) != (alert is not None and alert.is_firing)
        if after is None:
            if alert is not None:
                await drop_alert(connection, alert.id)
            continue
        if after is not alert:
            await put_alert(connection, after)
        alerts.append(after)
    for alert in unseen.values():  # of rules and nodes that are gone, or switched off
        if alert.fired_at is None:
            await drop_alert(connection, alert.id)
            continue
        has_changed = True
        alerts.append(ended(alert, now))
        await put_alert(connection, alerts[-1])
    return alerts, has_changed


def _due(untold: Sequence[Alert], told_at: dict[str, datetime], now: datetime) -> set[Cause]:
    """Causes of which something has waited long enough for more to join it, and was not told of a moment ago."""
    recent = {SUBJECT_BY_NAME[name].cause for name, at in told_at.items() if name in SUBJECT_BY_NAME and at <= now}
    waited = {
        alert.subject.cause
        for alert in untold
        if now - (alert.ended_at or alert.fired_at or alert.began_at) >= _GATHERED
    }
    return waited - recent


def _news(alerts: Sequence[Alert]) -> AlertNews:
    return AlertNews(
        firing=[alert for alert in alerts if alert.ended_at is None],
        ended=[alert for alert in alerts if alert.ended_at is not None],
    )
