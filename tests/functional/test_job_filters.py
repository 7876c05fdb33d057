"""Finding jobs: why they failed, whose they are, when they ended; on the page and over the API, and nobody else's."""

from __future__ import annotations

import html
import re

import aiohttp

from tests.conftest import Server
from tests.functional.batches import SALES, made, put_template
from tests.functional.browsing import HTML, browser, sign_in
from tests.functional.importing import ORDERS, import_text
from tests.functional.test_jobs_together import all_over, begun, jobs
from tests.waiting import until

Client = aiohttp.ClientSession


async def reasons(client: Client, **query: str) -> list[tuple[str, int, str]]:
    async with client.get("/api/v1/jobs/reasons", params=query) as response:
        assert response.status == 200
        return [(each["code"], each["count"], each["job_id"]) for each in (await response.json())["items"]]


def titles(page: str) -> list[str]:
    return re.findall(r'<li class="job-row\b[^"]*" id="job-(\w+)"', page)


async def page_of(person: Client, **query: str) -> str:
    async with person.get("/jobs", params=query, headers=HTML) as response:
        assert response.status == 200
        return await response.text()


async def test_failures_are_grouped_by_their_reason_and_each_leads_to_its_jobs(
    server: Server, alice: Client, bob: Client, admin: Client
) -> None:
    await begun(alice)
    first, second = await begun(alice, fail_at=1), await begun(alice, fail_at=2)
    await all_over(alice, 3)
    assert await reasons(alice) == [("asked_to_fail", 2, second)]
    assert await reasons(alice, q="-asked_to_fail") == []
    assert await reasons(bob) == []
    assert await reasons(admin, user="alice") == [("asked_to_fail", 2, second)]
    async with alice.get("/api/v1/jobs/reasons", params={"state": "failed"}) as response:
        assert response.status == 422
    assert await jobs(alice, error="asked_to_fail") == [second, first]
    assert await jobs(bob, error="asked_to_fail") == []
    async with browser(server) as person:
        await sign_in(person, "alice")
        failed = await page_of(person, state="failed")
        (leads_to,) = re.findall(r'href="(/jobs\?state=failed&amp;error=asked_to_fail)"', failed)
        async with person.get(leads_to.replace("&amp;", "&"), headers=HTML) as response:
            narrowed = await response.text()
        assert titles(narrowed) == [second, first]
        assert "Any reason" in narrowed
        form = {"state": "failed", "error": "something_else", "all_action": "delete"}
        async with person.post("/jobs/together", data=form, headers=HTML) as response:
            assert "There is nothing to do" in await response.text()


async def test_what_scripts_say_tells_their_reasons_apart_but_for_numbers(server: Server, alice: Client) -> None:
    said = ["KeyError: 'amount'", "TimeoutError after 158 s", "KeyError: 'amount'", "TimeoutError after 9 s"]
    ids = []
    for text in said:
        async with alice.post("/api/v1/jobs", json={"title": "Nightly"}) as response:
            ids.append((await response.json())["job_id"])
        async with alice.patch(f"/api/v1/jobs/{ids[-1]}", json={"state": "failed", "error": text}) as response:
            assert response.status == 200
    async with alice.get("/api/v1/jobs/reasons") as response:
        found = [(each["reason"], each["count"], each["message"]) for each in (await response.json())["items"]]
    assert found == [("TimeoutError after # s", 2, said[3]), ("KeyError: 'amount'", 2, said[2])]
    assert await jobs(alice, reason="TimeoutError after # s") == [ids[3], ids[1]]
    assert await jobs(alice, reason="KeyError: 'amount'", error="something_else") == []
    async with browser(server) as person:
        await sign_in(person, "alice")
        leads_to = re.findall(
            r'href="(/jobs\?state=failed&amp;error=script_failed&amp;reason=[^"]+)"',
            await page_of(person, state="failed"),
        )
        async with person.get(html.unescape(leads_to[0]), headers=HTML) as response:
            narrowed = await response.text()
        assert titles(narrowed) == [ids[3], ids[1]]
        assert "TimeoutError after # s" in narrowed
        form = {"state": "failed", "reason": "KeyError: 'amount'", "all_action": "delete"}
        async with person.post("/jobs/together", data=form, headers=HTML) as response:
            assert "2 jobs" in await response.text()


