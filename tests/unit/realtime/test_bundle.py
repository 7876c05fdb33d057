"""Messages that many wait for alike: one more for some of them changes nothing for the others."""

from __future__ import annotations

from server.realtime.bundle import Bundle


def test_one_more_message_makes_another_bundle() -> None:
    first = Bundle(b"abc")
    second = first.and_also(b"de")
    assert (first.frames, first.unsent_bytes) == ([b"abc"], 3)
    assert (second.frames, second.unsent_bytes) == ([b"abc", b"de"], 5)


def test_what_has_left_for_nobody_grows() -> None:
    bundle = Bundle(b"abc")
    bundle.grow(b"de")
    assert (bundle.frames, bundle.unsent_bytes) == ([b"abc", b"de"], 5)
