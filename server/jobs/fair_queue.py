"""Who is next: owners take turns, and whoever has the fewest running goes first."""

from __future__ import annotations

import heapq
import itertools
from bisect import insort
from collections.abc import Mapping, Sequence

_Place = tuple[int, int, str]  # rank, the other way round; number; id


class FairQueue:
    """What waits for a slot, by id and per owner; nobody's hundred jobs make another's one wait."""

    def __init__(self, had_turns: Sequence[str] = ()) -> None:
        """`had_turns`: owners who had one before, the longest ago first."""
        self._waiting: dict[str, list[_Place]] = {}
        self._turns = {owner: turn for turn, owner in enumerate(had_turns, start=1)}  # owner → their last turn
        self._turn = itertools.count(len(had_turns) + 1)
        self._numbers = itertools.count()

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def push(self, owner_id: str, job_id: str, *, rank: int = 0) -> None:
        """`rank` orders what one owner has waiting. Of others it only goes before those who never had a turn either."""
        insort(self._waiting.setdefault(owner_id, []), (-rank, next(self._numbers), job_id))

    def pop(self, running: Mapping[str, int], *, places: int, per_owner: int) -> tuple[str, str] | None:
        """The next one's owner and id, given how many each owner has running; None while nobody who waits may.

        The last free place is for somebody who has none: whoever holds all the others cannot make everybody wait.
        """
        free = places - sum(running.values())
        if free <= 0 or not self._waiting:
            return None
        at_most = per_owner - 1 if free > 1 else 0
        owner_id = min(self._waiting, key=lambda owner: self._precedence(owner, running.get(owner, 0)))
        if running.get(owner_id, 0) > at_most:
            return None
        self._turns[owner_id] = next(self._turn)
        own = self._waiting[owner_id]
        job_id = own.pop(0)[2]
        if not own:
            del self._waiting[owner_id]
        return owner_id, job_id

    def in_order(self, running: Mapping[str, int], *, at_most: int) -> list[tuple[str, str]]:
        """Owner and id of the first that wait, as they would be handed out if nothing that runs ended before."""
        heads = [(self._precedence(owner, running.get(owner, 0)), owner, 0) for owner in self._waiting]
        heapq.heapify(heads)
        found: list[tuple[str, str]] = []
        while heads and len(found) < at_most:
            (has, *others), owner, position = heapq.heappop(heads)
            own = self._waiting[owner]
            found.append((owner, own[position][2]))
            if position + 1 < len(own):
                heapq.heappush(heads, ((has + 1, *others), owner, position + 1))
        return found

    def remove(self, owner_id: str, job_id: str) -> bool:
        """Take a job out again; False when it does not wait here."""
        own = self._waiting.get(owner_id, [])
        place = next((place for place in own if place[2] == job_id), None)
        if place is None:
            return False
        own.remove(place)
        if not own:
            del self._waiting[owner_id]
        return True

    def clear(self) -> None:
        self._waiting.clear()

    def _precedence(self, owner_id: str, running: int) -> tuple[int, ...]:
        rank, number, _ = self._waiting[owner_id][0]
        return running, self._turns.get(owner_id, 0), rank, number
