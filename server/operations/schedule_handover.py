"""Schedules change hands: those of who leaves go to somebody else, who may do all that they do."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import sqlalchemy as sa

from server.auth.audit import Audit
from server.auth.permissions import Principal, Role
from server.auth.users import User, UserStore
from server.clock import Clock, utc_now
from server.deliveries.held_addresses import hold_for
from server.errors import Conflict, FieldError, Forbidden, InvalidInput, JinduError, NotFound, StorageFull
from server.jobs.outcomes import Notice
from server.live.notice_kinds import NoticeKind
from server.live.notices import Notices
from server.operations.handed_names import HandedNames
from server.operations.schedule_planning import require_no_circle, require_whole
from server.operations.schedule_wishes import wish_of
from server.operations.schedules import ScheduleOperations, require_room_for_one
from server.realtime.history import KeptMessage
from server.schedules.files import move_files
from server.schedules.firing import told
from server.schedules.owners import ScheduleOwners
from server.schedules.plans import RunsWhat
from server.schedules.run_store import order_anew
from server.schedules.schedule import Schedule, ScheduleError, ScheduleHead, ScheduleStanding, StopReason
from server.schedules.store import ScheduleStore, locked, save_schedule
from server.storage.database import Database
from server.storage.tables import held_addresses, schedule_runs, schedules

MOST_SHOWN = 500  # one user may have as many
_STARTED_AGAIN = (StopReason.OWNER, StopReason.RIGHTS)  # with a new owner, what they stopped for is over


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftSchedule:
    """One that could not be handed over, and why."""

    schedule: Schedule
    problem: ScheduleError


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedOver:
    handed: Sequence[Schedule]
    left: Sequence[LeftSchedule]


class ScheduleHandover:
    """For administrators. What was paused, or stopped for another reason than its owner, is handed over as it is."""

    def __init__(
        self,
        *,
        database: Database,
        store: ScheduleStore,
        planned: ScheduleOperations,
        owners: ScheduleOwners,
        users: UserStore,
        names: HandedNames,
        notices: Notices,
        clock: Clock = utc_now,
    ) -> None:
        self._database = database
        self._store = store
        self._planned = planned
        self._owners = owners
        self._users = users
        self._names = names
        self._notices = notices
        self._clock = clock

    async def counts(
        self,
        principal: Principal,
        user_ids: Collection[str],
        *,
        standing: Collection[ScheduleStanding] = (ScheduleStanding.ON, ScheduleStanding.STOPPED),
    ) -> dict[str, int]:
        """How many of theirs wait for somebody, or would once they leave; none of those who have none."""
        principal.require_admin()
        query = sa.select(schedules.c.owner_id, sa.func.count().label("waiting")).where(
            schedules.c.owner_id.in_(user_ids), schedules.c.standing.in_(standing)
        )
        async with self._database.read() as connection:
            rows = await connection.execute(query.group_by(schedules.c.owner_id))
            return {row.owner_id: row.waiting for row in rows}

    async def of_user(self, principal: Principal, user_id: str) -> Sequence[Schedule]:
        principal.require_admin()
        return (await self._store.search(schedules.c.owner_id == user_id, limit=MOST_SHOWN)).items

    async def hand_over_all(self, principal: Principal, user_id: str, to: str) -> HandedOver:
        """All of somebody's, each for itself: what cannot be handed over stays theirs, and it is said why."""
        principal.require_write()
        found, old = await self.of_user(principal, user_id), await self._users.get(user_id)
        if old is None:
            raise NotFound
        new = await self._new_owner(to, but=user_id)
        handed, left = list[Schedule](), list[LeftSchedule]()
        try:
            for schedule in _leaders_first(found):
                try:
                    handed.append(await self._hand_over(principal, schedule, new))
                except JinduError as problem:
                    left.append(LeftSchedule(schedule=schedule, problem=told(problem)))
        finally:  # whatever ends it, of what is done both are told
            await self._tell(principal, handed, old, new)
        self._planned.scheduler.wake()
        return HandedOver(handed=handed, left=left)

    async def hand_over(self, principal: Principal, schedule_id: str, to: str) -> Schedule:
        """With all checks as if they made it. Raises `InvalidInput`, `NotFound` or `Forbidden` for what they may not
        use, `Conflict`."""
        principal.require_write()
        principal.require_admin()
        schedule = await self._store.get(schedule_id, sa.true())
        old, new = await self._users.get(schedule.owner_id), await self._new_owner(to, but=schedule.owner_id)
        if old is None:
            raise NotFound
        handed = await self._hand_over(principal, schedule, new)
        await self._tell(principal, [handed], old, new)
        self._planned.scheduler.wake()
        return handed

    async def _new_owner(self, name: str, *, but: str) -> User:
        found = await self._users.by_name(name)
        if found is None or not found.is_active:
            message = "There is no active user named “{name}”."
            raise InvalidInput(errors=[FieldError(field="to", message=message, parameters={"name": name})])
        if found.id == but:
            raise InvalidInput(errors=[FieldError(field="to", message="These are theirs already; name somebody else.")])
        return found

    async def _hand_over(self, principal: Principal, schedule: Schedule, new: User) -> Schedule:
        old = await self._users.get(schedule.owner_id)
        owner = await self._owners.of(msgspec.structs.replace(schedule, owner_id=new.id))
        if old is None or owner is None:
            raise NotFound
        _require_right(owner, schedule)
        async with self._database.read() as connection:
            await require_whole(connection, msgspec.structs.replace(schedule, owner_id=new.id))
        await self._require_leader(schedule, new)
        before = Principal(user_id=old.id, user_name=old.name, role=old.role, language=owner.language)
        ordered = await self._names.ordered(before, owner, schedule)
        moved = msgspec.structs.replace(schedule, owner_id=new.id, ordered=ordered)
        comes = schedule.is_on or schedule.reason in _STARTED_AGAIN
        now = self._clock()
        wish = msgspec.structs.replace(wish_of(moved), enabled=comes)
        made = await self._planned.plans.made(owner, wish, now=now, before=moved)
        async with self._database.write() as connection:
            current = await locked(connection, schedule.id)
            if current is None:
                raise NotFound
            if (current.owner_id, current.updated_at) != (schedule.owner_id, schedule.updated_at):
                raise Conflict("Somebody was quicker; look again.")
            await require_room_for_one(connection, new.id)
            await require_no_circle(connection, made)
            await save_schedule(connection, msgspec.structs.replace(made, **_kept(current, comes=comes)))
            if schedule.ordered.import_ is not None and ordered.import_ is not None:
                await move_files(connection, schedule.id, schedule.ordered.import_, ordered.import_)
            await order_anew(connection, made)
            await hold_for(connection, new.id, _came_back_from(schedule), now=now)
            detail = {"owner": old.name, "to": new.name}
            await Audit.record(
                connection, principal, "schedule.hand_over", schedule.name, detail, subject_id=schedule.id
            )
        return await self._store.get(schedule.id, sa.true())

    async def _require_leader(self, schedule: Schedule, new: User) -> None:
        """One comes only after another of the same owner."""
        if schedule.leader_id is None:
            return
        leader = await self._store.get(schedule.leader_id, sa.true())
        if leader.owner_id != new.id:
            raise Conflict("It comes after “{name}”: hand that over to them first.", name=leader.name)

    async def _tell(self, principal: Principal, handed: Sequence[Schedule], old: User, new: User) -> None:
        """Each of both once, however many they are. On a full disk it stands in the audit log alone."""
        if not handed:
            return
        words: dict[str, Any] = {"from": old.name, "to": new.name, "by": principal.user_name}
        words |= {"name": handed[0].name, "count": len(handed)}
        notices = _OF_SEVERAL if len(handed) > 1 else _OF_ONE
        kept = list[KeptMessage]()
        with suppress(StorageFull):
            async with self._database.write() as connection:
                for reader, notice in zip((new.id, old.id), notices, strict=True):
                    filled = replace(notice, url=notice.url.format(id=handed[0].id), parameters=words)
                    kept.append(await self._notices.keep(connection, reader, filled, kind=NoticeKind.SCHEDULED))
            for message in kept:
                self._notices.send(message)


