"""Sign-in attempts: who guesses must wait, whoever shares a name or an address with them is only slowed down."""

from __future__ import annotations

import contextlib

import pytest

from server.auth.throttle import ADDRESS_TURN_SECONDS, MANY, NAME_TURN_SECONDS, WINDOW_SECONDS, Attempt, LoginThrottle
from server.errors import RateLimited

ATTEMPTS = 3


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
    return LoginThrottle(ATTEMPTS, now)


def at(name: str, address: str = "192.0.2.1", device: str | None = None) -> Attempt:
    return Attempt(name_key=name, address=address, device=device)


def besiege(throttle: LoginThrottle, name: str) -> None:
    """So many failures at a name, from as many addresses, that it is guessed from everywhere."""
    for number in range(ATTEMPTS * MANY):
        throttle.begin(at(name, f"198.51.100.{number}"))


def test_an_address_waits_for_the_name_that_it_guesses(throttle: LoginThrottle) -> None:
    for _ in range(ATTEMPTS):
        throttle.begin(at("alice"))
    with pytest.raises(RateLimited) as caught:
        throttle.begin(at("alice"))
    assert caught.value.retry_after_seconds == WINDOW_SECONDS
    throttle.begin(at("alice", "192.0.2.9"))  # whose name it is
    throttle.begin(at("bob"))  # who has the same address


@pytest.mark.parametrize(
    ("first", "second", "is_one"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("fe80::1%eth0", "fe80::2", True),
        ("", "", True),
    ],
)
def test_addresses_of_one_network_count_as_one(throttle: LoginThrottle, first: str, second: str, is_one: bool) -> None:
    for _ in range(ATTEMPTS):
        throttle.begin(at("alice", first))
    with pytest.raises(RateLimited) if is_one else contextlib.nullcontext():
        throttle.begin(at("alice", second))


def test_a_name_that_is_guessed_from_everywhere_is_slow_and_not_locked(throttle: LoginThrottle, now: Seconds) -> None:
    besiege(throttle, "alice")
    with pytest.raises(RateLimited) as caught:
        throttle.begin(at("alice", "192.0.2.9"))
    assert caught.value.retry_after_seconds == NAME_TURN_SECONDS
    throttle.begin(at("bob", "192.0.2.9"))
    now.value += NAME_TURN_SECONDS
    throttle.begin(at("alice", "192.0.2.9"))
    now.value += NAME_TURN_SECONDS
    with pytest.raises(RateLimited) as caught:  # one try each
        throttle.begin(at("alice", "192.0.2.9"))
    assert caught.value.retry_after_seconds > WINDOW_SECONDS / 2
    throttle.begin(at("alice", "192.0.2.10"))


def test_an_address_that_guesses_many_names_is_slow_and_not_locked(throttle: LoginThrottle, now: Seconds) -> None:
    for number in range(ATTEMPTS * MANY):
        throttle.begin(at(f"name-{number}"))
    with pytest.raises(RateLimited) as caught:
        throttle.begin(at("alice"))
    assert caught.value.retry_after_seconds == ADDRESS_TURN_SECONDS
    throttle.begin(at("alice", "192.0.2.2"))
    now.value += ADDRESS_TURN_SECONDS
    throttle.begin(at("alice"))


def test_a_known_device_always_gets_its_try(throttle: LoginThrottle) -> None:
    besiege(throttle, "alice")
    for number in range(ATTEMPTS * MANY):
        with contextlib.suppress(RateLimited):
            throttle.begin(at(f"name-{number}"))
    for _ in range(ATTEMPTS):
        throttle.begin(at("alice", device="laptop"))
    with pytest.raises(RateLimited):  # but is no way to guess on
        throttle.begin(at("alice", "192.0.2.77", device="laptop"))
    throttle.begin(at("alice", device="phone"))


def test_all_addresses_together_guess_no_more_than_is_said(throttle: LoginThrottle, now: Seconds) -> None:
    tried = 0
    for number in range(4 * int(WINDOW_SECONDS)):  # a new address four times a second
        with contextlib.suppress(RateLimited):
            throttle.begin(at("alice", f"2001:db8:{number:x}::1"))
            tried += 1
        now.value += 0.25
    assert tried <= ATTEMPTS * MANY + WINDOW_SECONDS / NAME_TURN_SECONDS


def test_after_the_window_one_may_try_again(throttle: LoginThrottle, now: Seconds) -> None:
    for _ in range(ATTEMPTS):
        throttle.begin(at("alice"))
    now.value += WINDOW_SECONDS
    throttle.begin(at("alice"))


def test_success_is_not_held_against_anybody(throttle: LoginThrottle) -> None:
    for _ in range(ATTEMPTS * MANY * 2):
        throttle.begin(at("alice"))
        throttle.succeeded(at("alice"))


def test_success_with_one_name_does_not_clear_others(throttle: LoginThrottle) -> None:
    for _ in range(ATTEMPTS):
        throttle.begin(at("alice"))
    throttle.begin(at("mallory"))
    throttle.succeeded(at("mallory"))
    with pytest.raises(RateLimited):
        throttle.begin(at("alice"))


def test_many_failures_are_worth_telling_once_an_hour(throttle: LoginThrottle, now: Seconds) -> None:
    told = []
    for number in range(ATTEMPTS * 3):
        attempt = at("alice", f"192.0.2.{number}")
        throttle.begin(attempt)
        told.append(throttle.is_worth_telling(attempt))
    assert told == [number == ATTEMPTS - 1 for number in range(ATTEMPTS * 3)]
    now.value += 3_600
    for number in range(ATTEMPTS):
        throttle.begin(at("alice", f"192.0.2.{number}"))
    assert throttle.is_worth_telling(at("alice"))
    assert not throttle.is_worth_telling(at("bob"))


def test_made_up_names_do_not_fill_the_memory_nor_make_it_forget_a_siege(throttle: LoginThrottle) -> None:
    besiege(throttle, "alice")
    for number in range(30_000):
        throttle.begin(at(f"name-{number}", f"2001:db8:{number:x}::1"))
    assert len(throttle._times) <= 20_003
    with pytest.raises(RateLimited):
        throttle.begin(at("alice", "192.0.2.9"))
