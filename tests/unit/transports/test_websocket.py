"""Who sends too much again and again, and how long they stay out."""

from __future__ import annotations

from server.transports.websocket import Floods


def test_whoever_comes_back_to_flood_waits_and_nobody_else_does() -> None:
    now = 100.0
    floods = Floods(clock=lambda: now)
    for number in range(5):
        assert floods.seconds_to_wait("mallory") == 0, number
        floods.add("mallory")
        now += 1
    assert floods.seconds_to_wait("mallory") == 25
    assert floods.seconds_to_wait("bob") == 0
    now += 25
    assert floods.seconds_to_wait("mallory") == 0


def test_closures_far_apart_are_no_flood() -> None:
    now = 0.0
    floods = Floods(clock=lambda: now)
    for _ in range(20):
        floods.add("mallory")
        now += 31
        assert floods.seconds_to_wait("mallory") == 0
