"""Nobody else on the machine can look into the data directory, however the server was started."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.conftest import signed_in
from tests.functional.batches import made, put_template
from tests.functional.importing import ORDERS, import_text, upload
from tests.functional.importing import ended as import_ended
from tests.functional.importing import start as start_import
from tests.process import ServerProcess


@pytest.fixture
async def process(tmp_path: Path) -> AsyncIterator[ServerProcess]:
    """Started as by a person's shell, with files that everybody may read."""
    process = ServerProcess(tmp_path / "data", environ={"JINDU_WORKERS": "1", "JINDU_RESERVE_BYTES": "65536"})
    before = os.umask(0o022)
    await asyncio.to_thread(process.start)
    yield process
    await asyncio.to_thread(process.kill)
    os.umask(before)


def modes(directory: Path) -> dict[str, str]:
    """Everything in it that somebody else could open, with its mode."""
    found = [directory, *directory.rglob("*")]
    open_to_others = {str(path): stat.filemode(path.stat().st_mode) for path in found if path.stat().st_mode & 0o077}
    assert len(found) > 8
    return open_to_others


async def test_everything_a_server_makes_is_readable_by_its_user_alone(process: ServerProcess) -> None:
    async with await signed_in(process, "admin") as client:
        await import_text(client, ORDERS)
        columns = [{"name": "region", "type": "integer"}]
        job_id = await start_import(client, await upload(client), dataset="rejected", options={"columns": columns})
        await import_ended(client, job_id)
        await put_template(client)
        await made(client)
        for file_format in ("csv", "xlsx"):
            async with client.get(f"/api/v1/datasets/orders/export.{file_format}") as response:
                assert response.status == 200
        assert modes(process.data) == {}
    await asyncio.to_thread(process.stop)
    assert modes(process.data) == {}


async def test_what_an_older_server_left_open_is_closed_at_the_start(process: ServerProcess) -> None:
    async with await signed_in(process, "admin") as client:
        await import_text(client, ORDERS)
    await asyncio.to_thread(process.stop)
    for path in (process.data, *process.data.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    await asyncio.to_thread(process.start)
    assert modes(process.data) == {}
