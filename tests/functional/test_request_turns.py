"""Many requests of one person at once: others come between them, and what waits for something is in nobody's way."""

from __future__ import annotations

import asyncio
import contextlib

import aiohttp
import pytest

from server.http import sessions, turns
from tests.conftest import Server
from tests.functional.raw_http import head, sent

Client = aiohttp.ClientSession


async def status(client: Client, path: str) -> int:
    async with client.get(path) as response:
        return response.status


def half_a_request(client: Client) -> bytes:
    lines = (f"Authorization: {client.headers['Authorization']}", "Content-Type: application/json")
    return head("/api/v1/queries", *lines, "Content-Length: 30") + b'{"sql": '


async def test_who_has_all_their_turns_waits_and_nobody_else(
    server: Server, alice: Client, bob: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "_MOST_SECONDS", 3600.0)  # as if all of it were computing
    async with contextlib.AsyncExitStack() as open_ones, aiohttp.ClientSession(server.url) as stranger:
        for _ in range(4):
            await open_ones.enter_async_context(sent(server, half_a_request(alice)))
        waiting = asyncio.create_task(status(alice, "/api/v1/me"))
        while (await asyncio.wait({waiting}, timeout=2))[0]:  # asked before all four had come
            waiting = asyncio.create_task(status(alice, "/api/v1/me"))
        assert await status(bob, "/jobs") == 200
        assert await status(stranger, "/login") == 200
        assert await status(stranger, "/healthz") == 200
        assert not waiting.done()
        await open_ones.aclose()
        assert await asyncio.wait_for(waiting, 30) == 200


async def test_what_waits_for_something_leaves_its_turn_to_others_of_the_same_person(
    server: Server, alice: Client
) -> None:
    async with contextlib.AsyncExitStack() as open_ones:
        for _ in range(12):
            await open_ones.enter_async_context(sent(server, half_a_request(alice)))
        for _ in range(5):
            assert await asyncio.wait_for(status(alice, "/api/v1/me"), 30) == 200


async def test_streams_keep_no_turn(server: Server, alice: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "_MOST_SECONDS", 3600.0)
    async with contextlib.AsyncExitStack() as stack, asyncio.timeout(30):
        for number in range(6):
            await stack.enter_async_context(alice.get("/events", params={"client_id": f"tab-{number}"}))
            await stack.enter_async_context(alice.ws_connect(f"/ws/socket-{number}"))
        assert await status(alice, "/api/v1/me") == 200


async def test_who_is_known_waits_for_no_stranger_of_the_same_network(
    server: Server, alice: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "_MOST_SECONDS", 3600.0)
    assert await status(alice, "/api/v1/me") == 200
    async with contextlib.AsyncExitStack() as open_ones, aiohttp.ClientSession(server.url) as stranger:
        half = head("/api/v1/tokens", "Content-Type: application/json", "Content-Length: 30") + b'{"name": '
        for _ in range(4):
            await open_ones.enter_async_context(sent(server, half))
        waiting = asyncio.create_task(status(stranger, "/login"))
        while (await asyncio.wait({waiting}, timeout=2))[0]:  # asked before all four had come
            waiting = asyncio.create_task(status(stranger, "/login"))
        assert await status(alice, "/jobs") == 200
        assert not waiting.done()
        await open_ones.aclose()
        assert await asyncio.wait_for(waiting, 30) == 200


@pytest.mark.parametrize("is_known", [True, False], ids=["signed in", "cookie that has expired"])
async def test_the_files_of_a_page_are_no_guesses(
    server: Server, alice: Client, monkeypatch: pytest.MonkeyPatch, is_known: bool
) -> None:
    """A page asks for dozens, and nobody is asked there who they are: neither they nor the next page wait."""
    monkeypatch.setattr(turns, "_GUESS_SECONDS", 3600.0)
    headers = {"Authorization": alice.headers["Authorization"] if is_known else "Bearer jindu_gone"}
    async with asyncio.timeout(30), aiohttp.ClientSession(server.url, headers=headers) as client:
        assert await status(client, "/api/v1/me") == (200 if is_known else 401)
        for _ in range(40):
            assert await status(client, "/static/js/theme.js") == 200
        assert await status(client, "/login") == 200
    async with asyncio.timeout(30), aiohttp.ClientSession(server.url, cookies={sessions.COOKIE: "another"}) as client:
        assert await status(client, "/login") == 200
