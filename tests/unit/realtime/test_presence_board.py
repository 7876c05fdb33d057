"""Who watches presence learns who came and went: users of their own, administrators of all."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from server.auth.permissions import Role
from server.engines.memory_broker import MemoryBroker
from server.realtime import presence_board
from server.realtime.broker import EVERYBODY, Hearing, PresenceChanged
from server.realtime.delivery import Delivery
from server.realtime.manager import ConnectionManager
from server.realtime.presence_board import ADMIN_PRESENCE, OWN_PRESENCE, PresenceBoard
from server.realtime.presences import LocalPresences
from tests.unit.realtime.links import MemoryLink
from tests.unit.realtime.people import join, manager_of
from tests.waiting import until


@pytest.fixture
async def manager(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ConnectionManager]:
    """With a board that gathers for a moment only."""
    monkeypatch.setattr(presence_board, "_GATHER_SECONDS", 0.01)
    manager, broker = manager_of(), MemoryBroker()
    board = PresenceBoard(manager=manager, broker=broker, presences=LocalPresences(manager))
    await broker.open(Hearing(receive=Delivery(manager, {PresenceChanged: board.deliver}).receive))
    await broker.join(EVERYBODY)
    yield manager
    board.close()


def watching(manager: ConnectionManager, name: str, event: str, *, role: Role = Role.EDITOR) -> MemoryLink:
    link = join(manager, name, "watching", role=role)
    assert link.connection is not None
    manager.subscribe(link.connection, [event])
    return link


async def told(link: MemoryLink, *, client_ids: set[str]) -> None:
    """Wait until somebody was told of exactly these connections of their own."""
    await until(lambda: not (not link.messages or _own(link) != client_ids), seconds=5)


def _own(link: MemoryLink) -> set[str]:
    return {each["client_id"] for each in link.messages[-1]["data"]["connections"]}


async def test_users_see_their_own_connections_come_and_go_and_nobody_elses(manager: ConnectionManager) -> None:
    hers, his = watching(manager, "alice", OWN_PRESENCE), watching(manager, "bob", OWN_PRESENCE)
    await told(hers, client_ids={"watching"})
    other = join(manager, "alice", "phone")
    await told(hers, client_ids={"watching", "phone"})
    assert other.connection is not None
    manager.disconnect(other.connection)
    await told(hers, client_ids={"watching"})
    await told(his, client_ids={"watching"})


async def test_administrators_see_who_came_and_who_went(manager: ConnectionManager) -> None:
    chief = watching(manager, "chief", ADMIN_PRESENCE, role=Role.ADMIN)
    link = join(manager, "alice", "phone")
    assert link.connection is not None
    await until(lambda: chief.messages, seconds=5)
    (message,) = chief.messages
    assert {each["user_name"] for each in message["data"]["joined"]} == {"alice", "chief"}
    assert (message["data"]["connections"], message["data"]["users"], message["data"]["more"]) == (2, 2, False)
    manager.disconnect(link.connection)
    await until(lambda: len(chief.messages) >= 2, seconds=5)
    assert chief.messages[1]["data"]["left"] == [link.connection.id]


async def test_who_came_and_went_at_once_is_told_to_have_left_since_a_list_may_show_them(
    manager: ConnectionManager,
) -> None:
    chief = watching(manager, "chief", ADMIN_PRESENCE, role=Role.ADMIN)
    link = join(manager, "alice", "phone")
    assert link.connection is not None
    manager.disconnect(link.connection)
    await until(lambda: chief.messages, seconds=5)
    (message,) = chief.messages
    assert message["data"]["left"] == [link.connection.id]
    assert [each["user_name"] for each in message["data"]["joined"]] == ["chief"]


async def test_of_very_many_at_once_only_some_are_named(
    manager: ConnectionManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presence_board, "_TOLD_AT_ONCE", 2)
    chief = watching(manager, "chief", ADMIN_PRESENCE, role=Role.ADMIN)
    links = [join(manager, f"user{number}") for number in range(5)]
    await until(lambda: chief.messages, seconds=5)
    (message,) = chief.messages
    assert (len(message["data"]["joined"]), message["data"]["more"]) == (2, True)
    assert message["data"]["connections"] == 1 + len(links)
