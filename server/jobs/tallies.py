"""What became of the jobs of this node since it started: how many, how long they waited and took, what they moved."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from server.clock import utc_now
from server.jobs.job import Job, State
from server.metrics import Histogram, HistogramCounts

JOB_BOUNDS = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0, 21600.0, 86400.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobTallies:
    """Counts since the start, seconds in the histograms."""

    started: dict[str, int]  # attempts, by kind
    ended: dict[str, dict[str, int]]  # by kind, then by state
    moved: dict[str, float]  # by unit: rows, bytes, reports …
    waited: HistogramCounts  # until an attempt began
    took: dict[str, HistogramCounts]  # by kind


class JobCounting:
    """Listens to the job table."""

    def __init__(self, *, clock: Callable[[], datetime] = utc_now) -> None:
        self._clock = clock
        self._in_line: dict[str, datetime] = {}  # since when
        self._started: Counter[str] = Counter()
        self._ended: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._moved: defaultdict[str, float] = defaultdict(float)
        self._waited = Histogram(JOB_BOUNDS)
        self._took: defaultdict[str, Histogram] = defaultdict(lambda: Histogram(JOB_BOUNDS))

    def changed(self, job: Job, before: Job | None) -> None:
        if job.state is State.QUEUED:
            self._in_line.setdefault(job.id, self._clock())
        elif (since := self._in_line.pop(job.id, None)) is not None and job.state is State.RUNNING:
            # One that is tried again later does not wait for us until then.
            self._waited.observe(_seconds(max(since, job.not_before or since), self._clock()))
        if job.state is State.RUNNING and (before is None or before.state is not State.RUNNING):
            self._started[job.kind] += 1
        elif before is not None and before.attempt == job.attempt and job.progress > before.progress:
            self._moved[job.unit] += job.progress - before.progress
        if job.state.is_final and (before is None or not before.state.is_final):
            self._ended[job.kind][job.state.value] += 1
            by_the_clock = _seconds(job.started_at, job.finished_at)  # of one that never began, or runs elsewhere
            self._took[job.kind].observe(by_the_clock if job.took_seconds is None else job.took_seconds)

    def statistics(self) -> JobTallies:
        return JobTallies(
            started=dict(self._started),
            ended={kind: dict(states) for kind, states in self._ended.items()},
            moved=dict(self._moved),
            waited=self._waited.counts(),
            took={kind: histogram.counts() for kind, histogram in self._took.items()},
        )


def _seconds(begin: datetime | None, end: datetime | None) -> float:
    return max(0.0, (end - begin).total_seconds()) if begin and end else 0.0
