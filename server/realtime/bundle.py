"""Messages that wait for many connections alike."""

from __future__ import annotations


class Bundle:
    """Encoded messages in order, shared by all connections for which just these wait; it never changes.

    A broadcast to 10,000 costs one of these, not 10,000 queues.
    """

    __slots__ = ("frames", "unsent_bytes")

    def __init__(self, *frames: bytes) -> None:
        self.frames = frames
        self.unsent_bytes = sum(map(len, frames))

    def and_also(self, frame: bytes) -> Bundle:
        return Bundle(*self.frames, frame)
