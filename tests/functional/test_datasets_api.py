"""Datasets over the API: rows, versions, exports, changes; and nothing of it for anybody else."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import aiohttp
import openpyxl
import pyarrow.parquet as pq
import pytest

from server.settings import Settings
from tests.functional.importing import ORDERS, import_text


async def rows(client: aiohttp.ClientSession, **query: Any) -> dict[str, Any]:
    async with client.get("/api/v1/datasets/orders/rows", params=query) as response:
        assert response.status == 200, await response.text()
        page: dict[str, Any] = await response.json()
        return page


async def test_rows_come_in_file_order_and_pages_join(alice: aiohttp.ClientSession) -> None:
    await import_text(alice)
    first = await rows(alice, limit=2)
    rest = await rows(alice, limit=2, cursor=first["next_cursor"])
    assert [row["region"] for row in first["items"] + rest["items"]] == ["North", "South", "华东"]
    assert (first["total"], rest["next_cursor"], first["version"]) == (3, None, 1)
    assert first["items"][0] == {"region": "North", "amount": 10.5, "ordered_at": "2026-01-03", "paid": True}


async def test_a_cursor_stays_with_its_version(alice: aiohttp.ClientSession) -> None:
    await import_text(alice)
    first = await rows(alice, limit=2)
    await import_text(alice, "region,amount,ordered_at,paid\nNew,1,2026-01-01,yes\n", mode="replace")
    rest = await rows(alice, limit=2, cursor=first["next_cursor"])
    assert (rest["items"][0]["region"], rest["version"]) == ("华东", 1)


async def test_rows_are_filtered_sorted_and_searched(alice: aiohttp.ClientSession) -> None:
    await import_text(alice)
    filtered = await rows(alice, filter="amount:gt:5", order="-amount")
    assert [row["region"] for row in filtered["items"]] == ["North", "华东"]
    assert filtered["total"] == 2
    assert [row["region"] for row in (await rows(alice, q="华"))["items"]] == ["华东"]


@pytest.mark.parametrize(
    "query", [{"filter": "nothing:eq:1"}, {"order": "nothing"}, {"cursor": "x"}, {"limit": "501"}, {"limit": "0"}]
)
async def test_a_wrong_question_is_answered_with_422(alice: aiohttp.ClientSession, query: dict[str, str]) -> None:
    await import_text(alice)
    async with alice.get("/api/v1/datasets/orders/rows", params=query) as response:
        assert response.status == 422, await response.text()


async def test_the_list_is_searched_and_paged(alice: aiohttp.ClientSession) -> None:
    await import_text(alice)
    await import_text(alice, dataset="订单")
    async with alice.get("/api/v1/datasets", params={"limit": 1}) as response:
        page = await response.json()
    assert (page["total"], page["items"][0]["name"], page["items"][0]["owner"]) == (2, "orders", "alice")
    async with alice.get("/api/v1/datasets", params={"q": "订单"}) as response:
        assert [item["name"] for item in (await response.json())["items"]] == ["订单"]


async def test_every_export_holds_the_rows(alice: aiohttp.ClientSession) -> None:
    await import_text(alice)
    await import_text(alice, ORDERS, mode="append")
    files = {}
    for file_format in ("csv", "json", "parquet", "xlsx"):
        async with alice.get(f"/api/v1/datasets/orders/export.{file_format}") as response:
            assert response.status == 200, await response.text()
            assert f"orders.{file_format}" in response.headers["Content-Disposition"]
            files[file_format] = await response.read()
    assert files["csv"].decode("utf-8-sig").splitlines()[0] == "region,amount,ordered_at,paid"
    assert len(files["csv"].decode().splitlines()) == 7
    assert files["json"].decode().count("华东") == 2
    assert pq.read_table(io.BytesIO(files["parquet"])).num_rows == 6
    assert openpyxl.load_workbook(io.BytesIO(files["xlsx"])).active.max_row == 7


async def test_an_export_leaves_no_file_behind(alice: aiohttp.ClientSession, settings: Settings) -> None:
    await import_text(alice)
    async with alice.get("/api/v1/datasets/orders/export.csv") as response:
        await response.read()
    assert list((settings.data / "blobs" / "partial").iterdir()) == []


async def test_an_old_version_is_restored_as_a_new_one(alice: aiohttp.ClientSession) -> None:
    await import_text(alice)
    await import_text(alice, "region,amount,ordered_at,paid\nNew,1,2026-01-01,yes\n", mode="replace")
    async with alice.post("/api/v1/datasets/orders/versions/1/restore") as response:
        restored = await response.json()
    assert (response.status, restored["number"], restored["mode"]) == (201, 3, "restore")
    assert (await rows(alice))["total"] == 3
    async with alice.get("/api/v1/datasets/orders/versions") as response:
        versions = (await response.json())["items"]
    assert [(version["number"], version["current"]) for version in versions] == [(3, True), (2, False), (1, False)]
    async with alice.post("/api/v1/datasets/orders/versions/9/restore") as response:
        assert response.status == 404


async def test_a_change_needs_the_newest_entity_tag(alice: aiohttp.ClientSession) -> None:
    await import_text(alice)
    async with alice.get("/api/v1/datasets/orders") as response:
        tag = response.headers["ETag"]
    change = {"description": "All orders"}
    async with alice.patch("/api/v1/datasets/orders", json=change, headers={"If-Match": tag}) as response:
        assert (response.status, (await response.json())["description"]) == (200, "All orders")
    async with alice.patch("/api/v1/datasets/orders", json={"name": "x"}, headers={"If-Match": tag}) as response:
        assert (response.status, (await response.json())["code"]) == (412, "precondition_failed")


async def test_renaming_moves_it(alice: aiohttp.ClientSession) -> None:
    await import_text(alice)
    async with alice.patch("/api/v1/datasets/orders", json={"name": "订单"}) as response:
        assert (await response.json())["name"] == "订单"
    async with alice.get("/api/v1/datasets/订单/rows") as response:
        assert (await response.json())["total"] == 3
    async with alice.patch("/api/v1/datasets/订单", json={"name": "No Name"}) as response:
        assert response.status == 422


async def test_deleting_says_what_was_lost(alice: aiohttp.ClientSession) -> None:
    await import_text(alice)
    await import_text(alice, mode="append")
    async with alice.delete("/api/v1/datasets/orders") as response:
        lost = await response.json()
    assert (lost["name"], lost["versions"], lost["row_count"]) == ("orders", 2, 6)
    assert lost["bytes"] > 0
    async with alice.get("/api/v1/datasets/orders") as response:
        assert response.status == 404


async def test_nobody_else_sees_or_changes_it(alice: aiohttp.ClientSession, bob: aiohttp.ClientSession) -> None:
    await import_text(alice)
    for method, path in (
        ("GET", ""),
        ("PATCH", ""),
        ("DELETE", ""),
        ("GET", "/rows"),
        ("GET", "/export.csv"),
        ("GET", "/export.parquet"),
        ("GET", "/versions"),
        ("POST", "/versions/1/restore"),
        ("GET", "?owner=alice"),
        ("GET", "/rows?owner=alice"),
    ):
        async with bob.request(method, f"/api/v1/datasets/orders{path}", json={} if method == "PATCH" else None) as r:
            assert r.status == 404, (method, path)
    async with bob.get("/api/v1/datasets") as response:
        assert (await response.json())["total"] == 0
    assert (await rows(alice))["total"] == 3


async def test_an_administrator_names_the_owner(alice: aiohttp.ClientSession, admin: aiohttp.ClientSession) -> None:
    await import_text(alice)
    async with admin.get("/api/v1/datasets/orders/rows") as response:
        assert response.status == 404
    async with admin.get("/api/v1/datasets/orders/rows", params={"owner": "Alice"}) as response:
        assert (await response.json())["total"] == 3


async def exported(client: aiohttp.ClientSession, file_format: str, **query: Any) -> bytes:
    async with client.get(f"/api/v1/datasets/orders/export.{file_format}", params=query) as response:
        assert response.status == 200, await response.text()
        assert f"orders-rows.{file_format}" in response.headers["Content-Disposition"]
        return await response.read()


async def test_an_export_of_what_is_filtered_has_these_rows_in_this_order(alice: aiohttp.ClientSession) -> None:
    await import_text(alice)
    await import_text(alice, "region,amount,ordered_at,paid\nNorth-West,100,2026-05-01,no\n", mode="append")
    query = {"q": "o", "filter": "amount:gt:5", "order": "-amount"}
    found = [row["region"] for row in (await rows(alice, **query))["items"]]
    assert found == ["North-West", "North"]
    lines = (await exported(alice, "csv", **query)).decode("utf-8-sig").splitlines()
    assert [cells[0] for cells in csv.reader(lines)] == ["region", *found]
    table = pq.read_table(io.BytesIO(await exported(alice, "parquet", **query)))
    assert table["region"].to_pylist() == found
    async with alice.get("/api/v1/datasets/orders/export.parquet") as response:
        assert table.schema == pq.read_table(io.BytesIO(await response.read())).schema
    assert [row["region"] for row in json.loads(await exported(alice, "json", **query))] == found
    sheet = openpyxl.load_workbook(io.BytesIO(await exported(alice, "xlsx", **query))).active
    assert [cell.value for cell in sheet["A"]] == ["region", *found]


async def test_an_export_of_no_row_has_the_names_alone(alice: aiohttp.ClientSession) -> None:
    await import_text(alice)
    assert (await exported(alice, "csv", q="nobody")).decode("utf-8-sig").strip() == "region,amount,ordered_at,paid"
    assert json.loads(await exported(alice, "json", q="nobody")) == []
    assert pq.read_table(io.BytesIO(await exported(alice, "parquet", q="nobody"))).num_rows == 0


async def test_an_export_by_a_column_that_is_not_there_is_refused(alice: aiohttp.ClientSession) -> None:
    await import_text(alice)
    for query in ({"order": "nothing"}, {"filter": "nothing:eq:1"}, {"filter": "amount:eq:x"}):
        async with alice.get("/api/v1/datasets/orders/export.csv", params=query) as response:
            assert response.status == 422


async def test_the_page_marks_and_counts_what_matches_and_exports_it(alice: aiohttp.ClientSession) -> None:
    await import_text(alice, ORDERS + f"{'x' * 500} northern,1,2026-01-01,no\n")
    async with alice.get("/datasets/orders", params={"q": "nORTH", "filter": "amount:contains:0"}) as response:
        text = await response.text()
    assert "<mark>North</mark>" in text
    assert "<mark>north</mark>ern" in text  # far behind what a cell shows of its beginning
    assert '<b class="numeric">2</b> of 4 rows' in text
    assert "/export.csv?q=nORTH&amp;filter=amount%3Acontains%3A0" in text
    async with alice.get("/datasets/orders") as response:
        assert "export-these" not in await response.text()
    async with alice.get("/datasets/orders/columns/shapes") as response:
        assert "amount in all rows: from" in await response.text()
