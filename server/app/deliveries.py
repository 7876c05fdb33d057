"""What brings reports to people: who writes it down, who sends it, and by what."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parseaddr
from socket import gethostname

from server.app import engines
from server.app.accounts import AuthParts
from server.app.channels import build_sending, report_turns
from server.app.datasets import DatasetParts
from server.app.live import LiveParts
from server.app.reports import ReportParts
from server.app.storage import StorageParts
from server.app.workers import WorkerParts
from server.base_path import BasePath
from server.clock import Clock, new_id, utc_now
from server.deliveries.bouncing import Bouncing
from server.deliveries.carrying import Carrying
from server.deliveries.delivery_telling import DeliveryTelling
from server.deliveries.freezing import Freezing, LinkEnd
from server.deliveries.pictures import ChartPictures
from server.deliveries.planning import DeliveryRules
from server.deliveries.sending import Carries, Sending
from server.deliveries.store import DeliveryStore
from server.delivery.parcel import Channel
from server.languages import Languages
from server.operations.delivery_checks import DeliveryChecks
from server.operations.link_ends import LinkRules, end_of_day
from server.reports.share_links import ShareLinkStore
from server.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryParts:
    store: DeliveryStore
    telling: DeliveryTelling
    rules: DeliveryRules
    checks: DeliveryChecks
    carrying: Carrying
    sending: Sending
    bouncing: Bouncing | None  # None where nobody said which mailbox


def build_deliveries(
    settings: Settings,
    *,
    languages: Languages,
    storage: StorageParts,
    auth: AuthParts,
    live: LiveParts,
    reports: ReportParts,
    workers: WorkerParts,
    datasets: DatasetParts,
    clock: Clock = utc_now,
    carries: Carries | None = None,
) -> DeliveryParts:
    """`carries` stands in for what leaves the house, in tests."""
    database = storage.database
    links = ShareLinkStore(database, auth.seals, clock=clock)
    public = BasePath(settings.base_path).address(settings.public_url) if settings.public_url else ""
    carrying = Carrying(
        mail=engines.ENGINES.carriers(settings, storage.blobs)[Channel.MAIL],
        mail_turns=report_turns(settings, database, clock),
        folders=engines.ENGINES.folders(settings, storage.blobs),
        channels=build_sending(settings, languages=languages, storage=storage),
        seals=auth.seals,
        links=links,
        pictures=ChartPictures(
            store=reports.batches, blobs=storage.blobs, workers=workers.interactive, limits=datasets.query_limits
        ),
        languages=languages,
        base=public,
        bounces_to=settings.bounces_to,
    )
    rules = DeliveryRules(domains=tuple(domain.strip().casefold() for domain in settings.mail_domains))
    telling, store = DeliveryTelling(live.notices), DeliveryStore(database)
    freezing = Freezing(
        database=database,
        store=reports.batches,
        links=links,
        link_end=_link_end(settings, is_known=bool(public)),
        rules=rules,
        telling=telling,
        announce=live.announcing.publish,
        mail_bytes=settings.mail_bytes,
        mail_domain=parseaddr(settings.mail_from)[1].rpartition("@")[2] or "jindu.invalid",
        clock=clock,
    )
    holder = f"{gethostname()}:{os.getpid()}:{new_id()}"[:200]
    sending = Sending(
        database=database,
        store=store,
        freezing=freezing,
        carrying=carries or carrying,
        rules=rules,
        telling=telling,
        announce=live.announcing.publish,
        holder=holder,
        clock=clock,
    )
    bouncing = None
    if settings.bounces_to:
        bouncing = Bouncing(
            mailbox=engines.ENGINES.mailbox(settings),
            address=settings.bounces_to,
            database=database,
            telling=telling,
            announce=live.announcing.publish,
            counts=sending.counts,
            holder=holder,
            clock=clock,
        )
    return DeliveryParts(
        store=store,
        telling=telling,
        rules=rules,
        checks=DeliveryChecks(carrying=carrying, rules=rules, seals=auth.seals),
        carrying=carrying,
        sending=sending,
        bouncing=bouncing,
    )


def _link_end(settings: Settings, *, is_known: bool) -> LinkEnd:
    """`is_known`: whether anybody said what this server is called."""
    rules = LinkRules(are_on=settings.share_links, max_days=settings.link_max_days)

    def end(time_zone: str, now: datetime, *, at_most_days: int | None = None) -> datetime | None:
        if not rules.are_on or not is_known:
            return None
        day = rules.default_day(time_zone, now)
        if at_most_days is not None:
            day = min(day, rules.today(time_zone, now) + timedelta(days=at_most_days))
        return end_of_day(day, time_zone)

    return end
