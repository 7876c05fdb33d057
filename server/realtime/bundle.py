"""Messages that wait for many connections alike."""

from __future__ import annotations

import time


class Bundle:
    """Encoded messages in order, shared by all connections for which just these wait; it never changes.

    A broadcast to 10,000 costs one of these, not 10,000 queues.
    """

    __slots__ = ("frames", "since", "unsent_bytes")

    def __init__(self, *frames: bytes, since: float | None = None) -> None:
        """`since`: when the first of them began to wait, on the monotonic clock; by default now."""
        self.frames = frames
        self.since = time.monotonic() if since is None else since
        self.unsent_bytes = sum(map(len, frames))

    def and_also(self, frame: bytes) -> Bundle:
        return Bundle(*self.frames, frame, since=self.since)
