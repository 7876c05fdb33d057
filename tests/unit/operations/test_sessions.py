"""Sessions: who signed in, by what means, and who ends whose."""

from __future__ import annotations

from dataclasses import replace

import pytest

from server.auth.audit import Via
from server.auth.audit_search import AuditFilter
from server.auth.permissions import Principal
from server.auth.sessions import Means
from server.errors import (
    Forbidden,
    NotFound,
    NotSignedIn,
    SecondFactorNeeded,
)
from server.operations.sessions import SessionOperations
from tests.conftest import PASSWORDS
from tests.unit.operations.conftest import House, only_looking, refused
from tests.unit.operations.test_second_step import HOME, code_of, enrolled


@pytest.fixture
def sessions(house: House) -> SessionOperations:
    return house.todo.sessions


async def signed_in(house: House, principal: Principal) -> Principal:
    _, secret = await house.todo.sessions.sign_in(principal.user_name, PASSWORDS[principal.user_name], **HOME)
    visit = await house.parts.auth.credentials.sessions.visit(secret, address="")
    assert visit is not None
    return replace(principal, session_id=visit.session.id)


async def test_nobody_ends_the_session_of_another(sessions: SessionOperations, house: House, bob: Principal) -> None:
    hers = await signed_in(house, house.alice)
    assert hers.session_id
    with refused(NotFound):
        await sessions.end(bob, hers.session_id)
    assert await sessions.end_others(bob) == 0
    await sessions.end(hers, hers.session_id)
    with refused(NotFound):  # twice
        await sessions.end(hers, hers.session_id)


async def test_what_was_signed_out_is_in_the_audit_log_and_is_no_error_without_a_session(
    sessions: SessionOperations, house: House, alice: Principal
) -> None:
    await sessions.sign_out(alice)  # with a token
    here = await signed_in(house, alice)
    await sessions.sign_out(here)
    assert [name for name, _, _ in await house.audited("session.end")] == ["alice"]
    assert await sessions.mine(alice) == []


async def test_a_session_is_begun_in_a_browser(sessions: SessionOperations, house: House, alice: Principal) -> None:
    await sessions.sign_in("alice", PASSWORDS["alice"], **HOME)
    (line,) = (await house.todo.audit.page(house.admin, AuditFilter(actions=["session.start"]))).lines
    assert line.via is Via.SESSION


async def test_all_others_of_ones_own_are_ended_at_once_and_nobody_elses(
    sessions: SessionOperations, house: House
) -> None:
    here, elsewhere = await signed_in(house, house.alice), await signed_in(house, house.alice)
    his = await signed_in(house, house.bob)
    assert here.session_id != elsewhere.session_id
    assert await sessions.end_others(here) == 1
    assert [each.id for each in await sessions.mine(elsewhere)] == [here.session_id]
    assert [each.id for each in await sessions.mine(his)] == [his.session_id]
    assert await house.audited("session.end_others") == [("alice", "", {"count": 1})]


async def test_viewers_end_their_sessions_and_read_tokens_none(sessions: SessionOperations, house: House) -> None:
    here, elsewhere = await signed_in(house, house.alice), await signed_in(house, house.alice)
    assert elsewhere.session_id
    viewer, read_token = only_looking(here)
    for change in (sessions.end(read_token, elsewhere.session_id), sessions.end_others(read_token)):
        with refused(Forbidden):
            await change
    await sessions.end(viewer, elsewhere.session_id)
    assert [each.id for each in await sessions.mine(viewer)] == [here.session_id]


async def test_who_has_a_second_factor_has_no_session_before_the_code(
    sessions: SessionOperations, house: House, alice: Principal
) -> None:
    key, _ = await enrolled(house, alice)
    with pytest.raises(SecondFactorNeeded) as needed:
        await sessions.sign_in("alice", PASSWORDS["alice"], **HOME)
    half = str(needed.value.parameters["half"])
    assert await sessions.mine(alice) == []
    with refused(NotSignedIn, "wrong_code"):
        await sessions.finish_sign_in(half, "000000", **HOME)
    assert await sessions.mine(alice) == []
    user, secret = await sessions.finish_sign_in(half, code_of(key), **HOME)
    assert (user.id, bool(secret)) == (alice.user_id, True)
    (session,) = await sessions.mine(alice)
    assert (session.means, session.address, session.user_agent) == (Means.CODE, HOME["address"], HOME["user_agent"])
