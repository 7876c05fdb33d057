"""WebSockets: who may open one, how frames go in and out, and how it ends whatever the peer does."""

from __future__ import annotations

import asyncio
import contextlib
import math
from functools import partial

import msgspec
from aiohttp import WSMessage, WSMsgType, web

from server.auth.permissions import Principal
from server.clock import rfc3339_now
from server.errors import JinduError, RateLimited
from server.http import asyncapi
from server.http.asyncapi import LiveChannels
from server.http.guards import current_principal, not_signed_in
from server.realtime import codec, protocol
from server.realtime.close_codes import CloseCode
from server.realtime.connection import Connection
from server.realtime.manager import Refused
from server.transports import Entrance, Host
from server.transports.admission import CLIENT_ID, position
from server.transports.mass_writer import MassWriter
from server.transports.socket_crowd import SocketCrowd
from server.transports.socket_link import CONTENT, LateSocket, SocketLink
from server.transports.visitor import Visitor, asked

NAME = "websocket"
_PATH = f"/ws/{{client_id:{CLIENT_ID}}}"
_FORMAT = {"type": "string", "enum": ["array"], "description": "Several messages may come in one frame, as an array."}
_REFUSED_AFTER_SECONDS = 1.0  # who asks again at once would make us refuse all day
_FRAMES_BEFORE_AUTH = 20  # one is enough; a few pings may come before


