"""Passkeys as they are kept."""

from __future__ import annotations

from datetime import timedelta

import pytest

from server.auth.passkeys import NewPasskey, PasskeyStore
from server.auth.users import User
from server.storage.database import Database
from tests.unit.auth.conftest import MovableClock


@pytest.fixture
def passkeys(database: Database, clock: MovableClock) -> PasskeyStore:
    return PasskeyStore(database, clock=clock)


def new(credential_id: str = "abc") -> NewPasskey:
    return NewPasskey(credential_id=credential_id, public_key=b"\x00key", sign_count=0, is_synced=True)


async def test_a_credential_is_of_one_user(passkeys: PasskeyStore, database: Database, alice: User, bob: User) -> None:
    async with database.write() as connection:
        phone = await passkeys.add(connection, alice.id, "phone", new())
        assert await passkeys.add(connection, bob.id, "phone", new()) is None
    assert phone is not None
    assert await passkeys.by_credential("abc") == phone
    assert await passkeys.by_credential("ABC") is None
    assert await passkeys.of_user(alice.id) == [phone]
    assert await passkeys.of_user(bob.id) == []
    assert (phone.public_key, phone.is_synced) == (b"\x00key", True)


async def test_each_answer_is_good_once(
    passkeys: PasskeyStore, database: Database, alice: User, clock: MovableClock
) -> None:
    async with database.write() as connection:
        phone = await passkeys.add(connection, alice.id, "phone", new())
    assert phone is not None
    asked_at = clock()
    clock.pass_time(seconds=1)
    assert await passkeys.use(phone, sign_count=1, asked_at=asked_at)
    assert not await passkeys.use(phone, sign_count=1, asked_at=asked_at)
    assert await passkeys.use(phone, sign_count=2, asked_at=clock() + timedelta(seconds=1))


async def test_nobody_renames_or_removes_those_of_others(
    passkeys: PasskeyStore, database: Database, alice: User, bob: User
) -> None:
    async with database.write() as connection:
        phone = await passkeys.add(connection, alice.id, "phone", new())
        assert phone is not None
        assert not await passkeys.rename(connection, phone.id, "mine", user_id=bob.id)
        assert await passkeys.remove(connection, phone.id, user_id=bob.id) is None
        assert await passkeys.rename(connection, phone.id, "old phone", user_id=alice.id)
        assert await passkeys.remove(connection, phone.id, user_id=alice.id) == "old phone"
    assert await passkeys.of_user(alice.id) == []
