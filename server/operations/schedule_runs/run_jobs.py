"""The jobs of schedules: how one begins for a run, and what it works for when it is its turn."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from server.auth.permissions import Principal
from server.errors import JobFailed, NotFound
from server.jobs.job import Job
from server.jobs.keys import Asked
from server.jobs.runner import JobRunner
from server.schedules.owners import ScheduleOwners
from server.schedules.run_store import ScheduleRunStore
from server.schedules.running import StartedRun, asked_of, key_of
from server.schedules.schedule import RunState, Schedule, ScheduleRun
from server.schedules.store import ScheduleStore


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledRun:
    schedule: Schedule
    run: ScheduleRun
    owner: Principal


class RunJobs:
    def __init__(
        self, *, runner: JobRunner, store: ScheduleStore, run_store: ScheduleRunStore, owners: ScheduleOwners
    ) -> None:
        self._runner = runner
        self._store = store
        self._run_store = run_store
        self._owners = owners

    async def begin(self, kind: str, owner: Principal, schedule: Schedule, run: ScheduleRun) -> StartedRun:
        """A job of `kind`; for a run that has begun before, the same one."""
        job = await self._runner.start(
            kind,
            owner_id=owner.user_id,
            title=schedule.name,
            parameters={"schedule_id": schedule.id, "run_id": run.id},
            asked=Asked.under(key_of(run), by=owner.user_id, what=asked_of(run)),
        )
        return StartedRun(job_id=job.id)

    async def of(self, job: Job) -> ScheduledRun:
        """The run, its schedule and whoever owns it, as they are now. Raises `JobFailed`."""
        try:
            run = await self._run_store.get(job.parameters["run_id"])
            schedule = await self._store.get(run.schedule_id, sa.true())
        except NotFound:
            raise JobFailed("Its schedule was deleted meanwhile.", code="schedule_gone") from None
        if run.state not in (RunState.DUE, RunState.STARTED):
            raise JobFailed("The run that it was for is over: the server was restored since.", code="run_over")
        owner = await self._owners.of(schedule)
        if owner is None:
            raise JobFailed("The account of its owner is disabled.", code="owner_disabled")
        return ScheduledRun(schedule=schedule, run=run, owner=owner)
