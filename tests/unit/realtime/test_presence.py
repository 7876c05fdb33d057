"""How a connection looks to people."""

from __future__ import annotations

import msgspec
import pytest

from server.realtime.presence import Presence, device_name, presence_of
from tests.unit.realtime.people import join, manager_of
from tests.waiting import flushed


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:130.0) Gecko/20100101 Firefox/130.0", "Firefox · Windows"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Chrome/130.0 Safari/537.36 Edg/130.0", "Edge · macOS"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_0) Version/17.0 Mobile Safari/604.1", "Safari · iPhone"),
        ("curl/8.5.0", "curl"),
        ("grpc-python-grpclib/0.4.9 (linux; cpython/3.11.7)", "Python"),
        ("grpc-node-js/1.14.0", "Node"),
        ("Nightly import " * 10, ("Nightly import " * 10)[:60]),
        ("", ""),
    ],
)
def test_a_device_is_named_as_far_as_its_header_tells(user_agent: str, name: str) -> None:
    assert device_name(user_agent) == name


async def test_it_counts_what_the_connection_counted() -> None:
    manager = manager_of()
    link = join(manager, "alice", "tab-1", transport="websocket")
    assert link.connection is not None
    manager.subscribe(link.connection, ["news"])
    manager.publish("news", {"type": "event", "event": "news", "data": 1})
    await flushed(manager)
    found = presence_of(link.connection)
    assert (found.user_id, found.client_id, found.sent, found.subscriptions) == ("alice", "tab-1", 1, 1)
    assert found.transport == "websocket"
    assert (found.held, found.unsent_bytes, found.dropped) == (0, 0, 0)


async def test_of_a_connection_at_a_node_of_an_older_version_all_else_is_known() -> None:
    link = join(manager_of(), "alice", transport="websocket")
    assert link.connection is not None
    told = msgspec.to_builtins(presence_of(link.connection))
    del told["transport"]
    found = msgspec.convert(told, Presence)
    assert (found.transport, found.user_name) == ("", presence_of(link.connection).user_name)
