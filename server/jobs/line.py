"""One line of heavy jobs: who begins next, who holds a place, and what those who wait are told."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from server.jobs.durations import Durations
from server.jobs.fair_queue import FairQueue
from server.jobs.job import Job
from server.jobs.waiting import Waiting, WaitingFor

_KNOWN_PLACES = 300  # each costs some microseconds of the event loop, every second


@dataclass(frozen=True, slots=True)
class _Begun:
    owner_id: str
    kind: str
    at: float


@dataclass(slots=True)
class _Before:
    """The work that has to end first: what runs, and more and more of what waits.

    `places` are those that will be free again; `seconds` until the first of them is, None when nobody knows that.
    """

    places: int
    kinds: Counter[str] = field(default_factory=Counter)
    seconds: float | None = None

    def add(self, kind: str, seconds: float) -> None:
        self.kinds[kind] += 1
        if self.seconds is not None:
            self.seconds += seconds / self.places

    def told(self, place: int, *, is_own: bool) -> Waiting:
        return Waiting(
            reason=WaitingFor.TURN,
            place=place,
            kind=max(self.kinds, key=self.kinds.__getitem__, default=""),
            count=self.kinds.total(),
            is_own=is_own,
            seconds=self.seconds,
        )


class Line:
    """`places` jobs at once, at most `per_owner` of one owner, shared out as `FairQueue` does."""

    def __init__(
        self,
        *,
        places: int,
        per_owner: int,
        durations: Durations,
        had_turns: Sequence[str] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._places = places
        self._per_owner = per_owner
        self._durations = durations
        self._clock = clock
        self._fair = FairQueue(had_turns)
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

    def begin(self, job: Job, *, seconds_ago: float = 0.0) -> None:
        self._begun[job.id] = _Begun(job.owner_id, job.kind, self._clock() - seconds_ago)

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

    def jobs_waiting(self, left: Callable[[str], float | None] = lambda _job_id: None) -> dict[str, Waiting]:
        """The first of them: whoever stands hundreds of places back hears of it when they come nearer.

        `left` is what a running job says itself of the seconds it still takes, `math.inf` while it is stalled: nobody
        knows when that ends. Of those that don't say, it is taken from what such jobs took lately.
        """
        running = self._running()
        seconds = {job_id: self._seconds_left(each, left(job_id)) for job_id, each in self._begun.items()}
        before_all = self._before(self._begun, self._places, seconds)
        before_own: dict[str, _Before] = {}
        found: dict[str, Waiting] = {}
        for place, (owner_id, job_id) in enumerate(self._fair.in_order(running, at_most=_KNOWN_PLACES), start=1):
            if owner_id not in before_own:
                own = {job_id: each for job_id, each in self._begun.items() if each.owner_id == owner_id}
                before_own[owner_id] = self._before(own, self._per_owner, seconds)
            is_own = running[owner_id] >= self._per_owner
            before = before_own[owner_id] if is_own else before_all
            found[job_id] = before.told(place, is_own=is_own)
            kind = self._kinds.get(job_id, "")
            for each in (before_all, before_own[owner_id]):
                each.add(kind, self._durations.expected(kind) or 0.0)
        return found

    def _seconds_left(self, begun: _Begun, said: float | None) -> float | None:
        return self._durations.left(begun.kind, self._clock() - begun.at) if said is None else said

    def _before(self, begun: Mapping[str, _Begun], places: int, seconds: Mapping[str, float | None]) -> _Before:
        before = _Before(places - sum(seconds[job_id] == math.inf for job_id in begun))
        for job_id, each in begun.items():
            before.kinds[each.kind] += 1
            left = seconds[job_id]
            if left is not None and left < (math.inf if before.seconds is None else before.seconds):
                before.seconds = left
        return before

    def _running(self) -> Counter[str]:
        return Counter(each.owner_id for each in self._begun.values())
