"""Groups are made, filled, renamed and deleted by administrators alone, and each of it is written down."""

from __future__ import annotations

import pytest

from server.auth.permissions import Principal
from server.errors import Conflict, Forbidden, InvalidInput, NotFound
from tests.unit.operations.conftest import House, refused


async def test_an_administrator_makes_and_fills_a_group(house: House) -> None:
    groups, admin = house.todo.groups, house.admin
    made = await groups.create(admin, "财务 Finance", ["Bob", "alice", "bob"])
    assert (made.name, made.members) == ("财务 Finance", ["alice", "bob"])
    changed = await groups.change(admin, "财务 finance", new_name="Finance", members=["bob"])
    assert ([each.name for each in await groups.list(admin)], changed.members) == (["Finance"], ["bob"])
    assert (await groups.get(admin, "FINANCE")).id == made.id
    await groups.delete(admin, "Finance")
    with refused(NotFound):
        await groups.get(admin, "Finance")
    assert [await house.audited(f"group.{verb}") for verb in ("create", "change", "delete")] == [
        [("admin", "财务 Finance", {"members": ["Bob", "alice", "bob"]})],
        [("admin", "财务 Finance", {"renamed_to": "Finance", "members": ["bob"]})],
        [("admin", "Finance", {"members": ["bob"]})],
    ]


async def test_names_are_taken_once_and_members_are_users(house: House) -> None:
    groups, admin = house.todo.groups, house.admin
    for name in ("Finance", "Sales"):
        await groups.create(admin, name)
    with refused(Conflict):
        await groups.create(admin, "finance")
    with refused(Conflict):
        await groups.change(admin, "Sales", new_name="FINANCE")
    for wrong in ("", "a/b", " x"):
        with pytest.raises(InvalidInput):
            await groups.create(admin, wrong)
    with refused(InvalidInput, fields=("members",)):
        await groups.create(admin, "Other", ["alice", "nobody"])
    assert [each.name for each in await groups.list(admin)] == ["Finance", "Sales"]


async def test_nobody_else_learns_of_groups(house: House, alice: Principal) -> None:
    groups = house.todo.groups
    await groups.create(house.admin, "Finance")
    for question in (
        groups.list(alice),
        groups.get(alice, "Finance"),
        groups.create(alice, "Mine"),
        groups.change(alice, "Finance", members=["alice"]),
        groups.delete(alice, "Finance"),
    ):
        with refused(Forbidden):
            await question
