"""The live layer: connections, what is kept for those who are away, who is told of what, and how clients get in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from socket import gethostname

from aiohttp import web

from server.app.resources import meanwhile, resource
from server.auth.endings import Endings
from server.engines.memory_broker import MemoryBroker
from server.http import keys
from server.http.readiness import Phase
from server.jobs.store import JobStore
from server.jobs.table import JobTable
from server.languages import Languages
from server.live.announcing import Announcing
from server.live.job_messages import JobMessages, JobMoved
from server.live.kept import KeptMessages
from server.live.notices import Notices, UnreadChanged
from server.live.subscriptions import Subscriptions
from server.realtime.broker import Broker, KeptTold, PresenceChanged
from server.realtime.commands import Commands
from server.realtime.delivery import Delivery
from server.realtime.drain import Drain
from server.realtime.history import History
from server.realtime.joining import Joiner
from server.realtime.limits import LiveLimits
from server.realtime.manager import ConnectionManager
from server.realtime.presence_board import PresenceBoard
from server.realtime.topics import Topics
from server.realtime.upkeep import Upkeep
from server.settings import Settings
from server.storage.database import Database
from server.transports import Entrance, Transport
from server.transports.admission import Admission
from server.transports.sse import EventTransport
from server.transports.websocket import WebSocketTransport

TRANSPORTS: tuple[Callable[[Entrance], Transport], ...] = (WebSocketTransport, EventTransport)
"""All there are. Nothing else names one of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Realtime:
    """What carries messages, and knows nothing of what they say."""

    manager: ConnectionManager
    history: History
    broker: Broker
    topics: Topics
    board: PresenceBoard


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """What is told, and in which words."""

    announcing: Announcing
    notices: Notices
    job_messages: JobMessages
    kept: KeptMessages
    subscriptions: Subscriptions
    delivery: Delivery


REALTIME = web.AppKey("realtime", Realtime)
LIVE = web.AppKey("live", Live)


def build_realtime(settings: Settings, *, database: Database) -> Realtime:
    manager = ConnectionManager(live_limits(settings))
    history = History(database, keep_messages=settings.history_messages, keep_days=settings.history_days)
    broker = MemoryBroker()
    return Realtime(
        manager=manager,
        history=history,
        broker=broker,
        topics=Topics(broker=broker, manager=manager, forget=history.forget),
        board=PresenceBoard(manager=manager, broker=broker),
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
    manager, history, broker = realtime.manager, realtime.history, realtime.broker
    job_messages = JobMessages(manager=manager, table=table, languages=languages)
    kept = KeptMessages(manager=manager, history=history, job_messages=job_messages, languages=languages)
    notices = Notices(manager=manager, broker=broker, history=history, database=database)
    announcing = Announcing(broker=broker, table=table, history=history, notices=notices)
    endings.on_end(announcing.credential_ended)
    endings.on_rights_change(announcing.rights_changed)
    return Live(
        announcing=announcing,
        notices=notices,
        job_messages=job_messages,
        kept=kept,
        subscriptions=Subscriptions(database=database, table=table, store=store),
        delivery=Delivery(
            manager,
            {
                JobMoved: job_messages.deliver,
                KeptTold: kept.deliver,
                UnreadChanged: notices.deliver,
                PresenceChanged: realtime.board.deliver,
            },
        ),
    )


@asynccontextmanager
async def open_live(realtime: Realtime, live: Live) -> AsyncIterator[None]:
    await realtime.broker.open(live.delivery.receive)
    await realtime.topics.open()
    try:
        yield
    finally:
        realtime.board.close()
        await live.notices.close()
        await realtime.broker.close()


def add_live_connections(app: web.Application) -> None:
    """How clients reach the live layer, and what happens to those who are connected when the server stops."""
    realtime, live, settings = app[REALTIME], app[LIVE], app[keys.SETTINGS]
    manager, readiness = realtime.manager, app[keys.READINESS]
    statistics = app[keys.STATISTICS]
    statistics["connections"] = manager.statistics
    upkeep = Upkeep(
        manager=manager,
        history=realtime.history,
        topics=realtime.topics,
        publish=live.announcing.publish,
        parts=statistics,
    )
    host = _Host(app)
    entrance = _entrance(app)
    transports = [build(entrance) for build in TRANSPORTS]
    for transport in transports:
        transport.setup(host)
    app[keys.LIVE_CHANNELS] = tuple(transport.channels() for transport in transports)
    drain = Drain(manager, reconnects_per_second=settings.reconnects_per_second, hurry=readiness.hurry)

    async def send_everybody_away(_app: web.Application) -> None:
        readiness.phase = Phase.DRAINING
        host.drain()
        await drain.run()

    app.on_shutdown.append(send_everybody_away)
    app.cleanup_ctx.append(resource(lambda: open_live(realtime, live)))
    app.cleanup_ctx.append(resource(lambda: meanwhile(upkeep.run())))


def _entrance(app: web.Application) -> Entrance:
    realtime, live, languages = app[REALTIME], app[LIVE], app[keys.LANGUAGES]
    manager, history, topics = realtime.manager, realtime.history, realtime.topics
    settings = app[keys.SETTINGS]
    return Entrance(
        manager=manager,
        admission=Admission(
            manager=manager,
            languages=languages,
            readiness=app[keys.READINESS],
            allowed_origins=settings.allowed_origins,
        ),
        joiner=Joiner(
            manager=manager,
            history=history,
            topics=topics,
            languages=languages,
            endings=app[keys.CREDENTIALS].endings,
            render=live.kept.render,
            node=gethostname(),
        ),
        commands=Commands(
            manager=manager,
            history=history,
            topics=topics,
            languages=languages,
            authorise=live.subscriptions.authorise,
            snapshot=live.job_messages.snapshot,
            render=live.kept.render,
        ),
        authenticate=lambda token, address: app[keys.AUTHENTICATOR].by_token(token, address=address),
        settings=settings,
    )


class _Host:
    """The web application as transports see it."""

    def __init__(self, app: web.Application) -> None:
        self._app = app
        self._draining: list[Callable[[], None]] = []

    @property
    def router(self) -> web.UrlDispatcher:
        return self._app.router

    def while_open(self, opened: Callable[[], AbstractAsyncContextManager[None]]) -> None:
        self._app.cleanup_ctx.append(resource(opened))

    def when_draining(self, begin: Callable[[], None]) -> None:
        self._draining.append(begin)

    def drain(self) -> None:
        for begin in self._draining:
            begin()


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
