"""What the server does by itself, asked by nobody."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from server.app.live import LiveParts, RealtimeParts
from server.app.resources import meanwhile
from server.app.storage import StorageParts
from server.operations.retention import Retention
from server.operations.room_watch import RoomWatch
from server.realtime.upkeep import Upkeep


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoreParts:
    retention: Retention
    upkeep: Upkeep
    room_watch: RoomWatch


def build_chores(
    *,
    storage: StorageParts,
    realtime: RealtimeParts,
    live: LiveParts,
    retention: Retention,
    statistics: Mapping[str, Callable[[], object]],
) -> ChoreParts:
    return ChoreParts(
        retention=retention,
        upkeep=Upkeep(
            manager=realtime.manager,
            history=realtime.history,
            topics=realtime.topics,
            publish=live.announcing.publish,
            parts=statistics,
        ),
        room_watch=RoomWatch(room=storage.room, database=storage.database, notices=live.notices),
    )


@asynccontextmanager
async def open_chores(chores: ChoreParts) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(meanwhile(chores.retention.run()))
        await stack.enter_async_context(meanwhile(chores.upkeep.run()))
        await stack.enter_async_context(meanwhile(chores.room_watch.run()))
        yield
