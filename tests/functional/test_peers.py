"""Files from browser to browser, as the two browsers' pages see the server: over sockets, and in HTML."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace

import aiohttp
import pytest

from server.settings import Settings
from tests.conftest import Server
from tests.functional.browsing import HTML, browser, sign_in
from tests.functional.importing import import_text
from tests.functional.live_client import live

Client = aiohttp.ClientSession
OFFER = {"kind": "offer", "transfer": "x7k2m9q4w1z8c5v0", "files": [{"name": "a.pdf", "size": 3}]}


@pytest.fixture
def settings(settings: Settings, request: pytest.FixtureRequest) -> Settings:
    return replace(settings, peer=getattr(request, "param", True), turn_urls=("turn:a",), turn_secret="a turn secret")


@pytest.fixture
async def hers(server: Server, alice: Client) -> AsyncIterator[Client]:
    async with browser(server) as client:
        await sign_in(client, "alice")
        yield client


@pytest.fixture
async def his(server: Server, bob: Client) -> AsyncIterator[Client]:
    async with browser(server) as client:
        await sign_in(client, "bob")
        yield client


async def id_of(client: Client) -> str:
    async with client.get("/api/v1/me") as response:
        return str((await response.json())["id"])


async def share_with_bob(alice: Client) -> None:
    await import_text(alice, "id\n1\n", dataset="orders")
    wanted = {"grants": [{"user": "bob", "right": "view"}]}
    async with alice.put("/api/v1/datasets/orders/access", json=wanted) as response:
        assert response.status == 200, await response.text()


async def receivers(client: Client) -> str:
    async with client.get("/send/receivers", headers=HTML) as response:
        assert response.status == 200, await response.text()
        return await response.text()


async def test_two_who_share_something_come_together_and_a_third_hears_nothing(
    server: Server, alice: Client, bob: Client, admin: Client, hers: Client, his: Client
) -> None:
    await share_with_bob(alice)
    async with (
        browser(server) as boss,
        live(hers, "laptop") as one,
        live(his, "phone") as other,
        live(bob, "script") as script,
    ):
        await sign_in(boss, "admin")
        async with live(boss, "boss") as third:
            for each in (one, other):
                await each.send(type="subscribe", events=["me:files"])
                await each.next("subscription")
            assert "bob" in await receivers(hers)
            assert "alice" in await receivers(his)
            assert "alice" not in await receivers(boss)
            await one.send(type="peer", id=1, to=f"user:{await id_of(bob)}", signal=OFFER)
            sent = await one.next("peer_sent")
            assert (sent["id"], sent["transfer"]) == (1, OFFER["transfer"])
            offer = await other.next("peer")
            assert (offer["sender"]["user"], offer["signal"]) == ("alice", OFFER)
            await other.send(type="peer", id=2, to=offer["ticket"], signal={"kind": "accept"})
            accepted = await other.next("peer_sent")
            (way,) = accepted["ways"]
            assert way["urls"] == ["turn:a"]
            assert way["username"].endswith(f":{await id_of(bob)}")
            accept = await one.next("peer")
            assert accept["signal"] == {"kind": "accept"}
            told = {"kind": "candidate", "attempt": 1, "candidate": "candidate:1", "mid": "0", "line": 0}
            await one.send(type="peer", to=accept["ticket"], signal=told)
            assert (await other.next(lambda message: message.get("signal") == told))["transfer"] == OFFER["transfer"]
            await third.send(type="peer", id=3, to=accept["ticket"], signal=told)
            assert (await third.next("error"))["code"] == "peer_over"
            await third.send(type="peer", id=4, to=f"user:{await id_of(bob)}", signal=OFFER)
            assert (await third.next("error"))["code"] == "not_found"
            for each in (third, script):
                await each.send(type="ping")
                await each.next("pong")
                assert not [message for message in each.seen if message["type"] == "peer"]


async def test_a_signal_that_is_none_or_too_large_is_refused_by_name(hers: Client) -> None:
    async with live(hers, "laptop") as socket:
        for signal in ({"kind": "gossip"}, {"kind": "description", "attempt": 1, "type": "offer", "sdp": "x" * 20_000}):
            await socket.send(type="peer", id="a", to="anybody", signal=signal)
            error = await socket.next("error")
            assert (error["id"], error["code"]) == ("a", "invalid_message")
        for half, command_id in ((r"a\ud800.pdf", 7), (r"a\ud800\u0041", "b")):
            files = f'[{{"name": "{half}", "size": 1}}]'
            offer = f'{{"kind": "offer", "transfer": "{OFFER["transfer"]}", "files": {files}}}'
            content = f'{{"type": "peer", "id": {json.dumps(command_id)}, "to": "user:x", "signal": {offer}}}'
            await socket.socket.send_str(content)
            error = await socket.next("error")
            assert (error["id"], error["code"]) == (command_id, "invalid_json")
            assert "surrogate" in error["message"] or "escape" in error["message"], error


async def test_the_page_offers_it_and_lists_nobody_while_nobody_is_there(hers: Client) -> None:
    async with hers.get("/send", headers=HTML) as response:
        page = await response.text()
    assert 'id="send-files"' in page
    assert 'id="transfer-card"' in page
    assert "Nobody is there at the moment" in await receivers(hers)


@pytest.mark.parametrize("settings", [False], indirect=True)
async def test_where_it_is_off_there_is_no_page_no_list_and_no_command(hers: Client) -> None:
    for path in ("/send", "/send/receivers"):
        async with hers.get(path, headers=HTML) as response:
            assert response.status == 404
    async with hers.get("/", headers=HTML) as response:
        assert "transfer-card" not in await response.text()
    async with live(hers, "laptop") as socket:
        await socket.send(type="peer", id=1, to="user:x", signal=OFFER)
        assert (await socket.next("error"))["code"] == "peer_off"
