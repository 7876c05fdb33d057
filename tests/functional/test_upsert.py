"""Rows merged into a dataset by a key: what is there is replaced, what is new is added, nothing is doubled."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from tests.functional.importing import ended, import_text, start, upload

Client = aiohttp.ClientSession
STOCK = "sku,name,price,note\nA1,Pen,1.20,old\nA2,Cup,3.00,\nA3,Hat,9.50,keep\n"


async def rows_of(client: Client) -> list[list[Any]]:
    async with client.get("/api/v1/datasets/stock/rows") as response:
        assert response.status == 200, await response.text()
        return [list(item.values()) for item in (await response.json())["items"]]


async def upsert(client: Client, text: str, *key: str) -> dict[str, Any]:
    return await import_text(client, text, dataset="stock", mode="upsert", key=list(key))


async def failed(client: Client, text: str, *key: str) -> dict[str, Any]:
    job_id = await start(client, await upload(client, text), dataset="stock", mode="upsert", key=list(key))
    state = await ended(client, job_id)
    assert state["state"] == "failed"
    error: dict[str, Any] = state["error"]
    return error


async def test_rows_whose_key_is_there_take_its_place_and_all_others_are_added(alice: Client, bob: Client) -> None:
    await import_text(alice, STOCK, dataset="stock")
    state = await upsert(alice, "sku,price,name,note\nA4,0.50,Nail,new\nA2,3.25,Cup,\nA3,9.50,Hat,keep\n", "sku")
    assert {name: state["result"][name] for name in ("inserted", "updated", "unchanged", "row_count")} == {
        "inserted": 1, "updated": 1, "unchanged": 1, "row_count": 4,
    }  # fmt: skip
    assert await rows_of(alice) == [
        ["A1", "Pen", 1.2, "old"],
        ["A2", "Cup", 3.25, None],
        ["A3", "Hat", 9.5, "keep"],
        ["A4", "Nail", 0.5, "new"],
    ]
    again = await upsert(alice, "sku,price,name,note\nA4,0.50,Nail,new\n", "sku")
    assert (again["result"]["unchanged"], again["result"]["row_count"], again["progress"]) == (1, 4, 1)
    async with bob.get("/api/v1/datasets/stock/rows") as response:
        assert response.status == 404


async def test_corrected_rows_overwrite_nothing_that_their_import_or_a_later_one_brought(alice: Client) -> None:
    columns = [{"name": "id", "type": "integer"}, {"name": "v", "type": "integer"}]
    options = {"columns": columns}
    await import_text(alice, "id,v\n9,90\n8,80\n", dataset="stock", options=options)
    text = "id,v\n1,10\n2,x\n,5\n5,y\n9,z\n8,w\n4,40\n6,60\n"
    state = await import_text(alice, text, dataset="stock", mode="upsert", key=["id"], options=options)
    address = f"/api/v1/imports/{state['job_id']}/rejects/rows"

    async def correct(rows: dict[int, list[str]]) -> dict[str, Any]:
        body = {"rows": [{"line": line, "cells": cells} for line, cells in rows.items()]}
        async with alice.post(address, json=body) as response:
            assert response.status == 202, await response.text()
            return await ended(alice, (await response.json())["job_id"])

    assert (await correct({3: ["2", "20"], 6: ["9", "91"]}))["result"]["corrected_count"] == 2
    await import_text(alice, "id,v\n8,81\n", dataset="stock", mode="upsert", key=["id"], options=options)
    done = await correct({4: ["1", "99"], 5: ["2", "50"], 7: ["8", "88"]})
    assert done["error"]["code"] == "none_corrected"
    async with alice.get(f"/api/v1/imports/{done['job_id']}/rejects") as response:
        assert [(item["line"], item["code"]) for item in (await response.json())["items"]] == [
            (4, "key_taken"), (5, "key_taken"), (7, "key_taken"),
        ]  # fmt: skip
    assert await rows_of(alice) == [[9, 91], [8, 81], [1, 10], [4, 40], [6, 60], [2, 20]]
    assert (await correct({4: ["3", "99"]}))["result"]["inserted"] == 1


async def test_columns_that_the_file_does_not_have_stay_as_they_are(alice: Client) -> None:
    await import_text(alice, STOCK, dataset="stock")
    await upsert(alice, "sku,price\nA1,1.5\nA9,7\n", "sku")
    assert await rows_of(alice) == [
        ["A1", "Pen", 1.5, "old"],
        ["A2", "Cup", 3, None],
        ["A3", "Hat", 9.5, "keep"],
        ["A9", None, 7, None],
    ]


async def test_an_empty_cell_of_the_file_empties_the_one_that_was(alice: Client) -> None:
    await import_text(alice, STOCK, dataset="stock")
    await upsert(alice, "sku,note\nA3,\nA2,x\n", "sku")
    assert [row[3] for row in await rows_of(alice)] == ["old", "x", None]


async def test_a_key_may_be_several_columns_and_more_digits_find_room(alice: Client) -> None:
    await import_text(alice, "day,shop,sum\n2026-01-01,N,1.5\n2026-01-01,S,2.5\n", dataset="stock")
    state = await upsert(alice, "day,shop,sum\n2026-01-01,S,2.125\n2026-01-02,S,4\n", "day", "shop")
    assert (state["result"]["updated"], state["result"]["inserted"]) == (1, 1)
    assert [row[2] for row in await rows_of(alice)] == [1.5, 2.125, 4]


async def test_rows_of_the_file_without_a_key_or_with_the_same_one_are_rejected(alice: Client) -> None:
    await import_text(alice, STOCK, dataset="stock")
    state = await upsert(alice, "sku,price\nA1,5\n,6\nA1,7\n", "sku")
    assert (state["rejected_count"], state["result"]["updated"]) == (2, 1)
    async with alice.get(f"/api/v1/imports/{state['job_id']}/rejects") as response:
        found = [(item["line"], item["code"], item["column"]) for item in (await response.json())["items"]]
    assert found == [(3, "required", "sku"), (4, "not_unique", "sku")]
    assert (await rows_of(alice))[0] == ["A1", "Pen", 5, "old"]


async def test_what_is_no_key_of_the_dataset_is_said_and_changes_nothing(alice: Client) -> None:
    await import_text(alice, STOCK + "A1,Pen,2,twice\n", dataset="stock")
    before = await rows_of(alice)
    error = await failed(alice, "sku,price\nA1,5\n", "sku")
    assert error["code"] == "key_not_unique"
    assert "“A1” in 2 rows" in error["message"]
    assert "no column “id”" in (await failed(alice, "sku,price\nA1,5\n", "id"))["message"]
    assert "no column “sku”" in (await failed(alice, "name,price\nPen,5\n", "sku"))["message"]
    assert await rows_of(alice) == before


@pytest.mark.parametrize(("mode", "key"), [("upsert", []), ("append", ["sku"])])
async def test_a_key_belongs_to_upserts(alice: Client, mode: str, key: list[str]) -> None:
    await import_text(alice, STOCK, dataset="stock")
    body = {"upload_id": await upload(alice, STOCK), "dataset": "stock", "mode": mode, "key": key}
    async with alice.post("/api/v1/imports", json=body) as response:
        assert response.status == 422
        assert (await response.json())["errors"][0]["field"] == "key"
