"""Who is connected: each sees their own, administrators all, and what they close stays closed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from server.auth.permissions import Principal
from server.errors import Forbidden, InvalidInput, NotFound
from server.operations.connections import ConnectionOperations
from server.realtime.close_codes import CloseCode
from tests.unit.live.conftest import joined
from tests.unit.operations.conftest import House, refused
from tests.unit.realtime.links import MemoryLink
from tests.waiting import flushed


@pytest.fixture
def connections(house: House) -> ConnectionOperations:
    return house.todo.connections


async def joins(house: House, principal: Principal) -> MemoryLink:
    return await joined(house.parts.realtime, principal)


async def test_each_sees_their_own_and_administrators_all(connections: ConnectionOperations, house: House) -> None:
    links = [await joins(house, each) for each in (house.alice, house.bob, house.bob)]
    assert [each.user_name for each in await connections.own(house.bob)] == ["bob", "bob"]
    everybody = await connections.everybody(house.admin)
    assert [each.user_name for each in everybody.items] == ["alice", "bob", "bob"]
    with refused(Forbidden):
        await connections.everybody(house.alice)
    with refused(Forbidden):
        await connections.one(house.alice, everybody.items[0].connection_id)
    assert len(links) == everybody.total


async def test_many_come_page_by_page_and_what_opens_meanwhile_shifts_nothing(
    connections: ConnectionOperations, house: House
) -> None:
    links = [await joins(house, house.bob) for _ in range(3)]
    first = await connections.everybody(house.admin, limit=2)
    links.append(await joins(house, house.alice))
    rest = await connections.everybody(house.admin, limit=2, cursor=first.next_cursor)
    seen = [each.connection_id for each in (*first.items, *rest.items) if each.user_name == "bob"]
    assert seen == sorted(link.connection.id for link in links[:3] if link.connection)
    assert rest.next_cursor is None


async def test_one_is_found_by_name_address_or_device_however_it_is_written(
    connections: ConnectionOperations, house: House
) -> None:
    links = [await joins(house, replace(house.alice, address="192.0.2.44")), await joins(house, house.bob)]
    for q, names in (("ALI", ["alice"]), ("2.44", ["alice"]), ("nobody", []), ("", ["alice", "bob"])):
        found = await connections.everybody(house.admin, q=q)
        assert [each.user_name for each in found.items] == names
        assert found.total == len(names)
    assert links


async def test_a_closed_connection_is_told_why_and_is_in_the_audit_log(
    connections: ConnectionOperations, house: House, admin: Principal
) -> None:
    hers = await joins(house, house.alice)
    assert hers.connection
    await connections.close(admin, hers.connection.id, reason="left open in the hall")
    assert hers.closed_with is CloseCode.FORBIDDEN
    assert not hers.closed_with.may_reconnect
    assert "left open in the hall" in hers.reason
    ((who, subject, detail),) = await house.audited("connection.close")
    assert (who, subject, detail["reason"]) == ("admin", "alice", "left open in the hall")


async def test_nobody_else_closes_one_and_a_wrong_reason_closes_none(
    connections: ConnectionOperations, house: House, admin: Principal
) -> None:
    hers = await joins(house, house.alice)
    assert hers.connection
    with refused(Forbidden):
        await connections.close(house.bob, hers.connection.id)
    with refused(Forbidden):
        await connections.close(house.alice, hers.connection.id)
    for reason in ("x" * 101, "two\nlines"):
        with refused(InvalidInput, fields=("reason",)):
            await connections.close(admin, hers.connection.id, reason=reason)
    with refused(NotFound):
        await connections.close(admin, "gone")
    assert hers.closed_with is None
    assert await house.audited("connection.close") == []


async def test_everybody_is_told_whoever_is_away_later(connections: ConnectionOperations, house: House) -> None:
    hers = await joins(house, house.alice)
    told = await connections.broadcast(house.admin, title="Back soon", body="At noon.", level="warning", url="/jobs")
    await flushed(house.parts.realtime.manager)
    assert told == 3
    assert [message["title"] for message in hers.messages] == ["Back soon"]
    assert [one.title for one in (await house.todo.notifications.latest(house.bob)).items] == ["Back soon"]
    assert await house.audited("broadcast.send") == [("admin", "Back soon", {"level": "warning"})]


async def test_a_message_to_everybody_leads_nowhere_else(connections: ConnectionOperations, house: House) -> None:
    elsewhere = ("https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)")
    for url in (*elsewhere, "jobs", "/a\nb", "/" * 501):
        with refused(InvalidInput, fields=("url",)):
            await connections.broadcast(house.admin, title="Look", body="", level="info", url=url)


async def test_a_message_to_everybody_says_something_and_not_too_much(
    connections: ConnectionOperations, house: House
) -> None:
    with refused(InvalidInput, fields=("title", "body", "level")):
        await connections.broadcast(house.admin, title=" ", body="x" * 2001, level="loud", url="")
    with refused(InvalidInput, fields=("title",)):
        await connections.broadcast(house.admin, title="a\x00b", body="", level="info", url="")
    with refused(Forbidden):
        await connections.broadcast(house.alice, title="Hello", body="", level="info", url="")
    assert await house.audited("broadcast.send") == []
    assert (await house.todo.notifications.latest(house.bob)).items == []
