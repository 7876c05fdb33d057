"""One TCP socket as aiohttp serves it, and how long it may keep us waiting.

aiohttp has no deadline for the head of a request, for the pace of its body, or for a peer that does not read what is
answered. It says nowhere else how far a request is than in the private names used here (`_waiter`, `_messages`,
`_current_request`, `_request_factory`); `tests/functional/test_slow_clients.py` fails when they change.
"""

from __future__ import annotations

import asyncio
import sys
from enum import Enum, StrEnum, auto
from typing import Any, Protocol

import msgspec
from aiohttp import web
from aiohttp.http import HttpProcessingError

from server import logs
from server.auth.networks import network_of
from server.base_path import BasePath
from server.http.masking import MaskedReader
from server.http.socket_limits import SocketLimits
from server.http.stripping import stripping

_UNREAD_SECONDS = 2.0
_AT_ONCE_BYTES = 16 * 1024  # of a live connection: 2,700 empty frames, a few milliseconds
# No request could be made of it, so there is no language, no id and no middleware: the same words for everybody.
_UNREADABLE = msgspec.json.encode(
    {
        "type": "about:blank",
        "title": "Bad Request",
        "status": 400,
        "detail": "This is no HTTP request that can be read.",
        "code": "bad_request",
    }
)
SERVER_NAME = "Jindu"  # what every answer calls us: no version that somebody could look up holes for


class SocketPhase(Enum):
    """Whose turn it is."""

    WAITING = auto()  # the peer's: no request has come, or not the whole head of one
    ARRIVING = auto()  # the peer's: the body of a request is on its way
    ANSWERING = auto()  # ours
    UNREAD = auto()  # the peer's: it has taken nothing of the answer for a while


class Fault(StrEnum):
    """What a peer did not do in time."""

    SILENT = "no request came in time"
    SLOW = "its request came too slowly"
    NOT_READING = "it did not read the answer"


class WatchedSocket(Protocol):
    """One TCP socket as `OpenSockets` looks after it, whatever is spoken over it."""

    network: str
    head_since: float | None
    """By the loop's clock: since when the peer owes us a request; None when it does not."""

    @property
    def is_live(self) -> bool:
        """Whether it carries live connections, which have rules of their own."""

    @property
    def is_new(self) -> bool:
        """Whether no byte has come yet."""

    @property
    def unread_bytes(self) -> int:
        """What waits here until the peer takes it."""

    def phase(self) -> SocketPhase: ...

    def fault(self, now: float) -> Fault | None:
        """What of its limits it has passed; to be asked every second or so."""

    def end(self) -> None:
        """At once: what is still to be written would wait for whoever does not read."""


class Carried(Protocol):
    """What a socket carries past aiohttp."""

    def half_closed(self) -> None:
        """The peer sends nothing more. The transport closes, and is lost once the peer has read what waits for it."""

    def lost(self) -> None:
        """Called before the socket's descriptor can belong to another."""


class SocketWatch(Protocol):
    """Whoever counts the sockets there are; see `OpenSockets`."""

    limits: SocketLimits

    def opened(self, handler: WatchedSocket) -> None: ...

    def became_live(self, handler: WatchedSocket) -> bool:
        """False for one that was ended already."""

    def lost(self, handler: WatchedSocket) -> None: ...


class Unread:
    """Whether the peer takes what is written for it."""

    __slots__ = ("_bytes", "_has_moved", "_since")

    def __init__(self, now: float) -> None:
        self._bytes, self._since, self._has_moved = 0, now, False

    def moved(self) -> None:
        """It took something."""
        self._has_moved = True

    def seconds(self, now: float, unread_bytes: int) -> float:
        """For how long it has taken nothing of them; to be asked every second or so."""
        if not unread_bytes or unread_bytes != self._bytes or self._has_moved:
            self._bytes, self._since, self._has_moved = unread_bytes, now, False
        return now - self._since if unread_bytes else 0.0

    def is_long(self, now: float) -> bool:
        """As of the last look: too short to give it up, but long enough to make room for somebody else."""
        return self._bytes > 0 and now - self._since > _UNREAD_SECONDS


