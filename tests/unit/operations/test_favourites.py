"""Favourites: of things one may see, told to nobody else, gone and back with the right."""

from __future__ import annotations

import pytest

from server.auth.access import Whose
from server.auth.grants import Grant
from server.auth.permissions import Principal
from server.errors import Forbidden, InvalidInput, NotFound
from server.operations import favourites as favourite_rules
from server.operations.favourites import FavouriteOperations
from server.reports.batch_filter import BatchFilter
from server.reports.batches import ReportFilter
from tests.unit.operations.conftest import SALES, House, only_looking, refused


@pytest.fixture
def favourites(house: House) -> FavouriteOperations:
    return house.todo.favourites


@pytest.fixture
async def things(house: House, alice: Principal) -> dict[str, str]:
    """One of each kind, by kind."""
    await house.given(alice)
    await house.todo.templates.save(alice, "sales", SALES)
    batch_id = (await house.reported(alice)).batch_id
    (report,) = (await house.todo.batches.reports(alice, batch_id, ReportFilter())).items
    return {
        "dataset": (await house.todo.datasets.get(alice, "orders")).id,
        "template": (await house.todo.templates.get(alice, "sales")).id,
        "batch": batch_id,
        "report": report.id,
    }


async def test_what_is_marked_is_listed_as_long_as_it_may_be_seen(
    favourites: FavouriteOperations, house: House, alice: Principal, bob: Principal, things: dict[str, str]
) -> None:
    for kind, thing_id in things.items():
        with refused(NotFound):
            await favourites.put(bob, kind, thing_id)
    names = {"dataset": "orders", "template": "sales", "batch": things["batch"]}
    await share(house, alice, names, [Grant(user="bob")])
    viewer, reading = only_looking(bob)
    for kind, thing_id in things.items():
        with refused(Forbidden):
            await favourites.put(reading, kind, thing_id)
        await favourites.put(viewer, kind, thing_id)
        await favourites.put(bob, kind, thing_id)
    listed = await favourites.list(reading)
    assert [(each.kind, each.id) for each in listed] == list(reversed(things.items()))
    assert {each.owner for each in listed} == {"alice"}
    assert [each.within for each in listed] == ["Sales", "", "", ""]
    assert [each.kind for each in await favourites.list(bob, kind="template")] == ["template"]
    assert await favourites.among(bob, "report", [things["report"], "x"]) == {things["report"]}
    assert await favourites.list(alice) == []
    todo = house.todo
    for found in (
        await todo.datasets.list(bob, whose=Whose.FAVOURITES),
        await todo.templates.list(bob, whose=Whose.FAVOURITES),
        await todo.batch_lists.batches(bob, BatchFilter(whose=Whose.FAVOURITES)),
    ):
        assert found.total == 1
    assert (await todo.datasets.list(alice, whose=Whose.FAVOURITES)).total == 0
    await share(house, alice, names, [])
    assert await favourites.list(bob) == []
    assert (await todo.datasets.list(bob, whose=Whose.FAVOURITES)).total == 0
    await share(house, alice, names, [Grant(everyone=True)])
    assert [each.kind for each in await favourites.list(bob)] == list(reversed(things))
    await favourites.remove(bob, "dataset", things["dataset"])
    await favourites.remove(bob, "dataset", things["dataset"])
    await todo.batches.delete(alice, things["batch"])
    assert [each.kind for each in await favourites.list(bob)] == ["template"]


async def test_there_are_not_too_many_nor_of_other_kinds(
    favourites: FavouriteOperations, alice: Principal, things: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for change in (favourites.put(alice, "upload", "x"), favourites.remove(alice, "upload", "x")):
        with refused(NotFound):
            await change
    monkeypatch.setattr(favourite_rules, "MOST_FAVOURITES", 1)
    await favourites.put(alice, "dataset", things["dataset"])
    await favourites.put(alice, "dataset", things["dataset"])
    with refused(InvalidInput):
        await favourites.put(alice, "template", things["template"])


async def share(house: House, owner: Principal, names: dict[str, str], grants: list[Grant]) -> None:
    for kind, name in names.items():
        await house.todo.sharing.put(owner, kind, name, grants)
