"""SQL over the API: it reads one's own datasets, says what is wrong, and reaches nothing else."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from tests.functional.importing import import_text


async def query(client: aiohttp.ClientSession, sql: str, **given: Any) -> tuple[int, dict[str, Any]]:
    async with client.post("/api/v1/queries", json={"sql": sql, **given}) as response:
        return response.status, await response.json()


async def test_rows_are_objects_by_column_name(alice: aiohttp.ClientSession) -> None:
    await import_text(alice)
    status, answer = await query(
        alice,
        "select paid, sum(amount) as total, max(ordered_at) as last from orders "
        "where amount > $least group by 1 order by 1",
        parameters={"least": 1},
    )
    assert status == 200
    assert answer["items"] == [
        {"paid": False, "total": 2.0, "last": "2026-01-01"},
        {"paid": True, "total": 17.75, "last": "2026-01-03"},
    ]
    assert answer["columns"][0] == {"name": "paid", "type": "BOOLEAN"}
    assert answer["truncated"] is False


async def test_more_rows_than_asked_for_are_said(alice: aiohttp.ClientSession) -> None:
    await import_text(alice)
    _, answer = await query(alice, "select * from orders", limit=2)
    assert (len(answer["items"]), answer["truncated"]) == (2, True)


async def test_columns_of_one_name_both_come(alice: aiohttp.ClientSession) -> None:
    _, answer = await query(alice, "select 1 as a, 2 as a")
    assert answer["items"] == [{"a": 1, "a_2": 2}]


async def test_a_mistake_is_explained(alice: aiohttp.ClientSession) -> None:
    status, problem = await query(alice, "select nothing from nowhere")
    assert status == 422
    assert "nowhere" in problem["detail"]


@pytest.mark.parametrize(
    "sql",
    [
        "drop table orders",
        "copy orders to '/tmp/x.csv'",
        "select * from read_csv('/etc/passwd')",
        "select * from '/etc/passwd'",
        "attach '/tmp/x.db'",
        "set memory_limit = '100GB'",
        "select 1; select 2",
    ],
)
async def test_it_can_only_read_datasets(alice: aiohttp.ClientSession, sql: str) -> None:
    await import_text(alice)
    status, problem = await query(alice, sql)
    assert status == 422
    assert "/work" not in str(problem)


async def test_other_peoples_datasets_are_no_tables(alice: aiohttp.ClientSession, bob: aiohttp.ClientSession) -> None:
    await import_text(alice)
    status, _ = await query(bob, "select * from orders")
    assert status == 422
