"""The server is killed in the middle of an upload: it goes on at the acknowledged byte, and the file is whole."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest

from tests.functional.test_uploads import (
    BYTES,
    CONTENT,
    announce,
    job_past,
    job_when,
    patch,
    position,
    sha256,
    upload_of,
)
from tests.functional.test_uploads_in_parts import join, send
from tests.process import ServerProcess
from tests.waiting import until


@pytest.fixture
def process(tmp_path: Path) -> Iterator[ServerProcess]:
    server = ServerProcess(tmp_path / "data", environ={"JINDU_MIN_FREE_BYTES": "1", "JINDU_WORKERS": "1"})
    server.start()
    yield server
    server.kill()


async def admin_of(process: ServerProcess) -> aiohttp.ClientSession:
    credentials = {"username": "admin", "password": "correct-horse-admin", "name": "tests"}
    async with (
        aiohttp.ClientSession(process.url) as anonymous,
        anonymous.post("/api/v1/tokens", json=credentials) as response,
    ):
        token = (await response.json())["token"]
    return aiohttp.ClientSession(process.url, headers={"Authorization": f"Bearer {token}"})


async def test_a_killed_server_goes_on_at_the_acknowledged_byte(process: ServerProcess) -> None:
    async with await admin_of(process) as admin:
        place = await announce(admin, len(CONTENT))
        acknowledged = 1_000_000
        assert (await patch(admin, place, 0, CONTENT[:acknowledged]))[0] == 204
        job_id = (await upload_of(admin, place))["job_id"]
        request = asyncio.create_task(endless_patch(admin, place, acknowledged))
        await job_past(admin, job_id, acknowledged)
        process.kill()
        with pytest.raises(aiohttp.ClientError):
            await request

        await asyncio.to_thread(process.start)
        offset = await position(admin, place)
        assert acknowledged <= offset < len(CONTENT)
        assert (await patch(admin, place, offset, CONTENT[offset:]))[0] == 204
        job = await job_when(admin, job_id, "succeeded")
        assert job["attempt"] == 2
        upload = await upload_of(admin, place)
        assert upload["sha256"] == sha256(CONTENT)
        async with admin.get(upload["links"]["content"]) as response:
            assert await response.read() == CONTENT


async def test_a_server_killed_while_it_joins_parts_joins_them_after_its_start(process: ServerProcess) -> None:
    pieces = [CONTENT * 12, CONTENT * 11, CONTENT * 10]
    async with await admin_of(process) as admin:
        places = [await send(admin, piece) for piece in pieces]
        before = set(os.listdir(process.data / "uploads"))
        request = asyncio.create_task(join(admin, *places))
        await until(lambda: set(os.listdir(process.data / "uploads")) != before, seconds=15)
        process.kill()
        with pytest.raises(aiohttp.ClientError):
            await request

        await asyncio.to_thread(process.start)
        async with admin.get("/api/v1/jobs") as response:
            [job] = (await response.json())["items"]
        done = await job_when(admin, job["job_id"], "succeeded")
        upload = await upload_of(admin, done["result"]["links"]["upload"])
        assert (upload["name"], upload["sha256"]) == ("sales.csv", sha256(CONTENT * 33))
        assert os.listdir(process.data / "uploads") == [upload["id"]]


async def endless_patch(client: aiohttp.ClientSession, place: str, offset: int) -> None:
    async def more() -> AsyncIterator[bytes]:
        yield CONTENT[offset : offset + 1_200_000]
        await asyncio.Event().wait()

    headers = BYTES | {"Upload-Offset": str(offset), "Content-Length": str(len(CONTENT) - offset)}
    async with client.patch(place, headers=headers, data=more()) as response:
        await response.read()
