"""What is told to those who wait in lines that several nodes share, from the rows as they stand."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping

from server.engines.lease_rows import LIGHT, Lines
from server.jobs.away import waits_for
from server.jobs.durations import Durations
from server.jobs.job import Job
from server.jobs.line import Line
from server.jobs.waiting import Waiting, WaitingFor

_DUE_SECONDS = 0.05  # what may begin sooner counts as in line


class Standings:
    """As of the last look. How long such work takes is learnt from what was seen running and is no more."""

    def __init__(self, *, places: Mapping[str, int], per_owner: int) -> None:
        """`places` by lane, and how many of them one owner may have, at each node."""
        self._places = places
        self._per_owner = per_owner
        self.waiting: Mapping[str, Waiting] = {}
        self.count = 0
        self._durations = Durations()
        self._ran: dict[str, tuple[str, float]] = {}  # at the last look: kind and since when

    def update(self, lines: Lines, *, left: Callable[[str], Job | None]) -> None:
        """`left` finds a running job that says itself how long it still takes."""
        self._learn(lines)
        self.count = lines.waiting_in_all
        found = _not_in_line(lines)
        for lane in {row.lane for row in lines.waiting} - {LIGHT}:
            found |= self._in_lane(lane, lines, found).jobs_waiting(lambda job_id: _seconds_left(left(job_id)))
        self.waiting = found

    def _in_lane(self, lane: str, lines: Lines, elsewhere: Collection[str]) -> Line:
        """With the places of all nodes that run something there, as if each had as many as this one."""
        running = [row for row in lines.running if row.lane == lane]
        nodes = max(1, len({row.node for row in running}))
        line = Line(
            places=self._places.get(lane, 1) * nodes,
            per_owner=self._per_owner * nodes,
            durations=self._durations,
            had_turns=lines.had_turns.get(lane, ()),
        )
        for row in running:
            line.begin(row.job, seconds_ago=row.seconds)
        for row in lines.waiting:
            if row.lane == lane and row.job.id not in elsewhere:
                line.push(row.job)
        return line

    def _learn(self, lines: Lines) -> None:
        runs = {row.job.id: (row.job.kind, row.seconds) for row in lines.running}
        for job_id, (kind, seconds) in self._ran.items():
            if job_id not in runs:
                self._durations.add(kind, seconds)
        self._ran = runs


def _not_in_line(lines: Lines) -> dict[str, Waiting]:
    """Those that nobody's end would let begin."""
    found: dict[str, Waiting] = {}
    for row in lines.waiting:
        if (reason := waits_for(row.job)) is not None:
            found[row.job.id] = Waiting(reason=reason)
        elif row.seconds > _DUE_SECONDS:
            found[row.job.id] = Waiting(reason=WaitingFor.AGAIN, seconds=row.seconds)
        elif lines.kinds_run is not None and row.job.kind not in lines.kinds_run:
            found[row.job.id] = Waiting(reason=WaitingFor.NOBODY)
    return found


def _seconds_left(job: Job | None) -> float | None:
    if job is None:
        return None
    return math.inf if job.is_stalled else job.eta_seconds
