"""Who may make a link to a password, and what using one does and does not do."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from server.errors import Conflict, Forbidden, Gone, InvalidInput, NotFound, NotSignedIn
from server.operations.password_resets import PasswordResets
from tests.conftest import PASSWORDS
from tests.unit.operations.conftest import House, only_looking, refused

NEW = "a few words to remember"
HOME = {"address": "192.0.2.1", "user_agent": "Firefox"}


@pytest.fixture
def resets(house: House) -> PasswordResets:
    return house.todo.password_resets


def code_of(link: str) -> str:
    return parse_qs(urlsplit(link).query)["code"][0]


async def test_only_administrators_and_the_machine_make_links(house: House, resets: PasswordResets) -> None:
    for principal in (house.alice, *only_looking(house.admin)):
        with refused(Forbidden):
            await resets.create(principal, house.alice.user_id)
        with refused(Forbidden):
            await resets.revoke(principal, house.alice.user_id)
    with refused(NotFound):
        await resets.create(house.admin, "x")
    with refused(InvalidInput, fields=("username",)):
        await resets.create_by_name("nobody")
    with refused(InvalidInput, fields=("hours",)):
        await resets.create_by_name("alice", hours=0)
    _, link = await resets.create_by_name("ALICE")
    assert (await resets.look(code_of(link))).id == house.alice.user_id


async def test_a_disabled_account_gets_no_link_and_its_link_sets_nothing(house: House, resets: PasswordResets) -> None:
    _, link = await resets.create(house.admin, house.alice.user_id)
    await house.todo.admin.change_user(house.admin, house.alice.user_id, is_disabled=True)
    with refused(Conflict, "user_disabled"):
        await resets.create(house.admin, house.alice.user_id)
    with refused(Gone, "link_over"):
        await resets.redeem(code_of(link), password=NEW, address="")


async def test_the_old_password_is_good_until_the_new_one_is_set(house: House, resets: PasswordResets) -> None:
    _, link = await resets.create(house.admin, house.alice.user_id)
    with refused(InvalidInput, fields=("password",)):
        await resets.redeem(code_of(link), password="alice", address="")
    await house.todo.sessions.sign_in("alice", PASSWORDS["alice"], **HOME)
    await resets.redeem(code_of(link), password=NEW, address="192.0.2.7")
    assert await house.todo.sessions.mine(house.alice) == []
    with refused(NotSignedIn, "wrong_credentials"):
        await house.todo.sessions.sign_in("alice", PASSWORDS["alice"], **HOME)
    await house.todo.sessions.sign_in("alice", NEW, **HOME)
    assert await house.audited("account.password") == [("", "alice", {"by": "link"})]
    assert await house.audited("reset_link.create") == [("admin", "alice", {"hours": 24})]


async def test_a_link_can_be_withdrawn(house: House, resets: PasswordResets) -> None:
    made, link = await resets.create(house.admin, house.alice.user_id)
    assert await resets.open_one(house.admin, house.alice.user_id) == made
    assert await resets.open_one(house.admin, house.bob.user_id) is None
    await resets.revoke(house.admin, house.alice.user_id)
    with refused(NotFound):
        await resets.revoke(house.admin, house.alice.user_id)
    with refused(Gone, "link_over"):
        await resets.look(code_of(link))
