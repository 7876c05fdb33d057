"""What the values of a dataset look like: computed once a version, for whoever may see it."""

from __future__ import annotations

import pytest

from server.auth.permissions import Principal
from server.errors import NotFound
from server.operations import dataset_profiles
from server.operations.dataset_profiles import ProfileOperations
from tests.unit.operations.conftest import House, only_looking, refused


@pytest.fixture
async def profiles(house: House) -> ProfileOperations:
    """Alice has the dataset `orders`."""
    await house.given(house.alice)
    return house.todo.dataset_profiles


async def test_a_version_is_looked_at_once(profiles: ProfileOperations, alice: Principal) -> None:
    dataset, first = await profiles.get(alice, "orders")
    assert {one.name: (one.distinct, one.nulls) for one in first} == {"id": (3, 0), "region": (2, 0), "amount": (3, 0)}
    for asks in only_looking(alice):
        _, again = await profiles.get(asks, "orders")
        assert again is first
    assert profiles.known(dataset) is first


async def test_a_new_version_is_looked_at_anew(profiles: ProfileOperations, house: House, alice: Principal) -> None:
    await profiles.get(alice, "orders")
    await house.given(alice, b"id,region,amount\n9,,1\n", mode="append")
    dataset = await house.todo.datasets.get(alice, "orders")
    assert profiles.known(dataset) is None
    _, found = await profiles.get(alice, "orders")
    assert next(one.nulls for one in found if one.name == "region") == 1


async def test_what_was_computed_for_one_is_shown_to_no_other(
    profiles: ProfileOperations, house: House, alice: Principal
) -> None:
    await profiles.get(alice, "orders")
    with refused(NotFound):
        await profiles.get(house.bob, "orders")
    with refused(NotFound):
        await profiles.get(house.bob, "orders", owner="alice")
    await house.given(house.bob, b"id\n1\n")
    _, his = await profiles.get(house.bob, "orders")
    assert [one.name for one in his] == ["id"]
    _, hers = await profiles.get(house.admin, "orders", owner="alice")
    assert [one.name for one in hers] == ["id", "region", "amount"]


async def test_only_the_last_ones_are_kept(
    profiles: ProfileOperations, house: House, alice: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dataset_profiles, "_KEPT_PROFILES", 1)
    orders, _ = await profiles.get(alice, "orders")
    await house.given(alice, dataset="others")
    others, _ = await profiles.get(alice, "others")
    assert profiles.known(orders) is None
    assert profiles.known(others) is not None
