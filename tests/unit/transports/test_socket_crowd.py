"""Writing past the transports of many sockets: only while each descriptor is still its socket's."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from server.realtime.connection import BUSY_BYTES
from server.transports.mass_writer import MassWriter
from server.transports.socket_crowd import THROUGH_TRANSPORT, SocketCrowd, SocketGroup


class Transport(asyncio.Transport):
    """What a socket's transport was given, and how much of it waits."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.waiting_bytes = 0
        self.closes = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data

    def is_closing(self) -> bool:
        return self.closes

    def get_write_buffer_size(self) -> int:
        return self.waiting_bytes


class Counting(MassWriter):
    """Notes what is written past transports."""

    def __init__(self) -> None:
        super().__init__(None)
        self.calls: list[int] = []  # how many sockets each wrote to

    def write(self, descriptors: array[int], data: bytes) -> dict[int, int]:
        self.calls.append(len(descriptors))
        return super().write(descriptors, data)


@dataclass(eq=False)
class Person:
    """One end is ours, the other theirs."""

    ours: socket.socket
    theirs: socket.socket
    transport: Transport = field(default_factory=Transport)
    descriptor: int = 0

    def buffered_bytes(self) -> int:
        return self.transport.get_write_buffer_size()

    def has_read(self) -> bytes:
        try:
            return self.theirs.recv(1000)
        except BlockingIOError:
            return b""


def new_person() -> Person:
    ours, theirs = socket.socketpair()
    for end in (ours, theirs):
        end.setblocking(False)
    return Person(ours, theirs, descriptor=ours.fileno())


@pytest.fixture
def people() -> Iterator[list[Person]]:
    found = [new_person() for _ in range(5)]
    yield found
    for person in found:
        person.ours.close()
        person.theirs.close()


def crowd_of(people: list[Person]) -> tuple[SocketCrowd, SocketGroup]:
    crowd = SocketCrowd(Counting())
    for person in people:
        crowd.add(person)
    return crowd, SocketGroup(crowd, people)


def test_all_are_written_past_their_transports_and_a_part_of_them_too(people: list[Person]) -> None:
    _, group = crowd_of(people)
    assert list(group.write(b"all", 0, 5)) == []
    assert list(group.write(b"two", 1, 3)) == []
    assert [person.has_read() for person in people] == [b"all", b"alltwo", b"alltwo", b"all", b"all"]
    assert not any(person.transport.written for person in people)


def test_a_descriptor_that_belongs_to_somebody_else_by_now_is_not_written_to(people: list[Person]) -> None:
    crowd, group = crowd_of(people)
    group.write(b"first", 0, 5)
    gone, number = people[2], people[2].descriptor
    gone.transport.closes = True
    crowd.lost()
    gone.ours.close()
    stranger = new_person()
    assert stranger.descriptor == number  # the lowest that is free
    assert list(group.write(b"secret", 0, 5)) == []
    assert list(group.write(b"more", 2, 4)) == []
    assert stranger.has_read() == b""
    assert [person.has_read() for person in people if person is not gone] == [b"firstsecret"] * 2 + [
        b"firstsecretmore",
        b"firstsecret",
    ]
    stranger.ours.close()
    stranger.theirs.close()


def test_only_neighbours_of_a_lost_one_are_written_to_one_by_one(people: list[Person]) -> None:
    crowd, group = crowd_of(people)
    people[0].transport.closes = True
    crowd.lost()
    counting = crowd._writer
    assert isinstance(counting, Counting)
    group.write(b"news", 0, 2)
    group.write(b"news", 2, 5)
    assert counting.calls == [1, 3]
    assert [person.has_read() for person in people] == [b""] + [b"news"] * 4


def test_another_group_of_the_rest_is_written_to_as_before(people: list[Person]) -> None:
    crowd, group = crowd_of(people)
    group.write(b"first", 0, 5)
    people[2].transport.closes = True
    crowd.lost()
    rest = [person for person in people if person is not people[2]]
    SocketGroup(crowd, rest).write(b"second", 0, 4)
    assert [person.has_read() for person in rest] == [b"firstsecond"] * 4
    assert people[2].has_read() == b"first"


def test_who_has_something_buffered_gets_it_after_that_and_who_has_too_much_is_named(people: list[Person]) -> None:
    crowd, group = crowd_of(people)
    group.write(b"-", 0, 5)
    for person, waiting_bytes in ((people[1], 10), (people[3], BUSY_BYTES + 1)):
        crowd.write_through(person, b"long")
        person.transport.waiting_bytes = waiting_bytes
    assert list(group.write(b"news", 0, 5)) == [3]
    assert list(group.write(b"news", 3, 5)) == [3]
    assert [person.transport.written for person in people] == [b"", b"longnews", b"", b"long", b""]
    people[1].transport.waiting_bytes = people[3].transport.waiting_bytes = 0
    assert list(group.write(b"again", 0, 5)) == []
    assert [person.has_read() for person in people] == [
        b"-newsagain",
        b"-again",
        b"-newsagain",
        b"-again",
        b"-newsnewsagain",
    ]


def test_one_that_closes_while_something_is_buffered_is_written_nothing_more(people: list[Person]) -> None:
    crowd, group = crowd_of(people)
    group.write(b"-", 0, 5)
    crowd.write_through(people[1], b"long")
    people[1].transport.waiting_bytes = 10
    assert list(group.write(b"news", 0, 5)) == []
    people[1].transport.closes = True
    for _ in range(2):
        assert list(group.write(b"more", 0, 5)) == []
    assert (people[1].transport.written, people[1].has_read()) == (b"longnews", b"-")
    assert people[2].has_read() == b"-newsmoremore"


def test_what_a_socket_does_not_take_goes_to_its_transport(people: list[Person]) -> None:
    _, group = crowd_of(people)
    with contextlib.suppress(BlockingIOError):
        while people[4].ours.send(b"-" * 65_536):
            pass
    assert list(group.write(b"news", 0, 5)) == []
    assert people[4].transport.written == b"news"


def test_encrypted_ones_are_written_to_through_their_transports(people: list[Person]) -> None:
    people[0].descriptor = THROUGH_TRANSPORT
    _, group = crowd_of(people)
    assert list(group.write(b"news", 0, 5)) == []
    assert (people[0].transport.written, people[0].has_read()) == (b"news", b"")
    assert [person.has_read() for person in people[1:]] == [b"news"] * 4


def test_as_long_as_none_is_lost_and_nothing_waits_no_transport_is_looked_at(people: list[Person]) -> None:
    crowd, group = crowd_of(people)
    group.write(b"first", 0, 5)
    people[0].transport.closes = True  # closes, but is not lost: its descriptor is still its own
    assert list(group.write(b"second", 0, 5)) == []
    assert people[0].has_read() == b"firstsecond"
    crowd.lost()
    group.write(b"third", 0, 5)
    assert people[0].has_read() == b""
    assert people[1].has_read() == b"firstsecondthird"
