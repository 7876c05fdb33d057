"""Making, keeping and signing in with passkeys; whose they are, and what they never open."""

from __future__ import annotations

from dataclasses import replace

import pytest

from server.auth.permissions import Principal, Scope
from server.auth.sessions import Means
from server.errors import Conflict, Forbidden, InvalidInput, NotFound, NotSignedIn
from server.operations.passkeys import MOST, PasskeyOperations
from server.settings import Settings
from tests.conftest import PASSWORDS
from tests.soft_passkey import SoftPasskey
from tests.unit.operations.conftest import House, opened, peopled, refused

HOME = {"address": "192.0.2.1", "user_agent": "Firefox"}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, public_url="https://reports.example.com")


@pytest.fixture
def passkeys(house: House) -> PasskeyOperations:
    return house.todo.passkeys


@pytest.fixture
def phone() -> SoftPasskey:
    return SoftPasskey(origin="https://reports.example.com", host="reports.example.com")


async def added(passkeys: PasskeyOperations, principal: Principal, device: SoftPasskey) -> str:
    options, sealed = await passkeys.begin(principal, password=PASSWORDS[principal.user_name])
    return (await passkeys.add(principal, name="phone", answer=device.made(options), sealed=sealed)).id


async def test_a_passkey_signs_its_owner_in_without_password_or_code(
    house: House, passkeys: PasskeyOperations, phone: SoftPasskey
) -> None:
    await added(passkeys, house.alice, phone)
    options, sealed = passkeys.ask()
    user, secret = await passkeys.sign_in(answer=phone.used(options), sealed=sealed, **HOME)
    assert (user.id, bool(secret)) == (house.alice.user_id, True)
    assert [each.means for each in await house.todo.sessions.mine(house.alice)] == [Means.PASSKEY]
    (kept,) = await passkeys.mine(house.alice)
    assert kept.last_used_at is not None
    assert await passkeys.mine(house.bob) == []
    assert await house.audited("passkey.add") == [("alice", "phone", {})]


async def test_an_answer_is_good_once_for_its_question_and_while_its_owner_may_come_in(
    house: House, passkeys: PasskeyOperations, phone: SoftPasskey
) -> None:
    await added(passkeys, house.alice, phone)
    options, sealed = passkeys.ask()
    answer = phone.used(options)
    await passkeys.sign_in(answer=answer, sealed=sealed, **HOME)
    _, other = passkeys.ask()
    _, to_make = await passkeys.begin(house.alice, password=PASSWORDS["alice"])
    for wrong in (
        {"answer": answer, "sealed": sealed},
        {"answer": phone.used(options), "sealed": other},
        {"answer": phone.used(options), "sealed": to_make},
        {"answer": phone.used(options), "sealed": "nonsense"},
        {"answer": {}, "sealed": other},
        {"answer": {"id": "ä\x00"}, "sealed": other},
    ):
        with refused(NotSignedIn, "wrong_passkey"):
            await passkeys.sign_in(**wrong, **HOME)
    await house.todo.admin.change_user(house.admin, house.alice.user_id, is_disabled=True)
    options, sealed = passkeys.ask()
    with refused(NotSignedIn, "wrong_passkey"):
        await passkeys.sign_in(answer=phone.used(options), sealed=sealed, **HOME)


async def test_making_one_takes_the_password_and_the_question_that_was_asked(
    house: House, passkeys: PasskeyOperations, phone: SoftPasskey
) -> None:
    with refused(InvalidInput, fields=("current_password",)):
        await passkeys.begin(house.alice, password="wrong-horse")
    options, sealed = await passkeys.begin(house.alice, password=PASSWORDS["alice"])
    answer = phone.made(options)
    with refused(InvalidInput, "passkey_too_old"):
        await passkeys.add(house.bob, name="mine", answer=answer, sealed=sealed)
    with refused(InvalidInput, "passkey_wrong"):
        await passkeys.add(house.alice, name="phone", answer=phone.made(passkeys.ask()[0]), sealed=sealed)
    with refused(InvalidInput, fields=("name",)):
        await passkeys.add(house.alice, name=" ", answer=answer, sealed=sealed)
    with refused(Forbidden):
        reading = replace(house.alice, scopes=frozenset({Scope.READ}))
        await passkeys.add(reading, name="phone", answer=answer, sealed=sealed)
    await passkeys.add(house.alice, name="phone", answer=answer, sealed=sealed)
    with refused(Conflict, "passkey_known"):
        await passkeys.add(house.alice, name="phone", answer=answer, sealed=sealed)


async def test_they_are_their_owners_and_administrators_can_take_them_away(
    house: House, passkeys: PasskeyOperations, phone: SoftPasskey
) -> None:
    passkey_id = await added(passkeys, house.alice, phone)
    with refused(NotFound):
        await passkeys.rename(house.bob, passkey_id, "mine")
    for other in (house.bob, house.admin):
        with refused(NotFound):
            await passkeys.remove(other, passkey_id)
    with refused(Forbidden):
        await passkeys.revoke(house.bob, house.alice.user_id, passkey_id)
    with refused(InvalidInput, fields=("name",)):
        await passkeys.rename(house.alice, passkey_id, "")
    await passkeys.rename(house.alice, passkey_id, "old phone")
    await passkeys.revoke(house.admin, house.alice.user_id, passkey_id)
    with refused(NotFound):
        await passkeys.remove(house.alice, passkey_id)
    (line,) = await house.audited("passkey.remove")
    assert line == ("admin", "old phone", {"owner": "alice"})


async def test_there_is_an_end_to_them(house: House, passkeys: PasskeyOperations) -> None:
    for _ in range(MOST):
        await added(
            passkeys, house.alice, SoftPasskey(origin="https://reports.example.com", host="reports.example.com")
        )
    with refused(Conflict):
        await passkeys.begin(house.alice, password=PASSWORDS["alice"])


async def test_without_a_public_address_there_are_none(settings: Settings) -> None:
    async with opened(replace(settings, public_url="https://192.0.2.1")) as parts:
        house = await peopled(parts)
        with refused(Conflict, "no_passkeys"):
            house.todo.passkeys.ask()
        with refused(Conflict, "no_passkeys"):
            await house.todo.passkeys.begin(house.alice, password=PASSWORDS["alice"])
