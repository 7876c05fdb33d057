"""WebSockets: who may open one, how frames go in and out, and how it ends whatever the peer does."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Awaitable, Callable

import msgspec
from aiohttp import WSMessage, WSMsgType, web

from server.auth.permissions import Principal
from server.errors import JinduError, NotSignedIn, RateLimited
from server.http.addresses import client_address
from server.http.guards import current_principal
from server.realtime import protocol
from server.realtime.close_codes import CloseCode
from server.realtime.commands import Commands
from server.realtime.connection import Connection
from server.realtime.joining import Joiner
from server.realtime.manager import ConnectionManager, Refused
from server.transports.admission import CLIENT_ID, Admission, Place, position
from server.transports.socket_crowd import SocketCrowd
from server.transports.socket_link import SocketLink, new_socket

PATH = f"/ws/{{client_id:{CLIENT_ID}}}"
Authenticate = Callable[[str, str], Awaitable[Principal | None]]
"""From a token and the client's address to whose it is."""

_FRAMES_BEFORE_AUTH = 20  # one is enough; a few pings may come before


class WebSocketTransport:
    """Handles `GET /ws/{client_id}`."""

    def __init__(
        self,
        *,
        manager: ConnectionManager,
        admission: Admission,
        joiner: Joiner,
        commands: Commands,
        authenticate: Authenticate,
        crowd: SocketCrowd,
    ) -> None:
        self._manager = manager
        self._admission = admission
        self._joiner = joiner
        self._commands = commands
        self._authenticate = authenticate
        self._crowd = crowd
        self._unknown_by_address: Counter[str] = Counter()
        self._unknown: set[SocketLink] = set()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Open, authenticate, join, read until the end."""
        self._admission.check(request)
        # Everything of the session is read by now: changes to it would be lost from here on.
        principal = current_principal(request)
        if principal is not None:
            return await self._open(request, principal)
        if "Authorization" in request.headers:
            raise NotSignedIn  # a token that is none: its program should not wait for a deadline to learn so
        with self._place_for_unknown(request) as place:
            return await self._open(request, None, place)

    async def drain(self) -> None:
        """Close what has not said yet who it is; the others are the manager's."""
        for link in list(self._unknown):
            link.close(CloseCode.DRAINING)

    async def _open(
        self, request: web.Request, principal: Principal | None, place: Place | None = None
    ) -> web.WebSocketResponse:
        """`place` is taken until it is known who it is."""
        socket = new_socket(message_bytes=self._manager.limits.message_bytes)
        await socket.prepare(request)
        async with SocketLink(socket, request, self._crowd) as link:
            try:
                with self._admission.place(request):
                    if principal is None:
                        principal = await self._introduced(socket, link, client_address(request))
                    if place is not None:
                        place.leave()
                    if principal is not None:
                        await self._converse(request, socket, link, principal)
            except Refused as refused:
                link.close(refused.code)
        return socket

    async def _converse(
        self, request: web.Request, socket: web.WebSocketResponse, link: SocketLink, principal: Principal
    ) -> None:
        connection = self._admission.connection(request, link, principal, client_id=request.match_info["client_id"])
        connection.takes_arrays = request.query.get("format") == "array"
        try:
            await self._joiner.join(connection, position(request.query.get("since", "")))
            ending = await self._read(connection, socket, link)
            self._manager.disconnect(connection)  # nothing may follow the answer to the peer's close frame
            await link.answer(ending)
        finally:
            self._manager.disconnect(connection)

    async def _read(self, connection: Connection, socket: web.WebSocketResponse, link: SocketLink) -> WSMessage | None:
        """Answer frames until the end; what the peer ended it with, if it did."""
        while connection.closed_with is None:
            message = await socket.receive()
            if message.type is WSMsgType.TEXT:
                await self._commands.handle(connection, message.data)
            elif message.type is WSMsgType.BINARY:
                await self._commands.handle(connection, None)
            elif message.type is WSMsgType.PING:
                if await self._commands.admits(connection):
                    link.pong(message.data)
            elif message.type is WSMsgType.PONG:
                await self._commands.admits(connection)
            else:
                return message
        return None

    async def _introduced(self, socket: web.WebSocketResponse, link: SocketLink, address: str) -> Principal | None:
        """Who it is by the first message; None once the link is being closed."""
        self._unknown.add(link)
        try:
            async with asyncio.timeout(self._manager.limits.auth_deadline_seconds):
                token = await _first_token(socket, link)
                principal = await self._authenticate(token, address) if token is not None else None
        except TimeoutError:
            link.close(CloseCode.AUTH_DEADLINE)
            return None
        finally:
            self._unknown.discard(link)
        if principal is None:
            link.write([protocol.encode(_NOT_SIGNED_IN.as_message())])
            link.close(CloseCode.SIGNED_OUT if token is not None else CloseCode.AUTH_DEADLINE)
        return principal

    def _place_for_unknown(self, request: web.Request) -> Place:
        """For somebody who has not said yet who they are; raises `RateLimited` when too many have not."""
        limits, address = self._manager.limits, client_address(request)
        if (
            self._unknown_by_address[address] >= limits.unauthenticated_per_address
            or self._unknown_by_address.total() >= limits.unauthenticated
        ):
            raise RateLimited("Too many connections wait for their auth message; try again in a moment.")
        return Place(self._unknown_by_address, address)


class _Refusal(msgspec.Struct, frozen=True):
    code: str
    message: str

    def as_message(self) -> protocol.Error:
        return protocol.Error(timestamp=protocol.now(), code=self.code, message=self.message)


_NOT_SIGNED_IN = _Refusal("not_signed_in", "Send {type: auth, token: …} with a valid token first.")


async def _first_token(socket: web.WebSocketResponse, link: SocketLink) -> str | None:
    """The token of the first message; None when it is anything else."""
    for _ in range(_FRAMES_BEFORE_AUTH):
        message = await socket.receive()
        if message.type is WSMsgType.PING:
            link.pong(message.data)
        elif message.type is WSMsgType.TEXT:
            with contextlib.suppress(JinduError):
                command = protocol.decode(message.data)
                return command.token if isinstance(command, protocol.Auth) else None
            return None
        elif message.type is not WSMsgType.PONG:
            return None
    return None
