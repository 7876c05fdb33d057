"""The second question at sign-in, without a browser."""

from __future__ import annotations

import base64
import time

from server.auth.one_time_codes import STEP_SECONDS, code_at
from server.auth.permissions import Principal
from server.auth.sessions import Means
from server.errors import NotSignedIn, SecondFactorNeeded
from tests.conftest import PASSWORDS
from tests.unit.operations.conftest import House, refused

HOME = {"address": "192.0.2.1", "user_agent": "Firefox"}


def code_of(key: str, *, later: int = 0) -> str:
    return code_at(base64.b32decode(key), int(time.time()) // STEP_SECONDS + later).decode()


async def enrolled(house: House, principal: Principal) -> tuple[str, list[str]]:
    factors = house.todo.second_factors
    begun = await factors.begin(principal, password=PASSWORDS[principal.user_name])
    codes = await factors.confirm(principal, sealed=begun.sealed, code=code_of(begun.typed_key, later=-1))
    return begun.typed_key, codes


async def test_half_a_sign_in_is_finished_by_a_code_and_the_session_says_so(house: House) -> None:
    key, _ = await enrolled(house, house.alice)
    try:
        await house.todo.sessions.sign_in("alice", PASSWORDS["alice"], **HOME)
    except SecondFactorNeeded as needed:
        half = str(needed.parameters["half"])
    user, _secret = await house.todo.sessions.finish_sign_in(half, code_of(key), **HOME)
    assert user.id == house.alice.user_id
    assert [session.means for session in await house.todo.sessions.mine(house.alice)] == [Means.CODE]
    assert (await house.audited("session.start"))[-1] == ("alice", "", {"means": "code"})


async def test_what_is_half_is_good_for_its_user_as_long_as_the_password_is(house: House) -> None:
    await enrolled(house, house.alice)
    accounts = house.todo.accounts
    for made_up in ("", "nonsense"):
        with refused(NotSignedIn, "sign_in_too_old"):
            await house.todo.sessions.finish_sign_in(made_up, "123456", **HOME)
    try:
        await house.todo.sessions.sign_in("alice", PASSWORDS["alice"], **HOME)
    except SecondFactorNeeded as needed:
        half = str(needed.parameters["half"])
    await accounts.change_password(house.alice, current=PASSWORDS["alice"], new="a few words to remember")
    with refused(NotSignedIn, "sign_in_too_old"):
        await house.todo.sessions.finish_sign_in(half, "123456", **HOME)


async def test_nobody_must_have_one_unless_a_setting_says_so(house: House) -> None:
    assert not any(house.todo.second_factors.is_required(each) for each in (house.admin, house.alice))
