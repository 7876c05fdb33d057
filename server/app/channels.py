"""What carries messages to places outside: one on each node, which agree by the database."""

from __future__ import annotations

from server.app import engines
from server.app.storage import StorageParts
from server.delivery.sending import ChannelSending
from server.languages import Languages
from server.settings import Settings


def build_sending(settings: Settings, *, languages: Languages, storage: StorageParts) -> ChannelSending:
    return ChannelSending(
        posts=engines.ENGINES.posts(settings),
        prefix=engines.ENGINES.prefix(settings, storage.blobs),
        database=storage.database,
        languages=languages,
    )
