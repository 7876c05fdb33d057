"""Sign-in attempts: limited per name and per address, for five minutes, in bounded memory."""

from __future__ import annotations

import pytest

from server.auth.throttle import WINDOW_SECONDS, LoginThrottle
from server.errors import RateLimited


class Seconds:
    def __init__(self) -> None:
        self.value = 1000.0

    def __call__(self) -> float:
        return self.value


@pytest.fixture
def now() -> Seconds:
    return Seconds()


@pytest.fixture
def throttle(now: Seconds) -> LoginThrottle:
    return LoginThrottle(3, now)


def test_a_name_waits_wherever_the_attempts_come_from(throttle: LoginThrottle) -> None:
    for number in range(3):
        throttle.begin("alice", f"192.0.2.{number}")
    with pytest.raises(RateLimited) as caught:
        throttle.begin("alice", "192.0.2.9")
    assert caught.value.retry_after_seconds == WINDOW_SECONDS
    throttle.begin("bob", "192.0.2.9")


def test_an_address_waits_whatever_name_it_tries(throttle: LoginThrottle) -> None:
    for name in ("a", "b", "c"):
        throttle.begin(name, "192.0.2.1")
    with pytest.raises(RateLimited):
        throttle.begin("d", "192.0.2.1")
    throttle.begin("d", "192.0.2.2")


def test_after_the_window_one_may_try_again(throttle: LoginThrottle, now: Seconds) -> None:
    for _ in range(3):
        throttle.begin("alice", "192.0.2.1")
    now.value += WINDOW_SECONDS
    throttle.begin("alice", "192.0.2.1")


def test_success_is_not_held_against_anybody(throttle: LoginThrottle) -> None:
    for _ in range(20):
        throttle.begin("alice", "192.0.2.1")
        throttle.succeeded("alice", "192.0.2.1")


def test_success_with_one_name_does_not_clear_the_address(throttle: LoginThrottle) -> None:
    for name in ("a", "b"):
        throttle.begin(name, "192.0.2.1")
    throttle.begin("mallory", "192.0.2.1")
    throttle.succeeded("mallory", "192.0.2.1")
    throttle.begin("c", "192.0.2.1")
    with pytest.raises(RateLimited):
        throttle.begin("d", "192.0.2.1")


def test_made_up_names_do_not_fill_the_memory(throttle: LoginThrottle) -> None:
    for number in range(30_000):
        throttle.begin(f"name-{number}", f"address-{number}")
    assert len(throttle._times) <= 20_002
