"""Programs that others wrote against the tus protocol, as their package registries have them."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from server.settings import Settings
from tests.conftest import Server
from tests.functional.test_uploads import upload_of

CLIENTS = Path(__file__).parent.parent / "clients"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, min_free_bytes=1)


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
