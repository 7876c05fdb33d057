"""WebSockets: who may open one, how frames go in and out, and how it ends whatever the peer does."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from itertools import repeat
from operator import methodcaller

import msgspec
from aiohttp import WSCloseCode, WSMessage, WSMsgType, web

from server.auth.permissions import Principal, Scope
from server.errors import Forbidden, JinduError, NotSignedIn, RateLimited, Unavailable
from server.http.addresses import client_address, is_trusted_origin
from server.http.guards import current_principal
from server.languages import Languages
from server.realtime import protocol
from server.realtime.close_codes import CloseCode
from server.realtime.commands import Commands
from server.realtime.connection import BUSY_BYTES, Connection
from server.realtime.joining import Joiner
from server.realtime.manager import ConnectionManager, Refused

PATH = "/ws/{client_id:[A-Za-z0-9_.-]{1,64}}"
Authenticate = Callable[[str, str], Awaitable[Principal | None]]
"""From a token and the client's address to whose it is."""

_CLOSE_SECONDS = 2.0  # a peer that stopped reading never answers a close frame
_UNAUTHENTICATED_PER_ADDRESS = 10
_SINCE = re.compile(r"([0-9A-Za-z_-]{1,64}):([0-9]{1,18})")
_TEXT_FRAME, _CLOSE_FRAME = 0x81, 0x88
_PING_FRAME = b"\x89\x00"
_NO_DESCRIPTOR = -1  # what is written must go through TLS
_is_closing = methodcaller("is_closing")
_buffer_size = methodcaller("get_write_buffer_size")
_CONTENT = frozenset({WSMsgType.TEXT, WSMsgType.BINARY, WSMsgType.PING, WSMsgType.PONG})


