"""WebSockets: who may open one, how frames go in and out, and how it ends whatever the peer does."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from itertools import repeat
from operator import methodcaller

import msgspec
from aiohttp import WSCloseCode, WSMessage, WSMsgType, web

from server.auth.permissions import Principal
from server.errors import JinduError, NotSignedIn, RateLimited
from server.http.addresses import client_address
from server.http.guards import current_principal
from server.realtime import protocol
from server.realtime.close_codes import CloseCode, fitted
from server.realtime.commands import Commands
from server.realtime.connection import BUSY_BYTES, Connection
from server.realtime.joining import Joiner
from server.realtime.manager import ConnectionManager, Refused
from server.transports.admission import CLIENT_ID, Admission, counted, position

PATH = f"/ws/{{client_id:{CLIENT_ID}}}"
Authenticate = Callable[[str, str], Awaitable[Principal | None]]
"""From a token and the client's address to whose it is."""

_CLOSE_SECONDS = 2.0  # a peer that stopped reading never answers a close frame
_TEXT_FRAME, _CLOSE_FRAME = 0x81, 0x88
_PING_FRAME = b"\x89\x00"
_NO_DESCRIPTOR = -1  # what is written must go through TLS
_is_closing = methodcaller("is_closing")
_buffer_size = methodcaller("get_write_buffer_size")
_PONG_FRAME = 0x8A
_PONG_BYTES = 64 * 1024  # a peer that is so far behind does not read our pongs either
_FRAMES_BEFORE_AUTH = 20  # one is enough; a few pings may come before
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
        self._unknown: set[SocketLink] = set()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Open, authenticate, join, read until the end."""
        self._admission.check(request)
        # Everything of the session is read by now: changes to it would be lost from here on.
        principal = current_principal(request)
        with contextlib.ExitStack() as waiting:
            if principal is None:
                if "Authorization" in request.headers:
                    raise NotSignedIn  # a token that is none: its program should not wait for a deadline to learn so
                waiting.enter_context(self._place_for_unknown(request))
            return await self._open(request, principal, waiting)

    async def drain(self) -> None:
        """Close what has not said yet who it is; the others are the manager's."""
        for link in list(self._unknown):
            link.close(CloseCode.DRAINING)

    async def _open(
        self, request: web.Request, principal: Principal | None, waiting: contextlib.ExitStack
    ) -> web.WebSocketResponse:
        socket = new_socket(message_bytes=self._manager.limits.message_bytes)
        await socket.prepare(request)
        async with linked(socket, request) as link:
            try:
                with self._admission.place(request):
                    await self._serve(request, socket, link, principal, waiting)
            except Refused as refused:
                link.close(refused.code)
        return socket

    async def _serve(
        self,
        request: web.Request,
        socket: web.WebSocketResponse,
        link: SocketLink,
        principal: Principal | None,
        waiting: contextlib.ExitStack,
    ) -> None:
        if principal is None:
            principal = await self._introduced(socket, link, client_address(request))
        if principal is None:
            return
        waiting.close()
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

    @contextlib.contextmanager
    def _place_for_unknown(self, request: web.Request) -> Iterator[None]:
        """Count who has not said yet who they are; raises `RateLimited` when too many have not."""
        limits = self._manager.limits
        with counted(self._unknown_by_address, client_address(request)) as count:
            if count > limits.unauthenticated_per_address or self._unknown_by_address.total() > limits.unauthenticated:
                raise RateLimited("Too many connections wait for their auth message; try again in a moment.")
            yield


def new_socket(*, message_bytes: int) -> web.WebSocketResponse:
    """A WebSocket as all of ours are, still to be prepared."""
    return web.WebSocketResponse(
        compress=False,  # deflate costs 100 KB a connection
        autoping=False,
        autoclose=False,  # both ends of the closing handshake are ours, so that the peer learns its code
        max_msg_size=message_bytes + 1,  # aiohttp refuses what reaches it
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

    def pong(self, payload: bytes) -> None:
        if self._deadline is None and not self._transport.is_closing() and self.unsent_bytes() < _PONG_BYTES:
            self._transport.write(bytes((_PONG_FRAME, len(payload))) + payload)

    def close(self, code: CloseCode, reason: str = "") -> None:
        if self._deadline is not None or self._transport.is_closing():
            return
        payload = code.to_bytes(2, "big") + fitted(reason or code.reason).encode()
        self._transport.write(bytes((_CLOSE_FRAME, len(payload))) + payload)
        self._deadline = asyncio.get_running_loop().call_later(_CLOSE_SECONDS, self._transport.abort)

    async def answer(self, ending: WSMessage | None) -> None:
        """Return the peer's close frame, unless it is already the answer to ours."""
        if self._deadline is None and ending is not None and ending.type is WSMsgType.CLOSE:
            await self._socket.close(code=ending.data or WSCloseCode.OK, drain=False)

    async def finish(self) -> None:
        """After a `close` of ours wait for the peer's answer, then let go of the transport."""
        if self._deadline is not None:
            await self._skip_content()
            self._deadline.cancel()
            self._transport.close()
        if self._transport.get_write_buffer_size():  # whoever does not read now never will
            asyncio.get_running_loop().call_later(_CLOSE_SECONDS, self._transport.abort)

    async def _skip_content(self) -> None:
        """What comes in before the peer has seen our close frame."""
        while True:
            message = await self._socket.receive()
            if message.type not in _CONTENT:
                return
            await asyncio.sleep(0)  # a flood must not keep others from their turn


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


def _on_the_wire(frames: Sequence[bytes]) -> bytes:
    return b"".join([part for frame in frames for part in (_header(len(frame)), frame)])


def _header(length: int) -> bytes:
    """Of a final, unmasked text frame (RFC 6455, section 5.2)."""
    if length < 126:
        return bytes((_TEXT_FRAME, length))
    if length < 65_536:
        return bytes((_TEXT_FRAME, 126)) + length.to_bytes(2, "big")
    return bytes((_TEXT_FRAME, 127)) + length.to_bytes(8, "big")
