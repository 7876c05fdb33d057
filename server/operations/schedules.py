"""What people do with schedules: plan reports, look at what comes, pause, run now, delete."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.auth.access import DATASETS, ThingAccess, Whose
from server.auth.audit import Audit
from server.auth.permissions import Principal
from server.clock import Clock, new_id, utc_now
from server.errors import Conflict, FieldError, InvalidInput, NotFound
from server.jobs.keys import require_key
from server.operations.account_fields import time_zones
from server.operations.batches import BatchOperations
from server.reports.batch_orders import BatchOrder, ParameterQuery, asked_parameters, formats_of
from server.reports.template_store import TemplateHead
from server.schedules.firing import Firing
from server.schedules.schedule import (
    DEFAULT_QUIET_SECONDS,
    Missed,
    Ordered,
    Overlap,
    RunCause,
    Schedule,
    ScheduleHead,
    ScheduleRun,
    ScheduleStanding,
    StopReason,
)
from server.schedules.scheduler import Scheduler
from server.schedules.store import (
    ScheduleStore,
    add_runs,
    add_schedule,
    count_of_owner,
    delete_schedule,
    leaders_of,
    locked,
    run_at,
    run_of_key,
    save_schedule,
    set_run,
)
from server.schedules.timing import PlannedTime, next_time, next_times, require_cron
from server.storage.database import Database
from server.storage.growth import Growth
from server.storage.pages import Listing
from server.storage.tables import datasets, schedules, users

SHOWN_TIMES = 5
SHOWN_RUNS = 10
MOST_NAME = 300
MOST_QUIET_SECONDS = 86_400
_MOST_SCHEDULES = 500
_AGAIN = frozenset({"cron", "time_zone", "after_import", "after_schedule"})  # changes of these begin anew


class ScheduleWish(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody plans. One of `cron`, `after_import` (a dataset) and `after_schedule` (an id) says when."""

    template: str
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
    enabled: bool = True

    @property
    def order(self) -> BatchOrder:
        return BatchOrder(
            template=self.template,
            owner=self.owner,
            parameters=self.parameters,
            formats=formats_of(self.formats) if self.formats else None,
        )


