"""Many jobs at once, over the API and from the page: those that were meant, asked about first, and nobody else's."""

from __future__ import annotations

import re
from typing import Any

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


async def act(client: Client, action: str, body: object) -> tuple[int, dict[str, Any]]:
    async with client.post(f"/api/v1/jobs/{action}", json=body) as response:
        return response.status, await response.json()


async def named(client: Client, action: str, *ids: str) -> dict[str, str]:
    """Why what of them could not be done."""
    status, found = await act(client, action, {"ids": ids})
    assert status == 200
    not_done = {each["job_id"]: each["code"] for each in found["not_done"]}
    assert len(not_done) == sum(found["refused"].values())
    assert found["done"] == len(ids) - len(not_done)
    return not_done


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
    assert await named(bob, "delete", failed) == {failed: "not_found"}
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


async def test_those_of_which_it_could_not_be_done_are_named_but_those_of_others_as_if_they_were_not_there(
    server: Server, alice: Client, bob: Client
) -> None:
    done, his = await begun(alice), await begun(bob)
    await all_over(alice, 1)
    await all_over(bob, 1)
    runs = await begun(alice, seconds=600)
    nothing = {his: "not_found", "01nothing": "not_found"}
    assert await named(alice, "delete", runs, his, "01nothing") == nothing | {runs: "job_not_over"}
    assert await named(alice, "retry", done, his, "01nothing") == nothing | {done: "job_not_retryable"}
    async with browser(server) as person:
        await sign_in(person, "alice")
        form = [("action", "delete"), ("sure", "yes"), ("ids", runs), ("ids", his), ("ids", "<01>")]
        async with person.post("/jobs/together", data=form, headers=HTML) as response:
            page = await response.text()
        assert re.search(f'are not over: cancel them first.*?<a href="/jobs/{runs}">', page, re.DOTALL)
        assert f"<code>{his}</code>" in page
        assert "<code>&lt;01&gt;</code>" in page
    assert await named(alice, "cancel", done, runs, his, "01nothing") == nothing | {done: "job_over"}
    found = await act(alice, "delete", {"ids": [done], "filter": {"q": "no such words"}})
    assert found[1]["not_done"] == [{"job_id": done, "code": "job_not_in_filter"}]


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
            re.findall(r'href="/jobs(?:\?state=(\w+))?"[^>]*>[^<]*<span class="job-tabs__count\b[^"]*">(\d+)', page)
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
