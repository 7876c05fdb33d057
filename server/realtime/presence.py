"""Who is connected, from which device, since when."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from server.realtime.connection import Connection

LOOKING = "me:looking"
"""Subscribed to by a page as long as somebody looks at it: nothing is ever published on it."""
TAKES_FILES = "me:files"
"""Likewise by a page that takes files from other browsers."""
TOLD_OF = frozenset({LOOKING, TAKES_FILES})
"""Names by which a connection says something of itself: others see it change."""
_BROWSERS = (
    ("Edge", r"Edg/"),
    ("Opera", r"OPR/"),
    ("Firefox", r"Firefox/|FxiOS/"),
    ("WeChat", r"MicroMessenger/"),
    ("Chrome", r"Chrome/|CriOS/|Chromium/"),
    ("Safari", r"Version/.*Safari/"),
    ("curl", r"^curl/"),
    ("Python", r"^(?:grpc-)?[Pp]ython"),
    ("Node", r"^grpc-node|^node\b"),
    ("Go", r"^grpc-go/|^Go-http-client/"),
    ("Java", r"^grpc-java|^Java/"),
)
_SYSTEMS = (
    ("iPhone", r"iPhone"),
    ("iPad", r"iPad"),
    ("Android", r"Android"),
    ("Windows", r"Windows"),
    ("macOS", r"Mac OS X|Macintosh"),
    ("ChromeOS", r"CrOS"),
    ("Linux", r"Linux"),
)


@lru_cache(1_000)  # many thousand connections come from few kinds of browsers
def device_name(user_agent: str) -> str:
    """`Firefox · Windows`, as far as the header tells; empty when it tells nothing."""
    found = [_first(_BROWSERS, user_agent), _first(_SYSTEMS, user_agent)]
    return " · ".join(name for name in found if name) or user_agent[:60]


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """One live connection as people see it, and what it has counted.

    `held` messages wait to be sent, `conflated` ones were replaced by newer ones of the same job while they waited,
    `recovered` ones had been missed, `refused` ones came in faster than allowed, `dropped` ones could not be sent any
    more when it was closed.
    """

    connection_id: str
    client_id: str
    user_id: str
    user_name: str
    role: str
    device: str
    address: str
    connected_at: datetime
    session_id: str | None
    token_id: str | None
    subscriptions: int
    sent: int
    held: int
    unsent_bytes: int
    conflated: int
    recovered: int
    refused: int
    dropped: int
    transport: str = ""  # what carries it; a node of an older version does not say
    node: str = ""  # that holds it, where there may be several
    is_looking: bool = False  # somebody has a page of it before their eyes
    takes_files: bool = False  # from other browsers


def is_about(presence: Presence, wanted: str) -> bool:
    """Whether user, device, address, client or node hold `wanted`, which is casefolded."""
    texts = (presence.user_name, presence.device, presence.address, presence.client_id, presence.node)
    return any(wanted in text.casefold() for text in texts)


def presence_of(connection: Connection, *, node: str = "") -> Presence:
    principal = connection.principal
    return Presence(
        connection_id=connection.id,
        client_id=connection.client_id,
        user_id=connection.user_id,
        user_name=principal.user_name,
        role=principal.role,
        device=device_name(connection.device),
        address=principal.address,
        connected_at=connection.connected_at,
        session_id=principal.session_id,
        token_id=principal.token_id,
        subscriptions=len(connection.events),
        sent=connection.sent,
        held=len(connection.outbox),
        unsent_bytes=connection.unsent_bytes(),
        conflated=connection.outbox.conflated,
        recovered=connection.recovered,
        refused=connection.refused,
        dropped=connection.dropped,
        transport=connection.transport,
        node=node,
        is_looking=LOOKING in connection.events,
        takes_files=TAKES_FILES in connection.events,
    )


def _first(patterns: tuple[tuple[str, str], ...], text: str) -> str:
    return next((name for name, pattern in patterns if re.search(pattern, text)), "")
