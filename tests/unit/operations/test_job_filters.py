"""Filters of jobs under a name: each person's own, so many of them, and none that chooses nothing."""

from __future__ import annotations

import pytest

from server.errors import Forbidden, InvalidInput, NotFound
from server.jobs.kept_filters import MOST_FILTERS
from server.operations.job_filters import JobFilterOperations
from tests.unit.operations.conftest import House, only_looking


@pytest.fixture
def filters(house: House) -> JobFilterOperations:
    return house.todo.job_filters


async def test_each_person_has_their_own_and_a_name_has_one(filters: JobFilterOperations, house: House) -> None:
    await filters.keep(house.alice, " my   failures ", {"state": "failed", "q": ""})
    await filters.keep(house.bob, "my failures", {"q": "his"})
    await filters.keep(house.alice, "my failures", {"state": "failed", "q": "crawl"})
    assert [(each.name, each.fields) for each in await filters.list(house.alice)] == [
        ("my failures", {"state": "failed", "q": "crawl"})
    ]
    await filters.remove(house.alice, "my failures")
    assert await filters.list(house.alice) == []
    with pytest.raises(NotFound):
        await filters.remove(house.alice, "my failures")
    assert len(await filters.list(house.bob)) == 1


@pytest.mark.parametrize("name", ["", "   ", "x" * 61, "a\x00b", "a/b", "."])
async def test_a_name_that_cannot_be_shown_is_refused(filters: JobFilterOperations, house: House, name: str) -> None:
    with pytest.raises(InvalidInput):
        await filters.keep(house.alice, name, {"state": "failed"})


async def test_one_that_chooses_nothing_and_one_too_many_are_refused(
    filters: JobFilterOperations, house: House
) -> None:
    with pytest.raises(InvalidInput):
        await filters.keep(house.alice, "everything", {"q": ""})
    for number in range(MOST_FILTERS):
        await filters.keep(house.alice, str(number), {"q": "x"})
    with pytest.raises(InvalidInput):
        await filters.keep(house.alice, "one more", {"q": "x"})
    await filters.keep(house.alice, "0", {"q": "y"})


async def test_who_may_only_look_keeps_none(filters: JobFilterOperations, house: House) -> None:
    for looking in only_looking(house.alice):
        with pytest.raises(Forbidden):
            await filters.keep(looking, "mine", {"q": "x"})
        with pytest.raises(Forbidden):
            await filters.remove(looking, "mine")
