"""What people do with deliveries: see who would get what, look at what became of it, order and send it again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.auth.access import BATCHES, Right, ThingAccess, require_still
from server.auth.audit import Audit
from server.auth.permissions import Principal
from server.clock import Clock, new_id, utc_now
from server.deliveries.bounce_reading import new_tag
from server.deliveries.bouncing import Bouncing
from server.deliveries.carrying import Carrying
from server.deliveries.delivery import BatchDelivered, DeliveryItem, DeliveryStanding, DeliveryState, TriedMail
from server.deliveries.held_addresses import free_address, held_among, held_back
from server.deliveries.planning import DeliveryRules, PlannedDelivery, planned_deliveries
from server.deliveries.recipients import left_out
from server.deliveries.sending import Sending
from server.deliveries.store import DeliveryStore, set_delivery, try_again
from server.delivery.wishes import (
    MOST_WISHES,
    DeliveryRights,
    DeliveryStage,
    DeliveryVia,
    DeliveryWish,
    WantedDeliveries,
)
from server.errors import Conflict, FieldError, InvalidInput
from server.operations.batch_orders import BatchOrderOperations
from server.operations.batches import BatchOperations
from server.operations.delivery_checks import DeliveryChecks, require_columns
from server.operations.delivery_trials import DeliveryTrials
from server.reports.batch_orders import BatchOrder
from server.reports.batch_store import provisional_title
from server.reports.batches import BatchHead, BatchReport, ReportFilter
from server.schedules.schedule import ScheduleHead
from server.storage.database import Database
from server.storage.pages import Listing
from server.storage.rows import lock
from server.storage.tables import batches, deliveries
from server.texts import Phrase

_MOST_PREVIEWED = 10_000
_A_WEEK = timedelta(days=7)
_ARRIVED = (DeliveryState.SENT, DeliveryState.BOUNCED)


@dataclass(frozen=True, slots=True, kw_only=True)
class WouldBeReport:
    id: str
    title: str
    carried: dict[str, str]
    parameters: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryPreview:
    """`total` is how many reports there would be."""

    total: int
    deliveries: Sequence[PlannedDelivery]

    @property
    def problems(self) -> int:
        return sum(each.problem is not None for each in self.deliveries)


class DeliveryOperations:
    """They are seen by the owner of their batch, and by administrators: addresses are nobody else's business."""

    def __init__(
        self,
        *,
        database: Database,
        access: ThingAccess,
        store: DeliveryStore,
        batches: BatchOperations,
        orders: BatchOrderOperations,
        checks: DeliveryChecks,
        rules: DeliveryRules,
        trials: DeliveryTrials,
        carrying: Carrying,
        sending: Sending,
        bouncing: Bouncing | None,
        clock: Clock = utc_now,
    ) -> None:
        self._database = database
        self._access = access
        self._store = store
        self._batches = batches
        self._orders = orders
        self._rules = rules
        self._trials = trials
        self._carrying = carrying
        self._clock = clock
        self.checks = checks
        self.sending = sending
        self.bouncing = bouncing

    async def of_batch(
        self,
        principal: Principal,
        batch_id: str,
        *,
        state: DeliveryState | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Listing[DeliveryItem]:
        """What needs somebody first. Raises `NotFound`, or `Forbidden` for whoever may only look at the reports."""
        await self._batches.get(principal, batch_id, Right.OWN)
        return await self._store.of_batch(batch_id, state=state, limit=limit, cursor=cursor)

    async def standing(
        self, principal: Principal, batch_id: str, *, limit: int = 50, cursor: str | None = None
    ) -> DeliveryStanding:
        """A page of them with what is said of all. Raises as `of_batch`."""
        await self._batches.get(principal, batch_id, Right.OWN)
        return await self._store.standing(batch_id, limit=limit, cursor=cursor)

    async def links(self, principal: Principal, found: Sequence[DeliveryItem]) -> dict[str, str]:
        """Addresses of those that are a link, for who may hand it on."""
        own = [each.id for each in found if each.owner_id == principal.user_id]
        by_delivery = await self._store.link_ids(own)
        urls = await self._carrying.link_urls(list(by_delivery.values()))
        return {delivery_id: urls[link_id] for delivery_id, link_id in by_delivery.items() if link_id in urls}

    async def trials_of_others(self, principal: Principal, found: Sequence[DeliveryItem]) -> set[str]:
        """Ids of those that go to somebody else who tries them: nobody but they may send them again."""
        tried_by = await self._store.tried_by([each.id for each in found if each.is_trial])
        return {delivery_id for delivery_id, user_id in tried_by.items() if user_id != principal.user_id}

    async def troubled(self, principal: Principal, planned: Sequence[ScheduleHead]) -> dict[str, BatchDelivered]:
        """How many deliveries of the last week did not arrive, by schedule, and the newest batch of which."""
        ids = [each.id for each in planned if principal.may_see(each.owner_id)]
        return await self._store.troubled_since(ids, self._clock() - _A_WEEK)

    async def delivered(
        self, principal: Principal, planned: Sequence[ScheduleHead], since: datetime, until: datetime
    ) -> Sequence[BatchDelivered]:
        """What became of the deliveries of each run of theirs in that time."""
        ids = [each.id for each in planned if principal.may_see(each.owner_id)]
        return await self._store.delivered(ids, since, until)

    async def preview(self, principal: Principal, order: BatchOrder) -> DeliveryPreview:
        """Who would get what, and who cannot: nothing is ordered, nothing is sent."""
        principal.require_write()
        if not order.deliveries:
            raise InvalidInput(errors=[FieldError(field="deliveries", message="Say what is to be delivered.")])
        expansion = await self._orders.expansion(principal, order, shown=_MOST_PREVIEWED)
        carried = expansion.carried or [{}] * expansion.total
        reports = [
            WouldBeReport(id=str(place), title=provisional_title(parameters), carried=beside, parameters=parameters)
            for place, (parameters, beside) in enumerate(zip(expansion.sets, carried, strict=False), start=1)
        ]
        planned = planned_deliveries(self.checks.kept(order.deliveries), reports, self._rules)
        return DeliveryPreview(
            total=expansion.total, deliveries=await self._asked(principal, planned, expansion.datasets)
        )

    async def _asked(
        self, principal: Principal, planned: Sequence[PlannedDelivery], datasets: Mapping[str, str]
    ) -> Sequence[PlannedDelivery]:
        """With those left out to whom mail is held back, or who may not see what the reports are made from, where their
        own rights count."""
        mailed = [each for each in planned if each.problem is None and each.wish.is_mailed]
        theirs = {each.recipient for each in mailed if each.wish.rights is DeliveryRights.RECIPIENT}
        async with self._database.read() as connection:
            held = await held_among(connection, principal.user_id, [each.recipient for each in mailed])
            closed = await left_out(connection, theirs, datasets) if theirs else {}

        def problem(each: PlannedDelivery) -> Phrase | None:
            address = each.recipient.casefold()
            if (said := held.get(address)) is not None:
                return held_back(each.recipient, said)
            return closed.get(address) if each.wish.rights is DeliveryRights.RECIPIENT else None

        asked = {id(each): problem(each) for each in mailed}
        return [replace(each, problem=asked.get(id(each), each.problem)) for each in planned]

    async def deliver(self, principal: Principal, batch_id: str, wishes: Sequence[DeliveryWish]) -> None:
        """Of a batch that there is: once it is made, else at once."""
        batch, kept = await self._wanted(principal, batch_id, wishes)
        async with self._database.write() as connection:
            await _order(connection, principal, batch, kept)
            detail = {"via": _vias(kept)}
            await Audit.record(connection, principal, "delivery.order", batch.name, detail, subject_id=batch.id)
        self.sending.wake()

    async def deliver_to_me(self, principal: Principal, batch_id: str, wishes: Sequence[DeliveryWish]) -> None:
        """The first mails of it, to whoever asks alone: nothing of it counts as sent. Raises `Conflict` where none
        would go out, or they have no address."""
        batch, kept = await self._wanted(principal, batch_id, wishes)
        tried = await self._trials.tried(principal, kept)
        async with self._database.write() as connection:
            await _order(connection, principal, batch, tried)
            detail = {"via": _vias(tried)}
            await Audit.record(connection, principal, "delivery.trial", batch.name, detail, subject_id=batch.id)
        self.sending.wake()

    async def _wanted(
        self, principal: Principal, batch_id: str, wishes: Sequence[DeliveryWish]
    ) -> tuple[BatchHead, list[DeliveryWish]]:
        principal.require_write()
        batch = await self._batches.get(principal, batch_id, Right.OWN)
        kept = self.checks.kept(wishes)
        if not kept:
            raise InvalidInput(errors=[FieldError(field="deliveries", message="Say what is to be delivered.")])
        for place, wish in enumerate(kept):
            if wish.to_dataset:  # who gets what is found when a report is made out, and never afterwards
                message = "Who gets each report is found in a dataset when they are ordered: order them anew with it."
                raise InvalidInput(errors=[FieldError(field=f"deliveries[{place}].to_dataset", message=message)])
        first = (await self._batches.reports(principal, batch.id, ReportFilter(limit=1))).items
        require_columns(kept, _columns(first[0]) if first else None)
        return batch, kept

    async def get(self, principal: Principal, delivery_id: str) -> DeliveryItem:
        """Raises `NotFound`, or `Forbidden` for whoever may only look at the reports."""
        principal.require_read()
        item = await self._store.item(delivery_id)
        await self._batches.get(principal, item.batch_id, Right.OWN)
        return item

    async def retry(self, principal: Principal, delivery_id: str) -> DeliveryItem:
        """Send it now, whatever became of it before; what waits for its turn keeps it. Raises `Conflict` for what is on
        its way, or cannot be sent, and for a trial of somebody else."""
        principal.require_write()
        item = await self._store.item(delivery_id)
        batch = await self._batches.get(principal, item.batch_id, Right.OWN)
        if item.state is DeliveryState.SENDING or (item.state is DeliveryState.SKIPPED and not item.report_count):
            raise Conflict("This is being sent, or there is nothing to send.")
        if item.via is DeliveryVia.MAIL and not item.recipient:
            raise Conflict("Its row names nobody: order it anew with an address.")
        if item.waits_for_turn:  # another turn would come after those of all who wait
            return item
        whole = await self._store.whole(delivery_id)
        if whole.content.links_end_at and whole.content.links_end_at <= self._clock():
            raise Conflict("Its link has ended, and would lead nowhere: order it anew.")
        if (trial := whole.content.trial) is not None and trial.user_id != principal.user_id:
            raise Conflict(
                "This trial goes to somebody else: they alone can send it again. Send one to yourself first."
            )
        await self._carrying.allow_again(whole)
        again: dict[str, Any] = {
            "state": DeliveryState.WAITING,
            "attempts": 0,
            "next_at": self._clock(),
            "error": None,
            "holder": None,
            "held_until": None,
            "bounce_tag": new_tag(),  # what comes back from now on is of this one
        }
        if trial is not None:  # to where they read mail now
            again["recipient"] = (await self._trials.reader(principal)).address
        if item.state in _ARRIVED:  # under its old id programs would take it for the one that they have
            left, _, domain = whole.message_id.partition("@")
            again["message_id"] = f"{left}.{int(self._clock().timestamp())}@{domain}"
        async with self._database.write() as connection:
            known = lock(sa.select(deliveries.c.state).where(deliveries.c.id == item.id))
            if await connection.scalar(known) != item.state:
                raise Conflict("Somebody was quicker; look again.")
            await set_delivery(connection, item.id, again)
            if whole.is_mail and trial is None and await free_address(connection, item.owner_id, item.meant_for):
                held = {"owner": batch.owner}
                await Audit.record(connection, principal, "delivery.unhold", item.meant_for, held, subject_id=batch.id)
            detail = {"via": item.via.value, "to": again.get("recipient", item.recipient)}
            await Audit.record(connection, principal, "delivery.retry", batch.name, detail, subject_id=batch.id)
        self.sending.wake()
        return await self._store.item(delivery_id)

    async def retry_to_me(self, principal: Principal, delivery_id: str) -> DeliveryItem:
        """The same mail once more, to whoever asks alone: what became of it stays as it is. Raises `Conflict`."""
        principal.require_write()
        item = await self._store.item(delivery_id)
        batch = await self._batches.get(principal, item.batch_id, Right.OWN)
        whole = await self._store.whole(delivery_id)
        if not (whole.is_mail and item.report_count and item.meant_for):
            raise Conflict("Nothing of this goes out by mail, so there is nothing to send to you first.")
        reader, now, trial_id = await self._trials.reader(principal), self._clock(), new_id()
        trial = {
            "id": trial_id,
            "round": trial_id,
            "recipient": reader.address,
            "trial_for": item.meant_for,
            "next_at": now,
            "created_at": now,
            "bounce_tag": new_tag(),
            "message_id": f"<{trial_id}@{whole.message_id.strip('<>').rpartition('@')[2]}>",
        }
        content = msgspec.structs.replace(whole.content, trial=TriedMail(user_id=reader.user_id))
        async with self._database.write() as connection:
            await require_still(connection, principal, BATCHES, batch.id, Right.OWN)
            await try_again(connection, item.id, trial=trial, content=content)
            detail = {"via": item.via.value, "to": item.meant_for}
            await Audit.record(connection, principal, "delivery.trial", batch.name, detail, subject_id=batch.id)
        self.sending.wake()
        return await self._store.item(trial_id)

    async def release(self, principal: Principal, batch_id: str) -> None:
        """What a restore holds goes out: whoever asks for it knows that the server of the backup will not."""
        principal.require_write()
        batch = await self._batches.get(principal, batch_id, Right.OWN)
        held = sa.update(deliveries).where(deliveries.c.batch_id == batch.id, deliveries.c.state == DeliveryState.HELD)
        async with self._database.write() as connection:
            await connection.execute(held.values(state=DeliveryState.WAITING, next_at=self._clock(), attempts=0))
            stage = sa.update(batches).where(batches.c.id == batch.id, batches.c.delivery_state == DeliveryStage.HELD)
            await connection.execute(stage.values(delivery_state=DeliveryStage.WANTED))
            await Audit.record(connection, principal, "delivery.release", batch.name, subject_id=batch.id)
        self.sending.wake()


def _columns(report: BatchReport) -> list[str]:
    return [name for name in (*report.parameters, *report.carried) if name.isprintable()]


def _vias(wishes: Sequence[DeliveryWish]) -> str:
    return ", ".join(sorted({wish.via.value for wish in wishes}))


async def _order(
    connection: AsyncConnection, principal: Principal, batch: BatchHead, kept: Sequence[DeliveryWish]
) -> None:
    await require_still(connection, principal, BATCHES, batch.id, Right.OWN)
    columns = (batches.c.deliveries, batches.c.delivery_state, batches.c.job_id)
    row = (await connection.execute(lock(sa.select(*columns).where(batches.c.id == batch.id)))).one()
    before = msgspec.convert(row.deliveries, WantedDeliveries) if row.deliveries else WantedDeliveries(wishes=[])
    if row.delivery_state == DeliveryStage.HELD:
        raise Conflict("What goes out of these reports is held since a restore: let it go first.")
    if row.delivery_state == DeliveryStage.FROZEN:  # what was ordered before is not written down once more
        before = msgspec.structs.replace(before, settled=len(before.wishes), settled_job=row.job_id)
    is_trial = kept[0].trial is not None
    alike = sum((wish.trial is not None) is is_trial for wish in before.wishes)  # trials take nothing from real ones
    if alike + len(kept) > 10 * MOST_WISHES:
        if is_trial:
            raise Conflict("These reports have been tried too often; order them anew.")
        raise Conflict("These reports have been delivered too often; order them anew.")
    wanted = msgspec.structs.replace(before, wishes=[*before.wishes, *kept])
    await connection.execute(
        sa.update(batches)
        .where(batches.c.id == batch.id)
        .values(deliveries=msgspec.to_builtins(wanted), delivery_state=DeliveryStage.WANTED)
    )
