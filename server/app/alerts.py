"""Who is told when something is wrong: what looks, what carries it out of the house, and the sign of life."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from socket import gethostname

from server.alerts.chain import Chain
from server.alerts.heartbeat import OutgoingHeartbeat
from server.alerts.measuring import Known, Measuring
from server.alerts.telling import AlertReaders, AlertTelling
from server.alerts.watch import AlertWatch
from server.app import engines
from server.app.accounts import AuthParts
from server.app.channels import PushParts, build_sending, paced_mail
from server.app.jobs import JobParts
from server.app.live import LiveParts, RealtimeParts
from server.app.monitoring import MonitoringParts
from server.app.resources import meanwhile
from server.app.storage import StorageParts
from server.app.workers import WorkerParts
from server.base_path import BasePath
from server.care.nightly import backup_state
from server.clock import new_id, utc_now
from server.delivery.parcel import Channel
from server.delivery.placed import PlaceCarrier
from server.delivery.posting import Posting
from server.languages import Languages
from server.schedules.run_store import backup_proven_at
from server.settings import Settings
from server.storage.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertParts:
    posting: Posting
    measuring: Measuring
    telling: AlertTelling
    watch: AlertWatch
    heartbeat: OutgoingHeartbeat


def build_alerts(
    settings: Settings,
    *,
    languages: Languages,
    storage: StorageParts,
    auth: AuthParts,
    workers: WorkerParts,
    realtime: RealtimeParts,
    live: LiveParts,
    jobs: JobParts,
    monitoring: MonitoringParts,
    push: PushParts,
) -> AlertParts:
    database = storage.database
    places = PlaceCarrier(channels=build_sending(settings, languages=languages, storage=storage), seals=auth.seals)
    own = engines.ENGINES.carriers(settings, storage.blobs)
    carriers = {
        **own,
        Channel.MAIL: paced_mail(settings, own[Channel.MAIL], database),
        Channel.PLACE: places,
        Channel.PUSH: push.carrier,
    }
    posting = Posting(carriers, database=database)
    measuring = Measuring(
        database=database,
        store=monitoring.store,
        known=_known(database),
        is_alone=not engines.may_be_many(settings),
    )
    telling = AlertTelling(
        database=database,
        notices=live.notices,
        languages=languages,
        readers=AlertReaders(
            recipients=settings.alert_mail_to,
            language=settings.alert_language,
            server=BasePath(settings.base_path).address(settings.public_url) if settings.public_url else gethostname(),
        ),
        outgoing=posting,
        hurry=posting.hurry,
    )
    posting.on_undelivered = telling.undelivered
    chain = Chain(
        database=database,
        sampler=monitoring.sampler,
        runner=jobs.runner,
        workers=workers.jobs,
        echo=realtime.echo,
    )
    return AlertParts(
        posting=posting,
        measuring=measuring,
        telling=telling,
        watch=AlertWatch(
            database=database,
            measuring=measuring,
            telling=telling,
            holder=f"{gethostname()}:{os.getpid()}:{new_id()}"[:200],
            kept_days=settings.monitoring_days,
        ),
        heartbeat=OutgoingHeartbeat(
            url=settings.heartbeat_url,
            every_seconds=settings.heartbeat_seconds,
            chain=chain.links(),
            ask=engines.ENGINES.asking(settings),
        ),
    )


def _known(database: Database) -> Known:
    """What is known beside the figures."""

    async def backup_age() -> float | None:
        async with database.read() as connection:
            state = await backup_state(connection)
        if state is None or state.proven is None or state.proven.proven_at is None:
            return None
        return (utc_now() - state.proven.proven_at).total_seconds()

    async def scheduled_backup_age() -> float | None:
        async with database.read() as connection:
            proven_at = await backup_proven_at(connection)
        return None if proven_at is None else (utc_now() - proven_at).total_seconds()

    return {"backup_age": backup_age, "scheduled_backup_age": scheduled_backup_age}


@asynccontextmanager
async def open_alerts(settings: Settings, alerts: AlertParts) -> AsyncIterator[None]:
    """Every node may be the one that speaks: nobody else could say that the workers are gone. Only one that runs jobs
    can prove to the outside that all of it works."""
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(meanwhile(alerts.posting.run()))
        await stack.enter_async_context(meanwhile(alerts.watch.run()))
        if settings.role != "web":
            await stack.enter_async_context(meanwhile(alerts.heartbeat.run()))
        yield
