"""Nobody finds out who has an account by trying names."""

from __future__ import annotations

import pytest

from server.auth.name_tries import NameTries
from server.errors import RateLimited


class Clock:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_after_ten_names_in_use_the_next_must_wait_a_quarter_of_an_hour() -> None:
    clock = Clock()
    tries = NameTries(clock=clock)
    for _ in range(10):
        tries.require_patience("vera")
        tries.failed("vera")
        clock.seconds += 10
    with pytest.raises(RateLimited) as refused:
        tries.require_patience("vera")
    assert refused.value.retry_after_seconds == 800
    tries.require_patience("bob")
    clock.seconds += 799
    with pytest.raises(RateLimited):
        tries.require_patience("vera")
    clock.seconds += 1
    tries.require_patience("vera")
    tries.failed("vera")
    with pytest.raises(RateLimited):
        tries.require_patience("vera")
