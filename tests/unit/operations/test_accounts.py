"""One's own account: getting in, what can be changed, and what a change ends."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import argon2
import pytest

from server.auth.audit import Via
from server.auth.audit_search import AuditFilter
from server.auth.permissions import Principal, Role, Scope
from server.auth.sessions import Means
from server.clock import utc_now
from server.errors import Conflict, Forbidden, InvalidInput, NotFound, NotSignedIn, RateLimited
from server.operations.accounts import MAX_TOKENS, AccountOperations, NewToken
from server.settings import Settings
from tests.conftest import PASSWORDS
from tests.unit.operations.conftest import House, only_looking, refused
from tests.waiting import until

HOME = {"address": "192.0.2.1", "user_agent": "Firefox"}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, login_attempts=3)


@pytest.fixture
def accounts(house: House) -> AccountOperations:
    return house.todo.accounts


async def signed_in(house: House, principal: Principal) -> Principal:
    _, secret = await house.todo.accounts.sign_in(principal.user_name, PASSWORDS[principal.user_name], **HOME)
    visit = await house.parts.auth.credentials.sessions.visit(secret, address="")
    assert visit is not None
    return replace(principal, session_id=visit.session.id)


async def test_nobody_learns_whether_the_name_or_the_password_was_wrong(accounts: AccountOperations) -> None:
    for name, password in (("alice", "wrong-horse-alice"), ("nobody", PASSWORDS["alice"])):
        with refused(NotSignedIn, "wrong_credentials"):
            await accounts.sign_in(name, password, **HOME)


async def test_a_name_is_known_however_it_is_written(accounts: AccountOperations, alice: Principal) -> None:
    user, secret = await accounts.sign_in(" ALICE ", PASSWORDS["alice"], **HOME)
    assert user.id == alice.user_id
    assert secret


async def test_whoever_was_locked_out_is_not_let_in_by_the_right_password(
    accounts: AccountOperations, house: House, alice: Principal
) -> None:
    await house.todo.admin.change_user(house.admin, alice.user_id, is_disabled=True)
    with refused(NotSignedIn, "wrong_credentials"):
        await accounts.sign_in("alice", PASSWORDS["alice"], **HOME)


async def test_guessing_is_stopped_and_its_victim_is_told_without_being_locked_out(
    accounts: AccountOperations, house: House, alice: Principal
) -> None:
    for _ in range(3):
        with refused(NotSignedIn, "wrong_credentials"):
            await accounts.sign_in("alice", "wrong-horse", address="198.51.100.7", user_agent="")
    with refused(RateLimited):
        await accounts.sign_in("alice", PASSWORDS["alice"], address="198.51.100.7", user_agent="")
    user, _ = await accounts.sign_in("alice", PASSWORDS["alice"], **HOME)  # from where she lives
    assert user.id == alice.user_id
    (told,) = await until(lambda: _told(house, alice))
    assert "198.51.100.7" in told
    assert await _told(house, house.bob) == []


async def test_a_wrong_present_password_does_not_count_for_strangers(
    accounts: AccountOperations, house: House, alice: Principal
) -> None:
    """Strangers use up the tries at her name from her own network; she is known by her session."""
    for _ in range(3):
        with refused(NotSignedIn, "wrong_credentials"):
            await accounts.sign_in("alice", "wrong-horse", **HOME)
    here = replace(await _known(house, alice), address=HOME["address"])
    with refused(InvalidInput, fields=("current_password",)):
        await accounts.change_password(here, current="wrong-horse", new="battery-staple-9")
    await accounts.change_password(here, current=PASSWORDS["alice"], new="battery-staple-9")


async def test_a_new_password_ends_every_other_session(accounts: AccountOperations, house: House) -> None:
    here, elsewhere = await signed_in(house, house.alice), await signed_in(house, house.alice)
    his = await signed_in(house, house.bob)
    await accounts.change_password(here, current=PASSWORDS["alice"], new="battery-staple-9")
    assert [session.id for session in await accounts.sessions(here)] == [here.session_id]
    assert elsewhere.session_id != here.session_id
    assert [session.id for session in await accounts.sessions(his)] == [his.session_id]
    with refused(NotSignedIn, "wrong_credentials"):
        await accounts.sign_in("alice", PASSWORDS["alice"], **HOME)
    assert await house.audited("account.password") == [("alice", "alice", {})]


async def test_a_poor_new_password_changes_nothing(accounts: AccountOperations, house: House) -> None:
    here, elsewhere = await signed_in(house, house.alice), await signed_in(house, house.alice)
    with refused(InvalidInput, fields=("new_password",)):
        await accounts.change_password(here, current=PASSWORDS["alice"], new="alicealice")
    assert {session.id for session in await accounts.sessions(here)} == {here.session_id, elsewhere.session_id}


async def test_nobody_ends_the_session_of_another(accounts: AccountOperations, house: House, bob: Principal) -> None:
    hers = await signed_in(house, house.alice)
    assert hers.session_id
    with refused(NotFound):
        await accounts.end_session(bob, hers.session_id)
    assert await accounts.end_other_sessions(bob) == 0
    await accounts.end_session(hers, hers.session_id)
    with refused(NotFound):  # twice
        await accounts.end_session(hers, hers.session_id)


async def test_a_name_that_looks_like_another_is_refused_and_nothing_else_is_changed(
    accounts: AccountOperations, house: House, bob: Principal
) -> None:
    for name in ("ALICE", "аlice"):  # the second begins with a Cyrillic letter
        with refused(Conflict, "name_taken", fields=("username",)):
            await accounts.change_me(bob, {"name": name, "language": "zh-CN"})
    me = await accounts.me(bob)
    assert (me.name, me.language) == ("bob", None)
    assert await house.audited("account.change") == []


async def test_trying_names_to_learn_who_is_here_is_stopped(accounts: AccountOperations, bob: Principal) -> None:
    for _ in range(10):
        with refused(Conflict, "name_taken", fields=("username",)):
            await accounts.change_me(bob, {"name": "alice"})
    with refused(RateLimited):
        await accounts.change_me(bob, {"name": "nobody-has-this"})
    assert (await accounts.change_me(bob, {"time_zone": "Asia/Shanghai"})).time_zone == "Asia/Shanghai"


async def test_one_may_write_ones_own_name_in_another_way(accounts: AccountOperations, alice: Principal) -> None:
    assert (await accounts.change_me(alice, {"name": "Alice"})).name == "Alice"


async def test_wrong_settings_are_told_all_at_once(accounts: AccountOperations, alice: Principal) -> None:
    with refused(InvalidInput, fields=("name", "language", "time_zone")):
        await accounts.change_me(alice, {"name": "a/b", "language": "tlh", "time_zone": "Mars/Olympus"})


async def test_viewers_keep_their_account_and_read_tokens_change_nothing(
    accounts: AccountOperations, alice: Principal
) -> None:
    viewer, read_token = only_looking(alice)
    assert (await accounts.change_me(viewer, {"language": "zh-CN"})).language == "zh-CN"
    for change in (
        accounts.change_me(read_token, {"language": "en"}),
        accounts.change_password(read_token, current=PASSWORDS["alice"], new="battery-staple-9"),
        accounts.end_other_sessions(read_token),
        accounts.create_token(read_token, NewToken(name="more")),
        accounts.delete_token(read_token, "t1"),
    ):
        with refused(Forbidden):
            await change


async def test_a_token_makes_none_that_may_do_more_or_lives_longer(
    accounts: AccountOperations, house: House, alice: Principal
) -> None:
    parent, _ = await accounts.create_token(alice, NewToken(name="parent", scopes=frozenset({Scope.WRITE}), days=1))
    program = replace(alice, token_id=parent.id, scopes=parent.scopes)
    with refused(Forbidden):
        await accounts.create_token(program, NewToken(name="reads", scopes=frozenset({Scope.READ})))
    child, _ = await accounts.create_token(program, NewToken(name="child", days=None))
    assert child.scopes == parent.scopes
    assert child.expires_at == parent.expires_at
    shorter, _ = await accounts.create_token(program, NewToken(name="shorter", days=1))
    assert shorter.expires_at is not None
    assert shorter.expires_at <= utc_now() + timedelta(days=1)


@pytest.mark.parametrize(
    ("role", "most"), [(Role.VIEWER, {Scope.READ}), (Role.EDITOR, {Scope.READ, Scope.WRITE}), (Role.ADMIN, {*Scope})]
)
async def test_a_token_may_what_its_user_may(
    accounts: AccountOperations, alice: Principal, role: Role, most: set[Scope]
) -> None:
    alice = replace(alice, role=role)
    token, _ = await accounts.create_token(alice, NewToken(name="all"))
    assert token.scopes == most
    with refused(InvalidInput, fields=("scopes",)):
        await accounts.create_token(alice, NewToken(name="none", scopes=frozenset()))
    if role is not Role.ADMIN:
        with refused(Forbidden):
            await accounts.create_token(alice, NewToken(name="more", scopes=frozenset(Scope)))


async def test_tokens_of_others_are_neither_seen_nor_deleted(
    accounts: AccountOperations, house: House, alice: Principal, bob: Principal
) -> None:
    token, secret = await accounts.create_token(alice, NewToken(name="script"))
    assert await accounts.tokens(bob) == []
    with refused(NotFound):
        await accounts.delete_token(bob, token.id)
    await accounts.delete_token(alice, token.id)
    with refused(NotSignedIn, "token_revoked"):
        await house.parts.auth.credentials.tokens.use(secret)


async def test_nobody_piles_up_tokens(accounts: AccountOperations, house: House, alice: Principal) -> None:
    async with house.parts.storage.database.write() as connection:
        for number in range(MAX_TOKENS):
            await house.parts.auth.credentials.tokens.add(
                connection, user_id=alice.user_id, name=f"t{number}", scopes=[Scope.READ], expires_at=None
            )
    with refused(Conflict):
        await accounts.create_token(alice, NewToken(name="one more"))


async def test_only_administrators_make_users(accounts: AccountOperations, house: House, alice: Principal) -> None:
    with refused(Forbidden):
        await accounts.create_user(alice, name="carol", password="battery-staple-9", role=Role.EDITOR)
    with refused(Conflict, "name_taken", fields=("username",)):
        await accounts.create_user(house.admin, name="Alice", password="battery-staple-9", role=Role.EDITOR)
    with refused(InvalidInput, fields=("username", "password", "language", "time_zone")):
        await accounts.create_user(None, name="", password="x", role=Role.EDITOR, language="tlh", time_zone="Mars")
    await accounts.create_user(house.admin, name="carol", password="battery-staple-9", role=Role.VIEWER)
    assert ("admin", "carol", {"role": "viewer"}) in await house.audited("user.create")


async def test_what_was_signed_out_is_in_the_audit_log_and_is_no_error_without_a_session(
    accounts: AccountOperations, house: House, alice: Principal
) -> None:
    await accounts.sign_out(alice)  # with a token
    here = await signed_in(house, alice)
    await accounts.sign_out(here)
    assert [name for name, _, _ in await house.audited("session.end")] == ["alice"]
    assert await accounts.sessions(alice) == []


async def test_a_user_who_is_gone_is_not_signed_in(accounts: AccountOperations, alice: Principal) -> None:
    with refused(NotSignedIn):
        await accounts.me(replace(alice, user_id="gone"))


async def _known(house: House, principal: Principal) -> Principal:
    session, _ = await house.parts.auth.credentials.sessions.start(principal.user_id, user_agent="", address="")
    return replace(principal, session_id=session.id)


async def _told(house: House, principal: Principal) -> list[str]:
    found = await house.todo.notifications.latest(principal)
    return [one.body for one in found.items]


async def test_a_program_gets_a_token_for_a_password_and_no_wrong_one(
    accounts: AccountOperations, house: House, alice: Principal
) -> None:
    token, secret = await accounts.create_token_with_password(
        NewToken(name="cron"), name="alice", password=PASSWORDS["alice"], address="192.0.2.1"
    )
    found, user = await house.parts.auth.credentials.tokens.use(secret)
    assert (found.id, user.id, token.scopes) == (token.id, alice.user_id, {Scope.READ, Scope.WRITE})
    with refused(NotSignedIn, "wrong_credentials"):
        await accounts.create_token_with_password(
            NewToken(name="cron"), name="alice", password="wrong-horse", address="192.0.2.1"
        )
    assert await house.audited_ids("token.create") == [("alice", token.id)]
    ((_, _, detail),) = await house.audited("token.create")
    assert detail["means"] == "password"
    (line,) = (await house.todo.audit.page(house.admin, AuditFilter(actions=["token.create"]))).lines
    assert line.via is Via.CREDENTIALS


async def test_a_token_of_a_session_says_by_what_means_that_began(
    accounts: AccountOperations, house: House, alice: Principal
) -> None:
    sessions = house.parts.auth.credentials.sessions
    session, _ = await sessions.start(alice.user_id, user_agent="", address="", means=Means.RECOVERY)
    here = replace(alice, session_id=session.id)
    made, _ = await accounts.create_token(here, NewToken(name="from here"))
    await accounts.create_token(replace(alice, token_id=made.id), NewToken(name="from a token"))
    details = [detail.get("means") for _, _, detail in await house.audited("token.create")]
    assert details == ["recovery", None]
    lines = (await house.todo.audit.page(house.admin, AuditFilter(actions=["token.create"]))).lines
    assert [line.via for line in lines] == [Via.TOKEN, Via.SESSION]


async def test_a_session_is_begun_in_a_browser(accounts: AccountOperations, house: House, alice: Principal) -> None:
    await accounts.sign_in("alice", PASSWORDS["alice"], **HOME)
    (line,) = (await house.todo.audit.page(house.admin, AuditFilter(actions=["session.start"]))).lines
    assert line.via is Via.SESSION


async def test_a_hash_of_weaker_parameters_is_made_anew_with_the_right_password(
    accounts: AccountOperations, house: House, alice: Principal
) -> None:
    weaker = argon2.PasswordHasher(time_cost=1, memory_cost=32, parallelism=1).hash(PASSWORDS["alice"])
    users = house.parts.auth.credentials.users
    async with house.parts.storage.database.write() as connection:
        await users.change(connection, alice.user_id, password_hash=weaker)
    await accounts.sign_in("alice", PASSWORDS["alice"], **HOME)
    assert (await accounts.me(alice)).password_hash != weaker
    await accounts.sign_in("alice", PASSWORDS["alice"], **HOME)
