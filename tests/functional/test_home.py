"""The home page tells what ended meanwhile: first what somebody has to look at, and how much else."""

from __future__ import annotations

import re

import aiohttp

from tests.conftest import Server
from tests.functional.browsing import HTML, browser, sign_in


async def end_one(client: aiohttp.ClientSession, title: str, state: str) -> None:
    async with client.post("/api/v1/jobs", json={"title": title}) as response:
        job_id = (await response.json())["job_id"]
    async with client.patch(f"/api/v1/jobs/{job_id}", json={"state": state}) as response:
        assert response.status == 200


async def test_what_failed_comes_first_of_many_that_ended_and_the_rest_is_counted(
    server: Server, alice: aiohttp.ClientSession, bob: aiohttp.ClientSession
) -> None:
    await end_one(alice, "went wrong", "failed")
    for number in range(9):
        await end_one(alice, f"well {number}", "succeeded")
    async with browser(server) as page:
        await sign_in(page, "alice")
        async with page.get("/", headers=HTML) as response:
            shown = (await response.text()).partition("Ended since you last looked")[2].partition("</ul>")[0]
    assert len(re.findall('id="away-[01]', shown)) == 6
    assert shown.index("went wrong") < shown.index("well 8")
    assert "and 4 more" in shown
    async with browser(server) as page:
        await sign_in(page, "bob")
        async with page.get("/", headers=HTML) as response:
            assert "went wrong" not in await response.text()