class WebSocketTransport:
    """Handles `GET /ws/{client_id}`."""

    def __init__(self, entrance: Entrance) -> None:
        self._manager = entrance.manager
        self._admission = entrance.admission
        self._joiner = entrance.joiner
        self._commands = entrance.commands
        self._authenticate = entrance.authenticate
        self._crowd = SocketCrowd(MassWriter.open(is_ring_wanted=entrance.settings.io_uring))
        self._unknown: set[SocketLink] = set()

    def setup(self, host: Host) -> None:
        host.router.add_get(_PATH, self._handle, name="websocket", allow_head=False)
        host.when_draining(self._drain)
        host.while_open(lambda: self._crowd)

    def channels(self) -> LiveChannels:
        channel, query = "live", asyncapi.query(lang=asyncapi.LANG, since=asyncapi.SINCE, format=_FORMAT)
        return LiveChannels(
            server="websocket",
            schemes=("ws", "wss"),
            channels={
                channel: {
                    "address": "/ws/{client_id}",
                    "title": "WebSocket",
                    "description": "Messages and commands together. A newer one of the same client_id replaces it.",
                    "parameters": asyncapi.CLIENT_ID,
                    "messages": asyncapi.refs([*asyncapi.SENT, *asyncapi.TAKEN]),
                    "bindings": {"ws": {"method": "GET", "query": query}},
                }
            },
            operations={
                "receive": asyncapi.pushes(channel, asyncapi.SENT, summary="What the server sends over a WebSocket."),
                **{key: asyncapi.command(key, channel=channel, answered_on=channel) for key in asyncapi.TAKEN},
            },
        )

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        """Open; the rest comes when the middlewares are done."""
        with self._admission.counting_errors():
            visitor = Visitor.of_request(request)
            principal = await self._admitted(request, visitor)
        serve = partial(self._serve, request, visitor, principal)
        socket = LateSocket(serve, message_bytes=self._manager.limits.message_bytes)
        await socket.prepare(request)
        return socket

    async def _admitted(self, request: web.Request, visitor: Visitor) -> Principal | None:
        """Who it is, None for whoever may say so by their first message; raises why nobody comes in."""
        self._admission.check(visitor)
        # Everything of the session is read by now: changes to it would be lost from here on.
        principal = current_principal(request)
        if principal is None:
            if "Authorization" in request.headers:
                raise not_signed_in(request)  # a program should not wait for a deadline to learn so
            if not self._admission.has_room_for_unknown(visitor.address):
                raise RateLimited("Too many connections wait for their auth message; try again in a moment.")
        elif (seconds := self._admission.floods.seconds_to_wait(principal.user_id)) > 0:
            await asyncio.sleep(_REFUSED_AFTER_SECONDS)
            raise RateLimited(
                "Your connections were closed for sending too much; wait {seconds} seconds before you connect again.",
                seconds=math.ceil(seconds),
                retry_after_seconds=seconds,
            )
        return principal

    def _drain(self) -> None:
        """Close what has not said yet who it is; the others are the manager's."""
        for link in list(self._unknown):
            link.close(CloseCode.DRAINING)

    async def _serve(
        self, request: web.Request, visitor: Visitor, principal: Principal | None, socket: web.WebSocketResponse
    ) -> None:
        """Find out who it is, join, answer frames until the end: in one frame, which stays with every open socket."""
        ending: WSMessage | None = None
        async with SocketLink(socket, request, self._crowd) as link:
            try:
                with self._admission.place(visitor.address):
                    principal = principal or await self._introduced(socket, link, visitor.address)
                    if principal is None:
                        return
                    connection = self._connection(request, visitor, link, principal)
                    del visitor  # it would stay, as this frame does
                    with self._manager.membership(connection):
                        await self._joiner.join(connection, position(asked(request).get("since", "")))
                        self._admission.count_entry(NAME)
                        request.clear()  # the session, and what else was found out about the request
                        while connection.closed_with is None and ending is None:
                            message = await socket.receive()
                            if message.type in CONTENT:
                                await self._take(connection, link, message)
                            else:
                                ending = message
                    if connection.closed_with is CloseCode.RATE_LIMIT:
                        self._admission.floods.add(principal.user_id)
                    await link.answer(ending)
            except Refused as refused:
                self._admission.count_refusal(refused.code.name.lower())
                language = principal.language if principal else None
                link.close(refused.code, self._admission.reason(refused, asked(request).get("lang"), language))

    def _connection(self, request: web.Request, visitor: Visitor, link: SocketLink, principal: Principal) -> Connection:
        connection = self._admission.connection(visitor, link, principal, client_id=request.match_info["client_id"])
        connection.transport = NAME
        connection.takes_arrays = asked(request).get("format") == "array"
        return connection

    async def _take(self, connection: Connection, link: SocketLink, message: WSMessage) -> None:
        if message.type is WSMsgType.TEXT:
            await self._commands.handle(connection, message.data)
        elif message.type is WSMsgType.BINARY:
            await self._commands.handle(connection, None)
        elif await self._commands.admits(connection) and message.type is WSMsgType.PING:
            link.pong(message.data)

    async def _introduced(self, socket: web.WebSocketResponse, link: SocketLink, address: str) -> Principal | None:
        """Who it is by the first message; None once the link is being closed."""
        with self._admission.unknown_place(address):
            self._unknown.add(link)
            try:
                async with asyncio.timeout(self._manager.limits.auth_deadline_seconds):
                    token = await _first_token(socket, link)
                    principal = await self._authenticate(token, address) if token is not None else None
            except TimeoutError:
                self._turn_away(link, CloseCode.AUTH_DEADLINE)
                return None
            finally:
                self._unknown.discard(link)
        if principal is None:
            link.write([codec.encode(_NOT_SIGNED_IN.as_message())])
            self._turn_away(link, CloseCode.SIGNED_OUT if token is not None else CloseCode.AUTH_DEADLINE)
        elif self._admission.floods.seconds_to_wait(principal.user_id) > 0:
            self._turn_away(link, CloseCode.RATE_LIMIT)
            return None
        return principal

    def _turn_away(self, link: SocketLink, code: CloseCode) -> None:
        self._admission.count_refusal(code.name.lower())
        link.close(code)


class _Refusal(msgspec.Struct, frozen=True):
    code: str
    message: str

    def as_message(self) -> protocol.Error:
        return protocol.Error(timestamp=rfc3339_now(), code=self.code, message=self.message)


_NOT_SIGNED_IN = _Refusal("not_signed_in", "Send {type: auth, token: …} with a valid token first.")


async def _first_token(socket: web.WebSocketResponse, link: SocketLink) -> str | None:
    """The token of the first message; None when it is anything else."""
    for _ in range(_FRAMES_BEFORE_AUTH):
        message = await socket.receive()
        if message.type is WSMsgType.PING:
            link.pong(message.data)
        elif message.type is WSMsgType.TEXT:
            with contextlib.suppress(JinduError):
                command = codec.decode(message.data)
                return command.token if isinstance(command, protocol.Auth) else None
            return None
        elif message.type is not WSMsgType.PONG:
            return None
    return None
