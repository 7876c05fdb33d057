"""A transport that nobody has: live messages as lines of one HTTP answer, as `curl` shows them."""

from __future__ import annotations

import msgspec
from aiohttp import web

from server.http import asyncapi
from server.http.asyncapi import LiveChannels
from server.http.guards import require_principal
from server.http.socket_handler import go_live
from server.transports import Entrance, Host
from server.transports.admission import position
from server.transports.frame_queue import FrameQueue
from server.transports.visitor import Visitor


class LinesTransport:
    """Handles `GET /lines/{client_id}`; the last line says why it ended."""

    def __init__(self, entrance: Entrance) -> None:
        self._entrance = entrance

    def setup(self, host: Host) -> None:
        host.router.add_get("/lines/{client_id}", self._handle)

    def channels(self) -> LiveChannels:
        return LiveChannels(
            server="lines",
            schemes=("http", "https"),
            channels={
                "lines": {
                    "address": "/lines/{client_id}",
                    "title": "Lines",
                    "description": "The same messages, one a line.",
                    "parameters": asyncapi.CLIENT_ID,
                    "messages": asyncapi.refs(asyncapi.SENT),
                }
            },
            operations={"receive_lines": asyncapi.pushes("lines", asyncapi.SENT, summary="What the server sends.")},
        )

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        visitor = Visitor.of_request(request)
        self._entrance.admission.check(visitor)
        principal = require_principal(request)
        assert request.transport is not None
        with self._entrance.admission.place(visitor.address), FrameQueue(request.transport.abort) as queue:
            connection = self._entrance.admission.connection(
                visitor, queue, principal, client_id=request.match_info["client_id"]
            )
            with self._entrance.manager.membership(connection):
                await self._entrance.joiner.join(connection, position(request.query.get("since", "")))
                return await self._answer(request, queue)

    async def _answer(self, request: web.Request, queue: FrameQueue) -> web.StreamResponse:
        response = web.StreamResponse()
        response.force_close()
        await response.prepare(request)
        go_live(request)
        async for frame in queue.frames():
            await response.write(frame + b"\n")
        assert queue.closed_with is not None
        code, reason = queue.closed_with
        await response.write(msgspec.json.encode({"type": "close", "code": int(code), "reason": reason}) + b"\n")
        return response
