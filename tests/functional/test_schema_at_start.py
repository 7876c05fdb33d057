"""A start on tables of another version: older ones are changed unless it is told not to, newer ones never."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from server.app.engines import open_database
from server.settings import Settings
from server.storage.migrating import newest_revision
from tests.process import ServerProcess

pytestmark = pytest.mark.sqlite(reason="other tests have the same PostgreSQL; test_postgresql_migrating has its own")


async def refused(data: Path, **environ: str) -> str:
    process = ServerProcess(data, environ=environ)
    with pytest.raises(RuntimeError) as raised:
        await asyncio.to_thread(process.start)
    return str(raised.value)


async def starts(data: Path, **environ: str) -> None:
    process = ServerProcess(data, environ=environ)
    await asyncio.to_thread(process.start)
    await asyncio.to_thread(process.stop)


async def test_another_schema_is_refused_with_what_to_do(tmp_path: Path) -> None:
    database = open_database(Settings(data=tmp_path))
    await database.migrate("0025")
    await database.close()
    told = await refused(tmp_path, JINDU_UPGRADE_AT_START="false")
    assert f"schema 0025, and this program needs {newest_revision()}" in told
    assert "jindu db upgrade" in told
    await starts(tmp_path)  # and by itself, as one node does
    await starts(tmp_path, JINDU_UPGRADE_AT_START="false")
    database = open_database(Settings(data=tmp_path))
    async with database.write() as connection:
        await connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    await database.close()
    for more in ("true", "false"):
        assert "this program is older" in await refused(tmp_path, JINDU_UPGRADE_AT_START=more)
