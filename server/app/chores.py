"""What the server does by itself, asked by nobody."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import time
from pathlib import Path

from server.app.live import LiveParts, RealtimeParts
from server.app.monitoring import node_name
from server.app.resources import meanwhile
from server.app.storage import StorageParts
from server.care.backup_commands import BackupCommands
from server.care.nightly import NightlyBackups
from server.operations.retention import Retention
from server.operations.room_watch import RoomWatch
from server.realtime.upkeep import Upkeep
from server.settings import Settings, environment_name
from server.storage.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoreParts:
    retention: Retention
    upkeep: Upkeep
    room_watch: RoomWatch
    backups: NightlyBackups | None
    is_for_all: bool  # what some node has to do for all of them is done here, by turns with others


def build_chores(
    settings: Settings,
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
            watch=realtime.statistics_watch,
            publish=live.announcing.publish,
            node=node_name(settings),
            parts=statistics,
        ),
        room_watch=RoomWatch(room=storage.room, database=storage.database, notices=live.notices),
        backups=_nightly(settings, storage.database),
        is_for_all=settings.role != "web",
    )


def backup_commands(settings: Settings) -> BackupCommands | None:
    """None where the settings name no place for backups."""
    if not settings.backup_to:
        return None
    names = (
        *("data", "database_url", "secret_key", "min_free_bytes"),
        *("storage_url", "storage_key_id", "storage_secret", "storage_cache_bytes"),
    )
    given = {environment_name(name): str(getattr(settings, name)) for name in names if getattr(settings, name) != ""}
    return BackupCommands(folder=Path(settings.backup_to), environment=given)


def _nightly(settings: Settings, database: Database) -> NightlyBackups | None:
    commands = backup_commands(settings)
    if commands is None or not settings.backup_at:
        return None
    return NightlyBackups(
        database=database,
        commands=commands,
        at=time.fromisoformat(settings.backup_at),
        keep_days=settings.backup_keep_days,
    )


@asynccontextmanager
async def open_chores(chores: ChoreParts) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        if chores.is_for_all:
            await stack.enter_async_context(meanwhile(chores.retention.run()))
        await stack.enter_async_context(meanwhile(chores.upkeep.run()))
        await stack.enter_async_context(meanwhile(chores.room_watch.run()))
        if chores.backups is not None and chores.is_for_all:
            await stack.enter_async_context(meanwhile(chores.backups.run()))
        yield
