"""What changed between two versions, and which two are meant when nobody says so."""

from __future__ import annotations

import msgspec
import pytest

from server.auth.permissions import Principal
from server.errors import InvalidInput, NotFound
from server.operations.dataset_differences import DifferenceOperations, DifferencesQuery
from tests.unit.operations.conftest import House, bytes_of, only_looking, refused

LATER = b"id,region,amount\n1,north,125\n3,north,40\n4,east,7\n"


@pytest.fixture
async def differences(house: House) -> DifferenceOperations:
    """Alice has the dataset `orders` in two versions: one row changed, one went, one came."""
    await house.given(house.alice)
    await house.given(house.alice, LATER, mode="replace")
    return house.todo.dataset_differences


async def test_the_newest_version_is_compared_with_the_one_before_by_what_looks_like_a_key(
    differences: DifferenceOperations, alice: Principal
) -> None:
    for asks in (alice, *only_looking(alice)):
        found = await differences.page(asks, "orders", DifferencesQuery())
        assert (found.before.number, found.after.number, found.key) == (1, 2, ["id"])
        page = found.page
        assert (page.changed, page.removed, page.added, page.same, page.cells) == (1, 1, 1, 1, {"amount": 1})


async def test_without_a_key_whole_rows_are_compared(differences: DifferenceOperations, alice: Principal) -> None:
    found = await differences.page(alice, "orders", DifferencesQuery(key=()))
    assert (found.key, found.page.changed, found.page.removed, found.page.added) == ([], 0, 2, 2)


async def test_a_key_is_of_both_versions_and_named_once(differences: DifferenceOperations, alice: Principal) -> None:
    with refused(InvalidInput, fields=("key",)):
        await differences.page(alice, "orders", DifferencesQuery(key=("price",)))
    found = await differences.page(alice, "orders", DifferencesQuery(key=("id", "id")))
    assert found.key == ["id"]


async def test_any_two_are_compared_also_backwards(differences: DifferenceOperations, alice: Principal) -> None:
    found = await differences.page(alice, "orders", DifferencesQuery(before=2, after=1, change="added"))
    assert [row.after and row.after[0] for row in found.page.rows] == [2]
    same = await differences.page(alice, "orders", DifferencesQuery(before=1, after=1))
    assert (same.page.total, same.page.same) == (0, 3)


async def test_where_there_is_nothing_to_compare_with_it_says_so(
    differences: DifferenceOperations, house: House, alice: Principal
) -> None:
    with refused(InvalidInput):
        await differences.page(alice, "orders", DifferencesQuery(after=1))
    with refused(NotFound):
        await differences.page(alice, "orders", DifferencesQuery(after=9))
    await house.given(alice, b"code,name\nx,y\n", mode="replace")
    with refused(InvalidInput):  # no column in common
        await differences.page(alice, "orders", DifferencesQuery())


async def test_pages_go_on_in_the_versions_they_began_in(
    differences: DifferenceOperations, house: House, alice: Principal
) -> None:
    first = await differences.page(alice, "orders", DifferencesQuery(limit=2))
    made = msgspec.json.decode(bytes_of(await differences.answer(alice, "orders", DifferencesQuery(limit=2))))
    assert made["next_cursor"] == first.next_cursor
    await house.given(alice, mode="replace")
    rest = await differences.page(alice, "orders", DifferencesQuery(limit=2, cursor=first.next_cursor))
    assert len([*first.page.rows, *rest.page.rows]) == 3
    assert (rest.before.number, rest.after.number, rest.offset, rest.next_cursor) == (1, 2, 2, None)
    with refused(InvalidInput):
        await differences.page(alice, "orders", DifferencesQuery(before=2, cursor=first.next_cursor))
    for cursor in ("", "x", "2", "1.2", "1.2.x", "1.2.-1"):
        with refused(InvalidInput):
            await differences.page(alice, "orders", DifferencesQuery(cursor=cursor))


async def test_nobody_compares_what_is_anothers(
    differences: DifferenceOperations, house: House, alice: Principal
) -> None:
    for ask in (differences.page, differences.answer):
        with refused(NotFound):
            await ask(house.bob, "orders", DifferencesQuery())
        with refused(NotFound):
            await ask(house.bob, "orders", DifferencesQuery(), owner="alice")
    assert (await differences.page(house.admin, "orders", DifferencesQuery(), owner="alice")).page.total == 3


async def test_programs_get_the_same_as_json(differences: DifferenceOperations, alice: Principal) -> None:
    made = await differences.answer(alice, "orders", DifferencesQuery())
    answer = msgspec.json.decode(bytes_of(made))
    assert made.name == "orders-diff.json"
    assert (answer["from"], answer["to"], answer["key"]) == (1, 2, ["id"])
    assert answer["columns"] == {"added": [], "removed": [], "retyped": []}
    assert answer["counts"] | {"changed": 1, "added": 1, "removed": 1, "same": 1} == answer["counts"]
