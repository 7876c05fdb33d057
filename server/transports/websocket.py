"""WebSockets: who may open one, how frames go in and out, and how it ends whatever the peer does."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import msgspec
from aiohttp import WSCloseCode, WSMessage, WSMsgType, web

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
from server.transports.admission import CLIENT_ID, Admission, counted, position

PATH = f"/ws/{{client_id:{CLIENT_ID}}}"
Authenticate = Callable[[str, str], Awaitable[Principal | None]]
"""From a token and the client's address to whose it is."""

_CLOSE_SECONDS = 2.0  # a peer that stopped reading never answers a close frame
_UNAUTHENTICATED_PER_ADDRESS = 10
_TEXT_FRAME, _CLOSE_FRAME = 0x81, 0x88
_PING_FRAME = b"\x89\x00"
_CONTENT = frozenset({WSMsgType.TEXT, WSMsgType.BINARY, WSMsgType.PING, WSMsgType.PONG})


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
    ) -> None:
        self._manager = manager
        self._admission = admission
        self._joiner = joiner
        self._commands = commands
        self._authenticate = authenticate
        self._unknown_by_address: Counter[str] = Counter()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Open, authenticate, join, read until the end."""
        self._admission.check(request)
        # Everything of the session is read by now: changes to it would be lost from here on.
        principal, address = current_principal(request), client_address(request)
        if principal is None:
            if "Authorization" in request.headers:
                raise NotSignedIn  # a token that is none: its program should not wait for a deadline to learn so
            self._require_room_for_unknown(address)
        socket = web.WebSocketResponse(
            compress=False,  # deflate costs 100 KB a connection
            autoping=False,
            autoclose=False,  # both ends of the closing handshake are ours, so that the peer learns its code
            max_msg_size=self._manager.limits.message_bytes,
            timeout=_CLOSE_SECONDS,
        )
        await socket.prepare(request)
        async with _linked(socket, request) as link:
            try:
                with self._admission.place(request):
                    await self._serve(request, socket, link, principal, address)
            except Refused as refused:
                link.close(refused.code)
        return socket

    async def _serve(
        self,
        request: web.Request,
        socket: web.WebSocketResponse,
        link: SocketLink,
        principal: Principal | None,
        address: str,
    ) -> None:
        if principal is None:
            with counted(self._unknown_by_address, address):
                principal = await self._introduced(socket, link, address)
        if principal is None:
            return
        connection = self._admission.connection(request, link, principal, client_id=request.match_info["client_id"])
        connection.takes_arrays = request.query.get("format") == "array"
        try:
            await self._joiner.join(connection, position(request.query.get("since", "")))
            await link.answer(await self._read(connection, socket))
        finally:
            self._manager.disconnect(connection)

    async def _read(self, connection: Connection, socket: web.WebSocketResponse) -> WSMessage | None:
        """Answer frames until the end; what the peer ended it with, if it did."""
        while connection.closed_with is None:
            message = await socket.receive()
            if message.type is WSMsgType.TEXT:
                await self._commands.handle(connection, message.data)
            elif message.type is WSMsgType.BINARY:
                await self._commands.handle(connection, None)
            elif message.type is WSMsgType.PING:
                connection.heard()
                await socket.pong(message.data)
            elif message.type is WSMsgType.PONG:
                connection.heard()
            else:
                return message
        return None

    async def _introduced(self, socket: web.WebSocketResponse, link: SocketLink, address: str) -> Principal | None:
        """Who it is by the first message; None once the link is being closed."""
        try:
            async with asyncio.timeout(self._manager.limits.auth_deadline_seconds):
                token = await _first_token(socket)
                principal = await self._authenticate(token, address) if token is not None else None
        except TimeoutError:
            link.close(CloseCode.AUTH_DEADLINE)
            return None
        if principal is None:
            link.write([protocol.encode(_NOT_SIGNED_IN.as_message())])
            link.close(CloseCode.SIGNED_OUT if token is not None else CloseCode.AUTH_DEADLINE)
        return principal

    def _require_room_for_unknown(self, address: str) -> None:
        if (
            self._unknown_by_address.total() >= self._manager.limits.unauthenticated
            or self._unknown_by_address[address] >= _UNAUTHENTICATED_PER_ADDRESS
        ):
            raise RateLimited("Too many connections wait for their auth message; try again in a moment.")


class SocketLink:
    """A `Link` over an aiohttp WebSocket.

    Frames are built here and go straight to the transport: `send_str` would wait for a slow peer, and a coroutine per
    message and socket costs several times the write itself.
    """

    __slots__ = ("_deadline", "_socket", "_transport")

    def __init__(self, socket: web.WebSocketResponse, transport: asyncio.Transport) -> None:
        self._socket = socket
        self._transport = transport
        self._deadline: asyncio.TimerHandle | None = None

    def write(self, frames: Sequence[bytes]) -> None:
        if self._deadline is None and not self._socket.closed and not self._transport.is_closing():
            self._transport.write(b"".join([part for frame in frames for part in (_header(len(frame)), frame)]))

    def unsent_bytes(self) -> int:
        return 0 if self._transport.is_closing() else self._transport.get_write_buffer_size()

    def ping(self) -> None:
        if self._deadline is None and not self._transport.is_closing():
            self._transport.write(_PING_FRAME)

    def close(self, code: CloseCode) -> None:
        if self._deadline is not None or self._transport.is_closing():
            return
        payload = code.to_bytes(2, "big") + code.reason.encode()
        self._transport.write(bytes((_CLOSE_FRAME, len(payload))) + payload)
        self._deadline = asyncio.get_running_loop().call_later(_CLOSE_SECONDS, self._transport.abort)

    async def answer(self, ending: WSMessage | None) -> None:
        """Return the peer's close frame, unless it is already the answer to ours."""
        if self._deadline is None and ending is not None and ending.type is WSMsgType.CLOSE:
            await self._socket.close(code=ending.data or WSCloseCode.OK, drain=False)

    async def finish(self) -> None:
        """After a `close` of ours wait for the peer's answer, then let go of the transport."""
        if self._deadline is not None:
            while (await self._socket.receive()).type in _CONTENT:
                pass  # it had not seen our close frame yet
            self._deadline.cancel()
            self._transport.close()
        if self._transport.get_write_buffer_size():  # whoever does not read now never will
            asyncio.get_running_loop().call_later(_CLOSE_SECONDS, self._transport.abort)


