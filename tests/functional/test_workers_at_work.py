"""What worker processes do at this moment, as administrators see it."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import aiohttp
import pytest

from server.settings import Settings
from tests.conftest import Server
from tests.functional.browsing import HTML
from tests.waiting import until

Client = aiohttp.ClientSession


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, query_seconds=4.0)


async def test_administrators_see_what_workers_do_and_for_whom(server: Server, alice: Client, admin: Client) -> None:
    endless = {"sql": "select count(*) from range(100000000000) a"}
    asking = asyncio.create_task(alice.post("/api/v1/queries", json=endless).__aenter__())

    async def at_work() -> list[dict[str, object]]:
        async with admin.get("/api/v1/admin/statistics") as response:
            found: list[dict[str, object]] = (await response.json())["interactive"]["at_work"]
            return found

    (work,) = await until(at_work)
    assert (work["function"], work["job_id"]) == ("write_query", "")
    async with admin.get("/admin/overview", headers=HTML) as response:
        shown = await response.text()
    row = shown[shown.index("answers a query") :].partition("</tr>")[0]
    assert "Workers for previews and queries" in row
    assert ">alice<" in row
    asking.cancel()
