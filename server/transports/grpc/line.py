"""One TCP connection that speaks HTTP/2, with what grpclib leaves open: how much of what a peer sends is taken apart at
once, how long it may keep us waiting, and how much of its window one call may fill.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from typing import cast

from grpclib.config import Configuration
from grpclib.protocol import AbstractHandler, H2Protocol, Stream
from h2.config import H2Configuration
from h2.errors import ErrorCodes
from h2.events import PingAckReceived, UnknownFrameReceived
from h2.exceptions import ProtocolError, StreamClosedError
from hyperframe.frame import GoAwayFrame

from server import logs
from server.auth.networks import network_of
from server.http.socket_handler import Fault, SocketPhase, SocketWatch, Unread
from server.realtime.connection import Connection
from server.realtime.limits import LiveLimits, Silence
from server.transports.grpc.turns import ReadingTurns
from server.transports.silent_peers import give_up_on_silence

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_FRAME_HEAD_BYTES = 9
_MOST_FRAME_BYTES = 16_384  # we never allow larger ones
_DATA, _HEADERS, _PRIORITY, _RST_STREAM, _SETTINGS, _PING, _CONTINUATION = 0, 1, 2, 3, 4, 6, 9
_FREE_OF_CHARGE = (_DATA, _HEADERS, 8)  # and WINDOW_UPDATE: what they cost is bounded by what they carry
_MOST_PENDING_BYTES = 256 * 1024  # that have come and are not taken apart
_MOST_ODD_FRAMES = 1_000  # resets, pings, settings …
_ODD_SECONDS = 10.0
_MOST_UNREAD_BYTES = 4 * 1024 * 1024  # of all that is written to one peer; each stream has a budget of its own
_LAST_WORDS_SECONDS = 0.2  # some clients read no answer any more that comes together with the end
_WINDOW_BYTES = 65_535  # on their way from whoever has not said who they are; HTTP/2 has no smaller one
_WIDE_BYTES = 4 * 1024 * 1024
CONFIGURATION = Configuration(
    http2_connection_window_size=_WINDOW_BYTES, http2_stream_window_size=_WINDOW_BYTES
).__for_server__()
_H2 = H2Configuration(
    client_side=False,
    header_encoding=None,  # one that is no text is a fault of its call, not of the connection
    validate_outbound_headers=False,
    normalize_inbound_headers=False,
    normalize_outbound_headers=False,
)


class CallTaker(AbstractHandler):
    """What becomes of the calls of one line; see `calls.LineCalls`."""

    line: GrpcLine

    def count(self) -> int:
        """How many are not over."""
        raise NotImplementedError


class GrpcLine(H2Protocol):
    """Watched as every TCP connection is, until it carries a live connection."""

    def __init__(
        self,
        taker: CallTaker,
        sockets: SocketWatch,
        lines: set[GrpcLine],
        turns: ReadingTurns,
        *,
        address: str,
        limits: LiveLimits,
    ) -> None:
        """It stands in `lines` for as long as it is open."""
        super().__init__(taker, CONFIGURATION, _H2)
        self._lines = lines
        taker.line = self
        self._taker = taker
        self._sockets = sockets
        self._turns = turns
        self._limits = limits
        self.address = address
        self.network = sys.intern(network_of(address))
        self.connections: set[Connection] = set()
        self.last_stream_id = 0
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        now = self._loop.time()
        self.head_since: float | None = now
        self._idle_since = self._odd_since = self._heard_at = now
        self._asked_at = 0.0  # whether it is there
        self._odd_frames = self._continuations = 0
        self._taking = Unread(now)
        self._widest_bytes = _WINDOW_BYTES  # that the peer let be on their way
        self._pending = bytearray()
        self._has_preface = self._is_wide = self.is_going = self.is_leaving = self._has_turn = False
        self.is_live = False

    # what the transport tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        super().connection_made(transport)
        self.processor.processors |= {PingAckReceived: self._ignore, UnknownFrameReceived: self._ignore}
        self._sockets.opened(self)
        self._lines.add(self)

    def connection_lost(self, exc: BaseException | None) -> None:
        self._transport = None
        self._pending.clear()
        self._sockets.lost(self)
        self._lines.discard(self)
        super().connection_lost(exc)

    def resume_writing(self) -> None:
        self._taking.moved()
        super().resume_writing()

    def data_received(self, data: bytes) -> None:
        self._heard_at = self._loop.time()
        for connection in self.connections:
            connection.heard()
        self._pending += data
        if self._transport is not None and len(self._pending) > _MOST_PENDING_BYTES:
            self._transport.pause_reading()
        if not self._has_turn:
            self._has_turn = True
            self._turns.wants(self)

    def take(self, until: float) -> bool:
        """Frame by frame, as `TakesFrames`."""
        self._has_turn = False
        while self._transport is not None and (frame := self._next_frame()) is not None:
            if not self._taken(frame):
                return False
            if self._pending and self._loop.time() >= until:
                self._has_turn = True
                self._transport.pause_reading()
                return True
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()
        return False

    def _next_frame(self) -> bytes | None:
        if not self._has_preface:
            size = len(_PREFACE)
            if not _PREFACE.startswith(self._pending[:size]):
                self.end()  # HTTP/1.1, or TLS where we speak none
                return None
            self._has_preface = len(self._pending) >= size
            if not self._has_preface:
                return None
        elif len(self._pending) < _FRAME_HEAD_BYTES:
            return None
        else:
            size = _FRAME_HEAD_BYTES + int.from_bytes(self._pending[:3], "big")
            if size > _FRAME_HEAD_BYTES + _MOST_FRAME_BYTES:
                self._refuse_frame()
                return None
            if len(self._pending) < size:
                return None
        frame = bytes(self._pending[:size])
        del self._pending[:size]
        return frame

    def _taken(self, frame: bytes) -> bool:
        """False when that was the end of it."""
        if not self._is_seemly(frame):
            self._give_up("it sent too many frames that ask for nothing")
            return False
        if self.connection.is_closing():
            return False
        try:
            events = self.connection.feed(frame)
            self._flush()
            for event in events:
                self.processor.process(event)
            self._flush()
        except ProtocolError as error:
            self._give_up(f"it speaks no HTTP/2 ({type(error).__name__})")
            return False
        except (ValueError, IndexError) as error:  # of headers that are none
            self._give_up(f"it sent what cannot be read ({type(error).__name__})")
            return False
        if self.unread_bytes > _MOST_UNREAD_BYTES:
            self._give_up("it reads none of the answers that it asks for")
            return False
        return self._transport is not None

    def _is_seemly(self, frame: bytes) -> bool:
        if frame[:3] == _PREFACE[:3] and frame == _PREFACE:
            return True
        kind = frame[3]
        if kind == _CONTINUATION:
            self._continuations += 1
        elif kind == _HEADERS:
            self._continuations = 0
        if self._continuations > 1:  # headers of 32 KB, which take long enough to unpack
            return False
        if kind in _FREE_OF_CHARGE and len(frame) > _FRAME_HEAD_BYTES:
            return True
        now = self._loop.time()
        if now - self._odd_since > _ODD_SECONDS:
            self._odd_since, self._odd_frames = now, 0
        self._odd_frames += 1
        return self._odd_frames <= _MOST_ODD_FRAMES

    def _refuse_frame(self) -> None:
        """By its head alone: h2 would look at the size only once all of its 16 MiB had come."""
        with suppress(ProtocolError):
            self.connection._connection.close_connection(ErrorCodes.FRAME_SIZE_ERROR)
        self._give_up("it sent a frame larger than it may")

    def _give_up(self, why: str) -> None:
        logs.STRANGERS.info("a gRPC connection from %s was ended: %s", self.network, why)
        self._flush()  # h2 has said what was wrong
        self.processor.close(why)

    def _flush(self) -> None:
        if not self.connection.is_closing():
            self.connection.flush()

    def _ignore(self, _event: object) -> None:
        """Whatever came says that somebody is there."""

    # what calls tell, and ask of it

    def took_call(self, stream: Stream) -> None:
        assert stream.id is not None
        self.last_stream_id = max(self.last_stream_id, stream.id)

    def was_over(self) -> None:
        """One of its calls."""
        self._idle_since = self._loop.time()

    def known(self) -> None:
        """Somebody said who they are."""
        self.head_since = None

    def widen(self, stream_id: int, window_bytes: int) -> None:
        h2 = self.connection._connection  # nothing else of grpclib's can widen a window
        with suppress(ProtocolError):
            if not self._is_wide:
                self._is_wide = True
                h2.increment_flow_control_window(_WIDE_BYTES - _WINDOW_BYTES)
            h2.increment_flow_control_window(window_bytes - _WINDOW_BYTES, stream_id)
            self._flush()

    def room(self, stream_id: int, widened_bytes: int) -> tuple[int, int]:
        """How many bytes more of a call may be on their way, so that it leaves half to the others; and by how much the
        peer has made its window wider, as it was said before or as it is now.

        Half, and no less: there are peers that open a window anew only when they have read half of it.
        """
        h2 = self.connection._connection
        stream = h2.streams.get(stream_id)
        if stream is None:
            raise StreamClosedError(stream_id)
        initial_bytes = h2.remote_settings.initial_window_size
        widened_bytes = max(widened_bytes, stream.outbound_flow_control_window - initial_bytes)
        self._widest_bytes = max(self._widest_bytes, h2.outbound_flow_control_window)
        most_bytes = (max(self._widest_bytes, initial_bytes + widened_bytes) + 1) // 2
        on_their_way = initial_bytes + widened_bytes - stream.outbound_flow_control_window
        return min(most_bytes - on_their_way, h2.local_flow_control_window(stream_id)), widened_bytes

    def send_data(self, stream_id: int, content: bytes) -> int:
        """As much of it as the peer has room for, in one write: how many bytes that were.

        grpclib writes each frame of 16 KB by itself, and a call into the system costs more than all else of sending it.
        """
        h2 = self.connection._connection
        sent_bytes = min(len(content), h2.local_flow_control_window(stream_id))
        for at in range(0, sent_bytes, h2.max_outbound_frame_size):
            h2.send_data(stream_id, content[at : min(at + h2.max_outbound_frame_size, sent_bytes)])
        self._flush()
        self.connection.data_send_process()
        return max(sent_bytes, 0)

    def go_live(self) -> None:
        """It carries a live connection: from now on the live layer looks after it, too."""
        if not self.is_live and self._sockets.became_live(self):
            self.is_live = True
            if self._transport is not None:
                give_up_on_silence(self._transport, self._silence_seconds)

    @property
    def _silence_seconds(self) -> float:
        return self._limits.ping_interval_seconds + self._limits.pong_timeout_seconds

    def ping(self) -> None:
        with suppress(ProtocolError):
            self.connection._connection.ping(b"jindu   ")  # grpclib's own timer pings idle lines alone
            self._flush()

    def _go_away(self) -> None:
        """Said when no calls are left: there are clients that give up all of theirs when they hear it."""
        if self._transport is None or self.is_going:
            return
        self.is_going = True
        self._flush()
        frame = GoAwayFrame(0, last_stream_id=self.last_stream_id)
        self._transport.write(frame.serialize())

    def look_after(self) -> None:
        """To be called every second or so."""
        self.close_when_idle()
        if self._transport is None or self.connections or not self._taker.count():
            return  # the live layer asks for itself, and who waits for nothing is ended by `fault`
        now = self._loop.time()
        silence = self._limits.silence(now, heard_at=self._heard_at, asked_at=self._asked_at)
        if silence is Silence.OVER:
            self.end()
        elif silence is Silence.TO_ASK:
            self._asked_at = now
            self.ping()

    def close_when_idle(self) -> None:
        """Of those that are to leave, and of live ones that carry nothing any more."""
        if self._transport is None or self._taker.count():
            return
        idle_seconds = self._loop.time() - self._idle_since
        is_stale = self.is_live and idle_seconds > self._sockets.limits.idle_seconds
        if is_stale or (self.is_leaving and idle_seconds > _LAST_WORDS_SECONDS):
            self._go_away()
            self._transport.close()

    @property
    def patience_seconds(self) -> float:
        """How long the message of a call may take."""
        return self._sockets.limits.body_grace_seconds

    @property
    def is_stuck(self) -> bool:
        """Whether the peer takes nothing at all."""
        return not self.connection.write_ready.is_set()

    # how far it is, as `WatchedSocket`

    @property
    def is_new(self) -> bool:
        return not self.is_live and not self._has_preface

    @property
    def unread_bytes(self) -> int:
        return 0 if self._transport is None else self._transport.get_write_buffer_size()

    def phase(self) -> SocketPhase:
        if self.head_since is not None or not self._taker.count():
            return SocketPhase.WAITING
        return SocketPhase.UNREAD if self._taking.is_long(self._loop.time()) else SocketPhase.ANSWERING

    def fault(self, now: float) -> Fault | None:
        limits = self._sockets.limits
        if self._taking.seconds(now, self.unread_bytes) > limits.unread_seconds:
            return Fault.NOT_READING
        if self._taker.count():
            return None
        if self.head_since is not None:  # nobody has said who they are
            return Fault.SILENT if now - self.head_since > limits.head_seconds else None
        return Fault.SILENT if now - self._idle_since > limits.idle_seconds else None

    def end(self) -> None:
        if self._transport is not None:
            self._transport.abort()
