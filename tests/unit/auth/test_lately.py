"""What is done too often: by the newest times of each, and of as many as there is room for."""

from __future__ import annotations

from server.auth.lately import Lately


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_thirty_within_ten_seconds_are_many_and_are_forgotten() -> None:
    clock = Clock()
    guesses = Lately(most=30, within_seconds=10, clock=clock)
    for _ in range(30):
        assert guesses.seconds_to_wait("10.0.0.1") == 0
        guesses.add("10.0.0.1")
        clock.now += 0.3
    assert guesses.seconds_to_wait("10.0.0.1") > 0
    assert guesses.seconds_to_wait("10.0.0.2") == 0
    clock.now += 2
    assert guesses.seconds_to_wait("10.0.0.1") == 0


def test_as_many_are_remembered_as_there_is_room_for() -> None:
    guesses = Lately(most=30, within_seconds=10, clock=Clock())
    for number in range(10_100):
        for _ in range(30):
            guesses.add(str(number))
    assert guesses.seconds_to_wait("0") == 0
    assert guesses.seconds_to_wait("10099") > 0
