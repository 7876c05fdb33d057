"""How much of the disk things take: one's own, and for administrators everybody's."""

from __future__ import annotations

from dataclasses import replace

import pytest

from server.auth.permissions import Principal
from server.errors import Forbidden, QuotaExceeded
from server.settings import Settings
from server.storage.quotas import Stored
from tests.unit.operations.conftest import ORDERS, House, refused


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, max_upload_bytes_per_user=100)


async def used(house: House, principal: Principal) -> dict[Stored, tuple[int, int]]:
    return {line.kind: (line.used_bytes, line.limit_bytes) for line in await house.todo.usage.mine(principal)}


async def test_each_sees_their_own_beside_the_most_that_it_may_be(house: House, alice: Principal) -> None:
    await house.imported(alice)
    hers = await used(house, alice)
    assert hers[Stored.UPLOADS] == (len(ORDERS), 100)
    assert hers[Stored.DATASETS][0] > 0
    assert hers[Stored.REPORTS][0] == 0
    assert {kind: size for kind, (size, _) in (await used(house, house.bob)).items()} == dict.fromkeys(Stored, 0)


async def test_what_is_refused_and_what_is_deleted_takes_nothing(house: House, alice: Principal) -> None:
    upload = await house.upload(alice)
    with refused(QuotaExceeded):
        await house.upload(alice, b"x" * 60, name="more.csv")
    assert (await used(house, alice))[Stored.UPLOADS] == (len(ORDERS), 100)
    await house.upload(house.bob, b"x" * 60)  # his share is his own
    await house.todo.uploads.delete(alice, upload.id)
    assert (await used(house, alice))[Stored.UPLOADS] == (0, 100)


async def test_administrators_see_who_takes_how_much(house: House, alice: Principal) -> None:
    await house.imported(alice)
    everybody = await house.todo.usage.by_user(house.admin)
    assert {owner: {*kinds} for owner, kinds in everybody.items()} == {alice.user_id: {Stored.UPLOADS, Stored.DATASETS}}
    with refused(Forbidden):
        await house.todo.usage.by_user(alice)
    with refused(Forbidden):
        await house.todo.usage.mine(replace(alice, scopes=frozenset()))
