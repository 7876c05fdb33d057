"""A transaction is a step of what it is for, whatever becomes of it; the database stays what it is."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from server.clock import utc_now
from server.engines.otlp import Otlp
from server.engines.sqlite import SqliteDatabase
from server.engines.traced_database import TracedDatabase
from server.storage.tables import secrets
from tests.functional.otlp_double import facts, otlp_double


async def test_what_is_read_and_written_is_a_step_without_any_value(tmp_path: Path) -> None:
    async with otlp_double() as double:
        otlp = Otlp(double.url, version="1", node="a")
        database = TracedDatabase(SqliteDatabase(tmp_path / "x.db"), tracing=otlp, system="sqlite")
        await database.migrate()
        assert await database.is_cut()
        with otlp.request("POST /x"):
            async with database.write() as connection:
                await connection.execute(insert(secrets).values(name="a", value="Atlantis", created_at=utc_now()))
            async with database.read() as connection:
                assert await connection.scalar(select(secrets.c.value)) == "Atlantis"
            with pytest.raises(RuntimeError):
                async with database.write(shared=True):
                    raise RuntimeError("Gomorrah")
        assert await database.size_bytes() > 0
        await database.close()
        await asyncio.to_thread(otlp.close)
    steps = double.spans()[:-1]
    assert [step.name for step in steps] == ["database write", "database read", "database write"]
    assert [facts(step.attributes).get("error.type") for step in steps] == [None, None, "RuntimeError"]
    assert not any(value in double.whole() for value in ("Atlantis", "Gomorrah", "INSERT", "secrets"))
