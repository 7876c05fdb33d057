"""How it stands with each place outside: when its turn comes, and since when nothing has arrived there."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.delivery.channels.asking import ServicePace
from server.delivery.messages import ChannelTarget, host_of
from server.storage.rows import insert_or_get
from server.storage.tables import channel_places

GIVEN_UP_AFTER = timedelta(days=1)
_FORGOTTEN_AFTER = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceTurn:
    """`wait` is how long until it comes; zero: it is ours."""

    wait: timedelta
    is_given_up: bool = False


def place_id(target: ChannelTarget) -> str:
    """Tells one place from another without its address, which is a secret."""
    return hashlib.sha256(f"{target.via}\n{target.url}\n{target.path}".encode()).hexdigest()


async def take_turn(connection: AsyncConnection, target: ChannelTarget, pace: ServicePace, now: datetime) -> PlaceTurn:
    """Of all nodes together; the pace is kept by one moment, that at which the place would be free again."""
    row = await _locked(connection, target, now)
    if row.given_up_at is not None:
        return PlaceTurn(wait=timedelta(0), is_given_up=True)
    early = timedelta(seconds=pace.seconds * (pace.burst - 1))
    if row.free_at - early > now:
        return PlaceTurn(wait=row.free_at - early - now)
    free_at = max(row.free_at, now) + timedelta(seconds=pace.seconds)
    if free_at != row.free_at:
        await _set(connection, row.id, free_at=free_at, changed_at=now)
    return PlaceTurn(wait=timedelta(0))


async def nothing_before(
    connection: AsyncConnection, target: ChannelTarget, pace: ServicePace, until: datetime
) -> None:
    """The place itself asked for a pause."""
    await _set(connection, place_id(target), free_at=until + timedelta(seconds=pace.seconds * (pace.burst - 1)))


async def note_failure(connection: AsyncConnection, target: ChannelTarget, now: datetime) -> bool:
    """Whether the place is given up by this: all failed for a day. What comes long after the last one begins anew."""
    row = await _locked(connection, target, now)
    is_new = row.failed_at is None or now - row.failed_at > GIVEN_UP_AFTER
    since = now if is_new or row.failing_since is None else row.failing_since
    is_given_up = row.given_up_at is None and now - since >= GIVEN_UP_AFTER
    await _set(
        connection,
        row.id,
        failing_since=since,
        failed_at=now,
        given_up_at=now if is_given_up else row.given_up_at,
        changed_at=now,
    )
    return is_given_up


async def note_success(connection: AsyncConnection, target: ChannelTarget) -> None:
    await connection.execute(
        update(channel_places)
        .where(channel_places.c.id == place_id(target), channel_places.c.failing_since.is_not(None))
        .values(failing_since=None, failed_at=None)
    )


async def allow_again(connection: AsyncConnection, target: ChannelTarget) -> None:
    await _set(connection, place_id(target), given_up_at=None, failing_since=None, failed_at=None)


async def forget_places(connection: AsyncConnection, now: datetime) -> None:
    """Those that nobody sends to any more."""
    await connection.execute(delete(channel_places).where(channel_places.c.changed_at < now - _FORGOTTEN_AFTER))


async def is_failing(connection: AsyncConnection, target: ChannelTarget) -> bool:
    found = select(channel_places.c.failing_since).where(channel_places.c.id == place_id(target))
    return await connection.scalar(found) is not None


async def _locked(connection: AsyncConnection, target: ChannelTarget, now: datetime) -> Row[Any]:
    values = {
        "id": place_id(target),
        "via": target.via,
        "host": host_of(target.url)[:255],
        "free_at": now,
        "changed_at": now,
    }
    row, _ = await insert_or_get(connection, channel_places, values, key=("id",))
    return row


async def _set(connection: AsyncConnection, wanted: str, **values: Any) -> None:
    await connection.execute(update(channel_places).where(channel_places.c.id == wanted).values(values))
