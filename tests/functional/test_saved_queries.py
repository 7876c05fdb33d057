"""Queries with a name, those that ran, and what can be drawn of an answer; each is its owner's alone."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from tests.functional.importing import import_text

SQL = "select region, sum(amount) as total from orders group by 1 order by 1"
FORM = {"sql": SQL, "query_name": "Sales", "query_description": "Per region", "how": "new"}


async def save(client: aiohttp.ClientSession, **given: Any) -> tuple[int, Any]:
    async with client.post("/api/v1/queries/saved", json={"name": "Sales", "sql": SQL, **given}) as response:
        return response.status, await response.json()


async def listed(client: aiohttp.ClientSession, **query: Any) -> list[str]:
    async with client.get("/api/v1/queries/saved", params=query) as response:
        assert response.status == 200
        return [item["name"] for item in (await response.json())["items"]]


async def run(client: aiohttp.ClientSession, sql: str) -> str:
    async with client.post("/datasets/orders/query", data={"sql": sql, "fragment": "1"}) as response:
        assert response.status == 200
        return await response.text()


async def history(client: aiohttp.ClientSession) -> list[tuple[str, int | None]]:
    async with client.get("/api/v1/queries/history") as response:
        return [(item["sql"], item["rows"]) for item in (await response.json())["items"]]


async def test_a_query_is_kept_changed_and_deleted(alice: aiohttp.ClientSession) -> None:
    status, saved = await save(alice, name="  Sales   2026 ", description="Per region")
    assert (status, saved["name"], saved["sql"]) == (201, "Sales 2026", SQL)
    url = f"/api/v1/queries/saved/{saved['id']}"
    async with alice.patch(url, json={"description": "", "name": "Umsatz"}) as response:
        assert (response.status, (await response.json())["description"]) == (200, "")
    await save(alice, name="All", sql="select * from orders")
    assert await listed(alice) == ["All", "Umsatz"]
    assert await listed(alice, q="SUM(amount)") == ["Umsatz"]
    assert await listed(alice, limit=1, cursor="All") == ["Umsatz"]
    async with alice.delete(url) as response:
        assert response.status == 204
    async with alice.get(url) as response:
        assert response.status == 404


async def test_a_name_stands_for_one_query(alice: aiohttp.ClientSession, bob: aiohttp.ClientSession) -> None:
    _, saved = await save(alice)
    assert (await save(alice))[0] == 409
    assert (await save(bob))[0] == 201  # names are each one's own
    _, other = await save(alice, name="Other")
    async with alice.patch(f"/api/v1/queries/saved/{other['id']}", json={"name": "Sales"}) as response:
        assert response.status == 409
    async with alice.patch(f"/api/v1/queries/saved/{saved['id']}", json={"name": "Sales"}) as response:
        assert response.status == 200


@pytest.mark.parametrize("given", [{"name": ""}, {"name": " "}, {"name": "x" * 101}, {"sql": ""}, {"colour": "red"}])
async def test_what_cannot_be_saved_is_refused(alice: aiohttp.ClientSession, given: dict[str, Any]) -> None:
    assert (await save(alice, **given))[0] == 422


async def test_what_ran_is_remembered_once_with_its_rows_and_forgotten_on_demand(
    alice: aiohttp.ClientSession, bob: aiohttp.ClientSession
) -> None:
    await import_text(alice)
    await run(alice, SQL)
    await run(alice, "select nothing")
    await run(alice, SQL)
    assert await history(alice) == [(SQL, 3), ("select nothing", None)]
    assert await history(bob) == []
    async with alice.get("/datasets/orders/query") as response:
        assert "select nothing" in await response.text()
    async with alice.delete("/api/v1/queries/history") as response:
        assert response.status == 204
    assert await history(alice) == []


async def test_an_answer_with_numbers_can_be_drawn(alice: aiohttp.ClientSession) -> None:
    await import_text(alice)
    text = await run(alice, SQL)
    assert '"numbers": [1]' in text
    assert '["North", 10.5]' in text
    async with alice.get("/datasets/orders/query") as response:
        assert 'action="/datasets/orders/query"' in await response.text()
    assert "data-chart" not in await run(alice, "select region from orders")
    assert "data-chart" not in await run(alice, "select 1 as a where false")


async def test_the_page_saves_and_shows_it_again(alice: aiohttp.ClientSession) -> None:
    await import_text(alice)
    async with alice.post("/datasets/orders/query/save", data=FORM) as response:
        assert (response.status, response.url.query["done"]) == (200, "saved")
        query_id, text = response.url.query["saved"], await response.text()
    assert SQL in text
    changed = FORM | {"sql": "select 1", "saved": query_id, "how": "change"}
    async with alice.post("/datasets/orders/query/save", data=changed) as response:
        assert response.status == 200
    async with alice.get(f"/api/v1/queries/saved/{query_id}") as response:
        assert (await response.json())["sql"] == "select 1"
    async with alice.post("/datasets/orders/query/save", data=FORM) as response:
        text = await response.text()
        assert (response.status, 'id="query_name-error"' in text, SQL in text) == (409, True, True)
    async with alice.get("/datasets/orders/settings") as response:
        assert "saved queries of yours" not in await response.text()
    async with alice.post(f"/datasets/orders/query/saved/{query_id}/delete") as response:
        assert response.status == 200
    assert await listed(alice) == []


async def test_a_rename_says_which_saved_queries_name_it(alice: aiohttp.ClientSession) -> None:
    await import_text(alice)
    await save(alice)
    await save(alice, name="Else", sql="select 1 as orders_2025")
    async with alice.get("/api/v1/datasets/orders/uses") as response:
        assert (await response.json())["queries"] == ["Sales"]


async def test_names_to_complete_are_the_callers(alice: aiohttp.ClientSession, bob: aiohttp.ClientSession) -> None:
    await import_text(alice)
    await import_text(bob, "secret\n1\n", dataset="bobs")
    async with alice.get("/datasets/orders/query/names") as response:
        assert await response.json() == {"orders": ["region", "amount", "ordered_at", "paid"]}
    async with bob.get("/datasets/orders/query/names") as response:
        assert response.status == 404


async def test_nobody_else_sees_or_changes_a_saved_query(
    alice: aiohttp.ClientSession, bob: aiohttp.ClientSession, admin: aiohttp.ClientSession
) -> None:
    _, saved = await save(alice)
    await import_text(bob)
    url = f"/api/v1/queries/saved/{saved['id']}"
    for client in (bob, admin):
        for method, body in (("GET", None), ("PATCH", {"sql": "select 2"}), ("DELETE", None)):
            async with client.request(method, url, json=body) as response:
                assert response.status == 404, method
        assert await listed(client) == []
    for method, path in (
        ("GET", f"/datasets/orders/query?saved={saved['id']}"),
        ("POST", f"/datasets/orders/query/saved/{saved['id']}/delete"),
    ):
        async with bob.request(method, path) as response:
            assert response.status == 404
    async with bob.post("/datasets/orders/query/save", data=FORM | {"saved": saved["id"], "how": "change"}) as response:
        assert response.status == 404
    assert await listed(alice) == ["Sales"]
