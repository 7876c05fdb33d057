"""Programs that others wrote against tus, GraphQL and gRPC, as their package registries have them."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from server.jobs.outcomes import Notice
from server.realtime.close_codes import CloseCode
from server.settings import Settings
from tests.conftest import Server
from tests.functional.test_uploads import upload_of
from tests.ports import free_port
from tests.process import ROOT

CLIENTS = Path(__file__).parent.parent / "clients"
PROTOS = ROOT / "server" / "transports" / "grpc" / "proto"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, min_free_bytes=1, graphql=True, grpc_port=free_port())


async def outcomes_of(server: Server, client: aiohttp.ClientSession, *command: str) -> dict[str, dict[str, Any]]:
    """What a program of `tests/clients` says of each of its scenarios."""
    token = client.headers["Authorization"].removeprefix("Bearer ")
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=CLIENTS,
        env=os.environ | {"JINDU_URL": server.url, "JINDU_TOKEN": token},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(90):
        out, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    return {line["scenario"]: line for line in map(json.loads, out.decode().splitlines())}


async def require_the_same(server: Server, client: aiohttp.ClientSession, outcomes: dict[str, dict[str, Any]]) -> None:
    """Every file is on the server as it was sent, and nothing went wrong on the way."""
    assert [outcome for outcome in outcomes.values() if "error" in outcome] == []
    for name, outcome in outcomes.items():
        upload = await upload_of(client, outcome["url"].removeprefix(server.url))
        assert upload["sha256"] == outcome["sha256"], name
        assert upload["name"] == ("unnamed" if name == "no name" else "订单.csv"), name
    async with client.get("/api/v1/jobs", params={"state": "failed"}) as response:
        assert (await response.json())["items"] == []


async def test_tus_js_client_sends_everything_in_every_way(server: Server, alice: aiohttp.ClientSession) -> None:
    assert (CLIENTS / "node_modules").is_dir(), "make clients"
    outcomes = await outcomes_of(server, alice, "node", "scenarios.mjs")
    assert outcomes.pop("nobody")["status"] == 401
    assert set(outcomes.pop("terminated")["statuses"]) == {404}
    assert len(outcomes) == 14
    await require_the_same(server, alice, outcomes)


async def test_tuspy_sends_goes_on_and_is_checked(server: Server, alice: aiohttp.ClientSession) -> None:
    outcomes = await outcomes_of(server, alice, sys.executable, "scenarios.py")
    assert len(outcomes) == 5
    await require_the_same(server, alice, outcomes)


@pytest.mark.parametrize("way", ["sockets", "streams"])
async def test_graphql_clients_of_node_come_back_to_where_they_were(
    server: Server, alice: aiohttp.ClientSession, way: str
) -> None:
    assert (CLIENTS / "node_modules").is_dir(), "make clients"
    async with running(server, alice, "node", "--experimental-websocket", "graphql.mjs", way) as said:
        assert await said() == {"data": {"me": {"name": "alice"}, "jobs": {"total": 0}}}
        assert (await said())["errors"][0]["extensions"]["code"] == "invalid_input"
        assert (await said())["refused"] == {"sockets": 4403, "streams": 401}[way]
        assert await said() == {"__typename": "Joined", "recovered": False}
        await tell(server, alice, "one")
        assert await said() == {"__typename": "Notification", "title": "one"}
        server.parts.realtime.manager.close_where(lambda each: True, CloseCode.BEHIND)
        await tell(server, alice, "while away")
        assert await said() == {"__typename": "Joined", "recovered": True}
        assert (await said())["title"] == "while away"
        await tell(server, alice, "the last")
        assert (await said())["title"] == "the last"


async def test_gql_of_python_asks_changes_and_follows(server: Server, alice: aiohttp.ClientSession) -> None:
    async with running(server, alice, sys.executable, "graphql_client.py") as said:
        assert await said() == {"me": {"name": "alice"}, "jobs": {"total": 0}}
        assert (await said())["startDemonstration"]["state"] in ("QUEUED", "RUNNING", "SUCCEEDED")
        assert await said() == {"codes": ["not_found"]}
        assert await said() == {"__typename": "Joined", "recovered": False}
        await tell(server, alice, "the last")
        assert (await said())["title"] == "the last"


async def test_grpc_js_asks_sends_and_comes_back_to_where_it_was(
    server: Server, alice: aiohttp.ClientSession, settings: Settings
) -> None:
    assert (CLIENTS / "node_modules").is_dir(), "make clients"
    places = {"JINDU_GRPC": f"127.0.0.1:{settings.grpc_port}", "JINDU_PROTOS": str(PROTOS)}
    async with running(server, alice, "node", "grpc.mjs", **places) as said:
        assert await said() == {"total": 0}
        assert await said() == {"status": "NOT_FOUND", "code": "not_found"}
        assert await said() == {"status": "UNAUTHENTICATED", "code": "not_signed_in"}
        assert await said() == {"state": "JOB_STATE_RUNNING"}
        assert await said() == {"state": "JOB_STATE_SUCCEEDED", "progress": 3}
        assert await said() == {"offset": 300_000, "name": "node.csv"}
        assert await said() == {"type": "connection", "recovered": False}
        await tell(server, alice, "one")
        assert await said() == {"type": "notification", "title": "one"}
        server.parts.realtime.manager.close_where(lambda each: True, CloseCode.BEHIND)
        assert await said() == {"code": "behind", "reconnect": "true"}
        await tell(server, alice, "while away")
        assert await said() == {"type": "connection", "recovered": True}
        assert (await said())["title"] == "while away"
        await tell(server, alice, "the last")
        assert (await said())["title"] == "the last"


async def test_buf_curl_learns_by_reflection_what_there_is(
    server: Server, alice: aiohttp.ClientSession, settings: Settings
) -> None:
    async def curl(*words: str, address: str = "") -> str:
        process = await asyncio.create_subprocess_exec(
            CLIENTS / "node_modules" / ".bin" / "buf",
            *("curl", "--http2-prior-knowledge", "--protocol", "grpc", *words),
            f"http://127.0.0.1:{settings.grpc_port}{address}",
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        async with asyncio.timeout(60):
            out, _ = await process.communicate()
        return out.decode()

    token = ("--header", f"authorization: {alice.headers['Authorization']}", "--reflect-header", "*")
    for protocol in ("grpc-v1", "grpc-v1alpha"):
        told = await curl(*token, "--reflect-protocol", protocol, "--list-services")
        assert {"jindu.v1.Jobs", "jindu.v1.Live", "jindu.v1.Uploads", "grpc.health.v1.Health"} <= set(told.split())
    begun = await curl(*token, "-d", '{"external": {"title": "curl", "total": 2}}', address="/jindu.v1.Jobs/Start")
    assert json.loads(begun)["job"]["state"] == "JOB_STATE_RUNNING"
    assert json.loads(await curl(*token, "-d", "{}", address="/jindu.v1.Jobs/List"))["total"] == "1"
    assert "not authenticated" in await curl("--list-services")


@asynccontextmanager
async def running(
    server: Server, client: aiohttp.ClientSession, *command: str, **environ: str
) -> AsyncIterator[Callable[[], Awaitable[dict[str, Any]]]]:
    """A program of `tests/clients`; what it gives says the next line of it. It ends well."""
    token = client.headers["Authorization"].removeprefix("Bearer ")
    packages = {"PYTHONPATH": str(CLIENTS / "python"), "NODE_NO_WARNINGS": "1"}
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=CLIENTS,
        env=os.environ | packages | environ | {"JINDU_URL": server.url, "JINDU_TOKEN": token},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, errors = process.stdout, process.stderr
    assert out is not None
    assert errors is not None

    async def said() -> dict[str, Any]:
        async with asyncio.timeout(30):
            line = await out.readline()
        assert line, (await errors.read()).decode()
        found: dict[str, Any] = json.loads(line)
        return found

    try:
        yield said
        async with asyncio.timeout(30):
            assert await process.wait() == 0, (await errors.read()).decode()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def tell(server: Server, client: aiohttp.ClientSession, title: str) -> None:
    async with client.get("/api/v1/me") as response:
        user_id = (await response.json())["id"]
    await server.parts.live.notices.notify_who_asked(user_id, Notice(title=title))
