"""When clients are told to come back: spread evenly, over a window that grows with their number."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from server.realtime.close_codes import CloseCode, fitted
from server.realtime.drain import retry_seconds


@settings(deadline=None)
@given(st.integers(1, 5_000), st.floats(1, 500))
def test_no_second_gets_more_clients_than_allowed(count: int, per_second: float) -> None:
    seconds = list(retry_seconds(count, per_second))
    assert len(seconds) == count
    assert min(seconds) >= 1
    assert max(Counter(seconds).values()) <= max(per_second, -(-count // 2)) + 1
    if count > 2 * per_second:
        assert max(Counter(seconds).values()) <= per_second + 1


def test_window_grows_with_the_number_of_clients() -> None:
    assert max(retry_seconds(10, 100.0)) <= 2
    assert max(retry_seconds(1_000, 100.0)) == 10
    assert max(retry_seconds(10_000, 100.0)) == 100
    assert set(retry_seconds(1_000, 100.0)) == set(range(1, 11))


def test_nobody_to_send_away_is_nothing_to_do() -> None:
    assert list(retry_seconds(0, 100.0)) == []
    assert len(list(retry_seconds(3, 0.0))) == 3


@given(st.text(max_size=200))
def test_any_reason_fits_into_a_close_frame(reason: str) -> None:
    encoded = fitted(reason.encode(errors="replace").decode()).encode()
    assert len(encoded) <= 123
    assert encoded.decode() in reason.encode(errors="replace").decode()


def test_codes_to_come_back_and_to_stay_away() -> None:
    assert CloseCode.RIGHTS_CHANGED.may_reconnect
    assert not CloseCode.SIGNED_OUT.may_reconnect
