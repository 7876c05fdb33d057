"""Schedules and their runs, as the API tells of them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

import msgspec

from server.http.based_requests import outside
from server.http.endpoint import Call
from server.reports.work import FileFormat
from server.schedules.plans import BackupPlan, CheckResult, ImportPlan, QueryPlan, RunsWhat
from server.schedules.schedule import (
    Missed,
    Overlap,
    RunCause,
    Schedule,
    ScheduleError,
    ScheduleRun,
    ScheduleStanding,
    StopReason,
)
from server.schedules.stopping import REASONS, why
from server.schedules.timing import ClockChange
from server.schedules.workdays import DayOff, OnlyOn
from server.texts import told
from views.api.delivery_wishes import ToldWish, told_wishes
from views.context import formats_for


class ComingTime(msgspec.Struct, frozen=True, kw_only=True):
    """`at` has the offset of the schedule's zone at that time. `clock_change`: on this day its time does not exist and
    it comes right after the gap (`skipped`), or exists twice and it comes the first time (`repeated`). `moved_from`:
    the day off that it would have come on."""

    at: datetime
    clock_change: ClockChange
    moved_from: date | None


class RunFound(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`more` files waited behind this one, and `growing` ones were still being written; `is_same` is one that holds
    what was taken before. Of a check: whether the rule `is_broken`, the `sentence` that says so, the `value` that was
    compared, and whether somebody `is_told`. Of a backup: `file` and `bytes`, when it was restored on trial
    (`proven_at`), and whether it `is_removed` since."""

    file: str | None = None
    nothing_new: bool = False
    is_same: bool = False
    more: int = 0
    growing: int = 0
    imported: int | None = None
    rejected: int | None = None
    is_broken: bool | None = None
    is_told: bool | None = None
    sentence: str | None = None
    value: str | None = None
    rows: int | None = None
    has_more: bool = False
    bytes: int | None = None
    is_whole: bool = True
    proven_at: datetime | None = None
    is_removed: bool = False


class RunItem(msgspec.Struct, frozen=True, kw_only=True):
    """One run. `state` is that of its job once there is one (`gone` when what it made was deleted); before, it is
    `due`, and else `skipped`, `missed`, or `failed`. `error` says why one failed. `result` is what was found, by what
    is run; of an import: the `file` and its `imported` and `rejected` rows, or `nothing_new`."""

    id: str
    planned_at: datetime
    cause: RunCause
    state: str
    late: bool
    outcome: Literal["complete", "partial"] | None
    started_at: datetime | None
    error: str | None
    result: RunFound
    batch_id: str | None
    job_id: str | None
    links: dict[str, str]


class ScheduleItem(msgspec.Struct, frozen=True, kw_only=True):
    """`state`: `on`, `paused` or `stopped`, with why in `reason` and, in words, in `error`. `next_at`: the next five
    times; `last_runs`: the newest ten. `calendar_end`: the last day of its calendar, where these times go past it."""

    id: str
    owner: str
    name: str
    runs: RunsWhat
    template: str | None
    import_: ImportPlan | None = msgspec.field(name="import")
    query: QueryPlan | None
    backup: BackupPlan | None
    template_owner: str | None
    parameters: Any
    formats: list[FileFormat]
    cron: str | None
    time_zone: str
    after_import: str | None
    after_schedule: str | None
    quiet_seconds: int
    missed: Missed
    overlap: Overlap
    only_on: OnlyOn
    calendar: str
    calendar_end: date | None
    day_off: DayOff
    enabled: bool
    deliveries: list[ToldWish]
    state: ScheduleStanding
    reason: StopReason
    error: str | None
    next_at: list[ComingTime]
    last_runs: list[RunItem]
    created_at: datetime
    updated_at: datetime
    links: dict[str, str]


def schedule_item(call: Call[Any, Any], schedule: Schedule, runs: list[ScheduleRun]) -> ScheduleItem:
    """`runs`: its newest."""
    times = call.operations.schedules.next_times(schedule)
    return ScheduleItem(
        id=schedule.id,
        owner=schedule.owner,
        name=schedule.name,
        runs=schedule.runs,
        template=schedule.template_name or None,
        import_=schedule.ordered.import_,
        query=schedule.ordered.query,
        backup=schedule.ordered.backup,
        template_owner=schedule.template_owner,
        parameters=schedule.ordered.parameters,
        formats=schedule.ordered.formats,
        cron=schedule.cron or None,
        time_zone=schedule.time_zone,
        after_import=schedule.dataset_name or None,
        after_schedule=schedule.leader_id,
        quiet_seconds=schedule.quiet_seconds,
        missed=schedule.missed,
        overlap=schedule.overlap,
        only_on=OnlyOn.WORKDAYS if schedule.calendar else OnlyOn.EACH,
        calendar=schedule.calendar,
        calendar_end=call.operations.schedules.calendar_end(schedule, times),
        day_off=schedule.day_off,
        enabled=schedule.is_on,
        deliveries=told_wishes(schedule.ordered.deliveries),
        state=schedule.standing,
        reason=schedule.reason,
        error=_in_words(call, schedule.error or (why(schedule.reason) if schedule.reason in REASONS else None)),
        next_at=[ComingTime(at=each.local, clock_change=each.change, moved_from=each.moved_from) for each in times],
        last_runs=[run_item(call, run) for run in runs],
        created_at=schedule.created_at,
        updated_at=schedule.updated_at,
        links={
            "self": outside(f"/api/v1/schedules/{schedule.id}"),
            "run": outside(f"/api/v1/schedules/{schedule.id}/run"),
            "page": outside(f"/schedules/{schedule.id}"),
        },
    )


def run_item(call: Call[Any, Any], run: ScheduleRun) -> RunItem:
    links = {"schedule": outside(f"/api/v1/schedules/{run.schedule_id}")}
    if run.batch_id is not None:
        links["batch"] = outside(f"/api/v1/batches/{run.batch_id}")
    if run.job_id is not None:
        links["job"] = outside(f"/api/v1/jobs/{run.job_id}")
    return RunItem(
        id=run.id,
        planned_at=run.planned_at,
        cause=run.cause,
        state=run.shown_state,
        late=run.is_late,
        outcome=run.job_outcome.value if run.job_outcome else None,
        started_at=run.started_at,
        error=_in_words(call, run.error or run.job_error),
        result=_found(call, run),
        batch_id=run.batch_id,
        job_id=run.job_id,
        links=links,
    )


def _found(call: Call[Any, Any], run: ScheduleRun) -> RunFound:
    found = msgspec.to_builtins(run.result) if run.result else {}
    if isinstance(run.result, CheckResult):
        sentence = run.result.sentence
        words = told(sentence["phrase"], sentence["parameters"], formats_for(call.request).gettext)
        found |= {"is_broken": run.result.is_broken, "is_told": run.result.is_told, "sentence": words}
        found["rows"] = run.result.rows
    rows = {"imported": run.job_imported, "rejected": run.job_rejected} if run.runs is RunsWhat.IMPORT else {}
    return msgspec.convert(found | rows, RunFound)


def _in_words(call: Call[Any, Any], error: ScheduleError | None) -> str | None:
    return told(error.message, error.parameters, formats_for(call.request).gettext) if error else None