class WebSocketTransport:
    """Handles `GET /ws/{client_id}`."""

    def __init__(
        self,
        *,
        manager: ConnectionManager,
        joiner: Joiner,
        commands: Commands,
        languages: Languages,
        authenticate: Authenticate,
    ) -> None:
        self._manager = manager
        self._joiner = joiner
        self._commands = commands
        self._languages = languages
        self._authenticate = authenticate
        self._open_by_address: Counter[str] = Counter()
        self._unknown_by_address: Counter[str] = Counter()
        self._is_closing = False

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Open, authenticate, join, read until the end."""
        self._require_open()
        origin = request.headers.get("Origin")
        if origin is not None and not is_trusted_origin(request, origin):
            raise Forbidden("Pages of this origin may not connect here; an administrator can allow it.")
        # Everything of the session is read by now: changes to it would be lost from here on.
        principal, address = current_principal(request), client_address(request)
        if principal is None:
            if "Authorization" in request.headers:
                raise NotSignedIn  # a token that is none: its program should not wait for a deadline to learn so
            self._require_room_for_unknown(address)
        socket = new_socket(message_bytes=self._manager.limits.message_bytes)
        await socket.prepare(request)
        async with linked(socket, request) as link:
            with _counted(self._open_by_address, address):
                await self._serve(request, socket, link, principal, address)
        return socket

    async def drain(self) -> None:
        """Close every socket, telling clients to come back."""
        self._is_closing = True
        self._manager.close_all(CloseCode.DRAINING)

    async def _serve(
        self,
        request: web.Request,
        socket: web.WebSocketResponse,
        link: SocketLink,
        principal: Principal | None,
        address: str,
    ) -> None:
        if self._open_by_address[address] > self._manager.limits.connections_per_address:
            link.close(CloseCode.CONNECTION_LIMIT)
            return
        if principal is None:
            with _counted(self._unknown_by_address, address):
                principal = await self._introduced(socket, link, address)
        if principal is None:
            return
        if Scope.READ not in principal.scopes and Scope.WRITE not in principal.scopes:
            link.close(CloseCode.FORBIDDEN)
            return
        connection = self._connection(request, link, principal)
        try:
            await self._joiner.join(connection, _position(request))
            ending = await self._read(connection, socket)
            self._manager.disconnect(connection)  # nothing may follow the answer to the peer's close frame
            await link.answer(ending)
        except Refused as refused:
            link.close(refused.code)
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

    def _connection(self, request: web.Request, link: SocketLink, principal: Principal) -> Connection:
        connection = self._manager.new_connection(
            client_id=request.match_info["client_id"],
            principal=principal,
            language=self._languages.choose(request.query.get("lang"), principal.language),
            link=link,
        )
        connection.takes_arrays = request.query.get("format") == "array"
        connection.device = request.headers.get("User-Agent", "")[:200]
        return connection

    def _require_open(self) -> None:
        if self._is_closing:
            raise Unavailable

    def _require_room_for_unknown(self, address: str) -> None:
        if (
            self._unknown_by_address.total() >= self._manager.limits.unauthenticated
            or self._unknown_by_address[address] >= _UNAUTHENTICATED_PER_ADDRESS
        ):
            raise RateLimited("Too many connections wait for their auth message; try again in a moment.")


def new_socket(*, message_bytes: int) -> web.WebSocketResponse:
    """A WebSocket as all of ours are, still to be prepared."""
    return web.WebSocketResponse(
        compress=False,  # deflate costs 100 KB a connection
        autoping=False,
        autoclose=False,  # both ends of the closing handshake are ours, so that the peer learns its code
        max_msg_size=message_bytes,
        timeout=_CLOSE_SECONDS,
    )


class SocketLink:
    """A `Link` over an aiohttp WebSocket.

    Frames are built here and go straight to the transport: `send_str` would wait for a slow peer, and a coroutine per
    message and socket costs several times the write itself.
    """

    __slots__ = ("_deadline", "_descriptor", "_socket", "_transport")

    def __init__(self, socket: web.WebSocketResponse, transport: asyncio.Transport) -> None:
        self._socket = socket
        self._transport = transport
        self._deadline: asyncio.TimerHandle | None = None
        self._descriptor = _descriptor(transport)

    def write(self, frames: Sequence[bytes]) -> None:
        if self._deadline is None and not self._socket.closed and not self._transport.is_closing():
            self._transport.write(_on_the_wire(frames))

    @staticmethod
    def write_to_all(links: Sequence[SocketLink], frames: Sequence[bytes]) -> Sequence[int]:
        data = _on_the_wire(frames)
        transports = [link._transport for link in links]
        if not any(map(_is_closing, transports)) and not any(map(_buffer_size, transports)):
            _write_past_transports(links, data)
            return ()
        return _write_to_busy(links, data)

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


def _write_past_transports(links: Sequence[SocketLink], data: bytes) -> None:
    """What `transport.write` does while its buffer is empty, in a loop that runs in C: 0.6 µs less for each socket.

    Only for links that are open and have nothing buffered; what a socket does not take at once goes to its transport.
    """
    descriptors = [link._descriptor for link in links]
    if _NO_DESCRIPTOR in descriptors:
        for link in links:
            link._transport.write(data)
        return
    remaining, taken = iter(descriptors), list[int]()
    while len(taken) < len(links):
        try:
            taken.extend(map(os.write, remaining, repeat(data)))  # keeps what it has when a write fails
        except OSError:  # full or broken
            taken.append(0)
    if taken.count(len(data)) < len(taken):
        for link, length in zip(links, taken, strict=True):
            if length < len(data):
                link._transport.write(data[length:])


def _write_to_busy(links: Sequence[SocketLink], data: bytes) -> list[int]:
    """Some are closing or have something buffered; the indices of those that are behind."""
    free: list[SocketLink] = []
    behind: list[int] = []
    for index, link in enumerate(links):
        buffered_bytes = link.unsent_bytes()
        if link._transport.is_closing():
            continue
        if not buffered_bytes:
            free.append(link)
        elif buffered_bytes <= BUSY_BYTES:
            link._transport.write(data)
        else:
            behind.append(index)
    _write_past_transports(free, data)
    return behind


def _descriptor(transport: asyncio.Transport) -> int:
    if transport.get_extra_info("sslcontext") is not None:
        return _NO_DESCRIPTOR
    return int(transport.get_extra_info("socket").fileno())


class _Refusal(msgspec.Struct, frozen=True):
    code: str
    message: str

    def as_message(self) -> protocol.Error:
        return protocol.Error(timestamp=protocol.now(), code=self.code, message=self.message)


_NOT_SIGNED_IN = _Refusal("not_signed_in", "Send {type: auth, token: …} with a valid token first.")


@contextlib.asynccontextmanager
async def linked(socket: web.WebSocketResponse, request: web.Request) -> AsyncIterator[SocketLink]:
    """The link over a prepared socket; leaving the block ends it, whatever the peer does."""
    transport = request.transport
    if transport is None:  # gone between the handshake and now
        raise ConnectionResetError
    link = SocketLink(socket, transport)
    try:
        yield link
    finally:
        await link.finish()
        _drop_frames(socket.exception())


def _drop_frames(error: BaseException | None) -> None:
    """Of an error that aiohttp keeps in the socket: its traceback's frames hold the socket in turn.

    Such a circle would wait for a full collection, which comes once in days, with all that belongs to the request.
    """
    while error is not None:
        error.__traceback__ = None
        error = error.__context__


@contextlib.contextmanager
def _counted(counts: Counter[str], address: str) -> Iterator[None]:
    counts[address] += 1
    try:
        yield
    finally:
        counts[address] -= 1
        if not counts[address]:
            del counts[address]


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


def _position(request: web.Request) -> protocol.Position | None:
    """`?since=<epoch>:<offset>`; what is no position cannot be recovered from, which the client is told."""
    found = _SINCE.fullmatch(request.query.get("since", ""))
    return protocol.Position(epoch=found[1], offset=int(found[2])) if found else None


def _on_the_wire(frames: Sequence[bytes]) -> bytes:
    return b"".join([part for frame in frames for part in (_header(len(frame)), frame)])


def _header(length: int) -> bytes:
    """Of a final, unmasked text frame (RFC 6455, section 5.2)."""
    if length < 126:
        return bytes((_TEXT_FRAME, length))
    if length < 65_536:
        return bytes((_TEXT_FRAME, 126)) + length.to_bytes(2, "big")
    return bytes((_TEXT_FRAME, 127)) + length.to_bytes(8, "big")
