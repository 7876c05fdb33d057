"""What the buttons of /websocket-test ask for concerns one's own connections alone."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from tests.conftest import Server, new_user
from tests.functional.browsing import browser, sign_in
from tests.functional.live_client import live


async def connections_of(client: aiohttp.ClientSession) -> list[dict[str, Any]]:
    async with client.get("/websocket-test/connections") as response:
        assert response.status == 200
        found: list[dict[str, Any]] = await response.json()
    return found


async def test_everybody_sees_their_own_connections_only(
    alice: aiohttp.ClientSession, bob: aiohttp.ClientSession, admin: aiohttp.ClientSession
) -> None:
    async with live(alice, "tab-of-alice") as socket:
        await socket.next("connection")
        (mine,) = await connections_of(alice)
        assert mine == {"client_id": "tab-of-alice", "sent": mine["sent"], "conflated": 0, "unsent_bytes": 0}
        assert mine["sent"] >= 1
        assert await connections_of(bob) == []
        assert await connections_of(admin) == []  # an administrator has a page of their own for that


async def test_a_test_notification_reaches_whoever_asked_and_nobody_else(
    alice: aiohttp.ClientSession, bob: aiohttp.ClientSession
) -> None:
    async with live(alice) as socket, live(bob) as other:
        async with alice.post("/websocket-test/notification") as response:
            assert response.status == 204
        told = await socket.next("notification")
        assert (told["title"], told["offset"]) == ("This is a test", 1)
        await other.send(type="ping")
        await other.next("pong")
        assert [message["type"] for message in other.seen] == ["connection", "pong"]


async def test_a_test_notification_is_told_in_the_language_of_the_connection(alice: aiohttp.ClientSession) -> None:
    async with live(alice, lang="zh-CN") as socket:
        async with alice.post("/websocket-test/notification") as response:
            assert response.status == 204
        assert (await socket.next("notification"))["title"] == "这是一条测试"


async def test_a_test_notification_is_told_whatever_one_chose_to_be_told_of(alice: aiohttp.ClientSession) -> None:
    choices = {"notifications": {"finished": False, "failed": False}}
    async with alice.patch("/api/v1/me", json=choices) as response:
        assert response.status == 200, await response.text()
    async with live(alice) as socket:
        async with alice.post("/websocket-test/notification") as response:
            assert response.status == 204
        await socket.next("notification")


async def test_viewers_may_tell_themselves_something(server: Server, admin: aiohttp.ClientSession) -> None:
    async with await new_user(server, admin, "bob", role="viewer") as token, browser(server) as page:
        await sign_in(page, "bob")
        for viewer, status in ((page, 204), (token, 403)):  # a viewer's tokens may only read
            async with viewer.post("/websocket-test/notification") as response:
                assert response.status == status


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/websocket-test/connections"), ("POST", "/websocket-test/notification")]
)
async def test_strangers_get_nothing(server: Server, method: str, path: str) -> None:
    async with (
        aiohttp.ClientSession(server.url) as stranger,
        stranger.request(method, path, allow_redirects=False) as response,
    ):
        assert response.status in (302, 303, 401)
