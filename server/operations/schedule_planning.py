"""A schedule as it will be stored: what somebody plans, with what it names found and allowed."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.auth.access import DATASETS, ThingAccess
from server.auth.permissions import Principal
from server.clock import new_id
from server.errors import Conflict, NotFound
from server.operations.delivery_checks import DeliveryChecks
from server.operations.schedule_runs.kind import ScheduleKinds
from server.operations.schedule_wishes import ScheduleWish, require_right, wrong_field
from server.schedules.plans import PLAN_FIELDS, RunsWhat
from server.schedules.schedule import Ordered, Schedule, ScheduleHead, ScheduleStanding, StopReason
from server.schedules.store import ScheduleStore, heads_of
from server.schedules.timing import next_time
from server.schedules.workdays import OnlyOn
from server.storage.tables import datasets, schedules, users


class SchedulePlanning:
    def __init__(
        self, *, access: ThingAccess, store: ScheduleStore, kinds: ScheduleKinds, deliveries: DeliveryChecks
    ) -> None:
        self._access = access
        self._store = store
        self._kinds = kinds
        self._deliveries = deliveries

    async def made(
        self, principal: Principal, wish: ScheduleWish, *, now: datetime, before: Schedule | None = None
    ) -> ScheduleHead:
        await asyncio.to_thread(require_right, wish)  # it may read the calendar of a country
        schedule_id = before.id if before else new_id()
        owner_id = before.owner_id if before else principal.user_id
        before_ones = before.ordered.deliveries if before else ()
        deliveries = self._deliveries.kept(wish.deliveries, before_ones)
        wish = msgspec.structs.replace(wish, deliveries=deliveries)
        # As it will be ordered: `last_month` means what it means there.
        what = await self._kinds[wish.runs].planned(replace(principal, time_zone=wish.time_zone), wish)
        planned_at = await asyncio.to_thread(_first_time, wish, now)
        dataset_id, dataset_name = await self._dataset(principal, wish, before)
        leader = await self._leader(principal, wish, schedule_id, owner_id) if wish.after_schedule else None
        return ScheduleHead(
            id=schedule_id,
            owner_id=owner_id,
            name=wish.name.strip() or what.name,
            runs=wish.runs,
            template_id=what.template_id,
            template_name=what.template_name,
            ordered=Ordered(
                parameters=what.parameters,
                formats=list(what.formats),
                language=before.ordered.language if before else principal.language,
                deliveries=deliveries,
                **{name: getattr(what.plans, name) for name in PLAN_FIELDS.values()},
            ),
            cron=" ".join(wish.cron.split()),
            time_zone=wish.time_zone,
            dataset_id=dataset_id,
            dataset_name=dataset_name,
            quiet_seconds=wish.quiet_seconds,
            leader_id=leader.id if leader else None,
            leader_name=leader.name if leader else "",
            calendar=wish.calendar if wish.only_on is OnlyOn.WORKDAYS else "",
            day_off=wish.day_off,
            missed=wish.missed,
            overlap=wish.overlap,
            standing=ScheduleStanding.ON if wish.enabled else ScheduleStanding.PAUSED,
            reason=StopReason.NONE if wish.enabled else StopReason.BY_HAND,
            error=None,
            planned_at=planned_at,
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
            leader = await self._store.get(wish.after_schedule, seen_by(principal))
        except NotFound:
            leader = None
        if leader is None or leader.owner_id != owner_id or leader.id == schedule_id:
            raise wrong_field("after_schedule", message="Name another schedule of the same owner.")
        return leader


def _first_time(wish: ScheduleWish, now: datetime) -> datetime | None:
    """Raises `InvalidInput` where none comes any more: worked Saturdays are known as far as they are decreed."""
    if not wish.cron or not wish.enabled:
        return None
    found = next_time(wish.cron, wish.time_zone, now, wish.workdays)
    if found is None:
        message = (
            "As far as the calendar is known, no such time comes any more: choose other days, or update Jindu once the "
            "next year is decreed."
        )
        raise wrong_field("cron", message)
    return found


def seen_by(principal: Principal) -> sa.ColumnElement[bool]:
    return sa.true() if principal.is_admin else schedules.c.owner_id == principal.user_id


async def require_no_circle(connection: AsyncConnection, made: ScheduleHead) -> None:
    """Of schedules that come after each other, also where one imports what the next one waits for."""
    all_of_them = [made, *(each for each in await heads_of(connection, made.owner_id) if each.id != made.id)]
    ahead, seen = [made], set[str]()
    while ahead:
        current = ahead.pop()
        for before in all_of_them:
            if not _begins(before, current) or before.id in seen:
                continue
            if before.id == made.id:
                field = "after_schedule" if made.leader_id else "after_import"
                raise wrong_field(field, "These schedules would come after each other for ever; choose another one.")
            seen.add(before.id)
            ahead.append(before)


def _begins(first: ScheduleHead, then: ScheduleHead) -> bool:
    """Datasets of the same name are taken for the same: whose one is, may be another one's tomorrow."""
    plan = first.ordered.import_
    is_awaited = plan is not None and plan.dataset.casefold() == then.dataset_name.casefold()
    return then.leader_id == first.id or is_awaited


async def require_whole(connection: AsyncConnection, schedule: ScheduleHead) -> None:
    """Raises `Conflict` for one that would stop again at once."""
    if schedule.runs is RunsWhat.BATCH and schedule.template_id is None:
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
