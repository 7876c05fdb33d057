"""What carries messages to places outside: one on each node, which agree by the database."""

from __future__ import annotations

from server.app import engines
from server.app.accounts import AuthParts
from server.app.storage import StorageParts
from server.base_path import BasePath
from server.delivery.sending import ChannelSending
from server.languages import Languages
from server.live.notice_mails import NoticeMails
from server.settings import Settings


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
