"""What changed between two versions, over the API and on its page; and nothing of it for anybody else."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from tests.functional.importing import ORDERS, import_text

CHANGED = ORDERS.replace("South,2,", "South,2.5,").replace("华东", "华南") + "West,1,2026-02-01,no\n"


async def diff(client: aiohttp.ClientSession, **query: Any) -> tuple[int, Any]:
    async with client.get("/api/v1/datasets/orders/diff", params=query) as response:
        return response.status, await response.json()


async def two_versions(client: aiohttp.ClientSession) -> None:
    await import_text(client)
    await import_text(client, CHANGED, mode="replace")


async def test_the_newest_version_is_compared_with_the_one_before(alice: aiohttp.ClientSession) -> None:
    await two_versions(alice)
    status, answer = await diff(alice, key="ordered_at", limit=2)
    assert status == 200
    assert (answer["from"], answer["to"], answer["key"], answer["total"]) == (1, 2, ["ordered_at"], 3)
    assert answer["counts"] == {
        "changed": 2,
        "added": 1,
        "removed": 0,
        "same": 1,
        "cells": {"region": 1, "amount": 1},
    }
    assert answer["items"][0] == {
        "change": "changed",
        "key": {"ordered_at": "2026-01-01"},
        "cells": ["amount"],
        "before": {"region": "South", "amount": 2.0, "ordered_at": "2026-01-01", "paid": False},
        "after": {"region": "South", "amount": 2.5, "ordered_at": "2026-01-01", "paid": False},
    }
    _, rest = await diff(alice, key="ordered_at", cursor=answer["next_cursor"])
    assert ([item["change"] for item in rest["items"]], rest["next_cursor"]) == (["added"], None)


async def test_without_a_column_like_an_identifier_whole_rows_are_compared(alice: aiohttp.ClientSession) -> None:
    await two_versions(alice)
    _, answer = await diff(alice, change="removed")
    assert (answer["key"], [item["before"]["region"] for item in answer["items"]]) == ([], ["South", "华东"])
    _, backwards = await diff(alice, **{"from": 2, "to": 1, "change": "added"})
    assert [item["after"]["region"] for item in backwards["items"]] == ["South", "华东"]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"from": 9}, 404),
        ({"to": 9}, 404),
        ({"to": 1}, 422),
        ({"key": "nothing"}, 422),
        ({"from": 0}, 422),
        ({"change": "moved"}, 422),
        ({"cursor": "x"}, 422),
    ],
)
async def test_what_cannot_be_compared_is_said(
    alice: aiohttp.ClientSession, query: dict[str, Any], status: int
) -> None:
    await two_versions(alice)
    assert (await diff(alice, **query))[0] == status


async def test_the_page_marks_what_was_and_what_is(alice: aiohttp.ClientSession) -> None:
    await two_versions(alice)
    async with alice.get("/datasets/orders/diff?key=ordered_at") as response:
        text = await response.text()
    assert response.status == 200
    assert "<del>2.00</del> <ins>2.50</ins>" in text
    assert 'action="/datasets/orders/diff"' in text
    assert "/datasets/orders/diff?from=1&amp;to=2&amp;keyed=1&amp;key=ordered_at&amp;change=added" in text
    assert "1 row added" in text
    assert "2 rows changed" in text
    async with alice.get("/datasets/orders/versions") as response:
        assert "/datasets/orders/diff?to=2" in await response.text()
    async with alice.get("/datasets/orders/diff?to=1") as response:
        assert (response.status, "no version before version 1" in await response.text()) == (422, True)


async def test_nobody_else_sees_it(
    alice: aiohttp.ClientSession, bob: aiohttp.ClientSession, admin: aiohttp.ClientSession
) -> None:
    await two_versions(alice)
    assert (await diff(bob))[0] == 404
    assert (await diff(bob, owner="alice"))[0] == 404
    async with bob.get("/datasets/orders/diff") as response:
        assert response.status == 404
    assert (await diff(admin, owner="alice"))[0] == 200
