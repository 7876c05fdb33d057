"""Guessing codes is stopped by account and by address, and nobody is locked out who is known."""

from __future__ import annotations

import pytest

from server.auth.code_throttle import ATTEMPTS, MANY, TURN_SECONDS, WINDOW_SECONDS, CodeAttempt, CodeThrottle
from server.errors import RateLimited


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def throttle(clock: Clock) -> CodeThrottle:
    return CodeThrottle(clock=clock)


def attempt(address: str = "192.0.2.1", *, user_id: str = "alice", device: str | None = None) -> CodeAttempt:
    return CodeAttempt(user_id=user_id, address=address, device=device)


def test_an_address_has_few_tries_at_an_account_and_others_have_theirs(throttle: CodeThrottle, clock: Clock) -> None:
    for _ in range(ATTEMPTS):
        throttle.begin(attempt())
    with pytest.raises(RateLimited):
        throttle.begin(attempt())
    throttle.begin(attempt("192.0.2.2"))
    throttle.begin(attempt(user_id="bob"))
    clock.now += WINDOW_SECONDS
    throttle.begin(attempt())


def test_a_right_code_starts_afresh(throttle: CodeThrottle) -> None:
    for _ in range(10 * MANY):
        throttle.begin(attempt())
        throttle.succeeded(attempt())


def test_many_addresses_together_have_one_try_in_ten_minutes(throttle: CodeThrottle, clock: Clock) -> None:
    for number in range(MANY):
        throttle.begin(attempt(f"198.51.100.{number}"))
    with pytest.raises(RateLimited) as refused:
        throttle.begin(attempt("203.0.113.1"))
    assert refused.value.retry_after_seconds == TURN_SECONDS
    clock.now += TURN_SECONDS
    throttle.begin(attempt("203.0.113.1"))
    with pytest.raises(RateLimited):
        throttle.begin(attempt("203.0.113.2"))
    throttle.begin(attempt("203.0.113.2", user_id="bob"))


def test_a_day_of_guessing_is_far_too_little(throttle: CodeThrottle, clock: Clock) -> None:
    tried = 0
    for number in range(86_400 // 10):
        clock.now += 10
        try:
            throttle.begin(attempt(f"2001:db8:{number:x}::1"))
        except RateLimited:
            continue
        tried += 1
    assert tried <= 175


def test_a_device_that_is_known_is_counted_by_itself(throttle: CodeThrottle) -> None:
    for number in range(2 * MANY):
        try:
            throttle.begin(attempt(f"198.51.100.{number}"))
        except RateLimited:
            continue
    for _ in range(ATTEMPTS):
        throttle.begin(attempt("198.51.100.1", device="laptop"))
    with pytest.raises(RateLimited):
        throttle.begin(attempt("203.0.113.9", device="laptop"))
    throttle.begin(attempt(device="phone"))
