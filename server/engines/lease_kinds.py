"""Which kinds of jobs are run by the nodes that are there: a row of each, good for as long as it says so again."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from hashlib import sha256

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.clock import utc_now
from server.engines.lease_rows import from_now
from server.jobs.job import State
from server.storage.rows import insert_missing
from server.storage.tables import jobs, leases

_RUNS = "runs:"
_LEFT_OVER_SECONDS = 86_400.0
_MOMENT_SECONDS = 10.0  # in which a node that was just started begins to run them
_OURS = leases.c.name.startswith(_RUNS, autoescape=True)


async def say_kinds(connection: AsyncConnection, node: str, kinds: Collection[str], *, seconds: float) -> None:
    """`node` runs them for so long, by the database's clock."""
    first = {"name": _name(node), "holder": "", "until": utc_now()}
    await insert_missing(connection, leases, [first], key=("name",))
    said = {"holder": ",".join(sorted(kinds)), "until": from_now(seconds)}
    await connection.execute(update(leases).where(leases.c.name == _name(node)).values(**said))
    await connection.execute(delete(leases).where(_OURS, leases.c.until < from_now(-_LEFT_OVER_SECONDS)))


async def say_none(connection: AsyncConnection, node: str) -> None:
    await connection.execute(delete(leases).where(leases.c.name == _name(node)))


async def kinds_run(connection: AsyncConnection) -> frozenset[str]:
    """By any node that is there."""
    said = select(leases.c.holder).where(_OURS, leases.c.until > func.statement_timestamp())
    return frozenset(kind for holder in await connection.scalars(said) for kind in holder.split(",") if kind)


async def kinds_waiting_in_vain(connection: AsyncConnection) -> Mapping[str, int]:
    """How many jobs wait of each kind that nobody runs; those that were put a moment ago do not count."""
    waits = (jobs.c.state == State.QUEUED.value, jobs.c.lane != "", jobs.c.due_at < from_now(-_MOMENT_SECONDS))
    counted = select(jobs.c.kind, func.count().label("waiting")).where(*waits).group_by(jobs.c.kind)
    waiting = {row.kind: row.waiting for row in await connection.execute(counted.order_by(jobs.c.kind))}
    run = await kinds_run(connection)
    return {kind: count for kind, count in waiting.items() if kind not in run}


def _name(node: str) -> str:
    """A node may be called whatever fits elsewhere."""
    return _RUNS + sha256(node.encode()).hexdigest()[:40]
