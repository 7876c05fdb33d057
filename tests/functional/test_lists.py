"""Lists of batches and reports: one filter for the list, its count, its files and what is done with it; saved views."""

from __future__ import annotations

import csv
import io
import zipfile
from typing import Any

import aiohttp
import pytest

from tests.conftest import Server
from tests.functional.batches import made, put_template, read, reports_of
from tests.functional.browsing import HTML

Client = aiohttp.ClientSession
MONTHLY = """\
title: "Sales of {{ place }}"
formats: [html]
parameters:
  place: {type: text}
  month: {type: text}
  paid: {type: boolean}
blocks:
  - text: "{{ place }}: {{ 1 / (0 if place == 'Nowhere' else 1) }}"
"""


def one(place: str, month: str, *, paid: bool = True) -> dict[str, Any]:
    return {"place": place, "month": month, "paid": paid}


@pytest.fixture
async def october(alice: Client) -> str:
    """Of three reports, one of which fails; a November of one stands beside it."""
    await put_template(alice, "monthly", MONTHLY)
    await put_template(alice, "other", MONTHLY.replace("Sales", "Costs"))
    sets = [one("Europe", "2026-10"), one("Asia", "2026-10", paid=False), one("Nowhere", "2026-10")]
    batch = await made(alice, "monthly", parameters=sets, name="October")
    await made(alice, "other", parameters=[one("Europe", "2026-11")], name="November")
    return str(batch["id"])


async def names(client: Client, query: str, *, kind: str = "batches") -> list[str]:
    """Of batches, or titles of reports; the total says how many."""
    found = await read(client, f"/api/v1/{kind}?{query}")
    items = [each["name"] if kind == "batches" else each["report"]["title"] for each in found["items"]]
    assert found["total"] == len(items)
    return items


async def test_one_filter_finds_counts_and_is_taken_away(alice: Client, bob: Client, october: str) -> None:
    failed, both = "Nowhere · 2026-10 · yes", ["November", "October"]
    all_of_october = ["Sales of Europe", "Sales of Asia", failed]
    for query, batches, reports in (
        ("", both, ["Costs of Europe", *all_of_october]),
        ("value=month=2026-10", ["October"], all_of_october),
        ("value=month=2026-10&value=place=Europe", ["October"], ["Sales of Europe"]),
        ("value=place=Europe&value=place=Asia", both, ["Costs of Europe", "Sales of Europe", "Sales of Asia"]),
        ("value=place=Asia&value=month=2026-11", [], []),  # of one report, not of two
        ("value=paid=no", ["October"], ["Sales of Asia"]),
        ("q=EUROPE+2026-10", ["October"], ["Sales of Europe"]),
        ("q=costs", ["November"], ["Costs of Europe"]),
        ("q=%25", [], []),
        ("template=other", ["November"], ["Costs of Europe"]),
        ("template=gone", [], []),
        ("state=partial", ["October"], all_of_october),
        ("state=failed&state=running", [], []),
        ("report_state=failed", ["October"], [failed]),
        ("created=today&whose=mine", both, None),
        ("created=last-month", [], []),
        ("to=2020-01-01", [], []),
        ("owner=alice&from=2020-01-01", both, None),
        ("whose=shared", [], []),
    ):
        assert await names(alice, query) == batches, query
        if reports is not None:
            assert await names(alice, query, kind="reports") == reports, query
        assert await names(bob, query) == [], query
        assert await names(bob, query, kind="reports") == [], query
    for wrong in ("value=Europe", "state=nonsense", "created=soon", "from=31.12.2026", "month=2026-10", "cursor=x"):
        await read(alice, f"/api/v1/batches?{wrong}", status=422)
        await read(alice, f"/api/v1/reports?{wrong}", status=422)
    await read(alice, "/api/v1/reports?whose=all", status=403)
    page = await read(alice, "/api/v1/reports?limit=3")
    rest = await read(alice, f"/api/v1/reports?limit=3&cursor={page['next_cursor']}")
    assert ([len(each["items"]) for each in (page, rest)], rest["next_cursor"]) == ([3, 1], None)

    rows = await table(alice, "value=month=2026-10")
    assert [(row["report"], row["state"], row["parameters.place"]) for row in rows] == [
        ("Sales of Europe", "succeeded", "Europe"),
        ("Sales of Asia", "succeeded", "Asia"),
        (failed, "failed", "Nowhere"),
    ]
    assert rows[0]["address"].startswith("/reports/")
    assert rows[0]["files"]
    assert rows[2]["error_code"]
    async with alice.get("/api/v1/reports/export.zip?value=place=Europe") as response:
        files = zipfile.ZipFile(io.BytesIO(await response.read()))
    assert sorted(files.namelist()) == ["November/Costs of Europe.html", "October/Sales of Europe.html", "index.csv"]
    assert files.testzip() is None
    assert files.read("index.csv").decode().count("Europe.html") == 2
    assert await table(bob, "value=month=2026-10") == []

    await shared(alice, october, "bob")
    assert await names(bob, "value=place=Europe") == ["October"]
    assert await names(bob, "whose=shared&owner=alice", kind="reports") == await names(
        alice, "q=october", kind="reports"
    )
    (told,) = (await read(bob, "/api/v1/reports?report_state=failed"))["items"]
    assert told["batch"]["owner"] == "alice"
    await shared(alice, october)
    assert await names(bob, "") == []


