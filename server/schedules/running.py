"""What a kind of schedule has to be able to do; the kinds themselves are modules of `operations.schedule_runs`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from server.auth.permissions import Principal
from server.clock import rfc3339
from server.schedules.plans import RunsWhat
from server.schedules.schedule import Schedule, ScheduleRun, StopReason


@dataclass(frozen=True, slots=True, kw_only=True)
class StartedRun:
    """The job that does it."""

    job_id: str
    batch_id: str | None = None


class CannotRun(Exception):
    """It can never go well again as it is: the schedule stops."""

    def __init__(self, reason: StopReason) -> None:
        super().__init__(reason.value)
        self.reason = reason


class ScheduleRuns(Protocol):
    """One kind. Whatever it begins is a job, under `key_of`: begun twice, it is the same job."""

    async def begin(self, owner: Principal, schedule: Schedule, run: ScheduleRun) -> StartedRun:
        """Raises `CannotRun`, or a `JinduError`: what they may not see and what is wrong stop the schedule."""
        ...


AllRuns = Mapping[RunsWhat, ScheduleRuns]


def key_of(run: ScheduleRun) -> str:
    """The same for whoever tries again: a crash between the beginning and our note of it gives one job."""
    return f"schedule {run.schedule_id} {rfc3339(run.planned_at)}"


def asked_of(run: ScheduleRun) -> dict[str, str]:
    return {"schedule": run.schedule_id, "planned_at": rfc3339(run.planned_at)}
