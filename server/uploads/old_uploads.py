"""Files whose rows are in a dataset long since, and those that could not be imported."""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, case, exists, func, literal, or_, select

from server.errors import Locked
from server.jobs.job import State
from server.jobs.store import IS_OVER
from server.storage.database import Database
from server.storage.keeping import Amount, amount_of
from server.storage.tables import jobs, templates, uploads
from server.uploads.receiving import Receiver
from server.uploads.upload import KIND as UPLOAD

_LOG = logging.getLogger("jindu.storage")
_AT_ONCE = 20  # files
_UPLOAD_ID = jobs.c.parameters["upload_id"].as_string()
# What jobs do with an upload, besides bringing it in; two steps, since PostgreSQL groups by names only.
_EACH = (
    select(
        _UPLOAD_ID.label("upload_id"),
        jobs.c.finished_at,
        case((IS_OVER, 0), else_=1).label("is_live"),
        case((jobs.c.state == State.SUCCEEDED.value, 1), else_=0).label("has_succeeded"),
    )
    .where(jobs.c.kind != UPLOAD, _UPLOAD_ID.is_not(None))
    .subquery()
)
_USES = (
    select(
        _EACH.c.upload_id,
        func.max(_EACH.c.finished_at).label("last_at"),
        func.sum(_EACH.c.is_live).label("live"),
        func.sum(_EACH.c.has_succeeded).label("succeeded"),
    )
    .group_by(_EACH.c.upload_id)
    .subquery()
)
_IS_REFUSED = (_USES.c.upload_id.is_not(None)) & (_USES.c.succeeded == 0)
# A template shows a picture by the name it was uploaded under.
_IS_SHOWN = exists().where(
    templates.c.owner_id == uploads.c.owner_id, templates.c.source.like(literal("%") + uploads.c.name + literal("%"))
)


class _OldFiles:
    """Whole uploads that nobody has used since, counted from their last import or else from when they came."""

    kind = "uploads"
    _which = or_(_USES.c.upload_id.is_(None), _USES.c.succeeded > 0)

    def __init__(self, database: Database, receiver: Receiver) -> None:
        self._database = database
        self._receiver = receiver

    async def held(self, owner_id: str | None = None) -> Amount:
        return await self._amount(_whole().where(self._which), owner_id)

    async def due(self, before: datetime, owner_id: str | None = None) -> Amount:
        return await self._amount(self._old(before), owner_id)

    async def remove_some(self, before: datetime) -> Amount | None:
        old = self._old(before).with_only_columns(uploads.c.id, uploads.c.size, maintain_column_froms=True)
        async with self._database.read() as connection:
            found = (await connection.execute(old.order_by(uploads.c.id).limit(_AT_ONCE))).all()
        gone = Amount()
        for row in found:
            try:
                await self._receiver.discard(row.id)
            except Locked:  # somebody is at it; the next sweep finds it again
                continue
            gone += Amount(count=1, bytes=row.size or 0)
        return gone if gone.count else None

    def _old(self, before: datetime) -> Select[Any]:
        last_used = func.coalesce(_USES.c.last_at, uploads.c.completed_at)
        nobody_waits = or_(_USES.c.live.is_(None), _USES.c.live == 0)
        return _whole().where(
            self._which, uploads.c.completed_at < before, last_used < before, nobody_waits, ~_IS_SHOWN
        )

    async def _amount(self, which: Select[Any], owner_id: str | None) -> Amount:
        return await amount_of(self._database, which, uploads.c.size, owner=uploads.c.owner_id, owner_id=owner_id)


class OldUploads(_OldFiles):
    """Those that were imported, or that nobody tried to import."""


class RefusedUploads(_OldFiles):
    """Those of which every import failed or was cancelled."""

    kind = "refused_uploads"
    _which = _IS_REFUSED


@dataclass(frozen=True, slots=True)
class LastUse:
    """`at` is from when its time counts; `is_kept` as long as a job or a template needs it."""

    at: datetime
    is_refused: bool
    is_kept: bool


async def last_uses(database: Database, upload_ids: Collection[str]) -> dict[str, LastUse]:
    """Of whole uploads, by the rules by which they go."""
    wanted = _whole().where(uploads.c.id.in_(upload_ids))
    columns = (
        uploads.c.id,
        func.coalesce(_USES.c.last_at, uploads.c.completed_at).label("at"),
        func.coalesce(_USES.c.succeeded, 1).label("succeeded"),
        or_(func.coalesce(_USES.c.live, 0) > 0, _IS_SHOWN).label("is_kept"),
    )
    async with database.read() as connection:
        rows = (await connection.execute(wanted.with_only_columns(*columns, maintain_column_froms=True))).all()
    return {row.id: LastUse(row.at, is_refused=row.succeeded == 0, is_kept=bool(row.is_kept)) for row in rows}


def _whole() -> Select[Any]:
    return (
        select(uploads).outerjoin(_USES, _USES.c.upload_id == uploads.c.id).where(uploads.c.completed_at.is_not(None))
    )
