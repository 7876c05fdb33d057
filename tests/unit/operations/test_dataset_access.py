"""Whose datasets somebody may see: one's own, those that were shared with them, and for administrators all."""

from __future__ import annotations

from dataclasses import replace

import pytest

from server.auth.access import Right
from server.auth.grants import Grant
from server.auth.permissions import Principal, Scope
from server.errors import Forbidden, InvalidInput, NotFound
from server.operations.dataset_access import DatasetAccess
from tests.unit.operations.conftest import House, refused


@pytest.fixture
def access(house: House) -> DatasetAccess:
    return DatasetAccess(access=house.todo.sharing.access, catalog=house.parts.datasets.catalog)


async def test_one_is_the_owner_of_ones_own_however_one_is_named(
    access: DatasetAccess, house: House, alice: Principal
) -> None:
    version = await house.given(alice)
    for owner in (None, "alice", "Alice", " ALICE ", alice.user_id):
        found = await access.get(alice, "orders", owner, Right.OWN)
        assert (found.id, found.owner) == (version.dataset_id, "alice")
        assert await access.right(alice, found) is Right.OWN


async def test_nobody_learns_who_else_is_here(access: DatasetAccess, house: House, alice: Principal) -> None:
    await house.given(house.bob)
    small = replace(house.admin, scopes=frozenset({Scope.READ, Scope.WRITE}))  # a token for something else
    told = []
    for principal, owner in (
        (alice, None),
        (alice, "bob"),
        (alice, house.bob.user_id),
        (alice, "nobody"),
        (small, "bob"),
    ):
        with pytest.raises(NotFound) as refusal:
            await access.get(principal, "orders", owner)
        told.append(str(refusal.value))
    assert len(set(told)) == 1


async def test_administrators_name_anybody_by_name_or_id(access: DatasetAccess, house: House) -> None:
    zoe = await house.user("Zoë")
    version = await house.given(zoe)
    for owner in ("zoë", "Zoe\u0308", zoe.user_id):
        assert (await access.get(house.admin, "orders", owner)).id == version.dataset_id
    for owner in ("nobody", None):  # a name alone never means what only their power opens
        with refused(NotFound):
            await access.get(house.admin, "orders", owner)
    assert await house.audited("access.look") == [("admin", "orders", {"kind": "dataset", "owner": "Zoë"})]


async def test_a_token_that_may_nothing_reads_nothing(access: DatasetAccess, house: House, alice: Principal) -> None:
    await house.given(alice)
    with refused(Forbidden):
        await access.get(replace(alice, scopes=frozenset()), "orders")


async def test_a_name_is_ones_own_first_and_else_the_only_one_that_was_shared(
    access: DatasetAccess, house: House, alice: Principal, bob: Principal
) -> None:
    carol = await house.user("carol")
    everybody = [Grant(everyone=True)]
    hers = await house.given(alice)
    await house.todo.sharing.put(alice, "dataset", "orders", everybody)
    assert (await access.get(bob, "orders")).id == hers.dataset_id
    await house.given(carol)
    await house.todo.sharing.put(carol, "dataset", "orders", everybody)
    with pytest.raises(InvalidInput) as refusal:
        await access.get(bob, "orders")
    assert '"alice"."orders", "carol"."orders"' in str(refusal.value)
    his = await house.given(bob, b"id\n1\n")
    assert (await access.get(bob, "orders")).id == his.dataset_id
    assert (await access.get(bob, "orders", "carol")).owner == "carol"
    assert list(await access.names(bob)) == ["orders"]


async def test_an_old_version_is_found_as_long_as_it_is_kept(
    access: DatasetAccess, house: House, alice: Principal
) -> None:
    await house.given(alice)
    await house.given(alice, b"id,region,amount\n9,east,1\n", mode="append")
    dataset = await access.get(alice, "orders")
    assert [(await access.version(dataset, number)).row_count for number in (1, 2)] == [3, 4]
    with refused(NotFound):
        await access.version(dataset, 3)
