"""What is said of a dataset: by API and page alike, kept through imports, and nobody else's to see or change."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from tests.functional.batches import put_template
from tests.functional.importing import import_text

NOTE = {"description": "Without tax", "unit": "€", "decimals": 2}
MENTION = 'title: t\nblocks:\n  - heading: "All orders"\n'
TEMPLATE = "title: t\nqueries:\n  rows: select region from orders\nblocks:\n  - table: {query: rows}\n"


async def change(client: aiohttp.ClientSession, body: dict[str, Any], name: str = "orders") -> tuple[int, Any]:
    async with client.patch(f"/api/v1/datasets/{name}", json=body) as response:
        return response.status, await response.json()


async def page(client: aiohttp.ClientSession, path: str) -> str:
    async with client.get(path) as response:
        assert response.status == 200, path
        return await response.text()


async def names(client: aiohttp.ClientSession, **query: Any) -> list[str]:
    async with client.get("/api/v1/datasets", params=query) as response:
        assert response.status == 200
        return [item["name"] for item in (await response.json())["items"]]


async def test_what_is_said_of_columns_stands_by_their_values_and_outlives_imports(
    alice: aiohttp.ClientSession,
) -> None:
    await import_text(alice)
    status, detail = await change(alice, {"column_notes": {"amount": NOTE}})
    assert (status, detail["column_notes"]) == (200, {"amount": NOTE})
    await import_text(alice, "region,amount\nEast,1234.5\n", mode="replace")
    rows, columns = await page(alice, "/datasets/orders"), await page(alice, "/datasets/orders/columns/profiles")
    assert "1,234.50" in rows
    assert "1,234.50" in columns
    for text in (rows, columns):
        assert "€" in text
        assert "Without tax" in text
    async with alice.get("/api/v1/datasets/orders/rows") as response:
        assert (await response.json())["items"][0]["amount"] == 1234.5  # a note changes no value


async def test_a_note_replaces_the_one_before_and_leaves_those_of_others(alice: aiohttp.ClientSession) -> None:
    await import_text(alice)
    await change(alice, {"column_notes": {"amount": NOTE, "region": {"description": "Where"}}})
    status, detail = await change(alice, {"column_notes": {"amount": {"decimals": 0}}})
    assert (status, detail["column_notes"]) == (200, {"amount": {"decimals": 0}, "region": {"description": "Where"}})
    _, detail = await change(alice, {"column_notes": {"amount": {}}})
    assert list(detail["column_notes"]) == ["region"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"column_notes": {"nothing": {"unit": "€"}}}, "column_notes.nothing"),
        ({"column_notes": {"amount": {"decimals": 11}}}, "column_notes"),
        ({"column_notes": {"amount": {"colour": "red"}}}, "column_notes"),
        ({"tags": ["a,b"]}, "tags[0]"),
        ({"tags": ["x" * 41]}, "tags[0]"),
        ({"tags": [str(number) for number in range(21)]}, "tags"),
    ],
)
async def test_what_cannot_be_said_is_named(alice: aiohttp.ClientSession, body: dict[str, Any], field: str) -> None:
    await import_text(alice)
    status, problem = await change(alice, body)
    assert status == 422
    assert problem["errors"][0]["field"].startswith(field)


async def test_tags_filter_the_list_as_whole_words(alice: aiohttp.ClientSession) -> None:
    for name, tags in (("orders", ["Finance ", "finance", "财务"]), ("returns", ["finance monthly"])):
        await import_text(alice, dataset=name)
        _, detail = await change(alice, {"tags": tags}, name)
    assert detail["tags"] == ["finance monthly"]
    assert await names(alice, tag="FINANCE") == ["orders"]
    async with alice.get("/api/v1/datasets?tag=finance&tag=财务") as response:
        assert (await response.json())["total"] == 1
    assert await names(alice, tag="fin") == []
    assert await names(alice, q="财务") == ["orders"]
    shown = await page(alice, "/datasets?tag=finance")
    assert "/datasets/orders" in shown
    assert "/datasets/returns" not in shown


async def test_the_templates_that_name_it_are_told_before_it_is_renamed(alice: aiohttp.ClientSession) -> None:
    await import_text(alice)
    await put_template(alice, "monthly", TEMPLATE)
    await put_template(alice, "other", MENTION.replace("orders", "orders_2025"))
    async with alice.get("/api/v1/datasets/orders/uses") as response:
        assert (await response.json())["templates"] == ["monthly"]
    shown = await page(alice, "/datasets/orders/settings")
    assert 'action="/datasets/orders/change"' in shown
    assert "/templates/monthly/edit" in shown
    assert "/templates/other/edit" not in shown


FORM = {
    "name": "orders",
    "description": "All",
    "tags": "Finance, 月度、x",
    "column": "amount",
    "column_description": "Net",
    "column_unit": "€",
    "column_decimals": "2",
}


async def test_the_page_saves_all_of_it_at_once(alice: aiohttp.ClientSession) -> None:
    await import_text(alice)
    async with alice.post("/datasets/orders/change", data=FORM | {"name": "订单"}) as response:
        assert (response.status, response.url.path) == (200, "/datasets/订单/settings")
    async with alice.get("/api/v1/datasets/订单") as response:
        detail = await response.json()
    assert (detail["description"], detail["tags"]) == ("All", ["finance", "月度", "x"])
    assert detail["column_notes"] == {"amount": {"description": "Net", "unit": "€", "decimals": 2}}


@pytest.mark.parametrize("name", ["No Name", "returns"])
async def test_what_cannot_be_saved_stays_in_the_form(alice: aiohttp.ClientSession, name: str) -> None:
    await import_text(alice)
    await import_text(alice, dataset="returns")
    async with alice.post("/datasets/orders/change", data=FORM | {"name": name}) as response:
        text = await response.text()
    assert response.status in (409, 422)
    assert 'id="name-error"' in text
    assert f'value="{name}"' in text
    assert 'value="Net"' in text
    assert "Finance" not in text


async def test_a_form_that_was_overtaken_loses_nothing_and_saves_nothing(alice: aiohttp.ClientSession) -> None:
    await import_text(alice)
    async with alice.get("/api/v1/datasets/orders") as response:
        etag = response.headers["ETag"].strip('"')
    await change(alice, {"description": "by somebody else"})
    async with alice.post("/datasets/orders/change", data=FORM | {"etag": etag}) as response:
        assert response.status == 412
        assert 'value="Net"' in await response.text()
    async with alice.get("/api/v1/datasets/orders") as response:
        assert (await response.json())["description"] == "by somebody else"


async def test_nobody_else_sees_or_changes_it(alice: aiohttp.ClientSession, bob: aiohttp.ClientSession) -> None:
    await import_text(alice)
    await change(alice, {"tags": ["secret"]})
    await put_template(bob, "bobs", MENTION)
    assert (await change(bob, {"tags": ["mine"]}))[0] == 404
    for method, path in (
        ("GET", "/api/v1/datasets/orders/uses"),
        ("GET", "/datasets/orders/settings"),
        ("POST", "/datasets/orders/change"),
    ):
        async with bob.request(method, path, data=FORM if method == "POST" else None) as response:
            assert response.status == 404, path
    assert await names(bob, tag="secret") == []
    assert "secret" not in await page(bob, "/datasets")
    async with alice.get("/api/v1/datasets/orders/uses") as response:
        assert (await response.json())["templates"] == []  # those of others are not told of
