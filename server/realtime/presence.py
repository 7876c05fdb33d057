"""Who is connected, from which device, since when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from server.realtime.connection import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """One live connection as people see it."""

    connection_id: str
    client_id: str
    user_id: str
    user_name: str
    device: str
    address: str
    connected_at: datetime
    session_id: str | None
    subscriptions: int
    sent: int
    conflated: int
    unsent_bytes: int


def presence_of(connection: Connection) -> Presence:
    return Presence(
        connection_id=connection.id,
        client_id=connection.client_id,
        user_id=connection.user_id,
        user_name=connection.principal.user_name,
        device=connection.device,
        address=connection.principal.address,
        connected_at=connection.connected_at,
        session_id=connection.principal.session_id,
        subscriptions=len(connection.events),
        sent=connection.sent,
        conflated=connection.outbox.conflated,
        unsent_bytes=connection.unsent_bytes(),
    )