async def table(client: Client, query: str) -> list[dict[str, str]]:
    async with client.get(f"/api/v1/reports/export.csv?{query}") as response:
        assert response.status == 200
        return list(csv.DictReader(io.StringIO((await response.read()).decode("utf-8-sig"))))


async def shared(owner: Client, batch_id: str, *people: str) -> None:
    grants = [{"user": name, "right": "view"} for name in people]
    async with owner.put(f"/api/v1/batches/{batch_id}/access", json={"grants": grants}) as response:
        assert response.status == 200


async def test_pages_say_which_reports_match_and_what_is_gone(alice: Client, bob: Client, october: str) -> None:
    text = await page(alice, "/batches?value=place%3DEurope&value=month%3D2026-10")
    assert "1 report of 3 matches:" in text
    assert "Sales of Europe" in text
    assert "October 2026" in text  # in words
    assert 'value="month=2026-10"' in text  # kept while something else is chosen
    for gone, why in (
        ("value=place%3DAtlantis", "not found"),
        ("template=gone", "not found"),
        ("owner=nobody", "not found"),
        ("state=nonsense", "unknown"),
        ("from=2026-13-01&q=europe", "no such day"),
        ("from=2026-13-01&template=gone", "not found"),
    ):
        text = await page(alice, f"/batches?{gone}")
        assert "filter-chip--gone" in text, gone
        assert f'<span class="filter-chip__gone">{why}</span>' in text, gone
        assert october not in text, gone
        assert "q=europe" not in gone or 'href="/batches?q=europe"' in text  # without the day the rest is left
    text = await page(alice, "/jobs?from=2026-02-30&kind=dance&q=october")
    assert text.count("filter-chip--gone") == 2
    assert 'href="/jobs?kind=dance&amp;q=october"' in text or 'href="/jobs?q=october&amp;kind=dance"' in text
    assert "Sales of Asia" in await page(alice, "/batches?by=report&value=place%3DAsia")
    found = await page(alice, "/batches/values?find=eur")
    assert ("Europe" in found, "Asia" in found) == (True, False)
    assert "1 file" in await page(alice, "/batches/export?value=place%3DAsia")
    for path in ("/batches?value=place%3DEurope", "/batches/values?find=eur", "/batches?by=report", "/batches/export"):
        text = await page(bob, path)
        assert october not in text
        assert "2026-10" not in text
    async with bob.get("/batches/export.csv") as response:
        assert "Europe" not in await response.text()


async def page(client: Client, path: str) -> str:
    async with client.get(path, headers=HTML) as response:
        assert response.status == 200, await response.text()
        return await response.text()


