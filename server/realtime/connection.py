"""One client's open link, whoever carries it. It cannot exist before its user is known."""

from __future__ import annotations

import time
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from server.auth.permissions import Principal
from server.clock import new_id, utc_now
from server.realtime import codec, protocol
from server.realtime.close_codes import CloseCode
from server.realtime.limits import RateLimit
from server.realtime.outbox import Outbox
from server.realtime.traffic import Traffic

BUSY_BYTES = 64 * 1024  # with this much in the socket's buffer the peer is behind: let newer progress replace older
_WRITE_BYTES = 256 * 1024
RECOVERED = "recovered"  # in the counts by type: what was missed, of whatever type


class Link(Protocol):
    """What carries a connection's frames. Nothing here waits for the peer."""

    def write(self, frames: Sequence[bytes]) -> None:
        """Hand over JSON texts, each a frame of its own, together in one write."""

    def gather(self, links: Sequence[Any]) -> LinkGroup:
        """Links of this kind, to be written to together, once or again and again."""

    def unsent_bytes(self) -> int:
        """What was handed over but not yet taken by the network."""

    def ping(self) -> None: ...

    def close(self, code: CloseCode, reason: str = "") -> None:
        """Begin to close, for the code's own reason when none is given. Safe to repeat.

        It ends within a deadline, whatever the peer does.
        """


class LinkGroup(Protocol):
    """Links of one kind, in their order."""

    def write(self, frames: Sequence[bytes], begin: int, end: int) -> Sequence[int]:
        """`Link.write` the same to those from place `begin` up to `end`.

        Returns the places of those that took nothing: their peers are behind. Whoever took a part has the rest in its
        buffer.
        """


class Writer(Protocol):
    """What writes for all connections: see `Flusher`."""

    traffic: Traffic

    def wake(self, connection: Connection) -> None: ...

    def own(self, connection: Connection) -> None: ...

    def write_now(self, connection: Connection) -> None: ...

    def settle(self) -> None:
        """Bring up to date what connections count as written to them."""

    def end(self, connection: Connection) -> None: ...


@dataclass(slots=True, weakref_slot=True, eq=False, kw_only=True)
class Connection:
    """Queues what is sent to one client; the flusher writes it."""

    # What each delivery touches stands together, in one cache line.
    link: Link
    written: int = 0  # messages; see `sent`
    takes_arrays: bool = False
    transport: str = ""  # what carries it
    closed_with: CloseCode | None = None

    client_id: str
    principal: Principal
    language: str
    writer: Writer
    max_unsent_bytes: int
    rate_limit: RateLimit
    device: str = ""
    id: str = field(default_factory=new_id)
    connected_at: datetime = field(default_factory=utc_now)
    heard_at: float = field(default_factory=time.monotonic)
    asked_at: float = 0.0  # whether it is there
    outbox: Outbox = field(default_factory=Outbox)
    events: frozenset[str] = frozenset()  # most connections have none
    came_at: float = field(default_factory=time.monotonic)  # as it was asked for: its entry may take long
    moment: int = 0  # when it came, by the clock that all nodes share
    is_told_of: bool = False  # to other nodes
    recovered: int = 0
    dropped: int = 0  # what it could no longer be sent when it was closed
    refused: int = 0  # what it sent too fast to be looked at
    _allowance_bytes: int = 0

    @property
    def sent(self) -> int:
        """Messages that were handed to its link. What went to very many stands there only when somebody asks."""
        self.writer.settle()
        return self.written

    @property
    def user_id(self) -> str:
        return self.principal.user_id

    def send(self, message: protocol.Message) -> None:
        """For answers: before those who only listen, but after what this connection waits for already."""
        self._count(message)
        self.queue(codec.encode(message))
        self.writer.write_now(self)

    def queue(self, frame: bytes, key: Hashable | None = None) -> None:
        """Send an encoded message as soon as the peer takes it; with a `key`, the newest of those that wait."""
        if self.closed_with is not None:
            return
        self.writer.own(self)
        self.outbox.put(frame, key)
        if self.unsent_bytes() > self.max_unsent_bytes + self._allowance_bytes:
            self.close(CloseCode.SLOW_CONSUMER)
            return
        self.writer.wake(self)

    def queue_recovered(self, frames: Sequence[bytes]) -> None:
        """What a client asked for is not held against it as unsent until it has been delivered once."""
        self.recovered += len(frames)
        self.writer.traffic.sent[RECOVERED] += len(frames)
        self._allow(frames)

    def reply(self, message: protocol.Message) -> None:
        """Send what a client asked for, also when it is large; but one at a time, else asking would fill our memory."""
        self._count(message)
        frame = codec.encode(message)
        if len(frame) > BUSY_BYTES and not self._allowance_bytes:
            self._allow([frame])
        else:
            self.queue(frame)
        self.writer.write_now(self)

    def _count(self, message: protocol.Message) -> None:
        self.writer.traffic.sent[codec.type_of(message)] += 1

    def _allow(self, frames: Sequence[bytes]) -> None:
        self._allowance_bytes += sum(map(len, frames))
        for frame in frames:
            self.queue(frame)

    def flush(self) -> bool:
        """Write what waits, unless the peer is behind; whether something still waits."""
        if not self.outbox:
            return False
        if self.link.unsent_bytes() > BUSY_BYTES:
            return True
        size_bytes, waited_seconds = self.outbox.unsent_bytes, time.monotonic() - self.outbox.since
        frames = self.outbox.take(_WRITE_BYTES)
        self.written += len(frames)
        self.writer.traffic.wrote(
            messages=len(frames), size_bytes=size_bytes - self.outbox.unsent_bytes, waited_seconds=waited_seconds
        )
        self.link.write([as_array(frames)] if self.takes_arrays and len(frames) > 1 else frames)
        if not self.outbox:
            self._allowance_bytes = min(self._allowance_bytes, self.link.unsent_bytes())
        return bool(self.outbox)

    def unsent_bytes(self) -> int:
        return self.outbox.unsent_bytes + self.link.unsent_bytes()

    def close(self, code: CloseCode, reason: str = "") -> None:
        if self.closed_with is None:
            self.writer.write_now(self)  # the reason, if there is one, stands in the last message
            self.closed_with = code
            self.dropped += len(self.outbox)
            self.outbox.clear()
            self.writer.end(self)
        self.link.close(code, reason)

    def heard(self) -> None:
        self.heard_at = time.monotonic()


def as_array(frames: Sequence[bytes]) -> bytes:
    """Several messages as one."""
    return b"[" + b",".join(frames) + b"]"
