"""The rows of deliveries: put in once, taken by one node at a time, and how each ended."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.clock import new_id
from server.deliveries.delivery import (
    OPEN_STATES,
    TROUBLED,
    BatchDelivered,
    DeliveryContent,
    DeliveryItem,
    DeliveryStanding,
    DeliveryState,
    FrozenDelivery,
    OptOut,
)
from server.delivery.turns import WAITS
from server.delivery.wishes import DeliveryStage, DeliveryVia
from server.errors import NotFound
from server.storage.database import Database
from server.storage.pages import Listing
from server.storage.rows import insert_missing, lock
from server.storage.tables import batches, deliveries, delivery_optouts, reports

IS_REAL = deliveries.c.trial_for.is_(None)  # and no trial, which never counts as sent
MOST_REFUSED_AFTER = 5  # attempts: what is tried for days is no address that is refused
HELD = timedelta(seconds=180)  # one attempt takes less
_ITEM = [
    *(deliveries.c[name] for name in DeliveryItem.__struct_fields__ if name != "report_title"),
    sa.func.coalesce(reports.c.title, "").label("report_title"),
]
_ITEMS = sa.select(*_ITEM).select_from(deliveries.outerjoin(reports, reports.c.id == deliveries.c.report_id))
_AT_ONCE = 200  # rows a statement
_ONCE = ("batch_id", "round", "position", "recipient_key", "report_id")


class DeliveryStore:
    """Reads; what writes is a function below, in the transaction of its caller."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of_batch(
        self, batch_id: str, *, state: DeliveryState | None = None, limit: int = 50, cursor: str | None = None
    ) -> Listing[DeliveryItem]:
        """What needs somebody first, then as they were written down."""
        which = [deliveries.c.batch_id == batch_id]
        if state is not None:
            which.append(deliveries.c.state == state)
        async with self._database.read() as connection:
            total = await connection.scalar(sa.select(sa.func.count()).select_from(deliveries).where(*which)) or 0
            return await _page(connection, which, total=total, limit=limit, cursor=cursor)

    async def standing(self, batch_id: str, *, limit: int, cursor: str | None) -> DeliveryStanding:
        is_of = deliveries.c.batch_id == batch_id
        by = (deliveries.c.state, IS_REAL)
        counted = sa.select(*by, sa.func.count()).where(is_of).group_by(*by)
        stage = sa.select(batches.c.delivery_state).where(batches.c.id == batch_id)
        async with self._database.read() as connection:
            rows = (await connection.execute(counted)).all()
            tally = {DeliveryState(state): count for state, is_real, count in rows if is_real}
            trials = {DeliveryState(state): count for state, is_real, count in rows if not is_real}
            total = sum(tally.values()) + sum(trials.values())
            return DeliveryStanding(
                page=await _page(connection, [is_of], total=total, limit=limit, cursor=cursor),
                tally=tally,
                stage=DeliveryStage(await connection.scalar(stage) or ""),
                trials=sum(trials.values()),
                open_trials=sum(trials.get(state, 0) for state in OPEN_STATES),
            )

    async def item(self, delivery_id: str) -> DeliveryItem:
        """Raises `NotFound`."""
        query = _ITEMS.where(deliveries.c.id == delivery_id)
        async with self._database.read() as connection:
            row = (await connection.execute(query)).mappings().one_or_none()
        if row is None:
            raise NotFound
        return _item(row)

    async def whole(self, delivery_id: str) -> FrozenDelivery:
        """Raises `NotFound`."""
        query = sa.select(deliveries).where(deliveries.c.id == delivery_id)
        async with self._database.read() as connection:
            row = (await connection.execute(query)).mappings().one_or_none()
        if row is None:
            raise NotFound
        return _frozen(row)

    async def tried_by(self, delivery_ids: Sequence[str]) -> dict[str, str]:
        """Who tries each, by their ids; what is no trial is left out."""
        query = sa.select(deliveries.c.id, deliveries.c.content).where(
            deliveries.c.id.in_(delivery_ids), sa.not_(IS_REAL)
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).all()
        found = {row.id: msgspec.json.decode(row.content, type=DeliveryContent).trial for row in rows}
        return {delivery_id: trial.user_id for delivery_id, trial in found.items() if trial}

    async def link_ids(self, delivery_ids: Sequence[str]) -> dict[str, str]:
        """Of those that are one link and nothing else."""
        query = sa.select(deliveries.c.id, deliveries.c.content).where(
            deliveries.c.id.in_(delivery_ids), deliveries.c.via == DeliveryVia.LINK
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).all()
        found = {row.id: msgspec.json.decode(row.content, type=DeliveryContent).link_id for row in rows}
        return {delivery_id: link_id for delivery_id, link_id in found.items() if link_id}

    async def troubled_since(self, schedule_ids: Sequence[str], since: datetime) -> dict[str, BatchDelivered]:
        """How many did not arrive, by schedule, and the newest batch of which."""
        newest = (sa.func.max(deliveries.c.batch_id), sa.func.max(deliveries.c.created_at), sa.func.count())
        query = sa.select(deliveries.c.schedule_id, *newest).where(
            deliveries.c.schedule_id.in_(schedule_ids),
            IS_REAL,
            deliveries.c.state.in_(TROUBLED),
            deliveries.c.created_at >= since,
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(query.group_by(deliveries.c.schedule_id))).all()
        return {
            schedule_id: BatchDelivered(batch_id=batch_id, at=at, troubled=count)
            for schedule_id, batch_id, at, count in rows
        }

    async def delivered(self, schedule_ids: Sequence[str], since: datetime, until: datetime) -> list[BatchDelivered]:
        """Of each batch of theirs whose deliveries were written down in that time; what waits is in none yet. What was
        sent, and is skipped when it is to be sent again, was sent."""
        begun = sa.func.min(deliveries.c.created_at).label("at")
        is_skipped, has_left = deliveries.c.state == DeliveryState.SKIPPED, deliveries.c.sent_at.is_not(None)
        counts = [
            sa.func.count().filter(which).label(name)
            for name, which in (
                ("sent", sa.or_(deliveries.c.state == DeliveryState.SENT, sa.and_(is_skipped, has_left))),
                ("troubled", deliveries.c.state.in_(TROUBLED)),
                ("skipped", sa.and_(is_skipped, sa.not_(has_left))),
            )
        ]
        query = sa.select(deliveries.c.batch_id, begun, *counts).where(
            deliveries.c.schedule_id.in_(schedule_ids),
            IS_REAL,
            deliveries.c.created_at >= since,
            deliveries.c.created_at < until,
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(query.group_by(deliveries.c.batch_id).order_by(begun))).mappings().all()
        return [msgspec.convert(_plain(row), BatchDelivered) for row in rows]

    async def optouts(self, schedule_id: str) -> list[OptOut]:
        query = sa.select(delivery_optouts).where(delivery_optouts.c.schedule_id == schedule_id)
        async with self._database.read() as connection:
            rows = (await connection.execute(query.order_by(delivery_optouts.c.address))).mappings().all()
        return [msgspec.convert(_plain(row), OptOut) for row in rows]


