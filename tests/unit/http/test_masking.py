"""Unmasked frames are found wherever they begin, however the bytes are cut; what is masked passes unchanged."""

from __future__ import annotations

import random

import pytest

from server.http.masking import MaskedReader
from tests.functional.raw_socket import CONTINUATION, PING, frame, header


class Seen:
    """Keeps what it is fed."""

    def __init__(self) -> None:
        self.data = b""

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        self.data += data
        return False, b""

    def feed_eof(self) -> None:
        self.data += b"eof"


RIGHT = (
    frame(b"")
    + frame(b"x" * 125)
    + frame(b"x" * 126)
    + frame(b"x" * 70_000, fin=False)
    + frame(b"p", opcode=PING)
    + frame(b"", opcode=CONTINUATION)
)
_REFUSED = b"\xf1\x80\x00\x00\x00\x00"


def fed(pieces: list[bytes]) -> bytes:
    seen = Seen()
    reader = MaskedReader(seen)
    for piece in pieces:
        reader.feed_data(piece)
    return seen.data


def cut(data: bytes, seed: int) -> list[bytes]:
    """Into pieces of 1 to 2,000 bytes, many of them tiny."""
    dice, pieces = random.Random(seed), []
    while data:
        size = dice.choice((1, 1, 2, 3, 7, 2_000))
        pieces.append(data[:size])
        data = data[size:]
    return pieces


@pytest.mark.parametrize("seed", range(20))
def test_masked_frames_pass_as_they_are(seed: int) -> None:
    assert fed(cut(RIGHT, seed)) == RIGHT


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("length", [0, 1, 125, 126, 65_536])
def test_an_unmasked_frame_is_replaced_and_nothing_of_it_passes(seed: int, length: int) -> None:
    wrong = frame(b"y" * length, masked=False)
    passed = fed(cut(RIGHT + wrong, seed))
    assert passed.startswith(RIGHT + _REFUSED)
    assert b"yy" not in passed[: len(RIGHT) + len(_REFUSED)]


def test_a_frame_that_never_ends_hides_nothing() -> None:
    endless = header(2**62)
    assert fed([endless, b"z" * 1_000]) == endless + b"z" * 1_000


def test_the_end_is_told() -> None:
    seen = Seen()
    MaskedReader(seen).feed_eof()
    assert seen.data == b"eof"
