"""The live layer: connections, what is kept for those who are away, and who is told of what."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from server.app import engines
from server.app.monitoring import node_name
from server.app.resources import meanwhile
from server.auth.endings import Endings
from server.auth.still_valid import StillValid
from server.auth.throttle import SignInThrottle
from server.base_path import BasePath
from server.jobs.kinds import JobKinds
from server.jobs.store import JobStore
from server.jobs.table import JobTable
from server.languages import Languages
from server.live.announcing import Announcing
from server.live.job_messages import JobMessages, JobMoved
from server.live.jobs_watched import LiveJobs
from server.live.kept import KeptMessages
from server.live.notice_mails import NoticeMails
from server.live.notice_pushes import NoticePushes
from server.live.notices import Notices, UnreadChanged
from server.live.removals import Removals, ThingRemoved
from server.live.shared_events import RightsMoved, SharedEvents
from server.live.subscriptions import Subscriptions
from server.realtime.broker import Broker, Hearing, KeptTold, PresenceChanged
from server.realtime.catching_up import CatchUp
from server.realtime.delivery import Delivery
from server.realtime.echo import BrokerEcho, EchoPublished
from server.realtime.elsewhere import CommandSent, OtherNodes
from server.realtime.history import History
from server.realtime.limits import LiveLimits
from server.realtime.manager import ConnectionManager
from server.realtime.presence_board import PresenceBoard
from server.realtime.presences import ClientJoined, Presences, Replacing
from server.realtime.rechecking import Rechecking
from server.realtime.statistics_watch import StatisticsWanted, StatisticsWatch
from server.realtime.topics import Topics
from server.settings import Settings
from server.storage.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class RealtimeParts:
    """What carries messages, and knows nothing of what they say."""

    manager: ConnectionManager
    history: History
    broker: Broker
    topics: Topics
    presences: Presences
    replacing: Replacing
    elsewhere: OtherNodes
    throttle: SignInThrottle
    catch_up: CatchUp
    rechecking: Rechecking
    board: PresenceBoard
    statistics_watch: StatisticsWatch
    echo: BrokerEcho


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveParts:
    """What is told, and in which words."""

    announcing: Announcing
    notices: Notices
    job_messages: JobMessages
    kept: KeptMessages
    removals: Removals
    subscriptions: Subscriptions
    shared_events: SharedEvents
    delivery: Delivery


def build_realtime(settings: Settings, *, database: Database) -> RealtimeParts:
    manager = ConnectionManager(live_limits(settings))
    history = History(
        database,
        keep_messages=settings.history_messages,
        keep_days=settings.history_days,
        keep_notifications=settings.notification_messages,
        keep_notification_days=settings.notification_days,
    )
    exchange = engines.open_exchange(settings, manager, node_name(settings))
    broker, presences = exchange.broker, exchange.presences
    return RealtimeParts(
        manager=manager,
        history=history,
        broker=broker,
        topics=Topics(broker=broker, manager=manager, forget=history.forget),
        presences=presences,
        replacing=Replacing(manager, broker),
        elsewhere=OtherNodes(broker=broker, presences=presences),
        throttle=exchange.throttle,
        catch_up=CatchUp(history=history, manager=manager, look_seconds=settings.broker_look_seconds),
        rechecking=Rechecking(
            manager=manager, still_valid=StillValid(database), every_seconds=settings.credential_look_seconds
        ),
        board=PresenceBoard(manager=manager, broker=broker, presences=presences),
        statistics_watch=StatisticsWatch(manager, broker),
        echo=BrokerEcho(broker),
    )


def build_live(
    realtime: RealtimeParts,
    *,
    database: Database,
    languages: Languages,
    table: JobTable,
    store: JobStore,
    kinds: JobKinds,
    endings: Endings,
    base_path: BasePath,
    mails: NoticeMails | None = None,
    pushes: NoticePushes | None = None,
) -> LiveParts:
    """`endings`: who signs out, or may no more what they might, loses the connections that rest on it."""
    manager, history, broker = realtime.manager, realtime.history, realtime.broker
    job_messages = JobMessages(manager=manager, table=table, kinds=kinds, languages=languages, base_path=base_path)
    kept = KeptMessages(
        manager=manager,
        history=history,
        job_messages=job_messages,
        languages=languages,
        base_path=base_path,
        catch_up=realtime.catch_up,
    )
    ways = [way for way in (mails, pushes) if way is not None]
    notices = Notices(manager=manager, broker=broker, history=history, database=database, ways=ways)
    removals = Removals(manager=manager, broker=broker, table=table)
    announcing = Announcing(broker=broker, table=table, history=history, notices=notices)
    shared = SharedEvents(manager=manager, broker=broker, database=database, languages=languages)
    endings.on_end(announcing.credential_ended)
    endings.on_rights_change(announcing.rights_changed)
    return LiveParts(
        announcing=announcing,
        notices=notices,
        job_messages=job_messages,
        kept=kept,
        removals=removals,
        subscriptions=Subscriptions(database=database, table=table, store=store, shared=shared),
        shared_events=shared,
        delivery=Delivery(
            manager,
            {
                JobMoved: job_messages.deliver,
                KeptTold: kept.deliver,
                UnreadChanged: notices.deliver,
                ThingRemoved: removals.deliver,
                RightsMoved: shared.deliver,
                PresenceChanged: realtime.board.deliver,
                EchoPublished: realtime.echo.heard,
                ClientJoined: realtime.replacing.deliver,
                StatisticsWanted: realtime.statistics_watch.heard,
                CommandSent: realtime.elsewhere.deliver,
            },
            endings=endings,
        ),
    )


@asynccontextmanager
async def open_live(
    settings: Settings, realtime: RealtimeParts, live: LiveParts, watched: LiveJobs
) -> AsyncIterator[None]:
    """What others tell is heard before anybody joins; looks at rows are for nodes that share them."""

    def may_have_lost() -> None:
        for each in (realtime.catch_up, realtime.rechecking, live.shared_events, watched):
            each.may_have_lost()

    async with AsyncExitStack() as stack:
        stack.push_async_callback(realtime.broker.close)
        hearing = Hearing(receive=live.delivery.receive, may_have_lost=may_have_lost, kinds=live.delivery.kinds)
        watched.tell_by(live.delivery.receive)
        await realtime.broker.open(hearing)
        await realtime.topics.open()
        await stack.enter_async_context(meanwhile(realtime.catch_up.run()))
        await stack.enter_async_context(meanwhile(live.shared_events.run()))
        if engines.may_be_many(settings):
            looks = realtime.catch_up.look(), realtime.rechecking.run(), watched.look(), realtime.presences.run()
            for look in looks:
                await stack.enter_async_context(meanwhile(look))
        stack.push_async_callback(live.notices.close)  # what is being kept is still told
        stack.callback(realtime.board.close)
        yield


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
