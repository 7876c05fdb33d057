"""Live jobs in memory: the newest snapshot of each job that is not over, or only just, and who wants to know."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping

import msgspec

from server.jobs.job import Job, State
from server.jobs.waiting import Waiting

JobListener = Callable[[Job, Job | None], None]
"""Called with the new snapshot and the one before, at once and on the event loop; must not block."""

_KEPT_SECONDS = 60.0  # a page that reconnects still sees how the job ended
_KEPT_FINISHED = 2_000


class JobTable:
    """The one place where live jobs stand; whatever changes a job puts it here."""

    def __init__(
        self, *, keeps: Callable[[str], bool] | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """With `keeps`, jobs run at several nodes: other nodes' are kept of those owners that it says."""
        self._keeps = keeps
        self._held: set[str] = set()  # with `keeps`: those that run here
        self._copies: set[str] = set()  # of jobs that move elsewhere: the rows know better
        self._jobs: dict[str, Job] = {}
        self._by_owner: dict[str, dict[str, Job]] = {}
        self._finished: OrderedDict[str, float] = OrderedDict()  # job id → when, oldest first
        self._listeners: list[JobListener] = []
        self._waits: Callable[[], Mapping[str, Waiting]] = dict
        self._clock = clock

    def get(self, job_id: str) -> Job | None:
        return self._jobs.get(job_id)

    def live_of(self, owner_id: str) -> list[Job]:
        """The owner's jobs that are not over, and those that ended within the last minute; oldest first."""
        self._forget_old()
        return sorted(self._by_owner.get(owner_id, {}).values(), key=_place)

    def own(self, job_id: str) -> Job | None:
        """One that moves at this node: nobody knows better how it stands."""
        return None if job_id in self._copies else self._jobs.get(job_id)

    def waits_by(self, waits: Callable[[], Mapping[str, Waiting]]) -> None:
        """What jobs wait for that run elsewhere: nobody told of it to nodes at which their owner is not connected."""
        self._waits = waits

    def newest(self, stored: Job) -> Job:
        known = self._jobs.get(stored.id)
        if known is None or known.revision < stored.revision:
            waiting = self._waits().get(stored.id) if stored.state is State.QUEUED else None
            return stored if waiting is None else msgspec.structs.replace(stored, waiting=waiting)
        return msgspec.structs.replace(known, parameters=stored.parameters)  # what is told comes without them

    def expect(self, job_id: str) -> None:
        """What is put of it next moves at this node, until it ends or is let go."""
        if self._keeps is not None:
            self._held.add(job_id)

    def let_go(self, job_id: str) -> None:
        """It moves elsewhere by now, if at all, and its row knows better."""
        if job_id in self._held:
            self._held.discard(job_id)
            if job_id not in self._copies:
                self._drop(job_id)

    def copies(self) -> list[Job]:
        """Of jobs that move elsewhere and are not over."""
        return [job for job_id in self._copies if not (job := self._jobs[job_id]).state.is_final]

    def listen(self, listener: JobListener) -> None:
        self._listeners.append(listener)

    def put(self, job: Job) -> None:
        """Make `job` the newest snapshot and tell the listeners; one that comes late, after a newer one, is dropped."""
        before = self._jobs.get(job.id)
        if before is not None and job.revision <= before.revision:
            return
        if self._keeps is None or (job.id in self._held and not _is_at_rest(job)):
            self._copies.discard(job.id)
            self._keep(job)
        else:
            self._held.discard(job.id)
            self._keep_copy(job)
        for listener in self._listeners:
            listener(job, before)

    def take(self, job: Job) -> bool:
        """Know `job` as somebody told of it, without telling it any further; False when a newer one is known."""
        known = self._jobs.get(job.id)
        if known is None or job.revision > known.revision:
            self._held.discard(job.id)
            self._keep_copy(job)
        return known is None or job.revision >= known.revision

    def forget(self, job_id: str) -> None:
        """A job that is over was deleted."""
        if job_id in self._finished:
            self._forget(job_id)

    def forget_copies(self, owner_id: str) -> None:
        """Nothing more is told of them here."""
        for job_id in list(self._by_owner.get(owner_id, ())):
            if job_id in self._copies:
                self._drop(job_id)

    def _keep_copy(self, job: Job) -> None:
        if self._keeps is None or self._keeps(job.owner_id):
            self._copies.add(job.id)
            self._keep(job)
        else:
            self._drop(job.id)

    def _drop(self, job_id: str) -> None:
        if job_id in self._jobs:
            self._finished.setdefault(job_id, 0.0)
            self._forget(job_id)

    def _keep(self, job: Job) -> None:
        self._jobs[job.id] = job
        self._by_owner.setdefault(job.owner_id, {})[job.id] = job
        self._finished.pop(job.id, None)
        if job.state.is_final:
            self._finished[job.id] = self._clock()
        self._forget_old()

    def _forget_old(self) -> None:
        horizon = self._clock() - _KEPT_SECONDS
        while self._finished:
            job_id, finished = next(iter(self._finished.items()))
            if finished > horizon and len(self._finished) <= _KEPT_FINISHED:
                return
            self._forget(job_id)

    def _forget(self, job_id: str) -> None:
        del self._finished[job_id]
        job = self._jobs.pop(job_id)
        self._copies.discard(job_id)
        owned = self._by_owner[job.owner_id]
        del owned[job_id]
        if not owned:
            del self._by_owner[job.owner_id]


def _is_at_rest(job: Job) -> bool:
    return job.state.is_final or job.state is State.QUEUED


def _place(job: Job) -> tuple[int, str]:
    return job.sequence, job.id
