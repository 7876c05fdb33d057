"""API tokens: none may do more or lives longer than who makes it, and nobody sees those of others."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from server.auth.audit import Via
from server.auth.audit_search import AuditFilter
from server.auth.permissions import Principal, Role, Scope
from server.auth.sessions import Means
from server.clock import utc_now
from server.errors import (
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    NotSignedIn,
    SecondFactorMissing,
    SecondFactorNeeded,
)
from server.operations.tokens import MAX_TOKENS, NewToken, TokenOperations
from server.settings import Settings
from tests.conftest import PASSWORDS
from tests.unit.operations.conftest import House, only_looking, opened, peopled, refused
from tests.unit.operations.test_second_step import HOME, code_of, enrolled


@pytest.fixture
def tokens(house: House) -> TokenOperations:
    return house.todo.tokens


async def test_a_token_makes_none_that_may_do_more_or_lives_longer(
    tokens: TokenOperations, house: House, alice: Principal
) -> None:
    parent, _ = await tokens.create(alice, NewToken(name="parent", scopes=frozenset({Scope.WRITE}), days=1))
    program = replace(alice, token_id=parent.id, scopes=parent.scopes)
    with refused(Forbidden):
        await tokens.create(program, NewToken(name="reads", scopes=frozenset({Scope.READ})))
    child, _ = await tokens.create(program, NewToken(name="child", days=None))
    assert child.scopes == parent.scopes
    assert child.expires_at == parent.expires_at
    shorter, _ = await tokens.create(program, NewToken(name="shorter", days=1))
    assert shorter.expires_at is not None
    assert shorter.expires_at <= utc_now() + timedelta(days=1)


@pytest.mark.parametrize(
    ("role", "most"), [(Role.VIEWER, {Scope.READ}), (Role.EDITOR, {Scope.READ, Scope.WRITE}), (Role.ADMIN, {*Scope})]
)
async def test_a_token_may_what_its_user_may(
    tokens: TokenOperations, alice: Principal, role: Role, most: set[Scope]
) -> None:
    alice = replace(alice, role=role)
    token, _ = await tokens.create(alice, NewToken(name="all"))
    assert token.scopes == most
    with refused(InvalidInput, fields=("scopes",)):
        await tokens.create(alice, NewToken(name="none", scopes=frozenset()))
    if role is not Role.ADMIN:
        with refused(Forbidden):
            await tokens.create(alice, NewToken(name="more", scopes=frozenset(Scope)))


async def test_tokens_of_others_are_neither_seen_nor_deleted(
    tokens: TokenOperations, house: House, alice: Principal, bob: Principal
) -> None:
    token, secret = await tokens.create(alice, NewToken(name="script"))
    assert await tokens.mine(bob) == []
    with refused(NotFound):
        await tokens.delete(bob, token.id)
    await tokens.delete(alice, token.id)
    with refused(NotSignedIn, "token_revoked"):
        await house.parts.auth.credentials.tokens.use(secret)


async def test_nobody_piles_up_tokens(tokens: TokenOperations, house: House, alice: Principal) -> None:
    async with house.parts.storage.database.write() as connection:
        for number in range(MAX_TOKENS):
            await house.parts.auth.credentials.tokens.add(
                connection, user_id=alice.user_id, name=f"t{number}", scopes=[Scope.READ], expires_at=None
            )
    with refused(Conflict):
        await tokens.create(alice, NewToken(name="one more"))


async def test_a_program_gets_a_token_for_a_password_and_no_wrong_one(
    tokens: TokenOperations, house: House, alice: Principal
) -> None:
    token, secret = await tokens.create_with_password(
        NewToken(name="cron"), name="alice", password=PASSWORDS["alice"], address="192.0.2.1"
    )
    found, user = await house.parts.auth.credentials.tokens.use(secret)
    assert (found.id, user.id, token.scopes) == (token.id, alice.user_id, {Scope.READ, Scope.WRITE})
    with refused(NotSignedIn, "wrong_credentials"):
        await tokens.create_with_password(
            NewToken(name="cron"), name="alice", password="wrong-horse", address="192.0.2.1"
        )
    assert await house.audited_ids("token.create") == [("alice", token.id)]
    ((_, _, detail),) = await house.audited("token.create")
    assert detail["means"] == "password"
    (line,) = (await house.todo.audit.page(house.admin, AuditFilter(actions=["token.create"]))).lines
    assert line.via is Via.CREDENTIALS


async def test_a_token_of_a_session_says_by_what_means_that_began(
    tokens: TokenOperations, house: House, alice: Principal
) -> None:
    sessions = house.parts.auth.credentials.sessions
    session, _ = await sessions.start(alice.user_id, user_agent="", address="", means=Means.RECOVERY)
    here = replace(alice, session_id=session.id)
    made, _ = await tokens.create(here, NewToken(name="from here"))
    await tokens.create(replace(alice, token_id=made.id), NewToken(name="from a token"))
    details = [detail.get("means") for _, _, detail in await house.audited("token.create")]
    assert details == ["recovery", None]
    lines = (await house.todo.audit.page(house.admin, AuditFilter(actions=["token.create"]))).lines
    assert [line.via for line in lines] == [Via.TOKEN, Via.SESSION]


async def test_who_may_only_read_by_a_token_makes_and_deletes_none(tokens: TokenOperations, alice: Principal) -> None:
    viewer, read_token = only_looking(alice)
    token, _ = await tokens.create(viewer, NewToken(name="looks"))
    assert token.scopes == {Scope.READ}
    for change in (tokens.create(read_token, NewToken(name="more")), tokens.delete(read_token, token.id)):
        with refused(Forbidden):
            await change
    assert [each.id for each in await tokens.mine(viewer)] == [token.id]


async def test_a_password_alone_gives_no_token_to_who_has_a_second_factor(
    tokens: TokenOperations, house: House, alice: Principal
) -> None:
    key, _ = await enrolled(house, alice)
    asked = {"name": "alice", "password": PASSWORDS["alice"], "address": HOME["address"]}
    with pytest.raises(SecondFactorNeeded):
        await tokens.create_with_password(NewToken(name="cron"), **asked)
    with refused(NotSignedIn, "wrong_code"):
        await tokens.create_with_password(NewToken(name="cron"), **asked, code="000000")
    token, _ = await tokens.create_with_password(NewToken(name="cron"), **asked, code=code_of(key))
    assert [each.id for each in await tokens.mine(alice)] == [token.id]
    ((_, _, detail),) = await house.audited("token.create")
    assert detail["means"] == "code"


async def test_who_must_have_a_second_factor_and_has_none_gets_no_token_for_a_password(settings: Settings) -> None:
    async with opened(replace(settings, require_second_factor="everybody")) as parts:
        house = await peopled(parts)
        with refused(SecondFactorMissing):
            await house.todo.tokens.create_with_password(
                NewToken(name="cron"), name="alice", password=PASSWORDS["alice"], address=HOME["address"]
            )
        assert await house.todo.tokens.mine(house.alice) == []
