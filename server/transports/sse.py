"""Server-sent events: live messages where WebSockets are blocked; commands come in by requests beside the stream."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from aiohttp import HttpVersion11, web

from server.auth.permissions import Principal
from server.clock import new_id
from server.errors import (
    Forbidden,
    InvalidInput,
    JinduError,
    NotFound,
    NotSignedIn,
    Unavailable,
    UnsupportedMedia,
)
from server.http import asyncapi
from server.http.asyncapi import LiveChannels
from server.http.guards import require_principal
from server.http.parts import parts_of
from server.http.socket_handler import go_live
from server.realtime.close_codes import CloseCode
from server.realtime.connection import Connection
from server.realtime.elsewhere import CommandSent
from server.realtime.limits import LiveLimits
from server.realtime.manager import Refused
from server.realtime.protocol import Auth
from server.transports import Entrance, Host
from server.transports.admission import CLIENT_ID, is_client_id, position
from server.transports.event_link import STAY_AWAY, EventLink, farewell, retry
from server.transports.silent_peers import give_up_on_silence
from server.transports.visitor import Visitor

NAME = "events"
_PATH = "/events"
_COMMAND_PATH = f"/events/{{client_id:{CLIENT_ID}}}"

_LOG = logging.getLogger("jindu.sse")
_LOOKS_PER_PING = 10
_HEADERS = {
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",  # nginx would gather events until its buffer is full
}
_QUERY_CLIENT_ID = {"type": "string", "pattern": "^[A-Za-z0-9_.-]{1,64}$", "description": "As in `/ws/{client_id}`."}
_CLOSE: asyncapi.Json = {
    "name": "close",
    "title": "close",
    "summary": "The last event of a stream, `event: close`: why it ends, as the close frame of a WebSocket says.",
    "payload": {
        "type": "object",
        "required": ["code", "reason"],
        "properties": {"code": {"type": "integer"}, "reason": {"type": "string"}},
    },
    "examples": [{"payload": {"code": int(CloseCode.SLOW_CONSUMER), "reason": CloseCode.SLOW_CONSUMER.reason}}],
}


class EventTransport:
    """Handles `GET /events` and `POST /events/{client_id}`."""

    def __init__(self, entrance: Entrance) -> None:
        self._manager = entrance.manager
        self._admission = entrance.admission
        self._joiner = entrance.joiner
        self._commands = entrance.commands
        self._elsewhere = entrance.elsewhere
        self._elsewhere.taken_by(self._handed_over)
        self._streams: dict[str, _Stream] = {}  # by connection id

    def setup(self, host: Host) -> None:
        host.router.add_get(_PATH, self._handle, name="events")
        host.router.add_post(_COMMAND_PATH, self._command, name="events_command")
        host.while_open(self._watched)

    def channels(self) -> LiveChannels:
        stream, commands = "stream", "commands"
        query = asyncapi.query(lang=asyncapi.LANG, since=asyncapi.SINCE, client_id=_QUERY_CLIENT_ID)
        beside_stream = [key for key in asyncapi.TAKEN if key != asyncapi.key_of(Auth)]
        sent = [*asyncapi.SENT, "receive_close"]
        over_http = {"bindings": {"http": {"method": "POST", "bindingVersion": "0.3.0"}}}
        return LiveChannels(
            server="events",
            schemes=("http", "https"),
            channels={
                stream: {
                    "address": "/events",
                    "title": "Server-sent events",
                    "description": "The same messages. Kept ones have their position as the event's `id`.",
                    "messages": asyncapi.refs(sent),
                },
                commands: {
                    "address": "/events/{client_id}",
                    "title": "Commands of a stream",
                    "description": "One command a request, answered by 202 at once and by a message on the stream.",
                    "parameters": asyncapi.CLIENT_ID,
                    "messages": asyncapi.refs(beside_stream),
                },
            },
            operations={
                "receive_events": {
                    **asyncapi.pushes(stream, sent, summary="What the server sends as server-sent events."),
                    "bindings": {"http": {"method": "GET", "query": query, "bindingVersion": "0.3.0"}},
                },
                **{
                    f"{key}_beside_stream": asyncapi.command(key, channel=commands, answered_on=stream) | over_http
                    for key in beside_stream
                },
            },
            messages={"receive_close": _CLOSE},
        )

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        """Join, stream until the end; for HEAD only say what would come.

        What refuses a client is said by the status, before the stream begins.
        """
        last_id = request.headers.get("Last-Event-ID", "")
        if last_id.startswith(STAY_AWAY):
            return web.Response(status=204)  # an EventSource comes back after everything else
        with self._admission.counting_errors():
            try:
                visitor = Visitor.of_request(request)
                self._admission.check(visitor)
                principal = require_principal(request)
                if request.method == "HEAD":
                    return web.Response(headers=_HEADERS)
                with self._admission.place(visitor.address):
                    return await self._serve(request, visitor, principal, last_id)
            except Unavailable:
                return self._sent_away(CloseCode.DRAINING)
            except Refused as refused:
                if refused.code.may_reconnect:
                    return self._sent_away(refused.code)
                raise _as_error(refused) from None

    def _sent_away(self, code: CloseCode) -> web.Response:
        """A stream of nothing but its end: any status of an error would keep an EventSource from coming back."""
        self._admission.count_refusal(code.name.lower())
        return web.Response(headers=_HEADERS, body=farewell(code, code.reason))

    async def _command(self, request: web.Request) -> web.Response:
        """Take one command for an open stream of the caller; its answer comes on the stream."""
        principal, client_id = require_principal(request), request.match_info["client_id"]
        stream = self._stream_of(principal, client_id)
        if request.content_type != "application/json":
            raise UnsupportedMedia("Send the body as application/json.")
        body = await parts_of(request).bodies.read(request, self._manager.limits.message_bytes)
        if stream is None:
            await self._elsewhere.hand_over(principal, client_id, _text(body))
        else:
            await self._take(stream, _text(body))
        return web.Response(status=202)

    async def _take(self, stream: _Stream, frame: str | None) -> None:
        async with stream.turn:  # in the order they came, as the frames of a socket
            if stream.connection.closed_with is not None:
                raise NotFound
            await self._commands.handle(stream.connection, frame)

    async def _handed_over(self, sent: CommandSent) -> None:
        """By another node, where the request came in."""
        for connection in self._manager.connections_of(sent.user_id):
            stream = self._streams.get(connection.id)
            own = connection.principal
            if (
                stream is not None
                and connection.client_id == sent.client_id
                and (own.session_id, own.token_id) == (sent.session_id, sent.token_id)
            ):
                with suppress(NotFound):  # it ends in this very moment
                    await self._take(stream, sent.frame)

    @asynccontextmanager
    async def _watched(self) -> AsyncIterator[None]:
        watching = asyncio.create_task(self._watch(), name="watch streams")
        yield
        watching.cancel()
        await asyncio.wait([watching])

    async def _watch(self) -> None:
        """Until cancelled: keep streams open through proxies, and notice who is gone. One timer does it for all."""
        interval = self._manager.limits.ping_interval_seconds
        while True:
            await asyncio.sleep(min(1.0, interval / _LOOKS_PER_PING))
            for stream in list(self._streams.values()):
                try:
                    stream.look(interval)
                except Exception:
                    _LOG.exception("could not look after a stream", extra={"action": "sse_watch"})

    async def _serve(
        self, request: web.Request, visitor: Visitor, principal: Principal, last_id: str
    ) -> web.StreamResponse:
        link = EventLink()
        client_id = request.query.get("client_id") or new_id()
        if not is_client_id(client_id):
            raise InvalidInput("A client_id has 1 to 64 letters, digits, “_”, “.” or “-”.", code="invalid_client_id")
        connection = self._admission.connection(visitor, link, principal, client_id=client_id)
        connection.transport = NAME
        try:
            # Before the headers leave, so that a refusal can still be a status. The link holds back what is sent.
            await self._joiner.join(connection, position(last_id or request.query.get("since", "")))
            self._admission.count_entry(NAME)
            self._streams[connection.id] = _Stream(connection, link)
            return await _stream(request, link, self._manager.limits)
        finally:
            self._streams.pop(connection.id, None)
            self._manager.disconnect(connection)

    def _stream_of(self, principal: Principal, client_id: str) -> _Stream | None:
        """The caller's stream at this node; nobody else's, also none of other credentials of the same user."""
        for connection in self._manager.connections_of(principal.user_id):
            stream = self._streams.get(connection.id)
            if stream is not None and connection.client_id == client_id and _rests_on(connection, principal):
                return stream
        return None


@dataclass(frozen=True, slots=True)
class _Stream:
    connection: Connection
    link: EventLink
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    def look(self, interval_seconds: float) -> None:
        if not self.link.is_open():
            return
        if self.link.was_taken():
            self.connection.heard()  # else the manager's sweep ends it, as a socket that does not pong
        if self.link.silent_seconds() >= interval_seconds:
            self.link.ping()


async def _stream(request: web.Request, link: EventLink, limits: LiveLimits) -> web.StreamResponse:
    response = web.StreamResponse(headers=_HEADERS)
    response.force_close()  # the deadline of a closing link must not meet another request on the same connection
    await response.prepare(request)
    await response.write(retry() + b"\n")
    transport = request.transport
    if transport is None:
        raise ConnectionResetError
    go_live(request)
    give_up_on_silence(transport, limits.ping_interval_seconds + limits.pong_timeout_seconds)
    link.start(transport, is_chunked=request.version >= HttpVersion11)
    await link.ended.wait()
    return response


def _as_error(refused: Refused) -> JinduError:
    if refused.why is not None:
        return refused.why
    if refused.code is CloseCode.SIGNED_OUT:
        return NotSignedIn()
    return Forbidden("This token may not read; make one with the scope “read”.")


def _rests_on(connection: Connection, principal: Principal) -> bool:
    own = connection.principal
    return (own.session_id, own.token_id) == (principal.session_id, principal.token_id)


def _text(body: bytes) -> str | None:
    """As a text frame; None, as for a binary one, when it is no text."""
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None
