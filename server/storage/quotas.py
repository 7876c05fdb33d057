"""How much of the disk each user's things take, and whether there may be more of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Select, and_, case, cast, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.errors import QuotaExceeded
from server.storage.tables import batches, brands, dataset_versions, datasets, jobs, uploads


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
            _require(await _used(connection, kind, owner_id), quota.per_user, needed, _FULL_OF[kind])
        if quota.in_all:
            _require(await _used(connection, kind), quota.in_all, needed, _ALL_FULL_OF[kind])

    async def usage(self, connection: AsyncConnection, owner_id: str) -> list[Usage]:
        """One line a kind."""
        return [
            Usage(
                kind=kind,
                used_bytes=await _used(connection, kind, owner_id),
                limit_bytes=self._quotas.get(kind, Quota()).per_user,
            )
            for kind in Stored
        ]

    async def used_by_owner(self, connection: AsyncConnection) -> dict[str, dict[Stored, int]]:
        """Bytes of everybody who stores anything, by user id and kind."""
        used: dict[str, dict[Stored, int]] = {}
        for kind in Stored:
            for total, owner in _totals(kind):
                of_somebody = total.add_columns(owner).where(owner.is_not(None)).group_by(owner)
                for size, owner_id in await connection.execute(of_somebody):
                    of_owner = used.setdefault(owner_id, {})
                    of_owner[kind] = of_owner.get(kind, 0) + size
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


# The list of what an import rejected counts with its version; of a job that published none, with that job.
_HAS_LIST = jobs.c.kind.in_(("data_import", "import_check", "import_correction")) & jobs.c.finished_at.is_not(None)
LIST_OF_JOB: ColumnElement[int] = case(
    (_HAS_LIST, func.coalesce(jobs.c.detail["rejects_bytes"].as_integer(), 0)), else_=0
)


async def _used(connection: AsyncConnection, kind: Stored, owner_id: str | None = None) -> int:
    used = 0
    for total, owner in _totals(kind):
        query = total if owner_id is None else total.where(owner == owner_id)
        used += (await connection.execute(query)).scalar_one()
    return used


def _totals(kind: Stored) -> list[tuple[Select[Any], ColumnElement[str]]]:
    """What adds up to the bytes of a kind, each with the column that says whose they are."""
    total = _sum_of(_BYTES[kind])
    if kind is Stored.UPLOADS:
        return [(total, _OWNER[kind])]
    if kind is Stored.REPORTS:  # and what stands at the head of each of them
        return [(total, _OWNER[kind]), (_sum_of(brands.c.logo_bytes), brands.c.owner_id)]
    joined = dataset_versions.join(datasets, datasets.c.id == dataset_versions.c.dataset_id)
    return [(total.select_from(joined), _OWNER[kind]), (_sum_of(LIST_OF_JOB).where(_HAS_LIST), jobs.c.owner_id)]


def _sum_of(size: ColumnElement[Any]) -> Select[Any]:
    # PostgreSQL's sum of large integers is a decimal.
    return select(cast(func.coalesce(func.sum(size), 0), BigInteger))