async def add_deliveries(connection: AsyncConnection, rows: Sequence[dict[str, Any]]) -> None:
    """Those that are there already stay as they are."""
    for start in range(0, len(rows), _AT_ONCE):
        await insert_missing(connection, deliveries, rows[start : start + _AT_ONCE], key=_ONCE)


async def try_again(
    connection: AsyncConnection, delivery_id: str, *, trial: dict[str, Any], content: DeliveryContent
) -> None:
    """One that there is, once more beside it, for whoever tries it. `trial` is what differs."""
    query = sa.select(deliveries).where(deliveries.c.id == delivery_id)
    row = (await connection.execute(query)).mappings().one()
    fresh = {"attempts": 0, "error": None, "holder": None, "held_until": None, "receipt": "", "sent_at": None}
    values = _plain(row) | fresh | {"state": DeliveryState.WAITING, "content": msgspec.json.encode(content)} | trial
    await connection.execute(sa.insert(deliveries).values(values))


async def due_vias(connection: AsyncConnection, now: datetime) -> list[DeliveryVia]:
    found = await connection.scalars(sa.select(deliveries.c.via).where(_is_free(now)).distinct())
    return [DeliveryVia(via) for via in found]


async def claim_deliveries(
    connection: AsyncConnection, now: datetime, *, via: DeliveryVia, holder: str, limit: int
) -> list[str]:
    """Ids of some that are due, for us to try, those first that were planned first: nobody else has them meanwhile."""
    due = sa.select(deliveries.c.id).where(_is_free(now), deliveries.c.via == via)
    ids = (await connection.scalars(due.order_by(deliveries.c.created_at, deliveries.c.id).limit(limit))).all()
    claimed = []
    for delivery_id in ids:
        taken = await connection.execute(
            sa.update(deliveries)
            .where(deliveries.c.id == delivery_id, _is_free(now))
            .values(holder=holder, held_until=now + HELD, attempts=deliveries.c.attempts + 1)
        )
        if taken.rowcount:
            claimed.append(delivery_id)
    return claimed


