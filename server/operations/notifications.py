"""What a person was told, what of it they have not looked at yet, and what ended meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from babel import Locale
from sqlalchemy.ext.asyncio import AsyncConnection

from server.auth.permissions import Principal
from server.jobs.job import FINAL_STATES
from server.languages import Languages, babel_locale
from server.live.notices import Notices
from server.realtime.history_rules import JOB, NOTIFICATION
from server.storage import tables
from server.storage.database import Database
from server.texts import told

_STREAMS = tables.streams
_MESSAGES = tables.stream_messages
_MOST_WAITING = 100  # as many as are kept
_LOOKED_AT = 200  # kept messages that are looked through for jobs that ended


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One kept notification. `level` is info, success, warning or error."""

    offset: int
    title: str
    body: str
    level: str
    url: str
    at: datetime
    is_unread: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationPage:
    """`newest` is where the stream stands, for `mark_read`; `before` where older ones go on, if any are kept."""

    items: list[Told]
    unread: int
    newest: int
    before: int | None


class NotificationOperations:
    def __init__(self, *, database: Database, languages: Languages, notices: Notices) -> None:
        self._database = database
        self._languages = languages
        self._notices = notices

    async def latest(self, principal: Principal, *, limit: int = 20, before: int | None = None) -> NotificationPage:
        """The newest notifications first, from `before` on when given, and how many of all are unread.

        What an administrator told everybody stands above all others until it was seen: marking what is shown as seen
        must not mark what is not shown.
        """
        principal.require_read()
        wanted = sa.select(_MESSAGES).where(*_mine(principal)).order_by(_MESSAGES.c.offset.desc())
        async with self._database.read() as connection:
            newest, read_offset = await _offsets(connection, principal)
            waits = sa.and_(_MESSAGES.c.waits, _MESSAGES.c.offset > read_offset)
            others = wanted.where(~waits).limit(limit + 1)
            if before is None:
                waiting = (await connection.execute(wanted.where(waits).limit(_MOST_WAITING))).all()
            else:
                waiting, others = [], others.where(_MESSAGES.c.offset < before)
            rows = (await connection.execute(others)).all()
            unread = await _unread(connection, principal, read_offset)
        gettext, locale = self._languages.of(principal.language).gettext, babel_locale(principal.language)
        return NotificationPage(
            items=[_told(row, read_offset, gettext, locale) for row in (*waiting, *rows[:limit])],
            unread=unread,
            newest=newest,
            before=rows[limit - 1].offset if len(rows) > limit else None,
        )

    async def ended_unseen(self, principal: Principal) -> list[str]:
        """Ids of the jobs that ended since they last looked, the newest first."""
        principal.require_read()
        kept = (
            sa.select(_MESSAGES.c.body)
            .where(_MESSAGES.c.user_id == principal.user_id, _MESSAGES.c.type == JOB)
            .order_by(_MESSAGES.c.offset.desc())
            .limit(_LOOKED_AT)
        )
        async with self._database.read() as connection:
            _, read_offset = await _offsets(connection, principal)
            bodies = (await connection.execute(kept.where(_MESSAGES.c.offset > read_offset))).scalars().all()
        newest: dict[str, str] = {}  # the first one met of a job says how it stands: it may have been begun again
        for body in bodies:
            fields = msgspec.json.decode(body)
            newest.setdefault(fields["job_id"], fields["state"])
        return [job_id for job_id, state in newest.items() if state in FINAL_STATES]

    async def mark_read(self, principal: Principal, *, until: int | None = None) -> int:
        """What was told up to `until` counts as looked at, else everything; how many are left unread.

        All tabs and devices of the user are told, so that none goes on pointing at it.
        """
        principal.require_own_change()
        mine = _STREAMS.c.user_id == principal.user_id
        # What came in after the list was fetched was not seen; and a tab that comes late must not bring back the old.
        newest = _STREAMS.c.offset
        seen = newest if until is None else sa.case((newest < until, newest), else_=until)
        async with self._database.write() as connection:
            await connection.execute(
                sa.update(_STREAMS).where(mine, _STREAMS.c.read_offset < seen).values(read_offset=seen)
            )
            _, read_offset = await _offsets(connection, principal)
            unread = await _unread(connection, principal, read_offset)
        self._notices.looked_at(principal.user_id, unread)
        return unread


def _mine(principal: Principal) -> tuple[sa.ColumnElement[bool], ...]:
    return (_MESSAGES.c.user_id == principal.user_id, _MESSAGES.c.type == NOTIFICATION)


async def _offsets(connection: AsyncConnection, principal: Principal) -> tuple[int, int]:
    """Of the newest message, and of the newest one that was looked at."""
    wanted = sa.select(_STREAMS.c.offset, _STREAMS.c.read_offset).where(_STREAMS.c.user_id == principal.user_id)
    row = (await connection.execute(wanted)).one_or_none()
    return (row[0], row[1]) if row else (0, 0)


async def _unread(connection: AsyncConnection, principal: Principal, read_offset: int) -> int:
    counted = sa.select(sa.func.count()).where(*_mine(principal), _MESSAGES.c.offset > read_offset)
    return await connection.scalar(counted) or 0


def _told(row: Any, read_offset: int, gettext: Callable[[str], str], locale: Locale) -> Told:
    fields = msgspec.json.decode(row.body)
    title, body, parameters = fields.get("title", ""), fields.get("body", ""), fields.get("parameters", {})
    return Told(
        offset=row.offset,
        title=told(title, parameters, gettext, locale=locale),
        body=told(body, parameters, gettext, locale=locale) if body else "",
        level=fields.get("level", "info"),
        url=fields.get("url", ""),
        at=row.at,
        is_unread=row.offset > read_offset,
    )
