"""One client's link: what is queued, what is replaced, and when patience ends."""

from __future__ import annotations

import msgspec

from server.realtime import protocol
from server.realtime.close_codes import CloseCode
from server.realtime.connection import BUSY_BYTES, Connection
from tests.unit.realtime.links import MemoryLink
from tests.unit.realtime.people import join, manager_of


def connected(**limits: int) -> tuple[Connection, MemoryLink]:
    link = join(manager_of(**limits), "alice")
    assert link.connection is not None
    return link.connection, link


def frame(number: int, size: int = 0) -> bytes:
    return msgspec.json.encode({"type": "event", "number": number, "filling": "x" * size})


def numbers(link: MemoryLink) -> list[int]:
    return [message["number"] for message in link.messages]


async def test_while_the_peer_is_behind_the_newest_of_a_key_replaces_the_older_ones() -> None:
    connection, link = connected()
    link.buffered = BUSY_BYTES + 1
    for number in range(3):
        connection.queue(frame(number), "job")
    connection.queue(frame(3))
    assert connection.flush()
    assert link.messages == []
    link.buffered = 0
    assert not connection.flush()
    assert numbers(link) == [2, 3]
    assert connection.outbox.conflated == 2


async def test_with_too_much_unsent_it_is_closed_and_counts_what_it_dropped() -> None:
    connection, link = connected(unsent_bytes=10_000)
    link.buffered = BUSY_BYTES + 1
    connection.queue(frame(1))
    assert link.closed_with is CloseCode.SLOW_CONSUMER
    assert connection.dropped == 1
    connection.queue(frame(2))
    assert not connection.outbox


async def test_what_a_client_asked_for_is_not_held_against_it() -> None:
    connection, link = connected(unsent_bytes=10_000)
    connection.queue_recovered([frame(number, size=9_000) for number in range(5)])
    assert link.closed_with is None
    connection.flush()
    assert numbers(link) == list(range(5))
    assert connection.recovered == 5


async def test_a_client_that_takes_arrays_gets_what_waits_in_one_frame() -> None:
    connection, link = connected()
    connection.takes_arrays = True
    connection.queue(frame(1))
    connection.queue(frame(2))
    connection.flush()
    assert len(link.frames) == 1
    assert numbers(link) == [1, 2]


async def test_the_reason_of_a_close_is_the_last_thing_that_is_sent() -> None:
    connection, link = connected()
    connection.queue(frame(1))
    connection.close(CloseCode.FORBIDDEN, "closed by an administrator")
    connection.send(protocol.Pong(timestamp="t"))
    assert numbers(link) == [1]
    assert (link.closed_with, link.reason) == (CloseCode.FORBIDDEN, "closed by an administrator")
