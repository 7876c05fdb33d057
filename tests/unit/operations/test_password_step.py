"""The first question at sign-in: nobody learns who is here, guessing is stopped, and its victim gets in."""

from __future__ import annotations

from dataclasses import replace

import argon2
import pytest

from server.auth.audit_search import AuditFilter
from server.auth.permissions import Principal
from server.errors import (
    InvalidInput,
    NotSignedIn,
    RateLimited,
)
from server.operations.sessions import SessionOperations
from server.operations.tokens import NewToken
from server.settings import Settings
from tests.conftest import PASSWORDS
from tests.unit.operations.conftest import House, refused
from tests.unit.operations.test_second_step import HOME
from tests.waiting import until


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, login_attempts=3)


@pytest.fixture
def sessions(house: House) -> SessionOperations:
    return house.todo.sessions


async def test_nobody_learns_whether_the_name_or_the_password_was_wrong(sessions: SessionOperations) -> None:
    for name, password in (("alice", "wrong-horse-alice"), ("nobody", PASSWORDS["alice"])):
        with refused(NotSignedIn, "wrong_credentials"):
            await sessions.sign_in(name, password, **HOME)


async def test_a_name_is_known_however_it_is_written(sessions: SessionOperations, alice: Principal) -> None:
    user, secret = await sessions.sign_in(" ALICE ", PASSWORDS["alice"], **HOME)
    assert user.id == alice.user_id
    assert secret


async def test_whoever_was_locked_out_is_not_let_in_by_the_right_password(
    sessions: SessionOperations, house: House, alice: Principal
) -> None:
    await house.todo.admin.change_user(house.admin, alice.user_id, is_disabled=True)
    with refused(NotSignedIn, "wrong_credentials"):
        await sessions.sign_in("alice", PASSWORDS["alice"], **HOME)


async def test_guessing_is_stopped_and_its_victim_is_told_without_being_locked_out(
    sessions: SessionOperations, house: House, alice: Principal
) -> None:
    for _ in range(3):
        with refused(NotSignedIn, "wrong_credentials"):
            await sessions.sign_in("alice", "wrong-horse", address="198.51.100.7", user_agent="")
    with refused(RateLimited):
        await sessions.sign_in("alice", PASSWORDS["alice"], address="198.51.100.7", user_agent="")
    user, _ = await sessions.sign_in("alice", PASSWORDS["alice"], **HOME)  # from where she lives
    assert user.id == alice.user_id
    (told,) = await until(lambda: _told(house, alice))
    assert "198.51.100.7" in told
    assert await _told(house, house.bob) == []


async def test_a_wrong_present_password_does_not_count_for_strangers(
    sessions: SessionOperations, house: House, alice: Principal
) -> None:
    """Strangers use up the tries at her name from her own network; she is known by her session."""
    for _ in range(3):
        with refused(NotSignedIn, "wrong_credentials"):
            await sessions.sign_in("alice", "wrong-horse", **HOME)
    here = replace(await _known(house, alice), address=HOME["address"])
    with refused(InvalidInput, fields=("current_password",)):
        await house.todo.accounts.change_password(here, current="wrong-horse", new="battery-staple-9")
    await house.todo.accounts.change_password(here, current=PASSWORDS["alice"], new="battery-staple-9")


async def test_a_hash_of_weaker_parameters_is_made_anew_with_the_right_password(
    sessions: SessionOperations, house: House, alice: Principal
) -> None:
    weaker = argon2.PasswordHasher(time_cost=1, memory_cost=32, parallelism=1).hash(PASSWORDS["alice"])
    users = house.parts.auth.credentials.users
    async with house.parts.storage.database.write() as connection:
        await users.change(connection, alice.user_id, password_hash=weaker)
    await sessions.sign_in("alice", PASSWORDS["alice"], **HOME)
    assert (await house.todo.accounts.me(alice)).password_hash != weaker
    await sessions.sign_in("alice", PASSWORDS["alice"], **HOME)


async def test_each_way_that_asks_for_a_password_counts_the_same_tries(
    sessions: SessionOperations, house: House
) -> None:
    for _ in range(3):
        with refused(NotSignedIn, "wrong_credentials"):
            await house.todo.tokens.create_with_password(
                NewToken(name="cron"), name="alice", password="wrong-horse", address=HOME["address"]
            )
    with refused(RateLimited):
        await sessions.sign_in("alice", PASSWORDS["alice"], **HOME)
    lines = (await house.todo.audit.page(house.admin, AuditFilter(actions=["session.refuse"]))).lines
    assert [line.detail["reason"] for line in lines] == ["too_many", *["wrong_credentials"] * 3]


async def _known(house: House, principal: Principal) -> Principal:
    session, _ = await house.parts.auth.credentials.sessions.start(principal.user_id, user_agent="", address="")
    return replace(principal, session_id=session.id)


async def _told(house: House, principal: Principal) -> list[str]:
    found = await house.todo.notifications.latest(principal)
    return [one.body for one in found.items]
