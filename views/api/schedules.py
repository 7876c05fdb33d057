"""`/api/v1/schedules`: what comes by itself, and when."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

import msgspec
from aiohttp import web
from msgspec import UNSET, UnsetType

from server.auth.access import Whose
from server.http.based_requests import outside
from server.http.endpoint import Call, Endpoint, NoQuery, PageByNumber, encoded
from server.http.values import DatasetName, Id, TemplateName, TimeZone, described, line
from server.operations.schedule_wishes import MOST_NAME, MOST_QUIET_SECONDS, ScheduleWish
from server.reports.batch_orders import ParameterQuery
from server.reports.work import FileFormat
from server.schedules.plans import BackupPlan, CheckResult, ImportPlan, QueryPlan, RunsWhat
from server.schedules.schedule import (
    DEFAULT_QUIET_SECONDS,
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
from server.schedules.timing import MOST_CHARACTERS, ClockChange
from server.schedules.workdays import DayOff, OnlyOn
from server.storage.pages import Listing
from server.texts import told
from views.api.admin import NewOwner
from views.api.deliveries import ToldWish, WantedList, told_wishes
from views.api.owners import Owner
from views.context import formats_for

_Cron = Annotated[str, described(maxLength=MOST_CHARACTERS, examples=["0 8 1 * *"])]
_Country = Annotated[str, described(maxLength=2, examples=["CN"])]
_Quiet = Annotated[int, msgspec.Meta(ge=0, le=MOST_QUIET_SECONDS)]
_Name = Annotated[str, line(MOST_NAME)]
_Parameters = list[dict[str, Any]] | ParameterQuery


class NewSchedule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What comes by itself. `runs` says what: a `batch` of `template`, with `parameters` and `formats` as in
    `POST /batches`, an `import`, the check of a `query`, or, for administrators, a `backup`; what is to be run has the
    field of that name, and no other.

    One of the three says when: `cron` (five fields, by the clock on the wall of `time_zone`, yours if left out; `L` is
    the last day of the month; a day of the month and a day of the week: either will do), `after_import` (a dataset:
    when nothing has come into it for `quiet_seconds`), `after_schedule` (the id of another of yours: when its reports
    are done). `missed`: what becomes of times at which no server ran: the newest is made up for `once`, `all` are (the
    newest 24), or `none`. `overlap`: a run whose predecessor goes on waits (`queue`), or is left out (`skip`). Words
    such as `last_month` mean what they mean at the planned time. `only_on: workdays` leaves out what falls on a day
    off in the country `calendar` (`CN`, with its worked weekends), or moves it to the `next` or `previous` working day
    at the same hour (`day_off`). `deliveries`: who gets which of the reports."""

    runs: RunsWhat = RunsWhat.BATCH
    template: TemplateName | None = None
    import_: ImportPlan | None = msgspec.field(name="import", default=None)
    query: QueryPlan | None = None
    backup: BackupPlan | None = None
    owner: Owner | None = None
    name: _Name = ""
    parameters: _Parameters | None = None
    formats: list[FileFormat] | None = None
    cron: _Cron | None = None
    time_zone: TimeZone | None = None
    after_import: DatasetName | None = None
    after_schedule: Id | None = None
    quiet_seconds: _Quiet = DEFAULT_QUIET_SECONDS
    missed: Missed = Missed.ONCE
    overlap: Overlap = Overlap.QUEUE
    only_on: OnlyOn = OnlyOn.EACH
    calendar: _Country = ""
    day_off: DayOff = DayOff.SKIP
    enabled: bool = True
    deliveries: WantedList = []


class ScheduleChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is left out stays as it is; what is run is named as a whole. Another time begins anew: nothing of before
    counts as missed. `enabled` pauses and resumes; what would have come while a schedule was paused was not missed."""

    runs: RunsWhat | UnsetType = UNSET
    template: TemplateName | UnsetType = UNSET
    import_: ImportPlan | UnsetType = msgspec.field(name="import", default=UNSET)
    query: QueryPlan | UnsetType = UNSET
    backup: BackupPlan | UnsetType = UNSET
    owner: Owner | UnsetType | None = UNSET
    name: _Name | UnsetType = UNSET
    parameters: _Parameters | UnsetType | None = UNSET
    formats: list[FileFormat] | UnsetType | None = UNSET
    cron: _Cron | UnsetType = UNSET
    time_zone: TimeZone | UnsetType = UNSET
    after_import: DatasetName | UnsetType = UNSET
    after_schedule: Id | UnsetType = UNSET
    quiet_seconds: _Quiet | UnsetType = UNSET
    missed: Missed | UnsetType = UNSET
    overlap: Overlap | UnsetType = UNSET
    only_on: OnlyOn | UnsetType = UNSET
    calendar: _Country | UnsetType = UNSET
    day_off: DayOff | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET
    deliveries: WantedList | UnsetType = UNSET


class ScheduledRunOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`trial`: to me first. What would go out by mail goes to your own address instead, the first three of them, each
    marked as a trial; nothing goes to anybody else, and nothing of it counts as sent."""

    trial: bool = False


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


class ScheduleList(Listing[ScheduleItem], frozen=True, kw_only=True):
    pass


