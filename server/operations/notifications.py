"""What a person was told, what of it they have not looked at yet, and what ended meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.auth.permissions import Principal
from server.jobs.job import FINAL_STATES
from server.languages import Languages
from server.storage import tables
from server.storage.database import Database
from server.texts import told

_STREAMS = tables.streams
_MESSAGES = tables.stream_messages
_LOOKED_AT = 200  # kept messages that are looked through for jobs that ended


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One kept notification. `level` is info, success, warning or error."""

    title: str
    body: str
    level: str
    url: str
    at: datetime
    is_unread: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Notifications:
    items: list[Told]
    unread: int


class NotificationOperations:
    def __init__(self, *, database: Database, languages: Languages) -> None:
        self._database = database
        self._languages = languages

    async def latest(self, principal: Principal, *, limit: int = 20) -> Notifications:
        """The newest notifications first, and how many of all are unread."""
        principal.require_read()
        mine = (_MESSAGES.c.user_id == principal.user_id, _MESSAGES.c.type == "notification")
        newest = sa.select(_MESSAGES).where(*mine).order_by(_MESSAGES.c.offset.desc()).limit(limit)
        async with self._database.read() as connection:
            read_offset = await _read_offset(connection, principal)
            rows = (await connection.execute(newest)).all()
            unread = await connection.scalar(sa.select(sa.func.count()).where(*mine, _MESSAGES.c.offset > read_offset))
        gettext = self._languages.of(principal.language).gettext
        return Notifications(items=[_told(row, read_offset, gettext) for row in rows], unread=unread or 0)

    async def ended_unseen(self, principal: Principal) -> list[str]:
        """Ids of the jobs that ended since they last looked, the newest first."""
        principal.require_read()
        kept = (
            sa.select(_MESSAGES.c.body)
            .where(_MESSAGES.c.user_id == principal.user_id, _MESSAGES.c.type == "job")
            .order_by(_MESSAGES.c.offset.desc())
            .limit(_LOOKED_AT)
        )
        async with self._database.read() as connection:
            read_offset = await _read_offset(connection, principal)
            bodies = (await connection.execute(kept.where(_MESSAGES.c.offset > read_offset))).scalars().all()
        newest: dict[str, str] = {}
        for body in bodies:
            fields = msgspec.json.decode(body)
            newest.setdefault(fields["job_id"], fields["state"])
        return [job_id for job_id, state in newest.items() if state in FINAL_STATES]

    async def mark_read(self, principal: Principal) -> None:
        """Everything told so far counts as looked at."""
        principal.require_read()
        mine = _STREAMS.c.user_id == principal.user_id
        async with self._database.write() as connection:
            await connection.execute(sa.update(_STREAMS).where(mine).values(read_offset=_STREAMS.c.offset))


async def _read_offset(connection: AsyncConnection, principal: Principal) -> int:
    found = await connection.scalar(sa.select(_STREAMS.c.read_offset).where(_STREAMS.c.user_id == principal.user_id))
    return found or 0


def _told(row: Any, read_offset: int, gettext: Callable[[str], str]) -> Told:
    fields = msgspec.json.decode(row.body)
    title, body, parameters = fields.get("title", ""), fields.get("body", ""), fields.get("parameters", {})
    return Told(
        title=told(title, parameters, gettext),
        body=told(body, parameters, gettext) if body else "",
        level=fields.get("level", "info"),
        url=fields.get("url", ""),
        at=row.at,
        is_unread=row.offset > read_offset,
    )
