"""One has the lease, until it is silent for too long."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from server.storage.database import Database
from server.storage.leases import is_held_by_another, take_lease

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)


async def test_one_node_has_it_and_another_takes_over_when_it_is_silent(database: Database) -> None:
    async def takes(holder: str, seconds: float) -> bool:
        async with database.write() as connection:
            now = NOON + timedelta(seconds=seconds)
            return await take_lease(connection, "alerts", holder=holder, now=now, seconds=60)

    async def is_held(holder: str, seconds: float) -> bool:
        async with database.read() as connection:
            now = NOON + timedelta(seconds=seconds)
            return await is_held_by_another(connection, "alerts", holder=holder, now=now, seconds=60)

    assert not await is_held("one", 0)
    assert await takes("one", 0)
    assert (await is_held("one", 30), await is_held("two", 30), await is_held("two", 70)) == (False, True, False)
    assert not await takes("two", 30)
    assert await takes("one", 50)
    assert not await takes("two", 100)
    assert await takes("two", 110)
    assert not await takes("one", 120)
    assert not await is_held("one", -100_000)
    assert await takes("one", -100_000)  # the clock was set back by a day: nobody waits for that long
