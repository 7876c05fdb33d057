"""The audit log for administrators: searched, page by page, with what each line speaks of, and taken out as a file."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass

from server.auth.audit import Audit, AuditLine
from server.auth.audit_search import AuditFilter, AuditSearch
from server.auth.permissions import Principal
from server.clock import rfc3339
from server.operations.audit_files import AuditFormat, encoder_of
from server.operations.audited_things import PresentThing, present_things
from server.storage.database import Database

_LINES_AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditPage:
    """`total` is the most that is counted where `is_counted` is False: there are more.

    `present` are the things that there still are, by id; `token_names` are by id, also of those that are gone.
    """

    lines: Sequence[AuditLine]
    next_cursor: str | None
    total: int
    is_counted: bool
    present: Mapping[str, PresentThing]
    token_names: Mapping[str, str]


class AuditOperations:
    def __init__(self, *, database: Database, address_days: float) -> None:
        self._database = database
        self._search = AuditSearch(database)
        self.address_days = address_days

    async def page(
        self, principal: Principal, wanted: AuditFilter, *, limit: int = 50, before: int | None = None
    ) -> AuditPage:
        """Newest first."""
        principal.require_admin()
        found = await self._search.page(wanted, limit=limit + 1, before=before)
        total, is_counted = await self._search.count(wanted)
        lines = found[:limit]
        async with self._database.read() as connection:
            present = await present_things(connection, lines)
        return AuditPage(
            lines=lines,
            next_cursor=str(lines[-1].id) if len(found) > limit else None,
            total=total,
            is_counted=is_counted,
            present=present,
            token_names=await self._search.token_names({line.token_id for line in lines if line.token_id}),
        )

    async def export(
        self, principal: Principal, wanted: AuditFilter, file_format: AuditFormat
    ) -> AsyncGenerator[bytes, None]:
        """All lines up to now that match, newest first, a piece at a time. That it was taken out is a line as well."""
        principal.require_admin()
        newest = await self._search.newest()
        async with self._database.write() as connection:
            await Audit.record(connection, principal, "audit.export", detail=_told(wanted, file_format))
        return self._pieces(wanted, file_format, newest + 1)

    async def _pieces(self, wanted: AuditFilter, file_format: AuditFormat, before: int) -> AsyncGenerator[bytes, None]:
        encoder = encoder_of(file_format)
        if encoder.head:
            yield encoder.head
        while lines := await self._search.page(wanted, limit=_LINES_AT_ONCE, before=before):
            yield await asyncio.to_thread(encoder.encode, lines)
            before = lines[-1].id


def _told(wanted: AuditFilter, file_format: AuditFormat) -> dict[str, object]:
    """What was looked for is named and not written: somebody may have searched for anything."""
    span = {name: rfc3339(moment) for name in ("since", "until") if (moment := getattr(wanted, name)) is not None}
    return {"format": file_format, "filters": wanted.names(), **span}
