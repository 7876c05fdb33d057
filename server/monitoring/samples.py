"""Figures over time in the database: short ones for a day, then longer and longer ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.monitoring.summing import MetricSample, together
from server.storage.rows import put
from server.storage.tables import samples

DAY_SECONDS = 86_400
STEP_SECONDS = 10
_DELETED_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """Samples of `step_seconds` each, kept for `kept_seconds`."""

    step_seconds: int
    kept_seconds: int


def tiers(*, kept_days: float) -> tuple[Tier, ...]:
    """The finest first; each is summed from the one before it."""
    most = int(kept_days * DAY_SECONDS)
    steps = ((STEP_SECONDS, DAY_SECONDS), (60, 7 * DAY_SECONDS), (600, 60 * DAY_SECONDS), (3_600, most))
    return tuple(Tier(step_seconds=step, kept_seconds=min(kept, most)) for step, kept in steps)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSample:
    """What one node counted in the step that began at `at`, in seconds since 1970."""

    node: str
    at: int
    values: bytes  # JSON of a `MetricSample`: thousands of them are read in a thread


def summed(stored: Sequence[StoredSample]) -> MetricSample:
    """All of them as one."""
    return together(msgspec.json.decode(each.values) for each in stored)


def summed_by_node(stored: Sequence[StoredSample]) -> dict[str, MetricSample]:
    """Those of each node as one."""
    by_node: dict[str, list[StoredSample]] = {}
    for each in stored:
        by_node.setdefault(each.node, []).append(each)
    return {node: summed(samples) for node, samples in by_node.items()}


class SampleStore:
    def __init__(self, *, kept_days: float) -> None:
        self._tiers = tiers(kept_days=kept_days)

    async def add(self, connection: AsyncConnection, node: str, at: int, sample: MetricSample) -> None:
        """The sample of the step that began at `at`, or more of it; the longer steps around it are summed at once.

        So nothing has to be made up for after a crash, and a chart of a month ends now. Each sum is of ten at most.
        """
        had = await self._sum(connection, STEP_SECONDS, at, at + STEP_SECONDS, node)  # by a process before this one
        await self._put(connection, node, STEP_SECONDS, at, together((had, sample)))
        for finer, tier in zip(self._tiers, self._tiers[1:], strict=False):
            begin = at - at % tier.step_seconds
            whole = await self._sum(connection, finer.step_seconds, begin, begin + tier.step_seconds, node)
            await self._put(connection, node, tier.step_seconds, begin, whole)

    async def _sum(
        self, connection: AsyncConnection, step_seconds: int, begin: int, end: int, node: str
    ) -> MetricSample:
        return summed(await self.between(connection, step_seconds, begin, end, node=node))

    async def between(
        self, connection: AsyncConnection, step_seconds: int, begin: int, end: int, *, node: str | None = None
    ) -> Sequence[StoredSample]:
        """In order of time, then of the node."""
        query = (
            select(samples.c.node, samples.c.at, samples.c.figures)
            .where(samples.c.step == step_seconds, samples.c.at >= begin, samples.c.at < end)
            .order_by(samples.c.at, samples.c.node)
        )
        if node is not None:
            query = query.where(samples.c.node == node)
        rows = await connection.execute(query)
        return [StoredSample(node=row.node, at=row.at, values=row.figures) for row in rows]

    async def forget(self, connection: AsyncConnection, now: int) -> None:
        """Delete what is kept no longer, a part at a time: called often, it never has much to do."""
        for tier in self._tiers:
            old = (
                select(samples.c.at)
                .where(samples.c.step == tier.step_seconds, samples.c.at < now - tier.kept_seconds)
                .order_by(samples.c.at)
                .limit(_DELETED_AT_ONCE)
            )
            await connection.execute(
                delete(samples).where(samples.c.step == tier.step_seconds, samples.c.at.in_(old.scalar_subquery()))
            )

    def tier_for(self, seconds: int, *, most_points: int) -> Tier:
        """The finest that still has all of the last `seconds`, in not too many points."""
        for tier in self._tiers:
            if tier.kept_seconds >= seconds and seconds / tier.step_seconds <= most_points:
                return tier
        return self._tiers[-1]

    async def _put(self, connection: AsyncConnection, node: str, step: int, at: int, sample: MetricSample) -> None:
        values = {"node": node, "step": step, "at": at, "figures": msgspec.json.encode(sample)}
        await put(connection, samples, values, key=("step", "at", "node"))
