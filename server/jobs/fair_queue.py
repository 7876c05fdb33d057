"""Who is next: owners take turns, and whoever has the fewest running goes first."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Mapping


class FairQueue:
    """What waits for a slot, by id and per owner; nobody's hundred jobs make another's one wait."""

    def __init__(self) -> None:
        self._waiting: dict[str, deque[str]] = {}
        self._turns: dict[str, int] = {}  # owner → their last turn
        self._turn = itertools.count(1)

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def push(self, owner_id: str, job_id: str) -> None:
        self._waiting.setdefault(owner_id, deque()).append(job_id)

    def pop(self, running: Mapping[str, int], *, places: int, per_owner: int) -> tuple[str, str] | None:
        """The next one's owner and id, given how many each owner has running; None while nobody who waits may.

        The last free place is for somebody who has none: whoever holds all the others cannot make everybody wait.
        """
        free = places - sum(running.values())
        if free <= 0 or not self._waiting:
            return None
        at_most = per_owner - 1 if free > 1 else 0
        owner_id = min(self._waiting, key=lambda owner: (running.get(owner, 0), self._turns.get(owner, 0)))
        if running.get(owner_id, 0) > at_most:
            return None
        self._turns[owner_id] = next(self._turn)
        own = self._waiting[owner_id]
        job_id = own.popleft()
        if not own:
            del self._waiting[owner_id]
        return owner_id, job_id

    def remove(self, owner_id: str, job_id: str) -> bool:
        """Take a job out again; False when it does not wait here."""
        own = self._waiting.get(owner_id)
        if own is None or job_id not in own:
            return False
        own.remove(job_id)
        if not own:
            del self._waiting[owner_id]
        return True

    def clear(self) -> None:
        self._waiting.clear()
