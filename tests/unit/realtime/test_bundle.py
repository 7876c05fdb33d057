"""Messages that many wait for alike are never changed under anybody."""

from __future__ import annotations

from server.realtime.bundle import Bundle


def test_one_more_message_makes_another_bundle() -> None:
    first = Bundle(b"abc")
    second = first.and_also(b"de")
    assert (first.frames, first.unsent_bytes) == ((b"abc",), 3)
    assert (second.frames, second.unsent_bytes) == ((b"abc", b"de"), 5)
