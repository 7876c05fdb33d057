"""One's own browsers that tell things: a browser is one session, and nobody else sees or ends it."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest
from sqlalchemy import func, select

from server.auth.permissions import Principal, Scope
from server.delivery.push import PushTarget
from server.errors import Forbidden, InvalidInput, NotFound
from server.live.notice_kinds import NoticeKind
from server.operations.push import FIRST_KINDS, MOST_BROWSERS
from server.settings import Settings
from server.storage.tables import push_subscriptions
from tests.unit.engines.test_web_push import AUTH, P256DH
from tests.unit.operations.conftest import House, refused

TARGET = PushTarget(endpoint="https://fcm.googleapis.com/fcm/send/a", p256dh=P256DH, auth=AUTH)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, push_contact="mailto:ops@example.com")


async def signed_in(house: House, who: Principal) -> Principal:
    sessions = house.parts.auth.credentials.sessions
    session, _ = await sessions.start(who.user_id, user_agent="Firefox/1", address="")
    return replace(who, session_id=session.id)


def at(name: str) -> PushTarget:
    return msgspec.structs.replace(TARGET, endpoint=f"https://fcm.googleapis.com/fcm/send/{name}")


async def test_a_browser_is_subscribed_seen_changed_and_ended(house: House, alice: Principal) -> None:
    push, here = house.todo.push, await signed_in(house, alice)
    assert len(await push.key(here) or "") == 87
    made = await push.subscribe(here, TARGET)
    assert (made.host, made.kinds, made.is_current, made.is_paused) == ("fcm.googleapis.com", FIRST_KINDS, True, False)
    await push.choose(here, [NoticeKind.FAILED])
    again = await push.subscribe(here, at("renewed"))  # as browsers do now and then
    assert (again.id, again.kinds) == (made.id, {NoticeKind.FAILED})
    assert [each.id for each in await push.mine(alice)] == [again.id]
    await push.end(here, again.id)
    assert await push.mine(here) == []
    with pytest.raises(NotFound):
        await push.end(here, again.id)
    async with house.parts.storage.database.read() as connection:
        assert await connection.scalar(select(func.count()).select_from(push_subscriptions)) == 0
    assert {detail["fields"][0] for _, _, detail in await house.audited("account.change")} == {"push"}


async def test_nobody_else_sees_or_ends_it(house: House, alice: Principal, bob: Principal) -> None:
    push, hers, his = house.todo.push, await signed_in(house, alice), await signed_in(house, bob)
    made = await push.subscribe(hers, TARGET)
    for other in (his, house.admin):
        assert await push.mine(other) == []
        for ask in (push.one, push.end):
            with pytest.raises(NotFound):
                await ask(other, made.id)
    assert (await push.one(alice, made.id)).id == made.id
    await push.choose(his, [])
    assert (await push.mine(hers))[0].kinds == FIRST_KINDS


async def test_a_browser_tells_whoever_signed_in_there_last(house: House, alice: Principal, bob: Principal) -> None:
    push, hers, his = house.todo.push, await signed_in(house, alice), await signed_in(house, bob)
    await push.subscribe(hers, TARGET)
    await push.subscribe(his, TARGET)
    assert await push.mine(hers) == []
    assert len(await push.mine(his)) == 1


async def test_signing_out_ends_it(house: House, alice: Principal) -> None:
    push, here = house.todo.push, await signed_in(house, alice)
    await push.subscribe(here, TARGET)
    assert here.session_id
    await house.todo.sessions.end(alice, here.session_id)
    assert await push.mine(alice) == []
    with pytest.raises(NotFound):  # a request that was on its way
        await push.subscribe(here, TARGET)


async def test_tokens_and_too_many_and_what_is_no_push_service_are_refused(house: House, alice: Principal) -> None:
    push, here = house.todo.push, await signed_in(house, alice)
    with pytest.raises(Forbidden):
        await push.subscribe(replace(alice, token_id="t"), TARGET)
    with pytest.raises(Forbidden):
        await push.subscribe(replace(here, scopes=frozenset({Scope.READ})), TARGET)
    with refused(InvalidInput, fields=("endpoint",)):
        await push.subscribe(here, msgspec.structs.replace(TARGET, endpoint="https://169.254.169.254/x"))
    for number in range(MOST_BROWSERS):
        await push.subscribe(await signed_in(house, alice), at(str(number)))
    with refused(InvalidInput, "too_many_subscriptions"):
        await push.subscribe(here, TARGET)


async def test_where_nothing_is_set_up_it_is_said(house: House, alice: Principal) -> None:
    push, here = house.todo.push, await signed_in(house, alice)
    push._service._contact = ""  # type: ignore[attr-defined]
    assert not push.is_set_up
    assert await push.key(here) is None
    with refused(InvalidInput, "not_set_up"):
        await push.subscribe(here, TARGET)
