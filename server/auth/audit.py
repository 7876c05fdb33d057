"""The audit log: who did what, when, from where; written in the transaction of what it tells about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.auth.permissions import Principal
from server.clock import utc_now
from server.storage import tables
from server.storage.database import Database

_TABLE = tables.audit


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditLine:
    id: int
    at: datetime
    user_id: str | None
    user_name: str
    action: str
    subject: str
    detail: dict[str, Any]
    address: str


class Audit:
    def __init__(self, database: Database) -> None:
        self._database = database

    @staticmethod
    async def record(
        connection: AsyncConnection,
        principal: Principal | None,
        action: str,
        subject: str = "",
        detail: dict[str, Any] | None = None,
    ) -> None:
        """Add a line. `action` is `thing.verb` (`dataset.delete`); `principal` is None for the server itself."""
        await connection.execute(
            _TABLE.insert().values(
                at=utc_now(),
                user_id=principal.user_id if principal else None,
                user_name=principal.user_name if principal else "",
                action=action,
                subject=subject[:200],
                detail=detail or {},
                address=principal.address if principal else "",
            )
        )

    async def search(self, *, q: str | None, limit: int, before: int | None) -> tuple[list[AuditLine], int]:
        """Newest first, with ids under `before`, and how many match in all."""
        matches = [column.icontains(q, autoescape=True) for column in _searched()] if q else [sa.true()]
        wanted = sa.or_(*matches)
        page = sa.select(_TABLE).where(wanted).order_by(_TABLE.c.id.desc()).limit(limit)
        if before is not None:
            page = page.where(_TABLE.c.id < before)
        async with self._database.read() as connection:
            rows = (await connection.execute(page)).all()
            total = await connection.scalar(sa.select(sa.func.count()).select_from(_TABLE).where(wanted))
        lines = [AuditLine(**{name: getattr(row, name) for name in AuditLine.__slots__}) for row in rows]
        return lines, total or 0


def _searched() -> tuple[sa.Column[Any], ...]:
    return _TABLE.c.user_name, _TABLE.c.action, _TABLE.c.subject, _TABLE.c.address
