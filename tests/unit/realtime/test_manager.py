"""Who is connected, who gives way, and whom a message reaches, in which words."""

from __future__ import annotations

import pytest

from server.auth.permissions import Role
from server.realtime.close_codes import CloseCode
from server.realtime.connection import Connection
from server.realtime.manager import Refused
from server.realtime.wording import Wording
from tests.unit.realtime.links import MemoryLink
from tests.unit.realtime.people import join, manager_of, person
from tests.waiting import flushed

NEWS = {"type": "event", "event": "news", "data": 1}


async def test_a_message_to_a_user_reaches_all_their_connections_and_nobody_else() -> None:
    manager = manager_of()
    tabs, his = [join(manager, "alice", "a"), join(manager, "alice", "b")], join(manager, "bob")
    assert manager.send_json_to_user("alice", NEWS) == 2
    assert manager.send_json_to_user("carol", NEWS) == 0
    await flushed(manager)
    for tab in tabs:
        (message,) = tab.messages
        assert message["timestamp"]
        assert message | NEWS == message
    assert his.messages == []


async def test_a_wording_is_written_once_for_each_language_that_is_read() -> None:
    manager = manager_of()
    links = [join(manager, "alice", f"tab{n}", language=language) for n, language in enumerate(["en", "zh-CN", "en"])]
    written: list[str] = []

    def write(language: str) -> dict[str, str]:
        written.append(language)
        return {"type": "event", "data": language}

    assert manager.broadcast_json(Wording(write)) == 3
    await flushed(manager)
    assert [link.messages[0]["data"] for link in links] == ["en", "zh-CN", "en"]
    assert written == ["en", "zh-CN"]
    manager.send_json_to_user("bob", Wording(write))
    assert written == ["en", "zh-CN"]  # nobody reads it


async def test_a_kept_broadcast_goes_to_those_it_was_kept_for_each_with_their_offset() -> None:
    manager = manager_of()
    hers, his, new = join(manager, "alice"), join(manager, "bob"), join(manager, "carol")
    wording = Wording(lambda language: {"type": "notification", "title": "All"})
    assert manager.broadcast_json(wording, offsets={"alice": 3, "bob": 8, "away": 1}) == 2
    await flushed(manager)
    assert [link.messages[0]["offset"] for link in (hers, his)] == [3, 8]
    assert new.messages == []


async def test_what_has_an_owner_is_published_to_those_who_may_see_it() -> None:
    manager = manager_of()
    links = {name: join(manager, name) for name in ("alice", "bob")}
    links["chief"] = join(manager, "chief", role=Role.ADMIN)
    for link in links.values():
        assert link.connection is not None
        manager.subscribe(link.connection, ["news"])
    assert manager.publish("news", NEWS, owner_id="alice") == 2
    assert manager.publish("news", NEWS) == 3
    assert manager.publish("other", NEWS) == 0
    await flushed(manager)
    assert {name: len(link.messages) for name, link in links.items()} == {"alice": 2, "bob": 1, "chief": 2}


async def test_a_newer_connection_of_the_same_client_takes_the_place_of_the_older() -> None:
    manager = manager_of(connections_per_user=1)
    older = join(manager, "alice")
    newer = join(manager, "alice")
    assert (older.closed_with, newer.closed_with) == (CloseCode.REPLACED, None)
    assert older.connection is not None
    manager.disconnect(older.connection)  # its handler ends later
    assert manager.connections_of("alice") == [newer.connection]


async def test_past_the_limits_nobody_is_let_in_and_while_draining_nobody_at_all() -> None:
    manager = manager_of(connections=2, connections_per_user=1)
    hers = join(manager, "alice")
    with pytest.raises(Refused) as refused:
        join(manager, "alice", "other")
    assert refused.value.code is CloseCode.CONNECTION_LIMIT
    his = join(manager, "bob")
    with pytest.raises(Refused):
        join(manager, "carol")
    assert (hers.closed_with, his.closed_with) == (None, None)
    manager.let_nobody_in()
    with pytest.raises(Refused) as refused:
        join(manager, "alice")
    assert refused.value.code is CloseCode.DRAINING


async def test_watchers_hear_of_each_who_comes_and_goes() -> None:
    manager = manager_of()
    seen: list[tuple[str, bool]] = []

    def watch(connection: Connection) -> None:
        seen.append((connection.user_id, connection.id in manager.active_connections))

    manager.watch(watch)
    link = join(manager, "alice")
    assert link.connection is not None
    with manager.membership(link.connection):
        assert manager.is_connected("alice")
    assert not manager.is_connected("alice")
    assert seen == [("alice", True), ("alice", False)]


async def test_whoever_is_silent_is_pinged_and_then_dropped() -> None:
    """But nobody who was not asked, however long it was: the server itself may have stood still for a minute."""
    manager = manager_of(ping_interval_seconds=10, pong_timeout_seconds=5)
    links = [join(manager, name) for name in ("fresh", "silent", "gone", "there")]
    connections = [link.connection for link in links if link.connection is not None]
    for connection, seconds in zip(connections, (1, 11, 60, 60), strict=True):
        connection.heard_at -= seconds
    await manager.sweep()
    assert [link.pings for link in links] == [0, 1, 1, 1]
    connections[3].heard()
    connections[2].asked_at -= 6
    await manager.sweep()
    assert [link.closed_with for link in links] == [None, None, CloseCode.NO_PONG, None]
    assert [link.pings for link in links] == [0, 1, 1, 1]


async def test_statistics_remember_those_who_have_gone() -> None:
    manager = manager_of()
    link = join(manager, "alice")
    assert link.connection is not None
    manager.subscribe(link.connection, ["news"])
    manager.publish("news", NEWS)
    await flushed(manager)
    assert manager.statistics().subscriptions == 1
    link.connection.close(CloseCode.SIGNED_OUT)
    manager.disconnect(link.connection)
    found = manager.statistics()
    assert (found.connections, found.users, found.subscriptions, found.sent) == (0, 0, 0, 1)
    assert found.closed == {"signed_out": 1}


async def test_presence_tells_one_users_connections_or_everybodys_the_oldest_first() -> None:
    manager = manager_of()
    links = [join(manager, "alice", "a"), join(manager, "bob"), join(manager, "alice", "b")]
    assert [each.client_id for each in manager.presence("alice")] == ["a", "b"]
    assert len(manager.presence()) == len(links)
    assert person("alice").user_id == "alice"


def test_one_that_was_let_in_late_does_not_replace_the_newer_of_its_client() -> None:
    manager = manager_of()
    links = [MemoryLink(), MemoryLink()]
    late, newer = [
        manager.new_connection(client_id="tab", principal=person("alice"), language="en", link=link) for link in links
    ]
    manager.connect(newer)
    with pytest.raises(Refused) as refused:
        manager.connect(late)
    assert refused.value.code is CloseCode.REPLACED
    assert newer.closed_with is None
