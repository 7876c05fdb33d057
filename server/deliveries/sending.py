"""Sends what is written down: taken by one node, begun before it leaves, and never twice by itself."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.auth.access import BATCHES, DATASETS, Right, closed_to, user_may
from server.clock import Clock, utc_now
from server.deliveries.delivery import DeliveryState, FrozenDelivery
from server.deliveries.delivery_telling import DeliveryTelling
from server.deliveries.freezing import OPTED_OUT, Freezing, event_of
from server.deliveries.held_addresses import held_words
from server.deliveries.planning import DeliveryRules
from server.deliveries.recipients import left_out
from server.deliveries.store import (
    HELD,
    DeliveryStore,
    as_last_time,
    begin_sending,
    claim_deliveries,
    due_vias,
    line_end,
    lose_sight,
    lost_ids,
    opted_out,
    set_delivery,
    troubled_before,
)
from server.delivery.channels.services import TAKES_REPEATS
from server.delivery.wishes import DeliveryRights, DeliveryVia
from server.errors import NotDelivered, NotFound
from server.storage.database import NOT_NOW, Database
from server.storage.repeating import ONCE_IT_SERVES, repeat
from server.storage.rows import lock
from server.storage.tables import batches, users
from server.texts import Phrase, phrase, plain

_LOG = logging.getLogger("jindu.deliveries")
_EVERY_SECONDS = 5.0
_AT_ONCE = 3  # of one way: mail servers refuse more lines from one place
_CARRY_SECONDS = (HELD - timedelta(seconds=30)).total_seconds()
_LEAVING_SECONDS = 20.0  # what is on its way when the server stops may still arrive
# Of what keeps it from arriving most passes within minutes; what takes a mail server down takes hours. Two days.
_PAUSES_SECONDS = (60, 300, 900, 1_800, *([3_600] * 5), *([10_800] * 14))
_SAFE_TWICE = frozenset({DeliveryVia.FOLDER, *(DeliveryVia(via.value) for via in TAKES_REPEATS)})
_LOST = phrase("The server stopped while it was being sent; it may have arrived.")


class Carries(Protocol):
    """`carrying.Carrying`, or a double."""

    def can(self, via: DeliveryVia) -> bool: ...

    async def prepare(self, delivery: FrozenDelivery, *, behind: datetime | None) -> None:
        """Raises `NotDelivered` where it is not its turn yet. `behind`: when the last one of those before it goes."""
        ...

    async def carry(self, delivery: FrozenDelivery) -> str: ...


class Sending:
    """One on each node. `holder` names this node and process."""

    def __init__(
        self,
        *,
        database: Database,
        store: DeliveryStore,
        freezing: Freezing,
        carrying: Carries,
        rules: DeliveryRules,
        telling: DeliveryTelling,
        announce: Callable[[str, dict[str, Any], str | None], object],
        holder: str,
        clock: Clock = utc_now,
    ) -> None:
        self._database = database
        self._store = store
        self._freezing = freezing
        self._carrying = carrying
        self._rules = rules
        self._telling = telling
        self._announce = announce
        self._holder = holder
        self._clock = clock
        self._lanes: dict[DeliveryVia, asyncio.Task[None]] = {}
        self._soon = asyncio.Event()
        self._is_leaving = False
        self.counts = dict.fromkeys(("sent", "failed", "perhaps_sent", "skipped", "bounced"), 0)

    async def run(self) -> None:
        """Until cancelled; then what is on its way is waited for."""
        try:
            await repeat(
                self.look,
                every_seconds=_EVERY_SECONDS,
                first_after_seconds=ONCE_IT_SERVES,
                hurry=self._soon,
                log=_LOG,
                failed="deliveries could not be looked at",
                action="deliver",
            )
        finally:
            self._is_leaving = True
            await self._leave()

    async def look(self) -> None:
        """Once: writes down what is made, finds what was lost, and begins to send what is due."""
        await self._freezing.freeze_due()
        now = self._clock()
        async with self._database.read() as connection:
            vias, lost = await due_vias(connection, now), await lost_ids(connection, now)
        for delivery_id in lost:
            await self._give_up(delivery_id, now)
        for via in vias:
            lane = self._lanes.get(via)
            if self._carrying.can(via) and (lane is None or lane.done()):
                self._lanes[via] = asyncio.create_task(self._lane(via), name=f"deliver {via.value}")

    async def settle(self) -> None:
        """`look`, and wait until nothing is on its way."""
        await self.look()
        await asyncio.gather(*self._lanes.values())

    def wake(self) -> None:
        """Something was written down here."""
        self._soon.set()

    async def _leave(self) -> None:
        going = [lane for lane in self._lanes.values() if not lane.done()]
        if going:
            _, left = await asyncio.wait(going, timeout=_LEAVING_SECONDS)
            for lane in left:
                lane.cancel()

    async def _lane(self, via: DeliveryVia) -> None:
        """One way out does not wait for another."""
        try:
            while not self._is_leaving:
                async with self._database.write() as connection:
                    ids = await claim_deliveries(
                        connection, self._clock(), via=via, holder=self._holder, limit=_AT_ONCE
                    )
                if not ids:
                    return
                if via is DeliveryVia.MAIL:  # turns are taken one after another, in the order of what was planned
                    ready = [await self._readied(delivery_id) for delivery_id in ids]
                else:
                    ready = await asyncio.gather(*(self._readied(delivery_id) for delivery_id in ids))
                await asyncio.gather(*(self._send(delivery) for delivery in ready if delivery is not None))
        except NOT_NOW:
            pass
        except Exception:
            _LOG.exception("deliveries could not be sent", extra={"action": "deliver", "via": via.value})

    async def _readied(self, delivery_id: str) -> FrozenDelivery | None:
        """What may leave now; None of what does not, which is noted."""
        try:
            delivery = await self._store.whole(delivery_id)
        except NotFound:  # its batch was deleted
            return None
        if (problem := await self._forbidden(delivery)) is not None:
            await self._end(delivery, DeliveryState.FAILED, problem)
            return None
        if (problem := await self._left_out(delivery)) is not None:
            await self._end(delivery, DeliveryState.SKIPPED, problem)
            return None
        try:
            await self._carrying.prepare(delivery, behind=await self._behind(delivery))
        except NotDelivered as error:
            await self._returned(delivery, error)
            return None
        return delivery

    async def _behind(self, delivery: FrozenDelivery) -> datetime | None:
        """When the last of those goes that waited for their turn when this one was new."""
        if not delivery.is_mail or delivery.waits_for_turn:
            return None
        async with self._database.read() as connection:
            return await line_end(connection)

    async def _send(self, delivery: FrozenDelivery) -> None:
        async with self._database.write() as connection:
            if not await begin_sending(connection, delivery.id, holder=self._holder, now=self._clock()):
                return
        self._tell(delivery)
        try:
            async with asyncio.timeout(_CARRY_SECONDS):
                receipt = await self._carrying.carry(delivery)
        except NotDelivered as error:
            await self._returned(delivery, error)
        except TimeoutError:
            slow = NotDelivered("It took too long; it may have arrived.", may_have_arrived=True)
            await self._returned(delivery, slow)
        except Exception:
            _LOG.exception("a delivery could not be carried", extra=_named(delivery))
            unexpected = "Something unexpected went wrong; the server's log has the details."
            await self._returned(delivery, NotDelivered(unexpected, may_have_arrived=True))
        else:
            await self._end(delivery, DeliveryState.SENT, receipt=receipt)

    async def _forbidden(self, delivery: FrozenDelivery) -> Phrase | None:
        """Why its owner may not send it any more: asked anew each time, as if they did it by hand now."""
        async with self._database.read() as connection:
            active = sa.select(users.c.id).where(users.c.id == delivery.owner_id, users.c.disabled_at.is_(None))
            if await connection.scalar(active) is None:
                return phrase("The account of its owner is disabled.")
            if not await user_may(connection, delivery.owner_id, BATCHES, delivery.batch_id, Right.EDIT):
                return phrase("Its owner may no longer send these reports.")
            used = sa.select(batches.c.dataset_versions).where(batches.c.id == delivery.batch_id)
            versions = await connection.scalar(used) or {}
            sources = [each["dataset_id"] for each in versions.values()]
            if await closed_to(connection, delivery.owner_id, DATASETS, sources):
                return phrase("Its owner may no longer see the data that these reports are made from.")
        return self._rules.problem_of(delivery.recipient) if delivery.is_mail else None

    async def _left_out(self, delivery: FrozenDelivery) -> Phrase | None:
        """Why who it is for gets nothing at this moment, although its owner may send it."""
        address = delivery.meant_for.casefold()
        async with self._database.read() as connection:
            if delivery.schedule_id and address in await opted_out(connection, delivery.schedule_id):
                return OPTED_OUT
            if (said := await held_words(connection, delivery.owner_id, address)) is not None:
                if delivery.is_trial:  # sending that one again lets nothing go
                    return phrase("It would be held back: mail to this address came back for good ({said}).", said=said)
                return phrase(
                    "Held back: mail to this address came back for good ({said}). Send it again to try once more.",
                    said=said,
                )
            if delivery.content.rights is DeliveryRights.OWNER:
                return None
            used = sa.select(batches.c.dataset_versions).where(batches.c.id == delivery.batch_id)
            versions = await connection.scalar(used) or {}
            read = {name: each["dataset_id"] for name, each in versions.items()}
            return (await left_out(connection, [address], read)).get(address)

    async def _returned(self, delivery: FrozenDelivery, error: NotDelivered) -> None:
        said = phrase(error.message, **plain(error.parameters))
        _LOG.log(
            logging.WARNING if error.was_tried else logging.DEBUG,
            "not delivered: %s",
            error.text,
            extra=_named(delivery),
        )
        if error.may_have_arrived and delivery.via not in _SAFE_TWICE:
            await self._end(delivery, DeliveryState.PERHAPS_SENT, said)
            return
        attempts = delivery.attempts if error.was_tried else delivery.attempts - 1
        if error.is_final or attempts > len(_PAUSES_SECONDS):
            await self._end(delivery, DeliveryState.FAILED, said)
            return
        pause = _PAUSES_SECONDS[max(attempts, 1) - 1] if error.was_tried else 1
        next_at = self._clock() + timedelta(seconds=max(pause, error.retry_after or 0))
        waits: dict[str, Any] = {
            "state": DeliveryState.WAITING,
            "next_at": next_at,
            "attempts": attempts,
            "error": said,
        }
        waits |= {"holder": None, "held_until": None}
        async with self._database.write() as connection:
            await set_delivery(connection, delivery.id, waits, held_by=self._holder)
        self._tell(delivery)

    async def _end(
        self, delivery: FrozenDelivery, state: DeliveryState, problem: Phrase | None = None, *, receipt: str = ""
    ) -> None:
        is_sent = state is DeliveryState.SENT
        values: dict[str, Any] = {"state": state, "error": problem, "next_at": None, "holder": None, "held_until": None}
        if is_sent:
            values |= {"sent_at": self._clock(), "receipt": receipt}
        kept = []
        async with self._database.write() as connection:
            if problem is not None:  # of several that end at the same moment one is told
                await connection.execute(lock(sa.select(batches.c.id).where(batches.c.id == delivery.batch_id)))
            is_ours = await set_delivery(connection, delivery.id, values, held_by=self._holder)
            if is_ours and problem is not None and await self._is_news(connection, delivery):
                kept = await self._telling.keep_failed(connection, delivery, state, problem)
        self._telling.send(kept)
        self.counts[state.value] += not delivery.is_trial
        if is_sent:
            _LOG.info("delivered", extra=_named(delivery))
        self._tell(delivery)

    async def _give_up(self, delivery_id: str, now: datetime) -> None:
        """Whoever sent it died meanwhile. It is never sent again by itself: people look, and decide. What
        changes nothing where it comes twice is sent once more: a file at its place, a webhook that is known by its id.
        """
        delivery = await self._store.whole(delivery_id)
        is_safe = delivery.via in _SAFE_TWICE
        state = DeliveryState.WAITING if is_safe else DeliveryState.PERHAPS_SENT
        kept = []
        async with self._database.write() as connection:
            is_lost = await lose_sight(connection, delivery.id, now, state=state, error=None if is_safe else _LOST)
            if is_lost and not is_safe and not await troubled_before(connection, delivery):
                kept = await self._telling.keep_failed(connection, delivery, state, _LOST)
        self._telling.send(kept)
        if is_lost and not is_safe:
            self.counts[state.value] += not delivery.is_trial
        self._tell(delivery)

    async def _is_news(self, connection: AsyncConnection, delivery: FrozenDelivery) -> bool:
        """One of a round is told, and nothing that was so the last time: an address that is refused rings once."""
        is_known = bool(await as_last_time(connection, [delivery.id]))
        return not is_known and not await troubled_before(connection, delivery)

    def _tell(self, delivery: FrozenDelivery) -> None:
        """Its page shows how it stands."""
        self._announce(event_of(delivery.batch_id), {"delivery_id": delivery.id}, delivery.owner_id)


def _named(delivery: FrozenDelivery) -> dict[str, str | int]:
    return {"action": "deliver", "delivery": delivery.id, "via": delivery.via.value, "attempt": delivery.attempts}
