"""What an administrator tells everybody waits in the bell until it was seen, whatever else happens meanwhile."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import aiohttp
import pytest

from server.jobs.outcomes import Notice
from server.settings import Settings
from tests.conftest import Server
from tests.functional.browsing import HTML
from tests.functional.test_retention import script

Client = aiohttp.ClientSession
FRAGMENT = {"X-Fragment": "1"} | HTML


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, history_messages=10, notification_messages=25)


async def bell(client: Client) -> tuple[str, Any]:
    async with client.get("/notifications", headers=FRAGMENT) as response:
        assert response.status == 200
        return await response.text(), response.headers


async def test_it_outlives_many_jobs_and_notifications_and_stands_first_until_it_was_seen(
    server: Server, admin: Client, alice: Client, bob: Client
) -> None:
    said = {"title": "Maintenance at noon", "body": "Save your work", "level": "warning"}
    async with admin.post("/api/v1/admin/broadcast", json=said) as response:
        assert response.status == 201
    async with alice.get("/api/v1/me") as response:
        me = (await response.json())["id"]
    for _ in range(15):
        await script(alice)
    for number in range(40):
        await server.parts.live.notices.notify_who_asked(me, Notice(title=f"Ready {number}"))
    text, headers = await bell(alice)
    assert text.index("Maintenance at noon") < text.index("Ready 39")
    assert int(headers["X-Unread"]) <= 26
    async with alice.get("/notifications", headers=HTML) as response:
        assert (await response.text()).count("Maintenance at noon") == 1
    async with alice.post("/notifications/read", params={"until": headers["X-Newest"]}, headers=FRAGMENT) as response:
        assert response.headers["X-Unread"] == "0"
    text, _ = await bell(alice)
    assert "Maintenance at noon" not in text  # from now on it is as old as it is
    text, headers = await bell(bob)
    assert "Maintenance at noon" in text
    assert headers["X-Unread"] == "1"
