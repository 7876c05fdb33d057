"""Notifications of browsers, from the door to a push service on loopback, which a program of others reads."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import aiohttp
import pytest

from server.settings import Settings
from tests.conftest import Server
from tests.functional.browsing import browser, sign_in
from tests.functional.test_accounts import answer
from tests.push_double import CLIENTS, PushDouble

MINE = "/api/v1/push/subscriptions"


@pytest.fixture
async def double() -> AsyncIterator[PushDouble]:
    async with PushDouble().listening() as found:
        yield found


@pytest.fixture
def settings(settings: Settings, double: PushDouble) -> Settings:
    return replace(settings, push_hosts=(double.host,), push_contact="mailto:ops@example.com")


async def told(server: Server, admin: aiohttp.ClientSession, title: str, double: PushDouble) -> list[str]:
    """Where an announcement went by now."""
    await answer(admin.post("/api/v1/admin/broadcast", json={"title": title}), 201)
    await server.parts.alerts.posting.post()
    return [path for path, _, _ in double.taken]


async def test_a_browser_is_told_what_its_service_cannot_read_until_it_is_signed_out(
    server: Server, admin: aiohttp.ClientSession, alice: aiohttp.ClientSession, bob: aiohttp.ClientSession,
    double: PushDouble,
) -> None:  # fmt: skip
    """And nobody else sees or ends it."""
    assert (CLIENTS / "node_modules").is_dir(), "make clients"
    async with browser(server) as here, browser(server) as other:
        await sign_in(here, "alice")
        await sign_in(other, "bob")
        key = (await answer(here.get("/api/v1/push/key"), 200))["key"]
        made = await answer(here.post(MINE, json=double.subscription("phone")), 201)
        assert made["kinds"] == ["announced", "commented", "failed", "finished", "scheduled"]

        for stranger in (bob, other, admin):
            assert (await answer(stranger.get(MINE), 200))["items"] == []
            for ask in (stranger.get, stranger.delete):
                await answer(ask(f"{MINE}/{made['id']}"), 404)
        assert (await answer(here.get(f"{MINE}/{made['id']}"), 200)) == made
        await answer(alice.post(MINE, json=double.subscription("token")), 403)
        assert [each["is_current"] for each in (await answer(alice.get(MINE), 200))["items"]] == [False]
        listed = await answer(here.get(MINE), 200)
        assert double.subscription("phone")["keys"]["auth"] not in str(listed)

        assert await told(server, admin, "Back soon", double) == ["/phone"]
        ((_, headers, body),) = double.taken
        assert headers["Content-Encoding"] == "aes128gcm"
        assert headers["Authorization"].endswith(f"k={key}")
        assert b"Back soon" not in body
        (shown,) = await double.read()
        assert (shown["title"], shown["url"]) == ("Back soon", "/notifications")

        await here.post("/logout")
        assert await told(server, admin, "Back again", double) == ["/phone"]
        assert (await answer(alice.get(MINE), 200))["items"] == []


async def test_a_browser_that_is_gone_is_forgotten_and_no_redirection_is_followed(
    server: Server, admin: aiohttp.ClientSession, alice: aiohttp.ClientSession, double: PushDouble
) -> None:
    async with browser(server) as here:
        await sign_in(here, "alice")
        wrong = double.subscription("x") | {"endpoint": "http://127.0.0.1:1/x"}
        problem = await answer(here.post(MINE, json=wrong), 422)
        assert "push_hosts" in str(problem["errors"])
        await answer(here.post(MINE, json=double.subscription("phone")), 201)
        double.status = 307
        assert await told(server, admin, "One", double) == ["/phone"]
        assert len((await answer(here.get(MINE), 200))["items"]) == 1
        double.status = 410
        assert await told(server, admin, "Two", double) == ["/phone", "/phone"]
        assert (await answer(here.get(MINE), 200))["items"] == []
