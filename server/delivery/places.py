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


@dataclass(frozen=True, slots=True, kw_only=True)
class PacedPlace:
    """What has a pace of its own. `id` tells it from others without its address, which may be a secret."""

    id: str
    via: str
    host: str


def place_of(target: ChannelTarget) -> PacedPlace:
    return _place(target.via.value, host_of(target.url), target.url, target.path)


def mail_place(host: str, port: int) -> PacedPlace:
    """A mail server."""
    return _place("mail", host, f"{host}:{port}")


def _place(via: str, host: str, *address: str) -> PacedPlace:
    return PacedPlace(id=hashlib.sha256("\n".join((via, *address)).encode()).hexdigest(), via=via, host=host[:255])


async def take_turn(connection: AsyncConnection, place: PacedPlace, pace: ServicePace, now: datetime) -> PlaceTurn:
    """Of all nodes together; the pace is kept by one moment, that at which the place would be free again."""
    row = await _locked(connection, place, now)
    if row.given_up_at is not None:
        return PlaceTurn(wait=timedelta(0), is_given_up=True)
    early = timedelta(seconds=pace.seconds * (pace.burst - 1))
    if row.free_at - early > now:
        return PlaceTurn(wait=row.free_at - early - now)
    free_at = max(row.free_at, now) + timedelta(seconds=pace.seconds)
    if free_at != row.free_at:
        await _set(connection, row.id, free_at=free_at, changed_at=now)
    return PlaceTurn(wait=timedelta(0))


async def nothing_before(connection: AsyncConnection, place: PacedPlace, pace: ServicePace, until: datetime) -> None:
    """The place itself asked for a pause."""
    await _set(connection, place.id, free_at=until + timedelta(seconds=pace.seconds * (pace.burst - 1)))


async def note_failure(connection: AsyncConnection, place: PacedPlace, now: datetime) -> bool:
    """Whether the place is given up by this: all failed for a day. What comes long after the last one begins anew."""
    row = await _locked(connection, place, now)
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


async def note_success(connection: AsyncConnection, place: PacedPlace) -> None:
    await connection.execute(
        update(channel_places)
        .where(channel_places.c.id == place.id, channel_places.c.failing_since.is_not(None))
        .values(failing_since=None, failed_at=None)
    )


async def allow_again(connection: AsyncConnection, place: PacedPlace) -> None:
    await _set(connection, place.id, given_up_at=None, failing_since=None, failed_at=None)


async def forget_places(connection: AsyncConnection, now: datetime) -> None:
    """Those that nobody sends to any more."""
    await connection.execute(delete(channel_places).where(channel_places.c.changed_at < now - _FORGOTTEN_AFTER))


async def is_failing(connection: AsyncConnection, place: PacedPlace) -> bool:
    found = select(channel_places.c.failing_since).where(channel_places.c.id == place.id)
    return await connection.scalar(found) is not None


async def _locked(connection: AsyncConnection, place: PacedPlace, now: datetime) -> Row[Any]:
    values = {
        "id": place.id,
        "via": place.via,
        "host": place.host,
        "free_at": now,
        "changed_at": now,
    }
    row, _ = await insert_or_get(connection, channel_places, values, key=("id",))
    return row


async def _set(connection: AsyncConnection, wanted: str, **values: Any) -> None:
    await connection.execute(update(channel_places).where(channel_places.c.id == wanted).values(values))
