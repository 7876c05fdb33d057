"""What a job of a schedule works for: the run, the schedule, and whoever owns it, as they are now."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from server.auth.permissions import Principal
from server.errors import JobFailed, NotFound
from server.jobs.job import Job
from server.schedules.owners import ScheduleOwners
from server.schedules.schedule import RunState, Schedule, ScheduleRun
from server.schedules.store import ScheduleStore


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledRun:
    schedule: Schedule
    run: ScheduleRun
    owner: Principal


class RunLookup:
    def __init__(self, *, store: ScheduleStore, owners: ScheduleOwners) -> None:
        self._store = store
        self._owners = owners

    async def of(self, job: Job) -> ScheduledRun:
        """Raises `JobFailed`."""
        try:
            run = await self._store.run(job.parameters["run_id"])
            schedule = await self._store.get(run.schedule_id, sa.true())
        except NotFound:
            raise JobFailed("Its schedule was deleted meanwhile.", code="schedule_gone") from None
        if run.state not in (RunState.DUE, RunState.STARTED):
            raise JobFailed("The run that it was for is over: the server was restored since.", code="run_over")
        owner = await self._owners.of(schedule)
        if owner is None:
            raise JobFailed("The account of its owner is disabled.", code="owner_disabled")
        return ScheduledRun(schedule=schedule, run=run, owner=owner)
