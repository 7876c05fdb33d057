"""How much of the disk each user's things take, and whether there may be more of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Select, and_, case, cast, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.errors import QuotaExceeded
from server.storage.tables import batches, dataset_versions, datasets, uploads


class Stored(StrEnum):
    """What takes room on the disk and is counted."""

    UPLOADS = "uploads"
    DATASETS = "datasets"
    REPORTS = "reports"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """How many bytes may be stored; 0 is no limit."""

    per_user: int = 0
    in_all: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Bytes that one user's things take, and the most that they may (0: no limit)."""

    kind: Stored
    used_bytes: int
    limit_bytes: int


_FULL_OF = {
    Stored.UPLOADS: (
        "Your uploads take {used} of the {limit} bytes that they may. "
        "Delete uploads you no longer need, then try again."
    ),
    Stored.DATASETS: (
        "Your datasets take {used} of the {limit} bytes that they may, with all their versions. "
        "Delete datasets you no longer need, then try again."
    ),
    Stored.REPORTS: (
        "Your reports take {used} of the {limit} bytes that they may. "
        "Delete batches you no longer need, then try again."
    ),
}
_ALL_FULL_OF = {
    Stored.UPLOADS: (
        "The uploads of all users take {used} of the {limit} bytes that they may. "
        "Delete uploads that nobody needs, or ask an administrator, then try again."
    ),
    Stored.DATASETS: (
        "The datasets of all users take {used} of the {limit} bytes that they may. "
        "Delete datasets that nobody needs, or ask an administrator, then try again."
    ),
    Stored.REPORTS: (
        "The reports of all users take {used} of the {limit} bytes that they may. "
        "Delete batches that nobody needs, or ask an administrator, then try again."
    ),
}


class Quotas:
    """Asked in the transaction that adds something, which must not be a shared one: nobody slips in beside."""

    def __init__(self, quotas: dict[Stored, Quota] | None = None) -> None:
        self._quotas = quotas or {}

    async def require(self, connection: AsyncConnection, owner_id: str, kind: Stored, needed: int) -> None:
        """Raises `QuotaExceeded` when `needed` more bytes of `kind` are too many. 0 asks whether any more may come."""
        quota = self._quotas.get(kind, Quota())
        if quota.per_user:
            used = (await connection.execute(_used(kind, _OWNER[kind] == owner_id))).scalar_one()
            _require(used, quota.per_user, needed, _FULL_OF[kind])
        if quota.in_all:
            used = (await connection.execute(_used(kind))).scalar_one()
            _require(used, quota.in_all, needed, _ALL_FULL_OF[kind])

    async def usage(self, connection: AsyncConnection, owner_id: str) -> list[Usage]:
        """One line a kind."""
        return [
            Usage(
                kind=kind,
                used_bytes=(await connection.execute(_used(kind, _OWNER[kind] == owner_id))).scalar_one(),
                limit_bytes=self._quotas.get(kind, Quota()).per_user,
            )
            for kind in Stored
        ]

    async def used_by_owner(self, connection: AsyncConnection) -> dict[str, dict[Stored, int]]:
        """Bytes of everybody who stores anything, by user id and kind."""
        used: dict[str, dict[Stored, int]] = {}
        for kind in Stored:
            of_each = _used(kind).add_columns(_OWNER[kind]).group_by(_OWNER[kind])
            for size, owner_id in await connection.execute(of_each):
                used.setdefault(owner_id, {})[kind] = size
        return used


def _require(used: int, limit: int, needed: int, message: str) -> None:
    if used + needed > limit or used >= limit:
        raise QuotaExceeded(message, used=used, limit=limit)


_OWNER: dict[Stored, ColumnElement[str]] = {
    Stored.UPLOADS: uploads.c.owner_id,
    Stored.DATASETS: datasets.c.owner_id,
    Stored.REPORTS: batches.c.owner_id,
}
# A file in parts counts once it is made of them; before, they count.
_IN_PARTS = and_(uploads.c.concat.startswith("final;"), uploads.c.completed_at.is_(None))
# A file that was announced counts as if it were here: its sender may be halfway through.
_BYTES: dict[Stored, ColumnElement[Any]] = {
    Stored.UPLOADS: case((_IN_PARTS, 0), else_=func.coalesce(uploads.c.size, uploads.c.offset)),
    Stored.DATASETS: dataset_versions.c.own_bytes,
    Stored.REPORTS: batches.c.bytes,
}


def _used(kind: Stored, *conditions: ColumnElement[bool]) -> Select[Any]:
    # PostgreSQL's sum of large integers is a decimal.
    total = select(cast(func.coalesce(func.sum(_BYTES[kind]), 0), BigInteger)).where(*conditions)
    if kind is Stored.DATASETS:
        return total.select_from(dataset_versions.join(datasets, datasets.c.id == dataset_versions.c.dataset_id))
    return total