async def test_all_that_match_are_acted_upon_as_many_as_were_told(alice: Client, bob: Client, october: str) -> None:
    async def act(client: Client, action: str, expected: int, status: int = 200, **wanted: Any) -> dict[str, Any]:
        more = {"grant": {"user": "bob", "right": "view"}} if action == "share" else {}
        body = {"filter": wanted, "expected": expected, **more}
        async with client.post(f"/api/v1/batches/{action}", json=body) as response:
            answer: dict[str, Any] = await response.json()
            assert response.status == status, answer
            return answer

    told = await act(alice, "delete", 17, 409, template=["monthly"])
    assert told["detail"] == "1 match now, 17 when you looked: look again."
    assert await act(bob, "delete", 0) == {"done": 0, "not_done": [], "left": 0}
    await act(bob, "share", 2, 409)
    await act(alice, "cancel", 0)
    assert (await act(alice, "share", 2))["done"] == 2
    assert (await act(alice, "share", 2))["done"] == 2  # once more changes nothing
    assert await names(bob, "whose=shared") == ["November", "October"]
    for action in ("delete", "retry", "cancel"):
        assert (await act(bob, action, 0))["done"] == 0
    assert (await act(alice, "retry", 1, value=["month=2026-10"]))["done"] == 1
    form = {"action": "delete", "expected": "3"}
    async with alice.post("/batches/together?template=other", data=form, headers=HTML) as response:
        assert (response.status, "1 match now, 3 when you looked" in await response.text()) == (409, True)
    assert "Delete 1 batch?" in await page(alice, "/batches/together?action=delete&template=other")
    async with alice.post("/batches/together?template=other", data=form | {"expected": "1"}, headers=HTML) as response:
        assert "1 batch was deleted" in await response.text()
    share = {"action": "share", "expected": "1", "with": "nobody"}
    async with alice.post("/batches/together", data=share, headers=HTML) as response:
        assert "There is no user named “nobody”." in await response.text()
    assert await names(alice, "") == ["October"]
    assert await reports_of(alice, october)


async def test_a_view_changes_when_it_is_saved_and_is_seen_by_whom_it_is_for(
    server: Server, alice: Client, bob: Client, admin: Client
) -> None:
    async def call(who: Client, method: str, path: str, status: int, **sent: Any) -> Any:
        async with who.request(method, f"/api/v1{path}", **sent) as response:
            assert response.status == status, await response.text()
            return await response.json() if response.content_type == "application/json" else None

    query = {"value": ["place=Atlantis", "month=2026-10"], "created": ["last-month"]}
    view = {"list": "batches", "name": " Last   month ", "query": query}
    saved = await call(alice, "POST", "/views", 201, json=view)
    assert (saved["name"], saved["query"], saved["owner"], saved["shared"]) == ("Last month", query, "alice", False)
    await call(alice, "POST", "/views", 409, json=view)
    for wrong in ({"query": {}}, {"query": {"month": ["x"]}}, {"name": ""}, {"list": "users"}, {"name": "a\x07"}):
        await call(alice, "POST", "/views", 422, json=view | wrong)
    address = f"/views/{saved['id']}"
    assert await call(bob, "GET", "/views", 200) == {"items": []}
    for method, sent in (("PATCH", {"json": {"name": "mine"}}), ("DELETE", {})):
        await call(bob, method, address, 404, **sent)
    text = await page(alice, saved["links"]["page"])
    assert "Last month" in text
    assert "filter-chip--gone" in text  # no rows rather than all
    assert "Save in “Last month”" not in text
    assert "Save in “Last month”" in await page(alice, f"/batches?created=7d&view={saved['id']}")
    assert (await call(alice, "GET", "/views", 200))["items"] == [saved]  # looking changes nothing

    form = {"list": "batches", "query": "created=7d&cursor=5"}
    async with alice.post(address, data=form, headers=HTML) as response:
        assert response.url.query_string == f"created=7d&view={saved['id']}"
    changed = await call(alice, "PATCH", address, 200, json={"shared": True})
    assert (changed["query"], changed["shared"]) == ({"created": ["7d"]}, True)
    assert [each["id"] for each in (await call(bob, "GET", "/views?list=batches", 200))["items"]] == [saved["id"]]
    assert "Last month" in await page(bob, "/batches")
    assert (await call(bob, "GET", "/views?list=jobs", 200)) == {"items": []}
    for method, sent in (("PATCH", {"json": {"name": "mine"}}), ("DELETE", {})):
        await call(bob, method, address, 403, **sent)
    job_view = {"list": "jobs", "name": "Failures", "query": "state=failed&within=7"}
    async with bob.post("/views", data=job_view, headers=HTML) as response:
        assert response.url.path == "/jobs"
        assert "Failures" in await response.text()
    await call(admin, "DELETE", address, 204)
    assert await call(alice, "GET", "/views", 200) == {"items": []}


async def test_a_search_that_cannot_be_answered_leads_back_to_the_whole_list(alice: Client) -> None:
    """*Try again* asked the same once more."""
    for path, leads in (("/batches?q=" + "word+" * 9, 'href="/batches">Show all<'), ("/reports/none", "Try again")):
        async with alice.get(path, headers=HTML) as response:
            assert response.status in (404, 422)
            text = await response.text()
            assert leads in text, text[text.index("<main") :]
