"""A start on tables of another version: older ones are changed unless it is told not to, newer ones never."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from server.storage.database import Database
from server.storage.migrating import newest_revision
from tests.process import ServerProcess


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


async def set_schema(process: ServerProcess, schema: str) -> None:
    database: Database = process.database()
    async with database.write() as connection:
        await connection.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{schema}'")
    await database.close()


async def refused(data: Path, **environ: str) -> str:
    process = ServerProcess(data, environ=environ)
    with pytest.raises(RuntimeError) as raised:
        await asyncio.to_thread(process.start)
    return str(raised.value)


async def test_another_schema_is_refused_with_what_to_do(data: Path) -> None:
    first = ServerProcess(data)
    await asyncio.to_thread(first.start)
    await asyncio.to_thread(first.stop)
    await set_schema(first, "0025")
    told = await refused(data, JINDU_UPGRADE_AT_START="false")
    assert f"schema 0025, and this program needs {newest_revision()}" in told
    assert "jindu db upgrade" in told
    await asyncio.to_thread(first.start)  # and by itself, as one node does
    await asyncio.to_thread(first.stop)
    second = ServerProcess(data, environ={"JINDU_UPGRADE_AT_START": "false"})
    await asyncio.to_thread(second.start)
    await asyncio.to_thread(second.stop)
    await set_schema(first, "9999")
    try:
        for more in ("true", "false"):
            assert "this program is older" in await refused(data, JINDU_UPGRADE_AT_START=more)
    finally:
        await set_schema(first, newest_revision())  # on PostgreSQL other tests have the same tables
