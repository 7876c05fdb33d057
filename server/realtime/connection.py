"""One client's open link, whoever carries it. It cannot exist before its user is known."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from server.auth.permissions import Principal
from server.clock import new_id, utc_now
from server.realtime import protocol
from server.realtime.close_codes import CloseCode
from server.realtime.limits import RateLimit
from server.realtime.outbox import Outbox

_BUSY_BYTES = 64 * 1024  # with this much in the socket's buffer the peer is behind: let newer progress replace older
_WRITE_BYTES = 256 * 1024


class Link(Protocol):
    """What carries a connection's frames. Nothing here waits for the peer."""

    def write(self, frames: Sequence[bytes]) -> None:
        """Hand over JSON texts, each a frame of its own, together in one write."""

    def unsent_bytes(self) -> int:
        """What was handed over but not yet taken by the network."""

    def ping(self) -> None: ...

    def close(self, code: CloseCode, reason: str = "") -> None:
        """Begin to close, for the code's own reason when none is given. Safe to repeat.

        It ends within a deadline, whatever the peer does.
        """


@dataclass(slots=True, weakref_slot=True, eq=False, kw_only=True)
class Connection:
    """Queues what is sent to one client; the flusher writes it."""

    client_id: str
    principal: Principal
    language: str
    link: Link
    wake: Callable[[Connection], None]
    max_unsent_bytes: int
    rate_limit: RateLimit
    takes_arrays: bool = False
    device: str = ""
    id: str = field(default_factory=new_id)
    connected_at: datetime = field(default_factory=utc_now)
    heard_at: float = field(default_factory=time.monotonic)
    outbox: Outbox = field(default_factory=Outbox)
    events: set[str] = field(default_factory=set)
    sent: int = 0
    recovered: int = 0
    dropped: int = 0  # what it could no longer be sent when it was closed
    refused: int = 0  # what it sent too fast to be looked at
    closed_with: CloseCode | None = None
    _allowance_bytes: int = 0

    @property
    def user_id(self) -> str:
        return self.principal.user_id

    def send(self, message: protocol.Message) -> None:
        self.queue(protocol.encode(message))

    def queue(self, frame: bytes, key: Hashable | None = None) -> None:
        """Send an encoded message as soon as the peer takes it; with a `key`, the newest of those that wait."""
        if self.closed_with is not None:
            return
        self.outbox.put(frame, key)
        if self.unsent_bytes() > self.max_unsent_bytes + self._allowance_bytes:
            self.close(CloseCode.SLOW_CONSUMER)
            return
        self.wake(self)

    def queue_recovered(self, frames: Sequence[bytes]) -> None:
        """What a client asked for is not held against it as unsent until it has been delivered once."""
        self.recovered += len(frames)
        self._allow(frames)

    def reply(self, message: protocol.Message) -> None:
        """Send what a client asked for, also when it is large; but one at a time, else asking would fill our memory."""
        frame = protocol.encode(message)
        if len(frame) > _BUSY_BYTES and not self._allowance_bytes:
            self._allow([frame])
        else:
            self.queue(frame)

    def _allow(self, frames: Sequence[bytes]) -> None:
        self._allowance_bytes += sum(map(len, frames))
        for frame in frames:
            self.queue(frame)

    def flush(self) -> bool:
        """Write what waits, unless the peer is behind; whether something still waits."""
        if not self.outbox:
            return False
        if self.link.unsent_bytes() > _BUSY_BYTES:
            return True
        frames = self.outbox.take(_WRITE_BYTES)
        self.sent += len(frames)
        self.link.write([_as_array(frames)] if self.takes_arrays and len(frames) > 1 else frames)
        if not self.outbox:
            self._allowance_bytes = min(self._allowance_bytes, self.link.unsent_bytes())
        return bool(self.outbox)

    def unsent_bytes(self) -> int:
        return self.outbox.unsent_bytes + self.link.unsent_bytes()

    def close(self, code: CloseCode, reason: str = "") -> None:
        if self.closed_with is None:
            self.flush()  # the reason, if there is one, stands in the last message
            self.closed_with = code
            self.dropped += len(self.outbox)
            self.outbox.clear()
        self.link.close(code, reason)

    def heard(self) -> None:
        self.heard_at = time.monotonic()


def _as_array(frames: Sequence[bytes]) -> bytes:
    return b"[" + b",".join(frames) + b"]"
