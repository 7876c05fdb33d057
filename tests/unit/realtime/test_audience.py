"""A message on its way to many: each has a turn, and single ones can be taken out before theirs."""

from __future__ import annotations

from server.realtime.audience import Audience, Round
from server.realtime.bundle import Bundle
from server.realtime.connection import Connection
from tests.unit.realtime.people import join, manager_of


def people(count: int) -> list[Connection]:
    manager = manager_of()
    found = [join(manager, f"user{number}").connection for number in range(count)]
    return [connection for connection in found if connection is not None]


async def test_each_has_one_turn_in_order() -> None:
    connections = people(5)
    going = Round(Audience(connections), Bundle(b"x"))
    taken = [list(going.take(2)[0]) for _ in range(3)]
    assert taken == [connections[:2], connections[2:4], connections[4:]]
    assert going.is_over


async def test_who_is_taken_out_before_their_turn_is_passed_over_and_afterwards_it_is_too_late() -> None:
    connections = people(4)
    going = Round(Audience(connections), Bundle(b"x"))
    assert list(going.take(1)[0]) == connections[:1]
    assert not going.take_out(connections[0])
    assert going.take_out(connections[2])
    assert not going.take_out(connections[2])
    assert list(going.rest()) == [connections[1], connections[3]]
    taken, links = going.take(10)
    assert list(taken) == [connections[1], connections[3]]
    assert list(links) == [connection.link for connection in taken]


async def test_a_stranger_has_no_place_in_it() -> None:
    *members, stranger = people(3)
    audience = Audience(members)
    assert [audience.place(member) for member in members] == [0, 1]
    assert audience.place(stranger) == -1
    assert not Round(audience, Bundle(b"x")).take_out(stranger)


async def test_it_grows_only_before_the_first_turn_and_only_when_all_get_the_same_bytes() -> None:
    connections = people(2)
    audience, same_people = Audience(connections), Audience(connections)
    going = Round(audience, Bundle(b"x"))
    assert going.can_grow_for(audience)
    assert not going.can_grow_for(same_people)
    going.take(1)
    assert not going.can_grow_for(audience)
    connections[0].takes_arrays = True
    arrays = Audience(connections)
    assert not Round(arrays, Bundle(b"x")).can_grow_for(arrays)


async def test_what_is_left_of_it_counts_as_unsent() -> None:
    going = Round(Audience(people(3)), Bundle(b"12345"))
    assert going.unsent_bytes() == 15
    going.take(2)
    assert going.unsent_bytes() == 5
