"""Search over the whole house: what is made, renamed, shared and deleted is found so at once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from server.auth.access import Right
from server.auth.grants import Grant
from server.auth.permissions import Principal, Scope
from server.datasets.dataset import ColumnNote, DatasetChange
from server.errors import Forbidden, InvalidInput
from tests.unit.operations.conftest import SALES, House, refused


async def kinds(house: House, who: Principal, q: str) -> list[tuple[str, str]]:
    found = await house.todo.search.find(who, q)
    return [(str(hit.kind), hit.name) for hit in found.hits if hit.id]


async def test_whatever_is_stored_can_be_found_and_no_longer_than_it_is_there(house: House, alice: Principal) -> None:
    await house.given(alice)
    await house.todo.templates.save(alice, "monthly", SALES)
    assert await kinds(house, alice, "orders") == [("dataset", "orders")]
    assert await kinds(house, alice, "amount") == [("column", "amount")]
    assert await kinds(house, alice, "mon") == [("template", "monthly")]
    assert await kinds(house, house.bob, "orders") == []
    assert ("user", "alice") in await kinds(house, house.admin, "alice")
    notes = {"id": ColumnNote(description="Kundennummer")}
    change = DatasetChange(name="auftrag", description="Where it is said", column_notes=notes)
    await house.todo.datasets.change(alice, "orders", change)
    assert await kinds(house, alice, "auftr") == [("dataset", "auftrag")]
    assert await kinds(house, alice, "said") == [("dataset", "auftrag")]
    assert await kinds(house, alice, "kunden") == [("column", "id")]
    assert await kinds(house, alice, "orders") == [("dataset", "auftrag")]  # by the name of its file
    shared = Grant(user="bob", right=Right.VIEW)
    await house.todo.sharing.put(alice, "dataset", "auftrag", [shared])
    assert await kinds(house, house.bob, "amount") == [("column", "amount")]
    await house.todo.sharing.put(alice, "dataset", "auftrag", [])
    assert await kinds(house, house.bob, "amount") == []
    await house.todo.datasets.delete(alice, "auftrag")
    assert await kinds(house, alice, "auftr") == await kinds(house, alice, "amount") == []


async def test_who_may_not_read_is_refused_and_signs_are_told_from_nothing(house: House, alice: Principal) -> None:
    blind = replace(alice, scopes=frozenset({Scope.ADMIN}))
    with refused(Forbidden):
        await house.todo.search.find(blind, "x")
    with pytest.raises(InvalidInput) as raised:
        await house.todo.search.find(alice, "@@")
    assert raised.value.specific_code == "no_words"
    assert (await house.todo.search.find(alice, "zzqx")).hits == []
