"""Many jobs at once, over the API and from the page: those that were meant, asked about first, and nobody else's."""

from __future__ import annotations

import re

import aiohttp

from tests.conftest import Server
from tests.functional.browsing import HTML, browser, sign_in
from tests.waiting import until

Client = aiohttp.ClientSession


async def begun(client: Client, **wanted: object) -> str:
    async with client.post("/api/v1/jobs/demonstration", json={"seconds": 0, "total": 3} | wanted) as response:
        assert response.status == 202
        return str((await response.json())["job_id"])


async def jobs(client: Client, **query: str) -> list[str]:
    async with client.get("/api/v1/jobs", params=query) as response:
        assert response.status == 200
        return [str(job["job_id"]) for job in (await response.json())["items"]]


async def act(client: Client, action: str, body: object) -> tuple[int, dict[str, object]]:
    async with client.post(f"/api/v1/jobs/{action}", json=body) as response:
        return response.status, await response.json()


async def all_over(client: Client, count: int) -> None:
    await until(lambda: _number(client, count))


async def _number(client: Client, count: int) -> bool:
    return len(await jobs(client, state="succeeded")) + len(await jobs(client, state="failed")) == count


async def test_many_are_deleted_over_the_api_and_those_of_others_stay(alice: Client, bob: Client) -> None:
    for _ in range(3):
        await begun(alice)
    failed, his = await begun(alice, fail_at=2), await begun(bob)
    await all_over(alice, 4)
    await all_over(bob, 1)
    assert await act(bob, "delete", {"ids": [failed]}) == (200, {"done": 0, "refused": {}, "left": 0})
    assert (await act(alice, "delete", {"filter": {"state": ["succeeded"]}}))[1]["done"] == 3
    assert await jobs(alice) == [failed]
    assert (await act(alice, "retry", {"ids": [failed]}))[1]["done"] == 1
    assert await jobs(bob) == [his]
    assert (await act(alice, "cancel", {"filter": {"user": "bob"}}))[0] == 403
    for wrong in ({"filter": {"colour": "red"}}, {"ids": []}, {"everything": True}, {}, {"filter": {"state": []}}):
        assert (await act(alice, "delete", wrong))[0] == 422
    await all_over(alice, 1)
    assert (await act(alice, "delete", {"all": True}))[1]["done"] == 1
    assert await jobs(bob) == [his]


async def test_a_search_finds_the_reason_and_for_administrators_the_owner(alice: Client, admin: Client) -> None:
    await begun(alice)
    failed = await begun(alice, fail_at=2)
    await all_over(alice, 2)
    assert await jobs(alice, q="asked_to_fail") == [failed]
    assert len(await jobs(admin, q="ALICE")) == 2


async def test_the_page_counts_asks_and_says_what_was_done(server: Server, alice: Client, bob: Client) -> None:
    for _ in range(2):
        await begun(alice)
    await begun(alice, fail_at=2)
    await begun(bob)
    await all_over(alice, 3)
    async with browser(server) as person:
        await sign_in(person, "alice")
        async with person.get("/jobs", headers=HTML) as response:
            page = await response.text()
        counts = dict(
            re.findall(r'href="/jobs(?:\?state=(\w+))?"[^>]*>[^<]*<span class="job-tabs__count numeric">(\d+)', page)
        )
        assert (counts[""], counts["succeeded"], counts["failed"]) == ("3", "2", "1")
        (seen_at,) = re.findall(r'name="seen_at" value="([^"]+)"', page)
        later = await begun(alice)
        await all_over(alice, 4)
        form = {"state": "succeeded", "seen_at": seen_at, "all_action": "delete"}
        async with person.post("/jobs/together", data=form, headers=HTML) as response:
            assert "Delete 2 jobs?" in await response.text()
        assert len(await jobs(alice)) == 4
        async with person.post("/jobs/together", data=form | {"sure": "yes"}, headers=HTML) as response:
            assert "2 jobs were deleted" in await response.text()
        assert later in await jobs(alice)
        assert len(await jobs(alice)) == 2
        async with person.post("/jobs/together", data={"action": "cancel"}, headers=HTML) as response:
            assert "There is nothing to do" in await response.text()
        async with person.post("/jobs/together", data={"action": "explode"}, headers=HTML) as response:
            assert response.status == 400
    assert len(await jobs(bob)) == 1
