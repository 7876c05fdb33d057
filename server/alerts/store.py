"""Rules as administrators have changed them, and alerts, in the database: they outlive the server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, delete, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.alerts.alert import Alert, AlertChannel, AlertRule, LastTold
from server.alerts.subject import WatchedSubject
from server.alerts.subjects import SUBJECTS, subject_named
from server.storage.rows import put
from server.storage.searching import mentions
from server.storage.tables import alert_rules
from server.storage.tables import alerts as alert_table

_EVERYWHERE = frozenset(AlertChannel)
_DELETED_AT_ONCE = 500


def default_rule(subject: WatchedSubject) -> AlertRule:
    return AlertRule(
        id=subject.name,
        subject=subject,
        target="",
        threshold=subject.threshold,
        seconds=subject.seconds,
        is_on=True,
        channels=_EVERYWHERE,
    )


DEFAULT_RULES = {subject.name: default_rule(subject) for subject in SUBJECTS if subject.is_default}


async def all_rules(connection: AsyncConnection) -> list[AlertRule]:
    """Those that are there by themselves, as they were changed, then those that somebody added."""
    rows = (await connection.execute(select(alert_rules).order_by(alert_rules.c.id))).all()
    stored = {row.id: rule for row in rows if (rule := _rule(row)) is not None}
    return [*({**DEFAULT_RULES, **stored}).values()]


async def put_rule(connection: AsyncConnection, rule: AlertRule) -> None:
    values = {
        "id": rule.id,
        "subject": rule.subject.name,
        "target": rule.target,
        "threshold": rule.threshold,
        "seconds": rule.seconds,
        "is_on": rule.is_on,
        "channels": sorted(rule.channels),
    }
    await put(connection, alert_rules, values, key=("id",))


async def remove_rule(connection: AsyncConnection, rule_id: str) -> bool:
    """Of one that is there by itself what was changed, so that it is as it was."""
    found = await connection.execute(delete(alert_rules).where(alert_rules.c.id == rule_id))
    return bool(found.rowcount)


async def open_alerts(connection: AsyncConnection) -> list[Alert]:
    """Those that are not over, and those of which the end was not told."""
    over_untold = alert_table.c.ended_at.is_not(None) & (alert_table.c.told == LastTold.FIRING)
    rows = await connection.execute(
        select(alert_table).where(or_(alert_table.c.ended_at.is_(None), over_untold)).order_by(alert_table.c.id)
    )
    return [alert for row in rows if (alert := _alert(row)) is not None]


async def put_alert(connection: AsyncConnection, alert: Alert) -> None:
    values = {
        "id": alert.id,
        "rule_id": alert.rule_id,
        "subject": alert.subject.name,
        "target": alert.target,
        "node": alert.node,
        "threshold": alert.threshold,
        "began_at": alert.began_at,
        "seen_at": alert.seen_at,
        "fired_at": alert.fired_at,
        "well_since": alert.well_since,
        "ended_at": alert.ended_at,
        "value": alert.value,
        "worst": alert.worst,
        "told": alert.told,
        "told_at": alert.told_at,
    }
    await put(connection, alert_table, values, key=("id",))


async def drop_alert(connection: AsyncConnection, alert_id: str) -> None:
    await connection.execute(delete(alert_table).where(alert_table.c.id == alert_id))


async def past_alerts(
    connection: AsyncConnection,
    *,
    limit: int,
    q: str | None = None,
    before: str | None = None,
    since: datetime | None = None,
) -> Sequence[Alert]:
    """Those that fired, also those that still do, the newest first."""
    query = select(alert_table).where(*_fired(q))
    if before is not None:
        query = query.where(alert_table.c.id < before)
    if since is not None:
        query = query.where(or_(alert_table.c.ended_at.is_(None), alert_table.c.ended_at >= since))
    rows = await connection.execute(query.order_by(alert_table.c.id.desc()).limit(limit))
    return [alert for row in rows if (alert := _alert(row)) is not None]


async def count_alerts(connection: AsyncConnection, *, q: str | None = None) -> int:
    return await connection.scalar(select(func.count()).select_from(alert_table).where(*_fired(q))) or 0


async def last_told_by_subject(connection: AsyncConnection, since: datetime) -> dict[str, datetime]:
    """Of subjects of which something was told after `since`."""
    newest = (
        select(alert_table.c.subject, func.max(alert_table.c.told_at))
        .where(alert_table.c.told_at > since)
        .group_by(alert_table.c.subject)
    )
    return {row[0]: row[1] for row in await connection.execute(newest)}


async def forget_alerts(connection: AsyncConnection, before: datetime) -> None:
    old = select(alert_table.c.id).where(alert_table.c.ended_at < before).limit(_DELETED_AT_ONCE)
    await connection.execute(delete(alert_table).where(alert_table.c.id.in_(old.scalar_subquery())))


def _fired(q: str | None) -> list[ColumnElement[bool]]:
    fired: list[ColumnElement[bool]] = [alert_table.c.fired_at.is_not(None)]
    if q:
        columns = (alert_table.c.subject, alert_table.c.target, alert_table.c.node)
        fired.append(or_(*(mentions(column, q) for column in columns)))
    return fired


def _rule(row: Row[Any]) -> AlertRule | None:
    subject = subject_named(row.subject)
    if subject is None:
        return None
    rule = replace(
        default_rule(subject),
        id=row.id,
        target=row.target,
        threshold=row.threshold,
        seconds=row.seconds,
        is_on=row.is_on,
        channels=frozenset(AlertChannel(each) for each in row.channels if each in _EVERYWHERE),
    )
    return replace(rule, is_changed=row.id not in DEFAULT_RULES or replace(rule) != DEFAULT_RULES[row.id])


def _alert(row: Row[Any]) -> Alert | None:
    subject = subject_named(row.subject)
    if subject is None:
        return None
    return Alert(
        id=row.id,
        rule_id=row.rule_id,
        subject=subject,
        target=row.target,
        node=row.node,
        threshold=row.threshold,
        began_at=row.began_at,
        seen_at=row.seen_at,
        fired_at=row.fired_at,
        well_since=row.well_since,
        ended_at=row.ended_at,
        value=row.value,
        worst=row.worst,
        told=LastTold(row.told),
        told_at=row.told_at,
    )
