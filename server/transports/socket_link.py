"""A `Link` over an aiohttp WebSocket: frames as they go over the wire, and an end within a deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from aiohttp import WSCloseCode, WSMessage, WSMsgType, web

from server.http.socket_handler import SocketHandler
from server.realtime.close_codes import CloseCode, fitted
from server.transports.socket_crowd import THROUGH_TRANSPORT, SocketCrowd, SocketGroup

_CLOSE_SECONDS = 2.0  # a peer that stopped reading never answers a close frame
_TEXT_FRAME, _CLOSE_FRAME, _PONG_FRAME = 0x81, 0x88, 0x8A
_PING_FRAME = b"\x89\x00"
_PONG_BYTES = 64 * 1024  # a peer that is so far behind does not read our pongs either
CONTENT = frozenset({WSMsgType.TEXT, WSMsgType.BINARY, WSMsgType.PING, WSMsgType.PONG})


Serve = Callable[["LateSocket"], Awaitable[None]]


class LateSocket(web.WebSocketResponse):
    """A WebSocket that is served after its handler and the middlewares have returned.

    Inside them their frames, and what these refer to, would stay in memory as long as the socket is open: 2 KB.
    """

    def __init__(self, serve: Serve, *, message_bytes: int, protocols: Sequence[str] = ()) -> None:
        """`serve` is called once, when aiohttp would end a response; `protocols` are those that are spoken inside."""
        super().__init__(
            protocols=protocols,
            compress=False,  # deflate costs 100 KB a connection
            autoping=False,
            autoclose=False,  # both ends of the closing handshake are ours, so that the peer learns its code
            max_msg_size=message_bytes + 1,  # aiohttp refuses what reaches it
            timeout=_CLOSE_SECONDS,
        )
        self._serve: Serve | None = serve

    def write_eof(self) -> Awaitable[None]:  # type: ignore[override]
        """How the response ends is up to `serve`, and the transport is closed after it."""
        serve, self._serve = self._serve, None
        if serve is None:
            return super().write_eof()
        self.headers.clear()  # they were sent
        return serve(self)


class SocketLink:
    """A `Link` over an aiohttp WebSocket.

    Frames are built here and go straight to the transport: `send_str` would wait for a slow peer, and a coroutine per
    message and socket costs several times the write itself.
    """

    __slots__ = ("_crowd", "_deadline", "_socket", "descriptor", "transport")

    def __init__(self, socket: web.WebSocketResponse, request: web.Request, crowd: SocketCrowd) -> None:
        """Over a prepared socket; raises `ConnectionResetError` when the peer is gone already."""
        if request.transport is None:
            raise ConnectionResetError
        self._socket = socket
        self._crowd = crowd
        self.transport = request.transport
        self._deadline: asyncio.TimerHandle | None = None
        self.descriptor = THROUGH_TRANSPORT
        if isinstance(request.protocol, SocketHandler):
            request.protocol.carry(self)
            if request.transport.get_extra_info("sslcontext") is None:
                self.descriptor = int(request.transport.get_extra_info("socket").fileno())
        crowd.add(self)

    async def __aenter__(self) -> SocketLink:
        return self

    async def __aexit__(self, *_error: object) -> None:
        """It ends whatever the peer does."""
        try:
            await self._finish()
        finally:
            self._crowd.forget(self)
            _drop_frames(self._socket.exception())

    def write(self, frames: Sequence[bytes]) -> None:
        if self._deadline is None and not self._socket.closed and not self.transport.is_closing():
            self._crowd.write_through(self, _on_the_wire(frames))

    def gather(self, links: Sequence[SocketLink]) -> SocketLinks:
        return SocketLinks(SocketGroup(self._crowd, links))

    def half_closed(self) -> None:
        """Whoever does not read would never be lost."""
        self._abort_soon()

    def lost(self) -> None:
        """Its transport is about to let go of the descriptor."""
        self._crowd.lost()

    def buffered_bytes(self) -> int:
        """Also of a transport that closes: what was written past it would come before them."""
        return self.transport.get_write_buffer_size()

    def unsent_bytes(self) -> int:
        return 0 if self.transport.is_closing() else self.transport.get_write_buffer_size()

    def ping(self) -> None:
        if self._deadline is None and not self.transport.is_closing():
            self._crowd.write_through(self, _PING_FRAME)

    def pong(self, payload: bytes) -> None:
        if self._deadline is None and not self.transport.is_closing() and self.unsent_bytes() < _PONG_BYTES:
            self._crowd.write_through(self, bytes((_PONG_FRAME, len(payload))) + payload)

    def close(self, code: CloseCode, reason: str = "") -> None:
        self.end(code, reason or code.reason)

    def end(self, code: int, reason: str) -> None:
        """`close`, also with a code of a protocol that is spoken inside."""
        if self._deadline is not None:
            return
        if self.transport.is_closing():
            self._abort_soon()  # it may have something buffered that nobody reads
            return
        payload = code.to_bytes(2, "big") + fitted(reason).encode()
        self._crowd.write_through(self, bytes((_CLOSE_FRAME, len(payload))) + payload)
        self._deadline = asyncio.get_running_loop().call_later(_CLOSE_SECONDS, self.transport.abort)

    async def answer(self, ending: WSMessage | None) -> None:
        """Return the peer's close frame, unless it is already the answer to ours."""
        if self._deadline is None and ending is not None and ending.type is WSMsgType.CLOSE:
            await self._socket.close(code=ending.data or WSCloseCode.OK, drain=False)

    async def _finish(self) -> None:
        """After a `close` of ours wait for the peer's answer, then let go of the transport."""
        if self._deadline is not None:
            await self._skip_content()
            self._deadline.cancel()
            self.transport.close()
        if self.transport.get_write_buffer_size():  # whoever does not read now never will
            self._abort_soon()

    def _abort_soon(self) -> None:
        asyncio.get_running_loop().call_later(_CLOSE_SECONDS, self.transport.abort)

    async def _skip_content(self) -> None:
        """What comes in before the peer has seen our close frame."""
        while True:
            message = await self._socket.receive()
            if message.type not in CONTENT:
                return
            await asyncio.sleep(0)  # a flood must not keep others from their turn


class SocketLinks:
    """Many of them, written to together."""

    def __init__(self, group: SocketGroup) -> None:
        self._group = group

    def write(self, frames: Sequence[bytes], begin: int, end: int) -> Sequence[int]:
        return self._group.write(_on_the_wire(frames), begin, end)


def _drop_frames(error: BaseException | None) -> None:
    """Of an error that aiohttp keeps in the socket: its traceback's frames hold the socket in turn.

    Such a circle would wait for a full collection, which comes once in days, with all that belongs to the request.
    """
    while error is not None:
        error.__traceback__ = None
        error = error.__context__


def _on_the_wire(frames: Sequence[bytes]) -> bytes:
    return b"".join([part for frame in frames for part in (_header(len(frame)), frame)])


def _header(length: int) -> bytes:
    """Of a final, unmasked text frame (RFC 6455, section 5.2)."""
    if length < 126:
        return bytes((_TEXT_FRAME, length))
    if length < 65_536:
        return bytes((_TEXT_FRAME, 126)) + length.to_bytes(2, "big")
    return bytes((_TEXT_FRAME, 127)) + length.to_bytes(8, "big")
