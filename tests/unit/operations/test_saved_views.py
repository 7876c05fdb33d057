"""Views of lists under a name: each person's own, those for everybody, and how many."""

from __future__ import annotations

from dataclasses import replace

import pytest

from server.auth.permissions import Role, Scope
from server.auth.saved_views import MOST_VIEWS, ViewedList
from server.errors import Conflict, Forbidden, InvalidInput, NotFound
from server.operations.saved_views import SavedViewOperations, ViewChanges
from tests.unit.operations.conftest import House

FAILED = {"state": ["failed"]}


@pytest.fixture
def views(house: House) -> SavedViewOperations:
    return house.todo.saved_views


async def test_each_person_has_their_own_and_a_name_is_of_one(views: SavedViewOperations, house: House) -> None:
    mine = await views.save(house.alice, ViewedList.JOBS, " my   failures ", FAILED | {"q": [""]})
    assert (mine.name, mine.query) == ("my failures", FAILED)
    await views.save(house.bob, ViewedList.JOBS, "my failures", FAILED)
    await views.save(house.alice, ViewedList.BATCHES, "my failures", FAILED)
    with pytest.raises(Conflict):
        await views.save(house.alice, ViewedList.JOBS, "my failures", FAILED)
    other = await views.save(house.alice, ViewedList.JOBS, "others", FAILED)
    with pytest.raises(Conflict):
        await views.change(house.alice, other.id, ViewChanges(name="my failures"))
    assert (await views.change(house.alice, other.id, ViewChanges(name="others"))).name == "others"
    assert [each.name for each in await views.list(house.alice, ViewedList.JOBS)] == ["my failures", "others"]
    for question in (views.remove(house.bob, mine.id), views.change(house.bob, mine.id, ViewChanges(is_shared=True))):
        with pytest.raises(NotFound):
            await question
    await views.remove(house.alice, mine.id)
    with pytest.raises(NotFound):
        await views.remove(house.alice, mine.id)


@pytest.mark.parametrize("name", ["", "   ", "x" * 61, "a\x00b"])
async def test_a_name_that_cannot_be_shown_is_refused(views: SavedViewOperations, house: House, name: str) -> None:
    with pytest.raises(InvalidInput):
        await views.save(house.alice, ViewedList.JOBS, name, FAILED)


async def test_one_that_chooses_nothing_or_too_much_and_one_too_many_are_refused(
    views: SavedViewOperations, house: House
) -> None:
    for query in ({}, {"q": [""]}, {"colour": ["red"]}, {"q": ["x" * 301]}, {"q": ["x"] * 51}, {"q": ["a\nb"]}):
        with pytest.raises(InvalidInput):
            await views.save(house.alice, ViewedList.JOBS, "wrong", query)
    for number in range(MOST_VIEWS):
        await views.save(house.alice, ViewedList.JOBS, str(number), FAILED)
    with pytest.raises(InvalidInput):
        await views.save(house.alice, ViewedList.JOBS, "one more", FAILED)
    await views.save(house.alice, ViewedList.BATCHES, "another list", FAILED)


async def test_viewers_have_their_own_and_editors_share(views: SavedViewOperations, house: House) -> None:
    vera = await house.user("vera", role=Role.VIEWER)
    own = await views.save(vera, ViewedList.BATCHES, "mine", FAILED)
    with pytest.raises(Forbidden):
        await views.save(vera, ViewedList.BATCHES, "ours", FAILED, is_shared=True)
    with pytest.raises(Forbidden):
        await views.change(vera, own.id, ViewChanges(is_shared=True))
    ours = await views.save(house.alice, ViewedList.BATCHES, "ours", FAILED, is_shared=True)
    assert [each.name for each in await views.list(vera)] == ["mine", "ours"]
    with pytest.raises(Forbidden, match="Only alice"):
        await views.change(house.bob, ours.id, ViewChanges(name="his"))
    assert [each.name for each in await views.list(house.admin)] == ["ours"]
    await views.remove(house.admin, ours.id)
    only_reading = replace(house.alice, scopes=frozenset({Scope.READ}))
    with pytest.raises(Forbidden):
        await views.save(only_reading, ViewedList.JOBS, "x", FAILED)