class _Refusal(msgspec.Struct, frozen=True):
    code: str
    message: str

    def as_message(self) -> protocol.Error:
        return protocol.Error(timestamp=protocol.now(), code=self.code, message=self.message)


_NOT_SIGNED_IN = _Refusal("not_signed_in", "Send {type: auth, token: …} with a valid token first.")


@contextlib.asynccontextmanager
async def _linked(socket: web.WebSocketResponse, request: web.Request) -> AsyncIterator[SocketLink]:
    transport = request.transport
    if transport is None:  # gone between the handshake and now
        raise ConnectionResetError
    link = SocketLink(socket, transport)
    try:
        yield link
    finally:
        await link.finish()


async def _first_token(socket: web.WebSocketResponse) -> str | None:
    """The token of the first message; None when it is anything else."""
    while True:
        message = await socket.receive()
        if message.type is WSMsgType.PING:
            await socket.pong(message.data)
        elif message.type is WSMsgType.TEXT:
            with contextlib.suppress(JinduError):
                command = protocol.decode(message.data)
                return command.token if isinstance(command, protocol.Auth) else None
            return None
        elif message.type is not WSMsgType.PONG:
            return None


def _header(length: int) -> bytes:
    """Of a final, unmasked text frame (RFC 6455, section 5.2)."""
    if length < 126:
        return bytes((_TEXT_FRAME, length))
    if length < 65_536:
        return bytes((_TEXT_FRAME, 126)) + length.to_bytes(2, "big")
    return bytes((_TEXT_FRAME, 127)) + length.to_bytes(8, "big")
