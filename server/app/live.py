"""The live layer: connections, what is kept for those who are away, and who is told of what."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from server.auth.endings import Endings
from server.jobs.store import JobStore
from server.jobs.table import JobTable
from server.languages import Languages
from server.live import Live
from server.realtime.history import History
from server.realtime.limits import LiveLimits
from server.realtime.manager import ConnectionManager
from server.realtime.presence_board import PresenceBoard
from server.settings import Settings
from server.storage.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Realtime:
    manager: ConnectionManager
    history: History
    board: PresenceBoard


def build_realtime(settings: Settings, *, database: Database) -> Realtime:
    manager = ConnectionManager(live_limits(settings))
    return Realtime(
        manager=manager,
        history=History(database, keep_messages=settings.history_messages, keep_days=settings.history_days),
        board=PresenceBoard(manager),
    )


def build_live(
    realtime: Realtime,
    *,
    database: Database,
    languages: Languages,
    table: JobTable,
    store: JobStore,
    endings: Endings,
) -> Live:
    """`endings`: who signs out, or may no more what they might, loses the connections that rest on it."""
    live = Live(
        manager=realtime.manager,
        history=realtime.history,
        database=database,
        table=table,
        store=store,
        languages=languages,
    )
    endings.on_end(live.credential_ended)
    endings.on_rights_change(live.rights_changed)
    return live


def live_limits(settings: Settings) -> LiveLimits:
    return LiveLimits(
        connections=settings.max_connections,
        connections_per_user=settings.max_connections_per_user,
        connections_per_address=settings.max_connections_per_address,
        unauthenticated=settings.max_unauthenticated_connections,
        unauthenticated_per_address=settings.max_unauthenticated_connections_per_address,
        message_bytes=settings.max_message_bytes,
        messages_per_second=settings.messages_per_second,
        message_burst=settings.message_burst,
        unsent_bytes=settings.max_unsent_bytes,
        subscriptions=settings.max_subscriptions,
        event_name_length=settings.max_event_name_length,
        ping_interval_seconds=settings.ping_interval_seconds,
        pong_timeout_seconds=settings.pong_timeout_seconds,
        auth_deadline_seconds=settings.auth_deadline_seconds,
    )


@asynccontextmanager
async def open_live(live: Live, board: PresenceBoard) -> AsyncIterator[None]:
    try:
        yield
    finally:
        board.close()
        await live.close()
