"""Secrets of apps and recovery codes as they are kept."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from cryptography.fernet import Fernet

from server.auth.one_time_codes import STEP_SECONDS, code_at
from server.auth.seals import Seals
from server.auth.second_factors import RECOVERY_CODES, CodeUse, SecondFactors
from server.auth.users import User
from server.storage import tables
from server.storage.database import Database
from tests.unit.auth.conftest import MovableClock

KEY = b"12345678901234567890"
SEALS = Seals(Fernet(Fernet.generate_key()))


@pytest.fixture
def factors(database: Database, clock: MovableClock) -> SecondFactors:
    return SecondFactors(database, SEALS, clock=clock)


def step(clock: MovableClock) -> int:
    return int(clock().timestamp()) // STEP_SECONDS


def code(clock: MovableClock) -> str:
    return code_at(KEY, step(clock)).decode()


async def added(factors: SecondFactors, database: Database, user: User, clock: MovableClock) -> list[str]:
    async with database.write() as connection:
        codes = await factors.add(connection, user.id, KEY, step=step(clock))
    assert codes is not None
    return codes


async def test_codes_go_up_and_never_back(
    factors: SecondFactors, database: Database, alice: User, bob: User, clock: MovableClock
) -> None:
    await added(factors, database, alice, clock)
    assert await factors.use(alice.id, code(clock)) is None  # used at enrolment
    before = code(clock)
    clock.pass_time(seconds=STEP_SECONDS)
    assert await factors.use(bob.id, code(clock)) is None  # he has none
    assert await factors.use(alice.id, code(clock)) is CodeUse.APP
    assert await factors.use(alice.id, code(clock)) is None
    assert await factors.use(alice.id, before) is None


async def test_a_clock_that_was_set_back_opens_nothing_again(
    factors: SecondFactors, database: Database, alice: User, clock: MovableClock
) -> None:
    await added(factors, database, alice, clock)
    clock.pass_time(hours=-1)
    assert await factors.use(alice.id, code(clock)) is None


async def test_recovery_codes_are_used_up_one_by_one(
    factors: SecondFactors, database: Database, alice: User, bob: User, clock: MovableClock
) -> None:
    codes = await added(factors, database, alice, clock)
    await added(factors, database, bob, clock)
    assert await factors.use(bob.id, codes[0]) is None
    assert await factors.use(alice.id, codes[0]) is CodeUse.RECOVERY
    assert await factors.use(alice.id, codes[0]) is None
    found = await factors.get(alice.id)
    assert found is not None
    assert found.recovery_codes_left == RECOVERY_CODES - 1


async def test_there_is_one_and_it_can_be_removed(
    factors: SecondFactors, database: Database, alice: User, clock: MovableClock
) -> None:
    codes = await added(factors, database, alice, clock)
    async with database.write() as connection:
        assert await factors.add(connection, alice.id, b"another", step=0) is None
        assert await factors.remove(connection, alice.id)
        assert not await factors.remove(connection, alice.id)
    assert await factors.get(alice.id) is None
    assert await factors.use(alice.id, codes[0]) is None


async def test_a_secret_that_was_moved_to_somebody_else_or_sealed_with_another_key_opens_nothing(
    factors: SecondFactors, database: Database, alice: User, bob: User, clock: MovableClock
) -> None:
    await added(factors, database, alice, clock)
    await added(factors, database, bob, clock)
    clock.pass_time(seconds=STEP_SECONDS)
    table = tables.second_factors
    of_alice = sa.select(table.c.secret).where(table.c.user_id == alice.id).scalar_subquery()
    async with database.write() as connection:
        await connection.execute(table.update().where(table.c.user_id == bob.id).values(secret=of_alice))
    assert await factors.use(bob.id, code(clock)) is None
    other = SecondFactors(database, Seals(Fernet(Fernet.generate_key())), clock=clock)
    assert await other.use(alice.id, code(clock)) is None
    assert not await other.can_be_read(alice.id)
    assert await factors.can_be_read(alice.id)
