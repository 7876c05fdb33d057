"""How many TCP sockets there may be, and how long each may keep us waiting."""

from __future__ import annotations

from dataclasses import dataclass

from server.http import descriptors
from server.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketLimits:
    """What each is for stands in docs/settings.md; `per_network` is 0 where all come through a proxy."""

    total: int  # with live connections, so that descriptors are left for files
    waiting: int  # without them
    per_network: int
    head_seconds: float
    body_grace_seconds: float
    body_bytes_per_second: float
    idle_seconds: float
    unread_seconds: float

    @classmethod
    def from_settings(cls, settings: Settings) -> SocketLimits:
        return cls(
            total=max(1, descriptors.limit() - settings.reserved_descriptors),
            waiting=settings.max_sockets,
            per_network=0 if settings.trusted_proxies else settings.max_sockets_per_address,
            head_seconds=settings.request_head_seconds,
            body_grace_seconds=settings.body_grace_seconds,
            body_bytes_per_second=settings.min_body_bytes_per_second,
            idle_seconds=settings.keep_alive_seconds,
            unread_seconds=settings.unread_answer_seconds,
        )
