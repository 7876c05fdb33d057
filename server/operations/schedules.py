"""What people do with schedules: plan them, look at what comes, pause, run now, delete."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.auth.access import Whose
from server.auth.audit import Audit
from server.auth.permissions import Principal
from server.clock import Clock, utc_now
from server.errors import Conflict, InvalidInput, NotFound
from server.jobs.keys import KeyReused, require_key
from server.operations.delivery_trials import DeliveryTrials
from server.operations.schedule_planning import SchedulePlanning, require_no_circle, require_whole, seen_by
from server.operations.schedule_runs.kind import ScheduleKinds
from server.operations.schedule_wishes import ScheduleWish, require_zone, whole_changes, wish_of, with_zone
from server.schedules.firing import Firing
from server.schedules.plans import RunsWhat
from server.schedules.run_store import (
    ScheduleRunStore,
    add_runs,
    by_hand_since,
    is_key_of_another,
    run_at,
    run_of_key,
    set_run,
)
from server.schedules.schedule import (
    RunCause,
    RunsOfDay,
    Schedule,
    ScheduleHead,
    ScheduleRun,
    ScheduleStanding,
    StopReason,
)
from server.schedules.scheduler import Scheduler
from server.schedules.store import ScheduleStore, add_schedule, count_of_owner, delete_schedule, locked, save_schedule
from server.schedules.timing import PlannedTime, next_time, next_times, require_cron
from server.schedules.workdays import known_until
from server.storage.database import Database
from server.storage.growth import Growth
from server.storage.pages import Listing
from server.storage.tables import schedules

SHOWN_TIMES = 5
SHOWN_RUNS = 10
_MOST_SCHEDULES = 500
_PRESSED_TWICE = timedelta(seconds=1)
_AGAIN = frozenset(
    {"cron", "time_zone", "after_import", "after_schedule", "only_on", "calendar", "day_off"}
)  # changes of these begin anew


class ScheduleOperations:
    """A schedule is its owner's; administrators see and manage all."""

    def __init__(
        self,
        *,
        database: Database,
        store: ScheduleStore,
        run_store: ScheduleRunStore,
        kinds: ScheduleKinds,
        plans: SchedulePlanning,
        firing: Firing,
        scheduler: Scheduler,
        trials: DeliveryTrials,
        growth: Growth,
        clock: Clock = utc_now,
    ) -> None:
        self._database = database
        self._store = store
        self._run_store = run_store
        self.kinds = kinds
        self.plans = plans
        self._firing = firing
        self.scheduler = scheduler
        self._trials = trials
        self._growth = growth
        self._clock = clock

    async def get(self, principal: Principal, schedule_id: str) -> Schedule:
        principal.require_read()
        return await self._store.get(schedule_id, seen_by(principal))

    async def runs(
        self, principal: Principal, found: Sequence[Schedule], *, limit: int = SHOWN_RUNS
    ) -> dict[str, list[ScheduleRun]]:
        """The newest of each, by its id."""
        ids = [each.id for each in found if principal.may_see(each.owner_id)]
        return await self._run_store.newest(ids, limit=limit)

    async def runs_by_day(
        self, principal: Principal, found: Sequence[Schedule], days: Sequence[datetime]
    ) -> dict[str, list[RunsOfDay]]:
        """All of that time, by the id of their schedule. `days`: when each begins, and when the last ends."""
        return await self._run_store.by_day([each.id for each in found if principal.may_see(each.owner_id)], days)

    def next_times(self, schedule: ScheduleHead, count: int = SHOWN_TIMES) -> list[PlannedTime]:
        """When it comes; none of one that is not on, or waits for something else. After a clock that was set back, what
        has been run does not come again."""
        if not schedule.is_on or not schedule.cron:
            return []
        after = self._clock()
        if schedule.planned_at is not None:
            after = max(after, schedule.planned_at - timedelta(seconds=1))
        return next_times(schedule.cron, schedule.time_zone, after, count, schedule.workdays)

    def calendar_end(self, schedule: ScheduleHead, times: Sequence[PlannedTime]) -> date | None:
        """The end of its calendar, where these times go past it."""
        end = known_until(schedule.calendar, self._clock().date()) if schedule.calendar else None
        return end if end is not None and times and times[-1].local.date() > end else None

    def times_of(self, cron: str, time_zone: str, count: int = SHOWN_TIMES) -> list[PlannedTime]:
        """Of one that is being planned. Raises `InvalidInput`."""
        require_cron(cron)
        require_zone(time_zone)
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
        wish = with_zone(wish, principal)
        now = self._clock()
        made = await self.plans.made(principal, wish, now=now)
        self._growth.charge(principal.user_id, made.ordered, made.name)
        async with self._database.write() as connection:
            await require_room_for_one(connection, principal.user_id)
            await require_no_circle(connection, made)
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

        Twice within a second is once, where it orders the same and no key says that it is meant twice. What could not
        be ordered has failed, and its run says why.
        """
        schedule = await self._to_run(principal, schedule_id, idempotency_key)
        run = await self._asked(principal, schedule, idempotency_key, RunCause.HAND)
        return await self._firing.fire(run.id)

    async def run_to_me(
        self, principal: Principal, schedule_id: str, *, idempotency_key: str | None = None
    ) -> ScheduleRun:
        """As `run`, but the first mails of it go to whoever asks, and nothing to anybody else: nothing counts as sent,
        and no schedule comes after it. Raises `Conflict` where no mail would go out, it makes no reports, or they have
        no address."""
        schedule = await self._to_run(principal, schedule_id, idempotency_key)
        if schedule.runs is not RunsWhat.BATCH:
            raise Conflict("Only reports can go to you first, and this schedule makes none.")
        tried = await self._trials.tried(principal, schedule.ordered.deliveries)
        ordered = msgspec.structs.replace(schedule.ordered, deliveries=tried)
        trial = msgspec.structs.replace(schedule, ordered=ordered)
        run = await self._asked(principal, trial, idempotency_key, RunCause.TRIAL)
        return await self._firing.fire(run.id)

    async def of_batch(self, principal: Principal, batch_id: str) -> ScheduleHead | None:
        """The schedule that had it made, for who may see that."""
        found = await self._store.schedule_of(batch_id)
        return found if found is not None and principal.may_see(found.owner_id) else None

    async def _to_run(self, principal: Principal, schedule_id: str, idempotency_key: str | None) -> Schedule:
        principal.require_write()
        if idempotency_key is not None:
            require_key(idempotency_key)
        return await self.get(principal, schedule_id)

    async def _asked(
        self, principal: Principal, schedule: Schedule, idempotency_key: str | None, cause: RunCause
    ) -> ScheduleRun:
        asked_key = None if idempotency_key is None else f"{principal.user_id} {idempotency_key}"
        now = self._clock()
        async with self._database.write() as connection:
            await locked(connection, schedule.id)  # of two at the same time the second sees the first
            if asked_key:
                known = await run_of_key(connection, schedule.id, asked_key)
            else:
                known = await by_hand_since(connection, schedule.id, cause, now - _PRESSED_TWICE)
            if known is not None and known.cause is not cause:
                raise KeyReused
            if asked_key and known is None and await is_key_of_another(connection, schedule.id, asked_key):
                raise KeyReused
            if known and (asked_key or known.ordered == schedule.ordered):
                return known
            await add_runs(connection, schedule, cause, [now], now=now)
            run = await run_at(connection, schedule.id, now)
            if asked_key:
                await set_run(connection, run.id, asked_key=asked_key)
            if cause is RunCause.TRIAL:
                await Audit.record(connection, principal, "schedule.trial", schedule.name, subject_id=schedule.id)
            else:
                await Audit.record(connection, principal, "schedule.run", schedule.name, subject_id=schedule.id)
        return run

    async def _replan(self, principal: Principal, before: Schedule, changes: Mapping[str, Any]) -> None:
        wish = with_zone(msgspec.structs.replace(wish_of(before), **whole_changes(changes, before.runs)), principal)
        now = self._clock()
        made = await self.plans.made(principal, wish, now=now, before=before)
        async with self._database.write() as connection:
            current = await locked(connection, before.id)
            if current is None:
                raise NotFound
            await require_no_circle(connection, made)
            kept = {
                name: getattr(current, name) for name in ("standing", "reason", "error", "created_at", "told_until")
            }
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
                await require_whole(connection, current)
            planned_at = await asyncio.to_thread(_next_of, current, now) if is_on and current.cron else None
            if is_on and current.cron and planned_at is None:
                raise Conflict("No such time comes any more; choose another one first.")
            turned = msgspec.structs.replace(
                current,
                standing=ScheduleStanding.ON if is_on else ScheduleStanding.PAUSED,
                reason=StopReason.NONE if is_on else StopReason.BY_HAND,
                error=None,
                planned_at=planned_at,  # from now on: what came while it was off was not missed
                armed_at=now,
                updated_at=now,
            )
            await save_schedule(connection, turned)
            if is_on:
                await Audit.record(connection, principal, "schedule.resume", current.name, subject_id=current.id)
            else:
                await Audit.record(connection, principal, "schedule.pause", current.name, subject_id=current.id)


async def require_room_for_one(connection: AsyncConnection, owner_id: str) -> None:
    """Raises `InvalidInput`."""
    if await count_of_owner(connection, owner_id) >= _MOST_SCHEDULES:
        raise InvalidInput("One user may have at most {limit} schedules; delete some first.", limit=_MOST_SCHEDULES)


def _next_of(schedule: ScheduleHead, now: datetime) -> datetime | None:
    return next_time(schedule.cron, schedule.time_zone, now, schedule.workdays)


def _detail(schedule: ScheduleHead) -> dict[str, Any]:
    when = schedule.cron or schedule.dataset_name or schedule.leader_name
    what = {"template": schedule.template_name} if schedule.runs is RunsWhat.BATCH else {"runs": schedule.runs.value}
    return what | {"when": when}
