"""One request can be followed through the log, into the job that it began; what is secret is nowhere in it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.conftest import PASSWORDS, signed_in
from tests.functional.importing import ended, upload
from tests.functional.live_client import live
from tests.process import ServerProcess

ROWS = "region,amount\nAtlantis,4711\n"


@pytest.fixture
async def process(tmp_path: Path) -> AsyncIterator[ServerProcess]:
    process = ServerProcess(tmp_path / "data", environ={"JINDU_LOG_FORMAT": "json", "JINDU_WORKERS": "1"})
    await asyncio.to_thread(process.start)
    yield process
    await asyncio.to_thread(process.kill)


def lines(process: ServerProcess) -> list[dict[str, Any]]:
    """Standard output is not the log: that is objects, a line each."""
    return [json.loads(line) for line in process.log if line.startswith("{")]


async def test_one_request_through_an_import(process: ServerProcess) -> None:
    async with await signed_in(process, "admin") as admin:
        token = admin.headers["Authorization"].removeprefix("Bearer ")
        upload_id = await upload(admin, ROWS.encode())
        async with live(admin, "laptop") as socket:
            await socket.next("connection")
        async with admin.get("/events?client_id=phone") as stream:
            assert stream.status == 200
            async with admin.post("/events/phone", json={"type": "ping"}) as response:
                assert response.status == 202, await response.text()
        body = {"upload_id": upload_id, "dataset": "orders"}
        async with admin.post("/api/v1/imports", json=body) as response:
            request_id, job_id = response.headers["X-Request-ID"], (await response.json())["job_id"]
        await ended(admin, job_id)
        async with aiohttp.ClientSession(process.url) as stranger:
            wrong = {"username": "admin", "password": "not-this-one-either"}
            async with stranger.post("/api/v1/tokens", json=wrong | {"name": "x"}) as response:
                assert response.status == 401
    await asyncio.to_thread(process.stop)
    of_request = [line for line in lines(process) if line.get("request") == request_id]
    assert [line["message"] for line in of_request if line.get("job") == job_id] == [
        "job waits for its turn",
        "job begins",
        "job ended",
    ]
    (answer,) = [line for line in of_request if line.get("action") == "answer"]
    assert (answer["message"], answer["status"]) == ("POST /api/v1/imports", 202)
    assert len({line.get("user") for line in of_request}) == 1
    assert not [line for line in lines(process) if "/events/" in line["message"]]  # a ping is no change
    whole = "\n".join(process.log)
    for secret in (token, PASSWORDS["admin"], "not-this-one-either", "Atlantis", "4711", "jindu_session"):
        assert secret not in whole
