"""Another transport is one module and one place in the wiring's list; everything that holds for all holds for it."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from server.app import transports
from server.jobs.outcomes import Notice
from server.realtime.close_codes import CloseCode
from server.settings import Settings
from tests.conftest import Server
from tests.functional.lines_transport import LinesTransport
from tests.functional.live_client import live

Client = aiohttp.ClientSession
Json = dict[str, Any]


@pytest.fixture
def settings(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr(transports, "TRANSPORTS", (*transports.TRANSPORTS, LinesTransport))
    return dataclasses.replace(settings, max_connections_per_user=3, max_unsent_bytes=256 * 1024)


class Lines:
    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    async def next(self) -> Json:
        async with asyncio.timeout(10):
            found: Json = json.loads(await self._response.content.readline())
            return found

    async def rest(self) -> list[Json]:
        async with asyncio.timeout(20):
            return [json.loads(line) async for line in self._response.content]


@contextlib.asynccontextmanager
async def lines(client: Client, client_id: str = "lines", **query: str) -> AsyncIterator[Lines]:
    async with client.get(f"/lines/{client_id}", params=query) as response:
        assert response.status == 200
        yield Lines(response)


async def tell(server: Server, user_id: str, title: str) -> None:
    await server.parts.live.notices.notify_who_asked(user_id, Notice(title=title, level="success"))


async def test_its_clients_get_their_own_messages_and_recover_what_they_missed(
    server: Server, alice: Client, bob: Client
) -> None:
    async with lines(alice) as hers, lines(bob) as his:
        hello, his_hello = await hers.next(), await his.next()
        assert hello["type"] == "connection"
        await tell(server, hello["user"]["id"], "Hers")
        await tell(server, his_hello["user"]["id"], "His")
        assert (await hers.next())["title"] == "Hers"
        assert (await his.next())["title"] == "His"
    await tell(server, hello["user"]["id"], "While she was away")
    async with lines(alice, since=f"{hello['epoch']}:{hello['offset'] + 1}") as hers:
        hello = await hers.next()
        assert (hello["recovered"], hello["missed"]) == (True, 1)
        assert (await hers.next())["title"] == "While she was away"


async def test_strangers_and_pages_of_others_are_not_let_in(server: Server, alice: Client) -> None:
    async with aiohttp.ClientSession(server.url) as nobody, nobody.get("/lines/tab") as response:
        assert response.status == 401
    async with alice.get("/lines/tab", headers={"Origin": "https://elsewhere.example"}) as response:
        assert response.status == 403


async def test_whoever_reads_too_slowly_is_closed_and_learns_why(server: Server, alice: Client, bob: Client) -> None:
    manager = server.parts.realtime.manager
    async with lines(alice) as hers, lines(bob) as his:
        user_id = (await hers.next())["user"]["id"]
        await his.next()
        while not manager.statistics().closed:
            manager.send_json_to_user(user_id, {"type": "event", "event": "big", "data": "x" * 60_000})
            await asyncio.sleep(0)
        with contextlib.suppress(aiohttp.ClientError, json.JSONDecodeError):  # or it was cut off before it read the end
            assert (await hers.rest())[-1]["code"] == CloseCode.SLOW_CONSUMER
        manager.broadcast_json({"type": "event", "event": "small", "data": 1})
        assert (await his.next())["data"] == 1
    assert manager.statistics().closed == {"slow_consumer": 1}


async def test_a_client_that_comes_back_another_way_replaces_itself(server: Server, alice: Client) -> None:
    async with lines(alice, "tab") as hers:
        await hers.next()
        async with live(alice, "tab") as socket:
            await socket.next("connection")
            assert (await hers.next())["code"] == CloseCode.REPLACED


async def test_it_stands_in_the_documentation(server: Server, alice: Client) -> None:
    async with alice.get("/docs/events.json") as response:
        document = await response.json()
    assert document["channels"]["lines"]["servers"] == [{"$ref": "#/servers/lines"}]
    assert set(document["servers"]) == {"websocket", "events", "lines"}
    async with alice.get("/docs/events") as response:
        assert response.status == 200


async def test_its_clients_are_sent_away_when_the_server_stops(server: Server, alice: Client) -> None:
    async with lines(alice) as hers:
        await hers.next()
        await server.app.shutdown()
        assert (await hers.next())["code"] == CloseCode.DRAINING