class ScheduleQuery(PageByNumber, frozen=True, kw_only=True):
    """`q` is looked for in names and templates. `whose`: `all` there are, for administrators."""

    whose: Literal["mine", "all"] | None = None


async def list_schedules(call: Call[None, ScheduleQuery]) -> ScheduleList:
    operations = call.operations.schedules
    page = await operations.list(
        call.principal,
        whose=Whose.ALL if call.query.whose == "all" else Whose.MINE,
        q=call.query.q or "",
        limit=call.query.limit,
        cursor=call.query.cursor,
    )
    runs = await operations.runs(call.principal, page.items)
    items = [_item(call, schedule, runs[schedule.id]) for schedule in page.items]
    return ScheduleList(items=items, total=page.total, next_cursor=page.next_cursor)


async def create_schedule(call: Call[NewSchedule, NoQuery]) -> ScheduleItem:
    given = {name: value for name, value in _fields(call.body).items() if value is not None}
    return await _told(call, await call.operations.schedules.create(call.principal, ScheduleWish(**given)))


async def get_schedule(call: Call[None, NoQuery]) -> ScheduleItem:
    return await _told(call, await call.operations.schedules.get(call.principal, call.path["id"]))


async def change_schedule(call: Call[ScheduleChange, NoQuery]) -> ScheduleItem:
    changes = {name: value for name, value in _fields(call.body).items() if value is not UNSET}
    return await _told(call, await call.operations.schedules.change(call.principal, call.path["id"], changes))


async def delete_schedule(call: Call[None, NoQuery]) -> None:
    await call.operations.schedules.delete(call.principal, call.path["id"])


async def run_schedule(call: Call[ScheduledRunOrder, NoQuery]) -> web.Response:
    key, operations = call.request.headers.get("Idempotency-Key"), call.operations.schedules
    run_it = operations.run_to_me if call.body.trial else operations.run
    run = await run_it(call.principal, call.path["id"], idempotency_key=key)
    item = _run(call, run)
    return encoded(item, status=202, headers={"Location": item.links["schedule"]})


async def hand_over_schedule(call: Call[NewOwner, NoQuery]) -> ScheduleItem:
    handed = await call.operations.schedule_handover.hand_over(call.principal, call.path["id"], call.body.to)
    return await _told(call, handed)


async def _told(call: Call[Any, Any], schedule: Schedule) -> ScheduleItem:
    runs = await call.operations.schedules.runs(call.principal, [schedule])
    return _item(call, schedule, runs[schedule.id])


def _item(call: Call[Any, Any], schedule: Schedule, runs: list[ScheduleRun]) -> ScheduleItem:
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
        last_runs=[_run(call, run) for run in runs],
        created_at=schedule.created_at,
        updated_at=schedule.updated_at,
        links={
            "self": outside(f"/api/v1/schedules/{schedule.id}"),
            "run": outside(f"/api/v1/schedules/{schedule.id}/run"),
            "page": outside(f"/schedules/{schedule.id}"),
        },
    )


def _run(call: Call[Any, Any], run: ScheduleRun) -> RunItem:
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


def _fields(body: msgspec.Struct) -> dict[str, Any]:
    given = {name: getattr(body, name) for name in body.__struct_fields__}
    if isinstance(wanted := given["deliveries"], list):
        given["deliveries"] = [each.wish for each in wanted]
    return given


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/schedules",
        name="api_schedules",
        handler=list_schedules,
        summary="Your schedules; what comes next first",
        query=ScheduleQuery,
        answer=ScheduleList,
    ),
    Endpoint(
        method="POST",
        path="/schedules",
        name="api_schedule_create",
        handler=create_schedule,
        summary="Have reports made, or files imported, by themselves",
        access="write",
        body=NewSchedule,
        answer=ScheduleItem,
        status=201,
        errors=(404, 422),
    ),
    Endpoint(
        method="GET",
        path="/schedules/{id}",
        name="api_schedule",
        handler=get_schedule,
        summary="One schedule: when it comes next, and what became of its last runs",
        answer=ScheduleItem,
        errors=(404,),
    ),
    Endpoint(
        method="PATCH",
        path="/schedules/{id}",
        name="api_schedule_change",
        handler=change_schedule,
        summary="Change, pause or resume a schedule",
        access="write",
        body=ScheduleChange,
        answer=ScheduleItem,
        errors=(404, 409, 422),
    ),
    Endpoint(
        method="DELETE",
        path="/schedules/{id}",
        name="api_schedule_delete",
        handler=delete_schedule,
        summary="Delete a schedule; the batches that it made stay",
        access="write",
        status=204,
        errors=(404,),
    ),
    Endpoint(
        method="POST",
        path="/schedules/{id}/run",
        name="api_schedule_run",
        handler=run_schedule,
        summary="Run a schedule now, besides its times, with the rights of its owner",
        access="write",
        body=ScheduledRunOrder,
        body_required=False,
        answer=RunItem,
        status=202,
        errors=(404, 409, 422),
    ),
    Endpoint(
        method="POST",
        path="/schedules/{id}/hand-over",
        name="api_schedule_hand_over",
        handler=hand_over_schedule,
        summary="Hand a schedule over to another user, with all checks as if they made it; for administrators",
        access="admin",
        body=NewOwner,
        answer=ScheduleItem,
        errors=(404, 409, 422),
    ),
]