async def begin_sending(connection: AsyncConnection, delivery_id: str, *, holder: str, now: datetime) -> bool:
    """From here on nobody knows whether it has left until we say so. False when it is no longer ours."""
    ours = sa.update(deliveries).where(
        deliveries.c.id == delivery_id, deliveries.c.holder == holder, deliveries.c.state == DeliveryState.WAITING
    )
    begun = await connection.execute(ours.values(state=DeliveryState.SENDING, held_until=now + HELD))
    return bool(begun.rowcount)


async def set_delivery(
    connection: AsyncConnection, delivery_id: str, values: dict[str, Any], *, held_by: str | None = None
) -> bool:
    """With `held_by` only as long as it is in their hand."""
    which = [deliveries.c.id == delivery_id]
    if held_by is not None:
        which.append(deliveries.c.holder == held_by)
    changed = await connection.execute(sa.update(deliveries).where(*which).values(values))
    return bool(changed.rowcount)


async def delivery_of_tag(connection: AsyncConnection, tag: str) -> FrozenDelivery | None:
    """That whose mail came back; nobody else changes it until the transaction is over."""
    query = lock(sa.select(deliveries).where(deliveries.c.bounce_tag == tag))
    row = (await connection.execute(query)).mappings().first()
    return None if row is None else _frozen(row)


async def lost_ids(connection: AsyncConnection, now: datetime) -> Sequence[str]:
    """Of those that were on their way when whoever sent them died."""
    lost = sa.select(deliveries.c.id).where(deliveries.c.state == DeliveryState.SENDING, deliveries.c.held_until <= now)
    return (await connection.scalars(lost.order_by(deliveries.c.id).limit(_AT_ONCE))).all()


async def lose_sight(
    connection: AsyncConnection, delivery_id: str, now: datetime, *, state: DeliveryState, error: dict[str, Any] | None
) -> bool:
    """False when somebody else has seen to it."""
    next_at = now if state is DeliveryState.WAITING else None
    lost = sa.update(deliveries).where(
        deliveries.c.id == delivery_id,
        deliveries.c.state == DeliveryState.SENDING,
        deliveries.c.held_until <= now,
    )
    found = await connection.execute(
        lost.values(state=state, holder=None, held_until=None, next_at=next_at, error=error)
    )
    return bool(found.rowcount)


async def troubled_before(connection: AsyncConnection, delivery: FrozenDelivery) -> bool:
    """Whether another one of the same round did not arrive, which has been told; trials are a round of their own. What
    is skipped as it is written down is told to nobody, nor what was so the last time."""
    was_skipped = sa.and_(deliveries.c.state == DeliveryState.SKIPPED, deliveries.c.attempts > 0)
    query = sa.select(deliveries.c.id).where(
        deliveries.c.batch_id == delivery.batch_id,
        deliveries.c.round == delivery.round,
        sa.not_(IS_REAL) if delivery.is_trial else IS_REAL,
        deliveries.c.id != delivery.id,
        sa.or_(deliveries.c.state.in_(TROUBLED), was_skipped),
        sa.not_(_as_last_time(deliveries)),
    )
    return (await connection.execute(query.limit(1))).first() is not None


async def as_last_time(connection: AsyncConnection, delivery_ids: Sequence[str]) -> set[str]:
    """Those that ended as the run of their schedule before did for the same address, for the same reason."""
    found: set[str] = set()
    for start in range(0, len(delivery_ids), _AT_ONCE):
        some = deliveries.c.id.in_(delivery_ids[start : start + _AT_ONCE])
        found |= set(await connection.scalars(sa.select(deliveries.c.id).where(some, _as_last_time(deliveries))))
    return found


