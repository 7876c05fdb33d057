"""What waits for one connection: kept in order, the newest only of what replaces itself, counted in bytes."""

from __future__ import annotations

import itertools
import time
from collections.abc import Hashable, Iterable, Iterator

_numbers = itertools.count()


class Outbox:
    """Frames of one connection. `put` never waits; whoever writes takes what has gathered meanwhile, at once."""

    __slots__ = ("_waiting", "conflated", "since", "unsent_bytes")

    def __init__(self) -> None:
        self._waiting: dict[Hashable, bytes] = {}
        self.unsent_bytes = 0
        self.conflated = 0
        self.since = 0.0  # when the oldest began to wait, on the monotonic clock; of nothing, without a meaning

    def __len__(self) -> int:
        return len(self._waiting)

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def put(self, frame: bytes, key: Hashable | None = None) -> None:
        """Queue `frame`; of frames with the same `key` only the newest waits, in the newest's place."""
        if not self._waiting:
            self.since = time.monotonic()
        if key is not None:
            older = self._waiting.pop(key, None)
            if older is not None:
                self.unsent_bytes -= len(older)
                self.conflated += 1
        self._waiting[next(_numbers) if key is None else key] = frame
        self.unsent_bytes += len(frame)

    def extend(self, frames: Iterable[bytes], *, since: float) -> None:
        """With what has waited elsewhere `since` then."""
        is_first = not self._waiting
        for frame in frames:
            self.put(frame)
        if is_first:
            self.since = since

    def take(self, at_most_bytes: int) -> list[bytes]:
        """The oldest frames, up to about that many bytes, at least one."""
        if self.unsent_bytes <= at_most_bytes:
            taken = list(self._waiting.values())
            self.clear()
            return taken
        return list(self._take_some(at_most_bytes))

    def clear(self) -> None:
        self._waiting = {}
        self.unsent_bytes = 0

    def _take_some(self, at_most_bytes: int) -> Iterator[bytes]:
        taken_bytes = 0
        while self._waiting and taken_bytes < at_most_bytes:
            frame = self._waiting.pop(next(iter(self._waiting)))
            taken_bytes += len(frame)
            self.unsent_bytes -= len(frame)
            yield frame
