"""What a transaction costs on SQLite: as the product has it, and as SQLAlchemy over aiosqlite has it. `make bench`."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from sqlalchemy import event, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from server.clock import utc_now
from server.engines.sqlite import SqliteDatabase
from server.storage.tables import secrets

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(300)]
ROUNDS, TIMES = 7, 500
READ = select(secrets.c.value).where(secrets.c.name == "a")
Begin = Callable[[], AbstractAsyncContextManager[AsyncConnection]]


async def test_transactions(tmp_path: Path) -> None:
    database = SqliteDatabase(tmp_path / "jindu.db")
    await database.migrate()
    async with database.write() as connection:
        await connection.execute(insert(secrets).values(name="a", value="x", created_at=utc_now()))
    plain = {begin: plain_engine(tmp_path / "jindu.db", begin) for begin in ("BEGIN", "BEGIN IMMEDIATE")}
    ways: dict[str, tuple[Begin, Begin]] = {
        "the product": (database.read, database.write),
        "SQLAlchemy over aiosqlite": (plain["BEGIN"].begin, plain["BEGIN IMMEDIATE"].begin),
    }
    found: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for _ in range(ROUNDS):
        for name, (read, write) in ways.items():
            found.setdefault((name, "one row read"), []).append(await took(read, reading))
            found.setdefault((name, "one row read and changed"), []).append(await took(write, writing))
    for (name, what), each in sorted(found.items(), key=lambda item: item[0][1]):
        wall, busy = (median(one[index] for one in each) for index in (0, 1))
        print(f"{what:26} {name:28} {wall:7.0f} µs, {busy:7.0f} µs of processor time (medians of {ROUNDS} rounds)")
    for engine in plain.values():
        await engine.dispose()
    await database.close()


def plain_engine(path: Path, begin: str) -> AsyncEngine:
    engine = create_async_engine(f"sqlite+aiosqlite:///{path}")

    @event.listens_for(engine.sync_engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None

    @event.listens_for(engine.sync_engine, "begin")
    def _begin(connection: Any) -> None:
        connection.exec_driver_sql(begin)

    return engine


async def reading(connection: AsyncConnection) -> None:
    assert (await connection.execute(READ)).scalar_one() in ("x", "y")


async def writing(connection: AsyncConnection) -> None:
    await reading(connection)
    await connection.execute(update(secrets).where(secrets.c.name == "a").values(value="y"))


async def took(begin: Begin, work: Callable[[AsyncConnection], Awaitable[None]]) -> tuple[float, float]:
    """Microseconds on the clock and of the process, of each of `TIMES`."""
    started, busy = time.perf_counter(), time.process_time()
    for _ in range(TIMES):
        async with begin() as connection:
            await work(connection)
    return (time.perf_counter() - started) * 1e6 / TIMES, (time.process_time() - busy) * 1e6 / TIMES