_OF_ONE = (
    Notice(
        title="The schedule “{name}” is yours now",
        body="{by} handed it over to you from {from}. It comes with your rights.",
        url="/schedules/{id}",
    ),
    Notice(
        title="The schedule “{name}” is no longer yours",
        body="{by} handed it over to {to}. What it made before stays yours.",
        url="/schedules",
    ),
)
_OF_SEVERAL = (
    Notice(
        title="Schedules that are yours now: {count}",
        body="{by} handed them over to you from {from}. They come with your rights.",
        url="/schedules",
    ),
    Notice(
        title="Schedules that are no longer yours: {count}",
        body="{by} handed them over to {to}. What they made before stays yours.",
        url="/schedules",
    ),
)
"""What who gets them is told, and who had them."""


def _require_right(new: Principal, schedule: Schedule) -> None:
    if new.role is Role.VIEWER:
        raise Forbidden(
            "{user} is a viewer, who may not have schedules: make them an editor first, or name somebody else.",
            user=new.user_name,
        )
    if schedule.runs is RunsWhat.BACKUP and not new.is_admin:
        raise Forbidden("Backups are for administrators: hand this over to one of them.")


def _came_back_from(schedule: Schedule) -> sa.ColumnElement[bool]:
    """Addresses that it names, or that it found: mail to them came back."""
    named = [address.casefold() for wish in schedule.ordered.deliveries for address in wish.to]
    made = sa.select(schedule_runs.c.batch_id).where(
        schedule_runs.c.schedule_id == schedule.id, schedule_runs.c.batch_id.is_not(None)
    )
    theirs = sa.or_(held_addresses.c.address.in_(named), held_addresses.c.batch_id.in_(made))
    return sa.and_(held_addresses.c.owner_id == schedule.owner_id, theirs)


def _kept(current: ScheduleHead, *, comes: bool) -> dict[str, Any]:
    """What does not begin anew. What stopped because its owner left comes again, from now on."""
    kept: dict[str, Any] = {"created_at": current.created_at, "told_until": current.told_until}
    if current.is_on:
        kept |= {"planned_at": current.planned_at, "armed_at": current.armed_at}
    if not comes:
        kept |= {"standing": current.standing, "reason": current.reason, "error": current.error}
    return kept


def _leaders_first(found: Sequence[Schedule]) -> list[Schedule]:
    left, ordered = list(found), list[Schedule]()
    while left:
        waiting = {each.id for each in left}
        ready = [each for each in left if each.leader_id not in waiting] or left
        ordered += ready
        left = [each for each in left if each not in ready]
    return ordered
