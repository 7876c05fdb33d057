"""A `Link` of server-sent events: how messages, heartbeats and the end stand in the stream, and how far the peer is."""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections.abc import Sequence

import msgspec

from server.realtime.close_codes import CloseCode

STAY_AWAY = "closed:"  # as the last event's id; a browser that comes back says it, and is told to stop

_CLOSE_SECONDS = 2.0  # a peer that stopped reading never takes our last event
_RETRY_MILLISECONDS = (1_000, 5_000)  # spread, so that a thousand clients do not come back in the same instant
_NAMED_RETRY = re.compile(r"retry in (\d{1,6}) s")
_HEARTBEAT = b":\n\n"
_OFFSET = b'"offset":'


class EventLink:
    """A `Link` that writes server-sent events straight to the transport. Until `start` it holds them back."""

    def __init__(self) -> None:
        self.ended = asyncio.Event()
        self._transport: asyncio.Transport | None = None
        self._early: list[bytes] = []
        self._is_chunked = True
        self._is_closing = False
        self._epoch = b""
        self._written_bytes = self._taken_bytes = 0
        self._written_at = time.monotonic()

    def start(self, transport: asyncio.Transport, *, is_chunked: bool) -> None:
        """The headers are out: from now on everything goes to `transport`."""
        self._transport, self._is_chunked = transport, is_chunked
        early, self._early = self._early, []
        if early:
            self._put(b"".join(early))
        if self._is_closing:
            self._abort_soon(transport)

    def write(self, frames: Sequence[bytes]) -> None:
        self.write_events(b"".join(map(self._event, frames)))

    def write_events(self, events: bytes) -> None:
        """What others are sent as well, in the form of the stream."""
        if not self._is_closing:
            self._put(events)

    def gather(self, links: Sequence[EventLink]) -> EventLinks:
        return EventLinks(links)

    def unsent_bytes(self) -> int:
        if self._transport is None:
            return sum(map(len, self._early))
        return 0 if self._transport.is_closing() else self._transport.get_write_buffer_size()

    def ping(self) -> None:
        if not self._is_closing:
            self._put(_HEARTBEAT)

    def close(self, code: CloseCode, reason: str = "") -> None:
        if self._is_closing:
            return
        self._put(farewell(code, reason or code.reason))
        self._is_closing = True
        self.ended.set()
        if self._transport is not None:
            self._abort_soon(self._transport)

    def is_open(self) -> bool:
        """False, and the link ended, once the peer is gone: nobody tells a handler that only waits."""
        if self._transport is not None and self._transport.is_closing():
            self.ended.set()
        return not self.ended.is_set()

    def was_taken(self) -> bool:
        """Whether the network took some of what was written since the last time this was asked, or all of it."""
        unsent_bytes = self.unsent_bytes()
        before, self._taken_bytes = self._taken_bytes, self._written_bytes - unsent_bytes
        return unsent_bytes == 0 or self._taken_bytes > before

    def silent_seconds(self) -> float:
        return time.monotonic() - self._written_at

    def _put(self, events: bytes) -> None:
        self._written_at = time.monotonic()
        if self._transport is None:
            self._early.append(events)
        elif self._transport.is_closing():
            self.ended.set()
        else:
            framed = b"%x\r\n%b\r\n" % (len(events), events) if self._is_chunked else events
            self._written_bytes += len(framed)
            self._transport.write(framed)

    def _event(self, frame: bytes) -> bytes:
        """One message as an event; kept ones have their position as the id, which a client comes back with."""
        marks = _marks_of(frame)
        if marks is None:
            return _plain_event(frame)
        if marks.type == "connection":
            self._epoch = marks.epoch.encode()
        # With missed messages on their way, each of them moves the position; losing the link meanwhile loses none.
        return b"id: %b:%d\n%b" % (self._epoch, marks.offset - marks.missed, _plain_event(frame))

    def _abort_soon(self, transport: asyncio.Transport) -> None:
        asyncio.get_running_loop().call_later(_CLOSE_SECONDS, transport.abort)


class EventLinks:
    """Those whose peers have not taken everything yet are behind."""

    def __init__(self, links: Sequence[EventLink]) -> None:
        self._links = links

    def write(self, frames: Sequence[bytes], begin: int, end: int) -> Sequence[int]:
        shared = None if any(_OFFSET in frame for frame in frames) else b"".join(map(_plain_event, frames))
        behind: list[int] = []
        for place in range(begin, end):
            link = self._links[place]
            if link.unsent_bytes():
                behind.append(place)
            elif shared is None:
                link.write(frames)
            else:
                link.write_events(shared)
        return behind


class _Marks(msgspec.Struct, frozen=True):
    """What of a message says where it stands in the stream of kept ones."""

    type: str = ""
    epoch: str = ""
    offset: int = 0
    missed: int = 0


def _marks_of(frame: bytes) -> _Marks | None:
    if _OFFSET not in frame:
        return None  # most messages: progress, publications
    marks = msgspec.json.decode(frame, type=_Marks)
    return marks if marks.type in ("connection", "job", "notification") else None


def _plain_event(frame: bytes) -> bytes:
    # In JSON, line breaks can only stand between its parts, where a space does as well. Here they would end a line.
    data = frame.replace(b"\n", b" ").replace(b"\r", b" ") if b"\n" in frame or b"\r" in frame else frame
    return b"data: %b\n\n" % data


def farewell(code: CloseCode, reason: str) -> bytes:
    """The last event. It says when to come back; whoever shall not gets an id with it that is answered by 204."""
    data = msgspec.json.encode({"code": int(code), "reason": reason})
    coming_back = retry(reason) if code.may_reconnect else b"id: %b%d\n" % (STAY_AWAY.encode(), code)
    return b"event: close\n%bdata: %b\n\n" % (coming_back, data)


def retry(reason: str = "") -> bytes:
    """When a browser comes back by itself: within the second after the time that `reason` names, if it does."""
    named = _NAMED_RETRY.search(reason)
    first, last = (int(named[1]) * 1_000, int(named[1]) * 1_000 + 1_000) if named else _RETRY_MILLISECONDS
    return b"retry: %d\n" % random.randint(first, last)  # noqa: S311 - no secret
