"""The rate limit: a burst passes, a flood is warned of, then closed."""

from __future__ import annotations

from server.realtime.limits import RateLimit, RateVerdict


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def limit(clock: Clock) -> RateLimit:
    return RateLimit(per_second=20.0, burst=40, clock=clock)


def test_burst_passes_and_then_as_many_as_refill() -> None:
    clock = Clock()
    bucket = limit(clock)
    assert [bucket.take() for _ in range(40)] == [RateVerdict.PASS] * 40
    assert bucket.take() is RateVerdict.WARN
    clock.now += 0.1
    assert [bucket.take() for _ in range(2)] == [RateVerdict.PASS] * 2
    assert bucket.take() is RateVerdict.DROP


def test_breach_that_goes_on_for_five_seconds_is_closed() -> None:
    clock = Clock()
    bucket = limit(clock)
    verdicts = []
    while RateVerdict.CLOSE not in verdicts:
        verdicts.append(bucket.take())
        clock.now += 0.01
        assert clock.now < 1010
    assert clock.now > 1005
    assert verdicts.count(RateVerdict.WARN) <= 7


def test_short_breaches_far_apart_are_forgiven() -> None:
    clock = Clock()
    bucket = limit(clock)
    for _ in range(5):
        verdicts = [bucket.take() for _ in range(45)]
        assert verdicts.count(RateVerdict.WARN) == 1
        assert RateVerdict.CLOSE not in verdicts
        clock.now += 5


def test_a_burst_is_dropped_at_once_and_a_flood_is_read_slowly() -> None:
    clock = Clock()
    bucket = limit(clock)
    pauses = []
    for _ in range(40 + 200):
        bucket.take()
        pauses.append(bucket.pause_seconds)
    assert pauses[: 40 + 100] == [0.0] * 140
    assert min(pauses[140:]) > 0
    clock.now += 5  # calm again
    for _ in range(45):
        bucket.take()
    assert bucket.pause_seconds == 0
