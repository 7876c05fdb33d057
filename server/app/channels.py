"""What carries messages to places outside: one on each node, which agree by the database."""

from __future__ import annotations

from dataclasses import dataclass

from server.app import engines
from server.app.accounts import AuthParts
from server.app.live import RealtimeParts
from server.app.storage import StorageParts
from server.base_path import BasePath
from server.clock import Clock, utc_now
from server.delivery.mail_pace import MailTurns, PacedMail, other_pace, report_pace
from server.delivery.parcel import Carrier
from server.delivery.places import PacedPlace, mail_place
from server.delivery.push import PushKeys, PushService
from server.delivery.sending import ChannelSending
from server.languages import Languages
from server.live.notice_mails import NoticeMails
from server.live.notice_pushes import NoticePushes, PushCarrier
from server.settings import Settings
from server.storage.database import Database


def build_sending(settings: Settings, *, languages: Languages, storage: StorageParts) -> ChannelSending:
    return ChannelSending(
        posts=engines.ENGINES.posts(settings),
        prefix=engines.ENGINES.prefix(settings, storage.blobs),
        database=storage.database,
        languages=languages,
    )


def public_base(settings: Settings) -> str:
    """What links in mails begin with; empty where nobody said it."""
    return BasePath(settings.base_path).address(settings.public_url) if settings.public_url else ""


def report_turns(settings: Settings, database: Database, clock: Clock = utc_now) -> MailTurns:
    """Of mails that bring reports."""
    pace = report_pace(settings.mail_a_minute) if settings.mail_a_minute else None
    return MailTurns(database=database, place=_mail_server(settings), pace=pace, clock=clock)


def paced_mail(settings: Settings, mail: Carrier, database: Database) -> PacedMail:
    """What takes all other mails."""
    pace = other_pace(settings.mail_a_minute) if settings.mail_a_minute else None
    return PacedMail(mail, MailTurns(database=database, place=_mail_server(settings), pace=pace))


def _mail_server(settings: Settings) -> PacedPlace:
    return mail_place(settings.smtp_host, settings.smtp_port)


def mail_leaves(settings: Settings) -> bool:
    return bool(settings.smtp_host and settings.mail_from)


def build_notice_mails(settings: Settings, *, languages: Languages, auth: AuthParts) -> NoticeMails:
    return NoticeMails(
        languages=languages,
        language=settings.alert_language,
        base=public_base(settings),
        seals=auth.seals,
        is_set_up=lambda: mail_leaves(settings),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PushParts:
    """Notifications of browsers; nothing of it does anything before somebody subscribes."""

    service: PushService
    keys: PushKeys
    notices: NoticePushes
    carrier: PushCarrier


def build_push(
    settings: Settings, *, languages: Languages, storage: StorageParts, auth: AuthParts, realtime: RealtimeParts
) -> PushParts:
    database, seals, service = storage.database, auth.seals, engines.ENGINES.push(settings)
    keys = PushKeys(database=database, seals=seals, service=service)
    return PushParts(
        service=service,
        keys=keys,
        notices=NoticePushes(
            languages=languages,
            language=settings.alert_language,
            service=service,
            base_path=BasePath(settings.base_path),
        ),
        carrier=PushCarrier(database=database, seals=seals, service=service, keys=keys, presences=realtime.presences),
    )