async def test_a_batch_is_found_by_its_template_and_by_what_its_reports_are_about_and_failed_of(
    alice: Client, bob: Client
) -> None:
    """And nothing else is: neither other jobs of the same person nor a batch of somebody else."""
    await import_text(alice, ORDERS)
    await put_template(alice, "quarterly", SALES)
    await put_template(bob, "his-own", "title: His own\nformats: [html]\nblocks:\n  - text: Nothing\n")
    others = await jobs(alice)
    job, his = (await made(alice, "quarterly"))["job_id"], (await made(bob, "his-own"))["job_id"]
    for words in ("quarterly", "South", '"North sales"', "Division"):
        assert await jobs(alice, q=words) == [job], words
        assert await jobs(alice, q=f"-{words}") == others, words
        assert await jobs(bob, q=words) == [], words
        assert await jobs(bob, q=f"-{words}") == [his], words
    for words in ("Atlantis", "null"):
        assert await jobs(alice, q=words) == [], words


async def test_what_runs_stands_above_what_came_later(server: Server, alice: Client) -> None:
    running = await begun(alice, seconds=600)
    ended = await begun(alice)
    await all_over(alice, 1)
    async with browser(server) as person:
        await sign_in(person, "alice")
        everything = await page_of(person)
        assert titles(everything) == [running, ended]
        assert everything.index("Running now") < everything.index(running)
        assert titles(await page_of(person, state="succeeded")) == [ended]


async def test_owners_and_days_narrow_the_page_and_what_is_done_with_all(
    server: Server, admin: Client, alice: Client, bob: Client
) -> None:
    hers, his = await begun(alice), await begun(bob)
    await all_over(admin, 2)
    async with browser(server) as person:
        await sign_in(person, "admin")
        assert set(titles(await page_of(person))) == {hers, his}
        assert titles(await page_of(person, user="Alice")) == [hers]
        assert titles(await page_of(person, user="nobody")) == []
        assert titles(await page_of(person, when="ended", to="2020-01-01")) == []
        assert len(titles(await page_of(person, when="ended", **{"from": "2020-01-01"}))) == 2
        assert len(titles(await page_of(person, to="not a day"))) == 2
        form = {"user": "bob", "all_action": "delete", "sure": "yes"}
        async with person.post("/jobs/together", data=form, headers=HTML) as response:
            assert "1 job was deleted" in await response.text()
    assert await jobs(admin) == [hers]
    async with browser(server) as person:
        await sign_in(person, "alice")
        assert titles(await page_of(person, user="bob")) == [hers]  # of others she has nothing to choose


async def test_every_attempt_is_told_and_to_its_owner_alone(server: Server, alice: Client, bob: Client) -> None:
    job_id = await begun(alice, fail_at=2)
    await all_over(alice, 1)
    async with alice.post(f"/api/v1/jobs/{job_id}/retry") as response:
        assert response.status == 200

    async def attempts(client: Client) -> tuple[int, list[dict[str, object]]]:
        async with client.get(f"/api/v1/jobs/{job_id}/attempts") as response:
            return response.status, (await response.json()).get("items", [])

    async def twice() -> bool:
        return len((await attempts(alice))[1]) == 2

    await until(twice)
    told = (await attempts(alice))[1]
    assert [each["attempt"] for each in told] == [2, 1]
    assert all(each["ended_as"] == "failed" and each["error"]["code"] == "asked_to_fail" for each in told)  # type: ignore[index]
    assert await attempts(bob) == (404, [])
    async with browser(server) as person:
        await sign_in(person, "alice")
        async with person.get(f"/jobs/{job_id}", headers=HTML) as response:
            page = await response.text()
        assert page.count('class="job-attempts__one"') == 2
