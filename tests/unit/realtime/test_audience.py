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
    assert [going.take(2) for _ in range(3)] == [range(2), range(2, 4), range(4, 5)]
    assert going.is_over


async def test_who_is_taken_out_before_their_turn_is_passed_over_and_afterwards_it_is_too_late() -> None:
    connections = people(4)
    going = Round(Audience(connections), Bundle(b"x"))
    assert going.take(1) == range(1)
    assert not going.take_out(connections[0])
    assert going.take_out(connections[2])
    assert not going.take_out(connections[2])
    assert list(going.rest()) == [connections[1], connections[3]]
    assert [going.take(10), going.take(10)] == [range(1, 2), range(3, 4)]
    assert going.is_over


async def test_nobody_is_left_when_the_last_were_taken_out() -> None:
    connections = people(3)
    going = Round(Audience(connections), Bundle(b"x"))
    for connection in connections[1:]:
        assert going.take_out(connection)
    assert [list(going.take(10)), list(going.take(10))] == [[0], []]
    assert going.is_over


async def test_each_has_counted_what_it_had_when_that_is_settled() -> None:
    connections = people(6)
    audience = Audience(connections)
    going = Round(audience, Bundle(b"x"))
    going.take(3)
    going.take_out(connections[4])  # gets it otherwise
    going.falls_behind(1)
    going.take(10)
    going.take(10)
    assert going.count() is audience
    for _ in range(2):
        audience.settle()
        assert [connection.sent for connection in connections] == [1, 0, 1, 1, 0, 1]


async def test_nothing_keeps_an_audience_of_which_somebody_left() -> None:
    connections = people(4)
    going = Round(Audience(connections), Bundle(b"x"))
    going.take(3)
    going.falls_behind(1)
    going.leaves(connections[0])
    assert connections[0].sent == 1
    going.take(10)
    assert going.count() is None
    assert [connection.sent for connection in connections] == [1, 0, 1, 1]


async def test_a_round_that_is_broken_off_counts_for_those_who_had_it() -> None:
    connections = people(4)
    going = Round(Audience(connections), Bundle(b"x"))
    going.take(3)
    going.falls_behind(0)
    going.count()
    assert [connection.sent for connection in connections] == [0, 1, 1, 0]


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
