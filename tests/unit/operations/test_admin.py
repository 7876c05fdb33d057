"""What administrators can ask for, and what they cannot undo for themselves."""

from __future__ import annotations

from dataclasses import replace

import pytest

from server.auth.permissions import Principal, Role, Scope
from server.errors import Conflict, Forbidden, InvalidInput, NotFound, NotSignedIn
from server.operations.admin import AdminOperations
from server.operations.tokens import NewToken
from server.settings import Settings
from tests.unit.operations.conftest import House, refused


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, workers=3)


@pytest.fixture
def operations(house: House) -> AdminOperations:
    return house.todo.admin


async def test_whoever_is_no_administrator_is_refused_everywhere(
    operations: AdminOperations, house: House, alice: Principal
) -> None:
    with_a_small_token = replace(house.admin, scopes=frozenset({Scope.READ, Scope.WRITE}))
    for asks in (alice, with_a_small_token):
        for question in (
            operations.users(asks),
            operations.user(asks, house.bob.user_id),
            operations.names(asks, [house.bob.user_id]),
            operations.change_user(asks, house.bob.user_id, role=Role.ADMIN),
            operations.statistics(asks),
        ):
            with refused(Forbidden):
                await question
        with refused(Forbidden):
            operations.settings(asks)


async def test_users_come_by_name_page_by_page(operations: AdminOperations, house: House) -> None:
    first, cursor, total = await operations.users(house.admin, limit=2)
    rest, end, _ = await operations.users(house.admin, limit=2, cursor=cursor)
    assert [user.name for user in (*first, *rest)] == ["admin", "alice", "bob"]
    assert (total, end) == (3, None)
    found, _, count = await operations.users(house.admin, q="LIC")
    assert ([user.name for user in found], count) == (["alice"], 1)


async def test_the_last_administrator_stays_one(operations: AdminOperations, house: House) -> None:
    admin = house.admin
    for change in ({"role": Role.EDITOR}, {"is_disabled": True}):
        with refused(Conflict, "last_administrator"):
            await operations.change_user(admin, admin.user_id, **change)  # type: ignore[arg-type]
    assert (await operations.user(admin, admin.user_id)).role is Role.ADMIN
    await operations.change_user(admin, house.alice.user_id, role=Role.ADMIN)
    assert (await operations.change_user(admin, admin.user_id, role=Role.EDITOR)).role is Role.EDITOR
    assert [subject for _, subject, _ in await house.audited("user.change")] == ["alice", "admin"]


async def test_a_disabled_administrator_does_not_count_as_one(operations: AdminOperations, house: House) -> None:
    admin = house.admin
    await operations.change_user(admin, house.alice.user_id, role=Role.ADMIN)
    await operations.change_user(admin, house.alice.user_id, is_disabled=True)
    with refused(Conflict, "last_administrator"):
        await operations.change_user(admin, admin.user_id, role=Role.VIEWER)


async def test_whoever_is_disabled_is_out_at_once_and_comes_back_without_tokens(
    operations: AdminOperations, house: House, alice: Principal
) -> None:
    credentials = house.parts.auth.credentials
    _, cookie = await credentials.sessions.start(alice.user_id, user_agent="", address="")
    _, token = await house.todo.tokens.create(alice, NewToken(name="script"))
    await operations.change_user(house.admin, alice.user_id, is_disabled=True)
    assert await credentials.sessions.visit(cookie, address="") is None
    with refused(NotSignedIn, "user_disabled"):
        await credentials.tokens.use(token)
    disabled = await operations.change_user(house.admin, alice.user_id, is_disabled=True)  # twice: since then
    assert disabled.disabled_at == (await operations.user(house.admin, alice.user_id)).disabled_at
    await operations.change_user(house.admin, alice.user_id, is_disabled=False)
    assert await house.todo.sessions.mine(alice) == []
    assert await house.todo.tokens.mine(alice) == []


async def test_who_may_less_is_signed_out_and_who_may_more_is_not(
    operations: AdminOperations, house: House, alice: Principal
) -> None:
    sessions = house.parts.auth.credentials.sessions
    await sessions.start(alice.user_id, user_agent="", address="")
    await operations.change_user(house.admin, alice.user_id, role=Role.ADMIN)
    assert len(await sessions.of_user(alice.user_id)) == 1
    await operations.change_user(house.admin, alice.user_id, role=Role.EDITOR)
    assert await sessions.of_user(alice.user_id) == []


async def test_an_administrator_who_gives_themselves_a_new_password_stays(
    operations: AdminOperations, house: House
) -> None:
    sessions = house.parts.auth.credentials.sessions
    here, _ = await sessions.start(house.admin.user_id, user_agent="", address="")
    await sessions.start(house.admin.user_id, user_agent="", address="")
    me = replace(house.admin, session_id=here.id)
    await operations.change_user(me, me.user_id, password="battery-staple-9")
    assert [session.id for session in await sessions.of_user(me.user_id)] == [here.id]


async def test_a_change_says_what_and_of_whom(operations: AdminOperations, house: House, alice: Principal) -> None:
    with refused(InvalidInput):
        await operations.change_user(house.admin, alice.user_id)
    with refused(InvalidInput, fields=("password",)):
        await operations.change_user(house.admin, alice.user_id, password="alice")
    with refused(NotFound):
        await operations.change_user(house.admin, "nobody", role=Role.VIEWER)
    assert await house.audited("user.change") == []


async def test_secrets_are_never_shown(operations: AdminOperations, house: House) -> None:
    shown = {setting.name: setting for setting in operations.settings(house.admin)}
    assert shown["admin_password"].value == "(set)"
    assert shown["secret_key"].value in ("", "(set)")
    assert (shown["workers"].value, shown["workers"].is_default) == ("3", False)
    assert shown["workers"].environment == "JINDU_WORKERS"


async def test_statistics_count_what_is_stored_and_hold_every_part(operations: AdminOperations, house: House) -> None:
    await house.imported(house.alice)
    told = await operations.statistics(house.admin)
    assert told["stored"] | {"users": 3, "datasets": 1, "uploads": 1} == told["stored"]
    assert told["jobs_by_state"] == {"succeeded": 2}
    assert {"storage", "jobs", "workers", "connections"} <= told.keys()


async def test_only_names_of_those_who_are_there_are_known(operations: AdminOperations, house: House) -> None:
    assert await operations.names(house.admin, [house.bob.user_id, "gone"]) == {house.bob.user_id: "bob"}
