"""What waits for a connection: order, conflation, bytes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from server.realtime.outbox import Outbox


def test_frames_leave_in_the_order_they_came() -> None:
    outbox = Outbox()
    for frame in (b"1", b"2", b"3"):
        outbox.put(frame)
    assert outbox.take(100) == [b"1", b"2", b"3"]
    assert not outbox
    assert outbox.unsent_bytes == 0


def test_newer_progress_replaces_the_waiting_one_and_takes_its_turn() -> None:
    outbox = Outbox()
    outbox.put(b"10 %", "job a")
    outbox.put(b"kept")
    outbox.put(b"20 %", "job a")
    outbox.put(b"50 %", "job b")
    assert outbox.take(100) == [b"kept", b"20 %", b"50 %"]
    assert outbox.conflated == 1


def test_take_leaves_what_is_too_much_for_one_write() -> None:
    outbox = Outbox()
    for _ in range(10):
        outbox.put(b"x" * 10)
    assert len(outbox.take(25)) == 3
    assert outbox.unsent_bytes == 70


@given(st.lists(st.tuples(st.one_of(st.none(), st.integers(0, 3)), st.binary(min_size=1, max_size=9)), max_size=60))
def test_nothing_is_lost_but_what_was_replaced(puts: list[tuple[int | None, bytes]]) -> None:
    outbox = Outbox()
    for key, frame in puts:
        outbox.put(frame, key)
    newest = {key: frame for key, frame in puts if key is not None}
    expected = [frame for index, (key, frame) in enumerate(puts) if key is None or _is_last(puts, index)]
    assert outbox.unsent_bytes == sum(map(len, expected))
    taken: list[bytes] = []
    while outbox:
        taken += outbox.take(12)
    assert taken == expected
    assert outbox.unsent_bytes == 0
    assert outbox.conflated == sum(key is not None for key, _ in puts) - len(newest)


def _is_last(puts: list[tuple[int | None, bytes]], index: int) -> bool:
    return all(key != puts[index][0] for key, _ in puts[index + 1 :])
