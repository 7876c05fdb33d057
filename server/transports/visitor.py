"""Whoever wants a live connection, as far as any transport can tell of them: nothing here says how they came."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from server.http.addresses import client_address, own_origins
from server.http.guards import current_principal
from server.http.traffic import CAME_AT

if TYPE_CHECKING:
    from aiohttp import web

_DEVICE_CHARACTERS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """`origin` is whose page sent them, None for programs; `site` how a browser without it says where that stands."""

    address: str
    origin: str | None = None
    own_origins: frozenset[str] = frozenset()  # what this server is called by them
    site: str = "none"
    device: str = ""
    language: str | None = None  # they asked for it
    is_somebodys: bool = False  # they came with a session or token that is good
    came_at: float = field(default_factory=time.monotonic)

    @classmethod
    def of_request(cls, request: web.Request) -> Visitor:
        headers = request.headers
        return cls(
            address=client_address(request),
            origin=headers.get("Origin"),
            own_origins=own_origins(request),
            site=headers.get("Sec-Fetch-Site", "none"),
            device=headers.get("User-Agent", "")[:_DEVICE_CHARACTERS],
            language=asked(request).get("lang"),
            is_somebodys=current_principal(request) is not None,
            came_at=request.get(CAME_AT, time.monotonic()),
        )


def asked(request: web.Request) -> dict[str, str]:
    """The address's query. `request.query` would be kept for as long as the connection is open."""
    return dict(parse_qsl(request.rel_url.raw_query_string))
