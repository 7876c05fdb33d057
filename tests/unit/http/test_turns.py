"""Who tries out cookies and tokens: the thirty-first within ten seconds waits, and nobody of another network."""

from __future__ import annotations

from server.http.turns import Guesses


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_thirty_within_ten_seconds_are_many_and_are_forgotten() -> None:
    clock = Clock()
    guesses = Guesses(clock)
    for _ in range(30):
        assert not guesses.are_many("10.0.0.1")
        guesses.add("10.0.0.1")
        clock.now += 0.3
    assert guesses.are_many("10.0.0.1")
    assert not guesses.are_many("10.0.0.2")
    clock.now += 2
    assert not guesses.are_many("10.0.0.1")


def test_as_many_networks_are_remembered_as_there_is_room_for() -> None:
    guesses = Guesses(Clock())
    for number in range(10_100):
        for _ in range(30):
            guesses.add(str(number))
    assert not guesses.are_many("0")
    assert guesses.are_many("10099")
