"""Whose datasets somebody may see: one's own, and for administrators those of whom they name."""

from __future__ import annotations

from dataclasses import replace

import pytest

from server.auth.permissions import Principal, Scope
from server.errors import Forbidden, NotFound
from server.operations.dataset_access import DatasetAccess
from tests.unit.operations.conftest import House, refused


@pytest.fixture
def access(house: House) -> DatasetAccess:
    return DatasetAccess(database=house.parts.storage.database, catalog=house.parts.datasets.catalog)


async def test_one_is_the_owner_of_ones_own_however_one_is_named(access: DatasetAccess, alice: Principal) -> None:
    for owner in (None, "alice", "Alice", " ALICE ", alice.user_id):
        assert await access.owner_id(alice, owner) == alice.user_id


async def test_nobody_learns_who_else_is_here(access: DatasetAccess, house: House, alice: Principal) -> None:
    for owner in ("bob", house.bob.user_id, "nobody"):
        with refused(NotFound):
            await access.owner_id(alice, owner)
    small = replace(house.admin, scopes=frozenset({Scope.READ, Scope.WRITE}))  # a token for something else
    with refused(NotFound):
        await access.owner_id(small, "bob")


async def test_administrators_name_anybody_by_name_or_id(access: DatasetAccess, house: House) -> None:
    zoe = await house.user("Zoë")
    for owner in ("zoë", "Zoe\u0308", zoe.user_id):
        assert await access.owner_id(house.admin, owner) == zoe.user_id
    with refused(NotFound):
        await access.owner_id(house.admin, "nobody")


async def test_a_token_that_may_nothing_reads_nothing(access: DatasetAccess, alice: Principal) -> None:
    with refused(Forbidden):
        await access.owner_id(replace(alice, scopes=frozenset()), None)


async def test_a_dataset_of_the_same_name_is_each_owners_own(
    access: DatasetAccess, house: House, alice: Principal
) -> None:
    await house.given(alice)
    with refused(NotFound):
        await access.get(house.bob, "orders")
    await house.given(house.bob, b"id\n1\n")
    hers, his = await access.get(alice, "orders"), await access.get(house.bob, "orders")
    assert (hers.row_count, his.row_count) == (3, 1)
    assert (await access.get(house.admin, "orders", "bob")).id == his.id
    assert list(await access.names(alice)) == ["orders"]


async def test_an_old_version_is_found_as_long_as_it_is_kept(
    access: DatasetAccess, house: House, alice: Principal
) -> None:
    await house.given(alice)
    await house.given(alice, b"id,region,amount\n9,east,1\n", mode="append")
    dataset = await access.get(alice, "orders")
    assert [(await access.version(dataset, number)).row_count for number in (1, 2)] == [3, 4]
    with refused(NotFound):
        await access.version(dataset, 3)
