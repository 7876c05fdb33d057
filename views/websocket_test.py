"""A page to try the live protocol by hand."""

from __future__ import annotations

from aiohttp import web

from server.http.guards import require_principal
from server.realtime.protocol import COMMANDS
from views.context import render

_EXAMPLES = (
    '{"type": "ping", "id": 1}',
    '{"type": "subscribe", "events": ["test_events"], "id": 2}',
    '{"type": "unsubscribe", "events": ["test_events"]}',
    '{"type": "jobs"}',
    '{"type": "history", "limit": 10}',
    '{"type": "hello", "text": "你好"}',
    '{"type": "subscribe", "events": "not a list"}',
)


async def websocket_test_page(request: web.Request) -> web.Response:
    principal = require_principal(request)
    commands = [str(command.__struct_config__.tag) for command in COMMANDS]
    return render(
        request,
        "websocket_test/page.html",
        examples=_EXAMPLES,
        commands=commands,
        may_start=principal.role != "viewer",
    )
