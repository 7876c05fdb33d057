"""Who may do what about a second factor, and what stays of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from server.auth.permissions import Scope
from server.errors import Conflict, Forbidden, InvalidInput, NotFound
from server.operations.second_factors import SecondFactorOperations
from tests.conftest import PASSWORDS
from tests.unit.operations.conftest import House, refused
from tests.unit.operations.test_second_step import enrolled

MINE = {"password": PASSWORDS["alice"]}


@pytest.fixture
def factors(house: House) -> SecondFactorOperations:
    return house.todo.second_factors


async def test_a_token_that_may_only_read_changes_nothing(house: House, factors: SecondFactorOperations) -> None:
    reading = replace(house.alice, scopes=frozenset({Scope.READ}))
    with refused(Forbidden):
        await factors.begin(reading, **MINE)
    with refused(Forbidden):
        await factors.confirm(reading, sealed="", code="")
    await enrolled(house, house.alice)
    with refused(Forbidden):
        await factors.remove(reading, **MINE)
    with refused(Forbidden):
        await factors.new_recovery_codes(reading, **MINE)


async def test_what_is_not_there_is_not_changed(house: House, factors: SecondFactorOperations) -> None:
    with refused(NotFound):
        await factors.remove(house.alice, **MINE)
    with refused(NotFound):
        await factors.new_recovery_codes(house.alice, **MINE)
    with refused(Conflict, "no_second_factor"):
        await factors.reset(house.admin, house.alice.user_id)
    with refused(NotFound):
        await factors.reset(house.admin, "x")
    with refused(InvalidInput, fields=("username",)):
        await factors.reset_by_name("nobody")


async def test_every_change_is_audited(house: House, factors: SecondFactorOperations) -> None:
    await enrolled(house, house.alice)
    await factors.new_recovery_codes(house.alice, **MINE)
    await factors.remove(house.alice, **MINE)
    await enrolled(house, house.alice)
    with refused(Forbidden):
        await factors.reset(house.bob, house.alice.user_id)
    await factors.reset(house.admin, house.alice.user_id)
    await enrolled(house, house.alice)
    await factors.reset_by_name("ALICE")
    assert await factors.mine(house.alice) is None
    for action, who in (
        ("enable", ["alice"] * 3),
        ("recovery_codes", ["alice"]),
        ("disable", ["alice"]),
        ("reset", ["admin", ""]),
    ):
        lines = await house.audited(f"second_factor.{action}")
        assert [(name, subject) for name, subject, _ in lines] == [(name, "alice") for name in who]
