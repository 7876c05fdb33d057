"""Figures of a house that are remembered, as of a noon: what tests of monitoring stand on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from server.monitoring.samples import SampleStore
from server.monitoring.uptime import Heartbeat

if TYPE_CHECKING:
    from tests.unit.operations.conftest import House

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
SAMPLE = {
    "messages_sent": 40,
    "messages_received": 20,
    "handshakes_accepted": 99,
    "handshakes_refused": 1,
    "delivery": [*([0] * 4), 100, *([0] * 11)],
}


async def remember(house: House, *, minutes: int) -> None:
    """A node that came up so long ago, and counted the same every ten seconds."""
    heart, store = Heartbeat(node="a", version="1"), SampleStore(kept_days=400)
    async with house.parts.storage.database.write() as connection:
        await heart.begin(connection, NOON - timedelta(minutes=minutes))
        for number in range(minutes * 6):
            moment = NOON - timedelta(minutes=minutes) + timedelta(seconds=10 * number)
            await store.add(connection, "a", int(moment.timestamp()), SAMPLE)
            await heart.beat(connection, moment + timedelta(seconds=10))


async def remember_badly(house: House, *, node: str = "a", **sample: object) -> None:
    """One moment of the last hour, kept as samples of all lengths are."""
    store = SampleStore(kept_days=400)
    async with house.parts.storage.database.write() as connection:
        await store.add(connection, node, int((NOON - timedelta(minutes=20)).timestamp()), sample)
