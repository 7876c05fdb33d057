"""One's own account: what can be changed, and what a change ends; and who makes accounts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from server.auth.permissions import Principal, Role
from server.errors import Conflict, Forbidden, InvalidInput, NotSignedIn, RateLimited
from server.operations.accounts import AccountOperations
from tests.conftest import PASSWORDS
from tests.unit.operations.conftest import House, only_looking, refused
from tests.unit.operations.test_second_step import HOME
from tests.unit.operations.test_sessions import signed_in


@pytest.fixture
def accounts(house: House) -> AccountOperations:
    return house.todo.accounts


async def test_a_new_password_ends_every_other_session(accounts: AccountOperations, house: House) -> None:
    here, elsewhere = await signed_in(house, house.alice), await signed_in(house, house.alice)
    his = await signed_in(house, house.bob)
    await accounts.change_password(here, current=PASSWORDS["alice"], new="battery-staple-9")
    assert [session.id for session in await house.todo.sessions.mine(here)] == [here.session_id]
    assert elsewhere.session_id != here.session_id
    assert [session.id for session in await house.todo.sessions.mine(his)] == [his.session_id]
    with refused(NotSignedIn, "wrong_credentials"):
        await house.todo.sessions.sign_in("alice", PASSWORDS["alice"], **HOME)
    assert await house.audited("account.password") == [("alice", "alice", {})]


async def test_a_poor_new_password_changes_nothing(accounts: AccountOperations, house: House) -> None:
    here, elsewhere = await signed_in(house, house.alice), await signed_in(house, house.alice)
    with refused(InvalidInput, fields=("new_password",)):
        await accounts.change_password(here, current=PASSWORDS["alice"], new="alicealice")
    assert {session.id for session in await house.todo.sessions.mine(here)} == {here.session_id, elsewhere.session_id}


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
    ):
        with refused(Forbidden):
            await change


async def test_only_administrators_make_users(accounts: AccountOperations, house: House, alice: Principal) -> None:
    with refused(Forbidden):
        await accounts.create_user(alice, name="carol", password="battery-staple-9", role=Role.EDITOR)
    with refused(Conflict, "name_taken", fields=("username",)):
        await accounts.create_user(house.admin, name="Alice", password="battery-staple-9", role=Role.EDITOR)
    with refused(InvalidInput, fields=("username", "password", "language", "time_zone")):
        await accounts.create_user(None, name="", password="x", role=Role.EDITOR, language="tlh", time_zone="Mars")
    await accounts.create_user(house.admin, name="carol", password="battery-staple-9", role=Role.VIEWER)
    assert ("admin", "carol", {"role": "viewer"}) in await house.audited("user.create")


async def test_a_user_who_is_gone_is_not_signed_in(accounts: AccountOperations, alice: Principal) -> None:
    with refused(NotSignedIn):
        await accounts.me(replace(alice, user_id="gone"))
