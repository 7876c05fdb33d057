"""What plans a kind of schedule, beside running it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from server.auth.permissions import Principal
from server.jobs.kinds import JobKind
from server.operations.schedule_wishes import ScheduleWish
from server.reports.work import FileFormat
from server.schedules.plans import Plans, RunsWhat
from server.schedules.running import ScheduleRuns


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRuns:
    """What is kept of a wish. `name` is what it is called when nobody says; all but `plans` is of a batch."""

    name: str
    plans: Plans = field(default_factory=Plans)
    template_id: str | None = None
    template_name: str = ""
    parameters: object = None
    formats: Sequence[FileFormat] = field(default=())


class ScheduleKind(ScheduleRuns, Protocol):
    @property
    def job_kind(self) -> JobKind | None:
        """Of its jobs, unless they are a kind that there is anyway."""
        ...

    async def planned(self, principal: Principal, wish: ScheduleWish) -> PlannedRuns:
        """Raises whatever `begin` would, as far as it can be known by now: what is wrong is named by its field."""
        ...


ScheduleKinds = Mapping[RunsWhat, ScheduleKind]
