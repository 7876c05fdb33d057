"""One line of heavy jobs: who begins next, who holds a place, and what those who wait are told."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from server.jobs.durations import Durations
from server.jobs.fair_queue import FairQueue
from server.jobs.job import Job
from server.jobs.waiting import Waiting, WaitingFor


@dataclass(frozen=True, slots=True)
class _Begun:
    owner_id: str
    kind: str
    at: float


class Line:
    """`places` jobs at once, at most `per_owner` of one owner, shared out as `FairQueue` does."""

    def __init__(
        self, *, places: int, per_owner: int, durations: Durations, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._places = places
        self._per_owner = per_owner
        self._durations = durations
        self._clock = clock
        self._fair = FairQueue()
        self._kinds: dict[str, str] = {}  # of those that wait
        self._begun: dict[str, _Begun] = {}

    def __len__(self) -> int:
        return len(self._fair)

    def push(self, job: Job) -> None:
        self._kinds[job.id] = job.kind
        self._fair.push(job.owner_id, job.id, rank=job.priority.rank)

    def pop(self) -> str | None:
        """The id of the one whose turn it is; it has a place once it is told to `begin`."""
        found = self._fair.pop(self._running(), places=self._places, per_owner=self._per_owner)
        if found is None:
            return None
        self._kinds.pop(found[1], None)
        return found[1]

    def begin(self, job: Job) -> None:
        self._begun[job.id] = _Begun(job.owner_id, job.kind, self._clock())

    def end(self, job_id: str) -> None:
        begun = self._begun.pop(job_id, None)
        if begun is not None:
            self._durations.add(begun.kind, self._clock() - begun.at)

    def remove(self, job: Job) -> None:
        self._fair.remove(job.owner_id, job.id)
        self._kinds.pop(job.id, None)

    def clear(self) -> None:
        self._fair.clear()
        self._kinds.clear()

    def jobs_waiting(self) -> dict[str, Waiting]:
        running = self._running()
        ahead: Counter[str] = Counter()  # kinds of all that were looked at
        own_ahead: dict[str, Counter[str]] = {}
        found: dict[str, Waiting] = {}
        for place, (owner_id, job_id) in enumerate(self._fair.in_order(running), start=1):
            before = own_ahead.setdefault(owner_id, Counter())
            if running[owner_id] >= self._per_owner:
                begun = [each for each in self._begun.values() if each.owner_id == owner_id]
                found[job_id] = self._waiting(place, begun, before, self._per_owner, is_own=True)
            else:
                found[job_id] = self._waiting(place, self._begun.values(), ahead, self._places, is_own=False)
            kind = self._kinds.get(job_id, "")
            ahead[kind] += 1
            before[kind] += 1
        return found

    def _waiting(
        self, place: int, begun: Iterable[_Begun], ahead: Counter[str], places: int, *, is_own: bool
    ) -> Waiting:
        kinds = Counter(each.kind for each in begun) + ahead
        return Waiting(
            reason=WaitingFor.TURN,
            place=place,
            kind=kinds.most_common(1)[0][0] if kinds else "",
            count=kinds.total(),
            is_own=is_own,
            seconds=self._seconds(begun, ahead, places),
        )

    def _seconds(self, begun: Iterable[_Begun], ahead: Counter[str], places: int) -> float | None:
        """Until one of the places is free for it; None when nobody knows how long any of that takes."""
        now = self._clock()
        left = [self._durations.left(each.kind, now - each.at) for each in begun]
        first = min((seconds for seconds in left if seconds is not None), default=None)
        if first is None:
            return None
        others = sum(count * (self._durations.expected(kind) or 0.0) for kind, count in ahead.items())
        return first + others / places

    def _running(self) -> Counter[str]:
        return Counter(each.owner_id for each in self._begun.values())