class SocketHandler(web.RequestHandler):
    """Watched until it carries a live connection, which has rules of its own."""

    __slots__ = (
        "_arrived_bytes",
        "_carried",
        "_is_watched",
        "_pace_of",
        "_paced_bytes",
        "_paced_since",
        "_sockets",
        "_taking",
        "_tcp",
        "_unread",
        "head_since",
        "network",
    )

    def __init__(
        self, server: web.Server, sockets: SocketWatch, *, address: str, base: BasePath, **options: Any
    ) -> None:
        super().__init__(server, **options)
        self._request_factory = stripping(base, server.request_factory)
        self._sockets = sockets
        self.network = sys.intern(network_of(address))
        self._tcp: asyncio.Transport | None = None
        self._is_watched = True
        self._carried: Carried | None = None
        self._unread = b""
        now = self._loop.time()
        self.head_since: float | None = now  # when the socket was opened, or the first byte of a request came
        self._arrived_bytes = 0
        self._pace_of: web.BaseRequest | None = None
        self._paced_bytes, self._paced_since = 0, now
        self._taking = Unread(now)

    # what the transport tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._tcp = self.transport
        self._sockets.opened(self)

    def connection_lost(self, exc: BaseException | None) -> None:
        self._pace_of = self._tcp = None
        if self._carried is not None:  # the transport closes the descriptor when this returns
            self._carried.lost()
            self._carried = None
        if self._unread:  # came before the end
            super().data_received(self._unread)
            self._unread = b""
        self._sockets.lost(self)
        super().connection_lost(exc)

    def eof_received(self) -> None:
        if self._carried is not None:
            self._carried.half_closed()
        super().eof_received()

    def data_received(self, data: bytes) -> None:
        if self._is_watched:
            self._take_watched(data)
        elif self._unread:
            self._unread += data
        elif len(data) <= _AT_ONCE_BYTES:
            super().data_received(data)
        else:
            self._unread = data
            self._take_piece()

    def _take_watched(self, data: bytes) -> None:
        if self.head_since is None and self._waiter is not None:
            self.head_since = self._loop.time()
        self._arrived_bytes += len(data)
        super().data_received(data)
        if self._messages:
            self.head_since = None

    def _take_piece(self) -> None:
        """One in each turn of the loop: taking a whole buffer of tiny frames apart would stop everybody."""
        if not self._unread or self._reading_paused:  # lost meanwhile, or nobody has taken what was read before
            return
        piece, self._unread = self._unread[:_AT_ONCE_BYTES], self._unread[_AT_ONCE_BYTES:]
        super().data_received(piece)
        if self._tcp is None:
            return
        if self._unread:
            self._tcp.pause_reading()  # behind aiohttp's back, whose own pauses come and go with its queue
            self._loop.call_soon(self._take_piece)
        elif not (self._reading_paused or self._buffer_paused):
            self._tcp.resume_reading()

    def resume_reading(self, resume_parser: bool = True) -> None:
        super().resume_reading(resume_parser)
        if self._unread and self._tcp is not None:
            self._tcp.pause_reading()
            self._loop.call_soon(self._take_piece)

    def resume_writing(self) -> None:
        self._taking.moved()
        super().resume_writing()

    def set_parser(self, parser: Any, data_received_cb: Any = None) -> None:
        """aiohttp calls this when the socket became a WebSocket."""
        self.go_live()
        super().set_parser(MaskedReader(parser), data_received_cb)  # type: ignore[arg-type]  # it reads in its place
        self._parser = None  # no HTTP comes any more, and it keeps the whole head of the request

    def carry(self, carried: Carried) -> None:
        """It may write to the descriptor itself, and is told when it must not any more."""
        self._carried = carried

    def go_live(self) -> None:
        """From now on the live layer looks after it."""
        if self._is_watched and self._sockets.became_live(self):
            self._is_watched = False
            self._pace_of = None

    # how far it is

    @property
    def is_live(self) -> bool:
        return not self._is_watched

    @property
    def is_new(self) -> bool:
        return self._is_watched and not self._arrived_bytes

    def phase(self) -> SocketPhase:
        if self.head_since is not None or (self._waiter is not None and not self._messages):
            return SocketPhase.WAITING
        request = self._current_request
        if request is not None and not request.content.is_eof():
            return SocketPhase.ARRIVING
        return SocketPhase.UNREAD if self._taking.is_long(self._loop.time()) else SocketPhase.ANSWERING

    def fault(self, now: float) -> Fault | None:
        limits, phase = self._sockets.limits, self.phase()
        if phase is SocketPhase.WAITING:
            if self.head_since is not None and now - self.head_since > limits.head_seconds:
                return Fault.SILENT
            self._pace_of = None
        elif phase is not SocketPhase.ARRIVING:
            self._pace_of = None
        elif self._is_too_slow(now):
            return Fault.SLOW
        is_stuck = self._taking.seconds(now, self.unread_bytes) > limits.unread_seconds
        return Fault.NOT_READING if is_stuck else None

    @property
    def unread_bytes(self) -> int:
        return 0 if self._tcp is None else self._tcp.get_write_buffer_size()

    def end(self) -> None:
        if self._tcp is not None:
            self._tcp.abort()

    def _is_too_slow(self, now: float) -> bool:
        """Whether the body came below the lowest pace since this was last decided."""
        limits, request, transport = self._sockets.limits, self._current_request, self._tcp
        is_ours = transport is None or not transport.is_reading()  # it is we who take no more at the moment
        if request is not self._pace_of or is_ours:
            self._pace_of = request
        elif now - self._paced_since < limits.body_grace_seconds:
            return False
        elif self._arrived_bytes - self._paced_bytes < limits.body_grace_seconds * limits.body_bytes_per_second:
            return True
        self._paced_bytes, self._paced_since = self._arrived_bytes, now
        return False

    # what cannot be understood

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """One short line in the log for what is no HTTP, and not a byte of it in the answer."""
        if not isinstance(exc, HttpProcessingError):
            response = super().handle_error(request, status, exc, message)
        else:
            self.log_exception(exc_info=exc)
            if request.writer.output_size > 0:
                raise ConnectionError("part of an answer is out")
            response = web.Response(status=400, body=_UNREADABLE, content_type="application/problem+json")
            response.force_close()
        response.headers["Server"] = SERVER_NAME
        return response

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """A traceback only for faults of ours."""
        error = kw.get("exc_info")
        if isinstance(error, HttpProcessingError | web.RequestPayloadError | ConnectionError):
            logs.STRANGERS.info("unreadable request from %s: %s", self.network, type(error).__name__)
        else:
            super().log_exception(*args, **kw)


def go_live(request: web.Request) -> None:
    """Leave the socket of a stream of events to the live layer, as that of a WebSocket is by itself."""
    handler = request.protocol
    if isinstance(handler, SocketHandler):
        handler.go_live()
