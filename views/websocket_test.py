"""A page to try the live protocol by hand, and what its buttons ask for: always about one's own connections alone."""

from __future__ import annotations

import msgspec
from aiohttp import web

from server.http.endpoint import encoded
from server.http.guards import require_principal
from server.http.parts import operations_of, parts_of
from server.realtime.protocol import COMMANDS
from views.context import render

_EXAMPLES = (
    '{"type": "ping", "id": 1}',
    '{"type": "subscribe", "events": ["test_events"], "id": 2}',
    '{"type": "unsubscribe", "events": ["test_events"]}',
    '{"type": "jobs"}',
    '{"type": "history", "limit": 10}',
    '{"type": "history", "since": {"epoch": "gone", "offset": 0}}',
    '{"type": "hello", "text": "你好"}',
    '{"type": "subscribe", "events": "not a list"}',
)


class OwnConnection(msgspec.Struct, frozen=True, kw_only=True):
    """How the server sees one of my connections."""

    client_id: str
    sent: int
    conflated: int
    unsent_bytes: int


async def websocket_test_page(request: web.Request) -> web.Response:
    principal = require_principal(request)
    commands = [str(command.__struct_config__.tag) for command in COMMANDS]
    return await render(
        request,
        "websocket_test/page.html",
        examples=_EXAMPLES,
        commands=commands,
        limits=parts_of(request).live_limits,
        may_start=principal.role != "viewer",
    )


async def own_connections(request: web.Request) -> web.Response:
    """The reader's connections and what waits for each."""
    principal = require_principal(request)
    return encoded(
        [
            OwnConnection(
                client_id=presence.client_id,
                sent=presence.sent,
                conflated=presence.conflated,
                unsent_bytes=presence.unsent_bytes,
            )
            for presence in await operations_of(request).connections.own(principal)
        ]
    )


async def notify_myself(request: web.Request) -> web.Response:
    """Tell the reader something, as the end of an import would."""
    await operations_of(request).events.notify_myself(require_principal(request))
    return web.Response(status=204)
