"""What a schedule is: what is ordered, when, for whom; and each of its runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from server.delivery.wishes import DeliveryWish
from server.jobs.job import Completeness, State
from server.reports.work import FileFormat
from server.schedules.plans import Plans, RunResult, RunsWhat
from server.schedules.workdays import DayOff, WorkdayRule

DEFAULT_QUIET_SECONDS = 120


class Missed(StrEnum):
    """What becomes of times at which no server ran."""

    ONCE = "once"  # the newest of them is made, once
    ALL = "all"  # each of them, at most `MOST_LATE`
    NONE = "none"


class Overlap(StrEnum):
    """What becomes of a time at which the last run still goes on."""

    QUEUE = "queue"
    SKIP = "skip"


class ScheduleStanding(StrEnum):
    """`stopped` is by the server, for a `StopReason`; somebody has to look at it."""

    ON = "on"
    PAUSED = "paused"
    STOPPED = "stopped"


class StopReason(StrEnum):
    """Why a schedule that is not on is not."""

    NONE = ""
    BY_HAND = "by_hand"
    RESTORED = "restored"  # from a backup: a copy of a server must not send what the server itself sends
    OWNER = "owner"  # their account is disabled
    RIGHTS = "rights"  # the owner may no more
    TEMPLATE = "template"
    DATASET = "dataset"
    SCHEDULE = "schedule"  # the one that it comes after
    ORDER = "order"  # what is ordered fits the template no more
    TIME = "time"  # it never comes again
    ERROR = "error"


class RunCause(StrEnum):
    """What began a run."""

    TIME = "time"
    IMPORT = "import"
    SCHEDULE = "schedule"
    HAND = "hand"
    FILES = "files"  # the run before left files behind
    TRIAL = "trial"  # by hand, and what it makes goes to whoever asked: nothing comes after it or waits for it

    @property
    def is_asked_for(self) -> bool:
        return self in (RunCause.HAND, RunCause.TRIAL)


class RunState(StrEnum):
    """Of a run itself; what became of what it began stands in that job."""

    DUE = "due"
    STARTED = "started"
    SKIPPED = "skipped"  # the last one still went on
    MISSED = "missed"
    FAILED = "failed"  # nothing could be ordered


class Ordered(Plans, frozen=True, kw_only=True, omit_defaults=False):
    """What a schedule orders, frozen in each of its runs: as a batch has them, or else one of `Plans`.

    `language` is the one in which it was planned: for an owner who has chosen none, and has that of their browser.
    """

    parameters: Any = None
    formats: list[FileFormat] = msgspec.field(default_factory=list)
    language: str = "en"
    deliveries: list[DeliveryWish] = msgspec.field(default_factory=list)


class ScheduleError(msgspec.Struct, frozen=True, kw_only=True):
    """An error's words, to be said in whose language it is read."""

    code: str
    message: str
    parameters: dict[str, Any] = {}


class ScheduleHead(msgspec.Struct, frozen=True, kw_only=True):
    """One row. `cron` is empty and `dataset_id`, `leader_id` None where something else begins it.

    The template is that of a batch. `calendar` is a country where it comes on working days alone; `told_until` the end
    of its table that its owner was told of.
    """

    id: str
    owner_id: str
    name: str
    runs: RunsWhat
    template_id: str | None
    template_name: str
    ordered: Ordered
    cron: str
    time_zone: str
    dataset_id: str | None
    dataset_name: str
    quiet_seconds: int
    leader_id: str | None
    leader_name: str
    calendar: str = ""
    day_off: DayOff = DayOff.SKIP
    told_until: str = ""
    missed: Missed
    overlap: Overlap
    standing: ScheduleStanding
    reason: StopReason
    error: ScheduleError | None
    planned_at: datetime | None
    armed_at: datetime
    created_at: datetime
    updated_at: datetime

    @property
    def workdays(self) -> WorkdayRule | None:
        return WorkdayRule(country=self.calendar, day_off=self.day_off) if self.calendar else None

    @property
    def trigger(self) -> RunCause:
        if self.cron:
            return RunCause.TIME
        return RunCause.IMPORT if self.dataset_name else RunCause.SCHEDULE

    @property
    def is_on(self) -> bool:
        return self.standing is ScheduleStanding.ON


class Schedule(ScheduleHead, frozen=True, kw_only=True):
    """With the names of today: of its owner, and of whose its template is."""

    owner: str = ""
    template_owner_id: str | None = None
    template_owner: str | None = None


class ScheduleRun(msgspec.Struct, frozen=True, kw_only=True):
    """One time of a schedule. What begins with `job_` is of its newest job: of a batch the one that made it last."""

    id: str
    schedule_id: str
    planned_at: datetime
    cause: RunCause
    state: RunState
    is_late: bool
    ordered: Ordered
    attempts: int
    batch_id: str | None = None
    job_id: str | None = None
    error: ScheduleError | None = None
    result: RunResult | None = None
    created_at: datetime
    started_at: datetime | None = None
    job_state: State | None = None
    job_outcome: Completeness | None = None
    job_error: ScheduleError | None = None
    job_imported: int | None = None
    job_rejected: int | None = None

    @property
    def runs(self) -> RunsWhat:
        return self.ordered.runs

    @property
    def is_unsettled(self) -> bool:
        """Whether something will still become of it."""
        return self.shown_state in (RunState.DUE, State.QUEUED, State.RUNNING)

    @property
    def shown_state(self) -> str:
        """`due`, `skipped`, `missed`, `failed`, or how its job stands; `gone` when what it made was deleted."""
        if self.state is not RunState.STARTED:
            return self.state.value
        if self.runs is RunsWhat.BATCH and self.batch_id is None:
            return "gone"
        if self.job_state is None:
            return "queued" if self.runs is RunsWhat.BATCH else "gone"
        return self.job_state.value


@dataclass(frozen=True, slots=True, kw_only=True)
class RunsOfDay:
    """The first run of a day, and how many of that day stand as it does, with it."""

    run: ScheduleRun
    count: int
