"""`/api/v1/schedules`: what comes by itself, and when."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from aiohttp import web
from msgspec import UNSET, UnsetType

from server.auth.access import Whose
from server.http.endpoint import Call, Endpoint, NoQuery, PageByNumber, encoded
from server.http.values import DatasetName, Id, TemplateName, TimeZone, described, line
from server.operations.schedule_wishes import MOST_NAME, MOST_QUIET_SECONDS, ScheduleWish
from server.reports.batch_orders import ParameterQuery
from server.reports.work import FileFormat
from server.schedules.plans import BackupPlan, ImportPlan, QueryPlan, RunsWhat
from server.schedules.schedule import (
    DEFAULT_QUIET_SECONDS,
    Missed,
    Overlap,
    Schedule,
)
from server.schedules.timing import MOST_CHARACTERS
from server.schedules.workdays import DayOff, OnlyOn
from server.storage.pages import Listing
from views.api.admin import NewOwner
from views.api.delivery_wishes import WantedList
from views.api.owners import Owner
from views.api.schedule_items import RunItem, ScheduleItem, run_item, schedule_item

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
    the last day of the month; a day of the month and a day of the week: either will do, or both have to fit where one
    begins with `*`, such as `*/2`), `after_import` (a dataset:
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
    items = [schedule_item(call, schedule, runs[schedule.id]) for schedule in page.items]
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
    item = run_item(call, run)
    return encoded(item, status=202, headers={"Location": item.links["schedule"]})


async def hand_over_schedule(call: Call[NewOwner, NoQuery]) -> ScheduleItem:
    handed = await call.operations.schedule_handover.hand_over(call.principal, call.path["id"], call.body.to)
    return await _told(call, handed)


async def _told(call: Call[Any, Any], schedule: Schedule) -> ScheduleItem:
    runs = await call.operations.schedules.runs(call.principal, [schedule])
    return schedule_item(call, schedule, runs[schedule.id])


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