def _as_last_time(now: sa.Table) -> sa.ColumnElement[bool]:
    """Only of mails, and what an address is refused for: whether the server itself is away is told each time."""
    before, newest = deliveries.alias(), deliveries.alias()
    last = (
        sa.select(newest.c.id)
        .where(
            newest.c.schedule_id == now.c.schedule_id,
            newest.c.recipient_key == now.c.recipient_key,
            newest.c.batch_id != now.c.batch_id,
            newest.c.created_at < now.c.created_at,
            newest.c.trial_for.is_(None),
        )
        .order_by(newest.c.created_at.desc(), newest.c.id.desc())
        .limit(1)
        .correlate(now)
        .scalar_subquery()
    )
    is_same = sa.exists().where(
        before.c.id == last,
        before.c.state == now.c.state,
        before.c.error["phrase"].as_string() == now.c.error["phrase"].as_string(),
    )
    return sa.and_(
        now.c.via == DeliveryVia.MAIL,
        now.c.trial_for.is_(None),
        now.c.schedule_id.is_not(None),
        now.c.state.in_((DeliveryState.FAILED, DeliveryState.SKIPPED)),
        now.c.attempts <= MOST_REFUSED_AFTER,
        is_same,
    )


async def line_end(connection: AsyncConnection) -> datetime | None:
    """When the last of the mails that wait for their turn goes on; None where none does."""
    waiting = sa.select(deliveries.c.next_at).where(
        deliveries.c.state == DeliveryState.WAITING,
        deliveries.c.via == DeliveryVia.MAIL,
        deliveries.c.error["phrase"].as_string() == WAITS,
    )
    found: datetime | None = await connection.scalar(waiting.order_by(deliveries.c.next_at.desc()).limit(1))
    return found


async def hold_deliveries(connection: AsyncConnection) -> int:
    """Of a backup: what the server that it is of has yet to send, or is sending, a copy of it must not."""
    held = sa.update(deliveries).where(deliveries.c.state.in_(OPEN_STATES))
    found = await connection.execute(held.values(state=DeliveryState.HELD, next_at=None, holder=None, held_until=None))
    await connection.execute(
        sa.update(batches)
        .where(batches.c.delivery_state == DeliveryStage.WANTED)
        .values(delivery_state=DeliveryStage.HELD)
    )
    return found.rowcount


async def opted_out(connection: AsyncConnection, schedule_id: str) -> set[str]:
    query = sa.select(delivery_optouts.c.address).where(delivery_optouts.c.schedule_id == schedule_id)
    return set(await connection.scalars(query))


async def add_optout(connection: AsyncConnection, schedule_id: str, address: str, now: datetime) -> bool:
    """False when they had asked for it before."""
    row = {"id": new_id(), "schedule_id": schedule_id, "address": address.casefold(), "created_at": now}
    known = await opted_out(connection, schedule_id)
    await insert_missing(connection, delivery_optouts, [row], key=("schedule_id", "address"))
    return address.casefold() not in known


async def remove_optout(connection: AsyncConnection, schedule_id: str, optout_id: str) -> str | None:
    """The address that may have mail again; None when there is no such."""
    this = (delivery_optouts.c.id == optout_id, delivery_optouts.c.schedule_id == schedule_id)
    address = await connection.scalar(sa.select(delivery_optouts.c.address).where(*this))
    await connection.execute(sa.delete(delivery_optouts).where(*this))
    return address


def _is_free(now: datetime) -> sa.ColumnElement[bool]:
    """Also what somebody took and died before it left."""
    held = deliveries.c.held_until
    return sa.and_(
        deliveries.c.state == DeliveryState.WAITING,
        deliveries.c.next_at <= now,
        sa.or_(held.is_(None), held <= now, held > now + 2 * HELD),
    )


async def _page(
    connection: AsyncConnection, which: Sequence[sa.ColumnElement[bool]], *, total: int, limit: int, cursor: str | None
) -> Listing[DeliveryItem]:
    rank = sa.case((deliveries.c.state.in_(TROUBLED), 0), else_=1)
    skip = int(cursor or 0)
    page = _ITEMS.where(*which).order_by(rank, deliveries.c.id).limit(limit + 1).offset(skip)
    found = [_item(row) for row in (await connection.execute(page)).mappings()]
    more = str(skip + limit) if len(found) > limit else None
    return Listing(items=found[:limit], total=total, next_cursor=more)


def _frozen(row: Any) -> FrozenDelivery:
    content = msgspec.json.decode(row["content"], type=DeliveryContent)
    return msgspec.convert(_plain(row) | {"content": content}, FrozenDelivery)


def _item(row: Any) -> DeliveryItem:
    return msgspec.convert(_plain(row), DeliveryItem)


def _plain(row: Any) -> dict[str, Any]:
    return {str(name): value for name, value in row.items()}  # names of columns are more than texts