class ScheduleOperations:
    """A schedule is its owner's; administrators see and manage all."""

    def __init__(
        self,
        *,
        database: Database,
        access: ThingAccess,
        store: ScheduleStore,
        batches: BatchOperations,
        firing: Firing,
        scheduler: Scheduler,
        growth: Growth,
        clock: Clock = utc_now,
    ) -> None:
        self._database = database
        self._access = access
        self._store = store
        self._batches = batches
        self._firing = firing
        self.scheduler = scheduler
        self._growth = growth
        self._clock = clock

    async def get(self, principal: Principal, schedule_id: str) -> Schedule:
        principal.require_read()
        return await self._store.get(schedule_id, _seen_by(principal))

    async def runs(
        self, principal: Principal, found: Sequence[Schedule], *, limit: int = SHOWN_RUNS
    ) -> dict[str, list[ScheduleRun]]:
        """The newest of each, by its id."""
        ids = [each.id for each in found if principal.may_see(each.owner_id)]
        return await self._store.runs(ids, limit=limit)

    def next_times(self, schedule: ScheduleHead, count: int = SHOWN_TIMES) -> list[PlannedTime]:
        """When it comes; none of one that is not on, or waits for something else."""
        if not schedule.is_on or not schedule.cron:
            return []
        return next_times(schedule.cron, schedule.time_zone, self._clock(), count)

    def times_of(self, cron: str, time_zone: str, count: int = SHOWN_TIMES) -> list[PlannedTime]:
        """Of one that is being planned. Raises `InvalidInput`."""
        require_cron(cron)
        _require_zone(time_zone)
        return next_times(cron, time_zone, self._clock(), count)

    async def list(
        self,
        principal: Principal,
        *,
        whose: Whose = Whose.MINE_AND_SHARED,
        q: str = "",
        template_id: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Listing[Schedule]:
        """What comes next first."""
        principal.require_read()
        if whose is Whose.ALL:
            principal.require_admin()
        which = sa.true() if whose is Whose.ALL else schedules.c.owner_id == principal.user_id
        return await self._store.search(which, q=q, template_id=template_id, limit=limit, cursor=cursor)

    async def create(self, principal: Principal, wish: ScheduleWish) -> Schedule:
        """Raises `NotFound` for a template they may not see, `InvalidInput` that names each wrong field."""
        principal.require_write()
        wish = _with_zone(wish, principal)
        now = self._clock()
        made = await self._made(principal, wish, now=now)
        self._growth.charge(principal.user_id, made.ordered, made.name)
        async with self._database.write() as connection:
            if await count_of_owner(connection, principal.user_id) >= _MOST_SCHEDULES:
                raise InvalidInput("You may have at most {limit} schedules; delete some first.", limit=_MOST_SCHEDULES)
            await _require_no_circle(connection, made)
            await add_schedule(connection, made)
            await Audit.record(connection, principal, "schedule.create", made.name, _detail(made), subject_id=made.id)
        self.scheduler.wake()
        return await self.get(principal, made.id)

    async def change(self, principal: Principal, schedule_id: str, changes: Mapping[str, Any]) -> Schedule:
        """`changes` are fields of a `ScheduleWish`. A changed time begins anew: nothing of before counts as missed."""
        principal.require_write()
        before = await self.get(principal, schedule_id)
        if changes.keys() - {"enabled"}:
            await self._replan(principal, before, changes)
        if "enabled" in changes:
            await self._turn(principal, before, is_on=changes["enabled"])
        self.scheduler.wake()
        return await self.get(principal, schedule_id)

    async def delete(self, principal: Principal, schedule_id: str) -> None:
        """Batches that it made stay."""
        principal.require_write()
        schedule = await self.get(principal, schedule_id)
        async with self._database.write() as connection:
            await delete_schedule(connection, schedule.id)
            await Audit.record(connection, principal, "schedule.delete", schedule.name, subject_id=schedule.id)
        self.scheduler.wake()

    async def run(self, principal: Principal, schedule_id: str, *, idempotency_key: str | None = None) -> ScheduleRun:
        """Now, besides its times, with its owner's rights; one that is not on runs as well.

        Twice within a second is once. What could not be ordered has failed, and its run says why.
        """
        principal.require_write()
        if idempotency_key is not None:
            require_key(idempotency_key)
        schedule = await self.get(principal, schedule_id)
        asked = None if idempotency_key is None else f"{principal.user_id} {idempotency_key}"
        run = await self._asked(principal, schedule, asked)
        return await self._firing.fire(run.id)

    async def of_batch(self, principal: Principal, batch_id: str) -> ScheduleHead | None:
        """The schedule that had it made, for who may see that."""
        found = await self._store.schedule_of(batch_id)
        return found if found is not None and principal.may_see(found.owner_id) else None

    async def _asked(self, principal: Principal, schedule: Schedule, asked_key: str | None) -> ScheduleRun:
        now = self._clock()
        at = now.replace(microsecond=0)
        async with self._database.write() as connection:
            if asked_key and (known := await run_of_key(connection, schedule.id, asked_key)):
                return known
            await add_runs(connection, schedule, RunCause.HAND, [at], now=now)
            run = await run_at(connection, schedule.id, at)
            if asked_key:
                await set_run(connection, run.id, asked_key=asked_key)
            await Audit.record(connection, principal, "schedule.run", schedule.name, subject_id=schedule.id)
        return run

    async def _replan(self, principal: Principal, before: Schedule, changes: Mapping[str, Any]) -> None:
        wish = _with_zone(msgspec.structs.replace(_wish_of(before), **_whole(changes)), principal)
        now = self._clock()
        made = await self._made(principal, wish, now=now, before=before)
        async with self._database.write() as connection:
            current = await locked(connection, before.id)
            if current is None:
                raise NotFound
            await _require_no_circle(connection, made)
            kept = {name: getattr(current, name) for name in ("standing", "reason", "error", "created_at")}
            if not _AGAIN & changes.keys():
                kept |= {"planned_at": current.planned_at, "armed_at": current.armed_at}
            elif not current.is_on:
                kept["planned_at"] = None
            await save_schedule(connection, msgspec.structs.replace(made, **kept))
            detail = {"fields": sorted(changes.keys() - {"enabled"})}
            await Audit.record(connection, principal, "schedule.change", made.name, detail, subject_id=made.id)

    async def _turn(self, principal: Principal, before: Schedule, *, is_on: bool) -> None:
        now = self._clock()
        async with self._database.write() as connection:
            current = await locked(connection, before.id)
            if current is None:
                raise NotFound
            if current.is_on == is_on:
                return
            if is_on:
                await _require_whole(connection, current)
            turned = msgspec.structs.replace(
                current,
                standing=ScheduleStanding.ON if is_on else ScheduleStanding.PAUSED,
                reason=StopReason.NONE if is_on else StopReason.BY_HAND,
                error=None,
                # From now on: what came while it was off was not missed.
                planned_at=next_time(current.cron, current.time_zone, now) if is_on and current.cron else None,
                armed_at=now,
                updated_at=now,
            )
            await save_schedule(connection, turned)
            if is_on:
                await Audit.record(connection, principal, "schedule.resume", current.name, subject_id=current.id)
            else:
                await Audit.record(connection, principal, "schedule.pause", current.name, subject_id=current.id)

    async def _made(
        self, principal: Principal, wish: ScheduleWish, *, now: datetime, before: Schedule | None = None
    ) -> ScheduleHead:
        _require(wish)
        schedule_id = before.id if before else new_id()
        owner_id = before.owner_id if before else principal.user_id
        # As it will be ordered: `last_month` means what it means there.
        template = await self._batches.check(replace(principal, time_zone=wish.time_zone), wish.order)
        dataset_id, dataset_name = await self._dataset(principal, wish, before)
        leader = await self._leader(principal, wish, schedule_id, owner_id) if wish.after_schedule else None
        return ScheduleHead(
            id=schedule_id,
            owner_id=owner_id,
            name=wish.name.strip() or _title(template),
            template_id=template.id,
            template_name=template.name,
            ordered=Ordered(
                parameters=asked_parameters(wish.order),
                formats=list(wish.order.formats or []),
                language=before.ordered.language if before else principal.language,
            ),
            cron=" ".join(wish.cron.split()),
            time_zone=wish.time_zone,
            dataset_id=dataset_id,
            dataset_name=dataset_name,
            quiet_seconds=wish.quiet_seconds,
            leader_id=leader.id if leader else None,
            leader_name=leader.name if leader else "",
            missed=wish.missed,
            overlap=wish.overlap,
            standing=ScheduleStanding.ON if wish.enabled else ScheduleStanding.PAUSED,
            reason=StopReason.NONE if wish.enabled else StopReason.BY_HAND,
            error=None,
            planned_at=next_time(wish.cron, wish.time_zone, now) if wish.cron and wish.enabled else None,
            armed_at=now,
            created_at=now,
            updated_at=now,
        )

    async def _dataset(
        self, principal: Principal, wish: ScheduleWish, before: Schedule | None
    ) -> tuple[str | None, str]:
        """The one that it waited for before stays the one, whoever has another of its name."""
        if not wish.after_import:
            return None, ""
        if before is not None and before.dataset_id is not None and before.dataset_name == wish.after_import:
            return before.dataset_id, before.dataset_name
        missing = "There is no dataset named “{name}”."
        found = await self._access.named(principal, DATASETS, wish.after_import, missing=missing)
        return found.id, found.name

    async def _leader(self, principal: Principal, wish: ScheduleWish, schedule_id: str, owner_id: str) -> Schedule:
        try:
            leader = await self.get(principal, wish.after_schedule)
        except NotFound:
            leader = None
        if leader is None or leader.owner_id != owner_id or leader.id == schedule_id:
            raise _wrong("after_schedule", "Name another schedule of the same owner.")
        return leader


def _seen_by(principal: Principal) -> sa.ColumnElement[bool]:
    return sa.true() if principal.is_admin else schedules.c.owner_id == principal.user_id


def _with_zone(wish: ScheduleWish, principal: Principal) -> ScheduleWish:
    return wish if wish.time_zone else msgspec.structs.replace(wish, time_zone=principal.time_zone)


def _whole(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Who names another time takes the place of the one before: there is one."""
    triggers = ("cron", "after_import", "after_schedule")
    whole = {name: value for name, value in changes.items() if name != "enabled"}
    if "template" in whole:
        whole = {"owner": None} | whole
    if any(whole.get(name) for name in triggers):
        whole = dict.fromkeys(triggers, "") | whole
    return whole


def _wish_of(schedule: Schedule) -> ScheduleWish:
    wanted = schedule.ordered.parameters
    return ScheduleWish(
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
        enabled=schedule.is_on,
    )


def _require(wish: ScheduleWish) -> None:
    problems: list[FieldError] = []
    if len([each for each in (wish.cron, wish.after_import, wish.after_schedule) if each]) != 1:
        message = "Say when it comes: one of a time (cron), a dataset (after_import) and a schedule (after_schedule)."
        problems.append(FieldError(field="cron", message=message))
    if wish.time_zone not in time_zones():
        problems.append(_ZONE)
    if not 0 <= wish.quiet_seconds <= MOST_QUIET_SECONDS:
        problems.append(FieldError(field="quiet_seconds", message="Choose from 0 seconds to a day."))
    if len(wish.name) > MOST_NAME or not wish.name.isprintable():
        problems.append(FieldError(field="name", message="Write one line of at most 300 characters."))
    if problems:
        raise InvalidInput(errors=problems)
    if wish.cron:
        require_cron(wish.cron)


_ZONE = FieldError(field="time_zone", message="Choose a time zone such as Europe/Berlin.")


def _require_zone(time_zone: str) -> None:
    if time_zone not in time_zones():
        raise InvalidInput(errors=[_ZONE])


def _wrong(field: str, message: str) -> InvalidInput:
    return InvalidInput(errors=[FieldError(field=field, message=message)])


async def _require_no_circle(connection: AsyncConnection, made: ScheduleHead) -> None:
    leaders = await leaders_of(connection, made.owner_id)
    leader = made.leader_id
    while leader is not None:
        if leader == made.id:
            raise _wrong("after_schedule", "These schedules would come after each other for ever; choose another one.")
        leader = leaders.get(leader)


async def _require_whole(connection: AsyncConnection, schedule: ScheduleHead) -> None:
    """Raises `Conflict` for one that would stop again at once."""
    if schedule.template_id is None:
        raise Conflict("Its template was deleted; choose another one first.")
    has_dataset = sa.select(datasets.c.id).where(datasets.c.id == schedule.dataset_id)
    if schedule.dataset_name and await connection.scalar(has_dataset) is None:
        raise Conflict("The dataset that it waits for was deleted; choose another one first.")
    has_leader = sa.select(schedules.c.id).where(schedules.c.id == schedule.leader_id)
    if schedule.leader_id is not None and await connection.scalar(has_leader) is None:
        raise Conflict("The schedule that it comes after was deleted; choose another one first.")
    disabled = sa.select(users.c.disabled_at).where(users.c.id == schedule.owner_id)
    if await connection.scalar(disabled) is not None:
        raise Conflict("The account of its owner is disabled; turn that on first.")


def _title(template: TemplateHead) -> str:
    """One that has parameters in it says nothing before there is a report."""
    return template.name if "{" in template.title else template.title[:MOST_NAME] or template.name


def _detail(schedule: ScheduleHead) -> dict[str, Any]:
    return {"template": schedule.template_name, "when": schedule.cron or schedule.dataset_name or schedule.leader_name}
