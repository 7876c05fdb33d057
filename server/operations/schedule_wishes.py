"""What somebody plans, field by field: what is right of itself, and what a change leaves as it was."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from server.auth.permissions import Principal
from server.delivery.wishes import DeliveryWish
from server.errors import FieldError, InvalidInput
from server.operations.account_fields import time_zones
from server.operations.line_texts import line_problems
from server.reports.batch_orders import BatchOrder, ParameterQuery, formats_of
from server.schedules.plans import PLAN_FIELDS, BackupPlan, ImportPlan, QueryPlan, RunsWhat
from server.schedules.schedule import DEFAULT_QUIET_SECONDS, Missed, Overlap, Schedule
from server.schedules.timing import has_fixed_times, next_time, require_cron
from server.schedules.workdays import DayOff, OnlyOn, WorkdayRule, countries

MOST_NAME = 300
MOST_QUIET_SECONDS = 86_400
_OF_BATCH = ("template", "parameters", "formats")
_NOTHING_RUN: dict[str, Any] = dict.fromkeys(PLAN_FIELDS.values()) | {
    "template": "",
    "owner": None,
    "parameters": None,
    "formats": None,
    "deliveries": [],
}
DELIVERED = frozenset({RunsWhat.BATCH, RunsWhat.QUERY})  # what leaves the house
_ZONE = FieldError(field="time_zone", message="Choose a time zone such as Europe/Berlin.")


class ScheduleWish(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody plans. One of `cron`, `after_import` (a dataset) and `after_schedule` (an id) says when.

    `template` with what follows it is of a batch; other kinds have their plan instead.
    """

    runs: RunsWhat = RunsWhat.BATCH
    import_: ImportPlan | None = None
    query: QueryPlan | None = None
    backup: BackupPlan | None = None
    template: str = ""
    owner: str | None = None
    name: str = ""
    parameters: list[dict[str, Any]] | ParameterQuery | None = None
    formats: Sequence[str] | None = None
    cron: str = ""
    time_zone: str = ""
    after_import: str = ""
    after_schedule: str = ""
    quiet_seconds: int = DEFAULT_QUIET_SECONDS
    missed: Missed = Missed.ONCE
    overlap: Overlap = Overlap.QUEUE
    only_on: OnlyOn = OnlyOn.EACH
    calendar: str = ""
    day_off: DayOff = DayOff.SKIP
    enabled: bool = True
    deliveries: Sequence[DeliveryWish] = ()

    @property
    def workdays(self) -> WorkdayRule | None:
        is_on = self.only_on is OnlyOn.WORKDAYS
        return WorkdayRule(country=self.calendar, day_off=self.day_off) if is_on else None

    @property
    def order(self) -> BatchOrder:
        return BatchOrder(
            template=self.template,
            owner=self.owner,
            parameters=self.parameters,
            formats=formats_of(self.formats) if self.formats else None,
            deliveries=self.deliveries,
        )


def with_zone(wish: ScheduleWish, principal: Principal) -> ScheduleWish:
    return wish if wish.time_zone else msgspec.structs.replace(wish, time_zone=principal.time_zone)


def whole_changes(changes: Mapping[str, Any], runs: RunsWhat = RunsWhat.BATCH) -> dict[str, Any]:
    """Who names another time takes the place of the one before: there is one. So it is with what is run."""
    triggers = ("cron", "after_import", "after_schedule")
    whole = {name: value for name, value in changes.items() if name != "enabled"}
    if whole.get("runs", runs) != runs:
        whole = _NOTHING_RUN | whole
    if "template" in whole:
        whole = {"owner": None} | whole
    if any(whole.get(name) for name in triggers):
        whole = dict.fromkeys(triggers, "") | whole
    return whole


def wish_of(schedule: Schedule) -> ScheduleWish:
    wanted = schedule.ordered.parameters
    plans = {name: getattr(schedule.ordered, name) for name in PLAN_FIELDS.values()}
    return ScheduleWish(
        runs=schedule.runs,
        **plans,
        template=schedule.template_name,
        owner=schedule.template_owner_id,
        name=schedule.name,
        parameters=ParameterQuery(query=wanted["query"]) if isinstance(wanted, dict) else wanted,
        formats=schedule.ordered.formats or None,
        cron=schedule.cron,
        time_zone=schedule.time_zone,
        after_import=schedule.dataset_name,
        after_schedule=schedule.leader_id or "",
        quiet_seconds=schedule.quiet_seconds,
        missed=schedule.missed,
        overlap=schedule.overlap,
        only_on=OnlyOn.WORKDAYS if schedule.calendar else OnlyOn.EACH,
        calendar=schedule.calendar,
        day_off=schedule.day_off,
        enabled=schedule.is_on,
        deliveries=schedule.ordered.deliveries,
    )


def require_right(wish: ScheduleWish) -> None:
    problems = list(_problems_of_what(wish))
    if len([each for each in (wish.cron, wish.after_import, wish.after_schedule) if each]) != 1:
        message = "Say when it comes: one of a time (cron), a dataset (after_import) and a schedule (after_schedule)."
        problems.append(FieldError(field="cron", message=message))
    if wish.time_zone not in time_zones():
        problems.append(_ZONE)
    if not 0 <= wish.quiet_seconds <= MOST_QUIET_SECONDS:
        problems.append(FieldError(field="quiet_seconds", message="Choose from 0 seconds to a day."))
    problems += line_problems(wish.name, field="name", most=MOST_NAME)
    if problems:
        raise InvalidInput(errors=problems)
    if wish.cron:
        require_cron(wish.cron)
    if wish.workdays:
        require_workdays(wish.workdays, wish.cron, wish.time_zone)


def require_workdays(rule: WorkdayRule, cron: str, time_zone: str) -> None:
    """Raises `InvalidInput`."""
    if rule.country not in countries():
        raise wrong_field("calendar", message="Name a country by its two letters, such as CN or DE.")
    if not cron:
        raise wrong_field("only_on", message="Only what comes at times can keep to working days.")
    if rule.day_off is not DayOff.SKIP and not has_fixed_times(cron):
        raise wrong_field(
            "day_off", message="What comes all day long cannot be moved to another day; leave it out on days off."
        )
    if next_time(cron, time_zone, datetime(2024, 1, 1, tzinfo=UTC), rule) is None:
        raise wrong_field("cron", message="This never falls on a working day: it would never come.")


def _problems_of_what(wish: ScheduleWish) -> Iterator[FieldError]:
    """It has what its kind needs, and nothing of another."""
    needed = PLAN_FIELDS.get(wish.runs, "template")
    if not getattr(wish, needed):
        message = "Say what is to be run: `runs` is {runs}, and this is missing."
        yield FieldError(field=needed.rstrip("_"), message=message, parameters={"runs": wish.runs.value})
    others = [*PLAN_FIELDS.values(), *_OF_BATCH]
    for name in others:
        is_own = name == needed or (name in _OF_BATCH and wish.runs is RunsWhat.BATCH)
        if not is_own and getattr(wish, name):
            message = "Leave this out: `runs` is {runs}."
            yield FieldError(field=name.rstrip("_"), message=message, parameters={"runs": wish.runs.value})
    if wish.deliveries and wish.runs not in DELIVERED:
        yield FieldError(field="deliveries", message="Of this nothing is delivered; leave it out.")


def require_zone(time_zone: str) -> None:
    if time_zone not in time_zones():
        raise InvalidInput(errors=[_ZONE])


def wrong_field(field: str, message: str) -> InvalidInput:
    return InvalidInput(errors=[FieldError(field=field, message=message)])
