"""Messages that wait for many connections alike."""

from __future__ import annotations

import time


class Bundle:
    """Encoded messages in order, shared by all connections for which just these wait.

    A broadcast to 10,000 costs one of these, not 10,000 queues.
    """

    __slots__ = ("frames", "since", "unsent_bytes")

    def __init__(self, frame: bytes, *, after: Bundle | None = None) -> None:
        self.frames: list[bytes] = [*after.frames, frame] if after else [frame]
        self.unsent_bytes: int = (after.unsent_bytes if after else 0) + len(frame)
        self.since: float = after.since if after else time.monotonic()
        """When the first of them began to wait, on the monotonic clock."""

    def and_also(self, frame: bytes) -> Bundle:
        """Another, for some of those who share this one."""
        return Bundle(frame, after=self)

    def grow(self, frame: bytes) -> None:
        """For all who share it, while it has left for none of them."""
        self.frames.append(frame)
        self.unsent_bytes += len(frame)
