"""Rows as they are asked for, and that a page goes on in the version it began in."""

from __future__ import annotations

import dataclasses

import msgspec
import pytest

from server.auth.permissions import Principal
from server.errors import InvalidInput, NotFound
from server.operations.dataset_rows import RowOperations, RowsQuery
from server.settings import Settings
from tests.unit.operations.conftest import House, bytes_of, only_looking, refused


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return dataclasses.replace(settings, max_answer_bytes=2_000)


@pytest.fixture
async def rows(house: House) -> RowOperations:
    """Alice has the dataset `orders`."""
    await house.given(house.alice)
    return house.todo.dataset_rows


async def test_pages_go_on_in_the_version_they_began_in(rows: RowOperations, house: House, alice: Principal) -> None:
    first = await rows.page(alice, "orders", RowsQuery(order=("-amount",), limit=2))
    await house.given(alice, b"id,region,amount\n7,east,999\n", mode="replace")
    rest = await rows.page(alice, "orders", RowsQuery(order=("-amount",), limit=2, cursor=first.next_cursor))
    assert [row[0] for row in (*first.page.rows, *rest.page.rows)] == [1, 2, 3]
    assert (rest.version.number, rest.next_cursor, rest.page.total) == (1, None, 3)
    assert (await rows.page(alice, "orders", RowsQuery())).version.number == 2


async def test_a_cursor_that_is_none_of_ours_is_told(rows: RowOperations, alice: Principal) -> None:
    for cursor in ("", "1", "x.0", "1.x", "1.-1", "-1.0", "1.0.0"):
        with refused(InvalidInput):
            await rows.page(alice, "orders", RowsQuery(cursor=cursor))


async def test_what_is_asked_wrongly_is_told_before_anything_is_read(
    rows: RowOperations, house: House, alice: Principal
) -> None:
    wrong = RowsQuery(filters=("amount:gt:many",), order=("amount",))
    with refused(InvalidInput, fields=("filter[0]",)):
        await rows.page(alice, "orders", wrong)
    with refused(InvalidInput, fields=("order[0]",)):
        await rows.answer(alice, "orders", RowsQuery(order=("price",)))
    assert house.parts.workers.interactive.statistics().started == 0


async def test_filters_search_and_order_work_together(rows: RowOperations, alice: Principal) -> None:
    found = await rows.page(alice, "orders", RowsQuery(filters=("amount:ge:80",), q="SOUTH"))
    assert (found.page.rows, found.page.total) == ([[2, "south", 80]], 1)
    nothing = await rows.page(alice, "orders", RowsQuery(q="nowhere"))
    assert (nothing.page.rows, nothing.next_cursor) == ([], None)


def test_blanks_choose_no_rows() -> None:
    assert not RowsQuery(q="  ").chooses
    assert RowsQuery(order=("id",)).chooses


async def test_only_the_owner_and_administrators_read_rows(rows: RowOperations, house: House, alice: Principal) -> None:
    for read in (rows.page, rows.answer):
        with refused(NotFound):
            await read(house.bob, "orders", RowsQuery())
        with refused(NotFound):
            await read(house.bob, "orders", RowsQuery(), owner="alice")
    assert (await rows.page(house.admin, "orders", RowsQuery(), owner="alice")).page.total == 3
    for asks in only_looking(alice):
        assert (await rows.page(asks, "orders", RowsQuery())).page.total == 3


async def test_programs_get_every_value_and_a_cursor_of_the_same_version(rows: RowOperations, alice: Principal) -> None:
    made = await rows.answer(alice, "orders", RowsQuery(limit=2))
    answer = msgspec.json.decode(bytes_of(made))
    assert (made.name, made.media_type) == ("orders.json", "application/json")
    assert [item["id"] for item in answer["items"]] == [1, 2]
    rest = msgspec.json.decode(bytes_of(await rows.answer(alice, "orders", RowsQuery(cursor=answer["next_cursor"]))))
    assert [item["id"] for item in rest["items"]] == [3]


async def test_an_answer_that_is_too_large_is_refused_and_leaves_nothing(
    rows: RowOperations, house: House, alice: Principal
) -> None:
    many = b"id,text\n" + b"".join(b"%d,%s\n" % (number, b"x" * 90) for number in range(40))
    await house.given(alice, many, dataset="many")
    with refused(InvalidInput, "answer_too_large"):
        await rows.answer(alice, "many", RowsQuery(limit=40))
    assert house.left_in_scratch() == []
