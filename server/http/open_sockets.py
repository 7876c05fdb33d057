"""All TCP sockets together: how many there may be, who makes room, and who has kept us waiting too long."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from server import logs
from server.auth.networks import network_of
from server.http.socket_handler import Fault, SocketPhase, WatchedSocket
from server.http.socket_limits import SocketLimits

_LOG = logging.getLogger("jindu")
_SWEEP_SECONDS = 1.0
_LOOKS_APART_SECONDS = 0.02
_LOOKED_AT_ONCE = 500  # half a millisecond, then others get their turn
_ENDED_AT_ONCE = 10
_MOST_UNREAD_BYTES = 64 * 1024 * 1024  # of answers that nobody takes, all together


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketStatistics:
    open: int  # without live connections
    live: int
    networks: int
    refused: int
    made_room: int
    too_slow: int


class OpenSockets:
    """Counts from the moment a socket is accepted. One sweep watches all: none has a timer or task for it."""

    def __init__(self, limits: SocketLimits) -> None:
        self.limits = limits
        # In the order in which they were opened: the oldest make room.
        self._watched: dict[str, dict[WatchedSocket, None]] = {}
        self._count: Counter[str] = Counter()  # with those that are being opened
        self._live = 0
        self._refused = self._made_room = self._too_slow = 0

    def admit(self, address: str) -> bool:
        """Take a place for a new socket, if need be that of another; `opened` or `give_up` follows."""
        network = network_of(address)
        if not (self._has_room_of_its_own(network) and self._has_room_for_all(network)):
            self._refused += 1
            logs.STRANGERS.warning("a connection from %s was refused: too many are open", network)
            return False
        self._count[network] += 1
        return True

    def opened(self, handler: WatchedSocket) -> None:
        self._watched.setdefault(handler.network, {})[handler] = None

    def give_up(self, address: str) -> None:
        """What was admitted could not be opened."""
        self._leave(network_of(address))

    def became_live(self, handler: WatchedSocket) -> bool:
        """False for one that was ended already."""
        is_open = self._forget(handler)
        self._live += is_open
        return is_open

    def lost(self, handler: WatchedSocket) -> None:
        if not self._forget(handler) and handler.is_live:
            self._live -= 1

    def shed(self, count: int) -> None:
        """End so many that wait, whosever they are."""
        for _ in range(count):
            if not self._end_first(self._of_largest(), _WAITING):
                return

    async def heard(self, seconds: float) -> None:
        """Until nobody is left who was just let in and has said nothing yet, at most so long."""
        for _ in range(int(seconds / _LOOKS_APART_SECONDS)):
            if not any(handler.is_new for handlers in self._watched.values() for handler in handlers):
                return
            await asyncio.sleep(_LOOKS_APART_SECONDS)

    async def watch(self) -> None:
        """Until cancelled: end whoever has passed a limit."""
        while True:
            await asyncio.sleep(min(_SWEEP_SECONDS, self.limits.head_seconds / 4))
            try:
                await self._sweep()
            except Exception:
                _LOG.exception("could not look after the sockets", extra={"action": "sockets"})

    def statistics(self) -> SocketStatistics:
        return SocketStatistics(
            open=self._count.total(),
            live=self._live,
            networks=len(self._count),
            refused=self._refused,
            made_room=self._made_room,
            too_slow=self._too_slow,
        )

    async def _sweep(self) -> None:
        now = asyncio.get_running_loop().time()
        everybody = [handler for handlers in self._watched.values() for handler in handlers]
        ended = 0
        for number, handler in enumerate(everybody):
            if number % _LOOKED_AT_ONCE == _LOOKED_AT_ONCE - 1:
                await asyncio.sleep(0)
            if handler.is_live:
                continue
            fault = handler.fault(now)
            if fault is not None:
                # Browsers open connections that they do not use in the end; that is nothing to tell.
                level = logging.DEBUG if fault is Fault.SILENT else logging.INFO
                logs.STRANGERS.log(level, "a connection from %s was ended: %s", handler.network, fault)
                self._too_slow += 1
                self._end(handler)
                ended += 1
                if ended % _ENDED_AT_ONCE == 0:
                    await asyncio.sleep(0)
        self._shed_unread()

    def _shed_unread(self) -> None:
        """Answers that wait for their readers are memory. When it is too much, the network that has most of it pays."""
        unread = {
            network: sum(handler.unread_bytes for handler in handlers) for network, handlers in self._watched.items()
        }
        too_much = sum(unread.values()) - _MOST_UNREAD_BYTES
        for network in sorted(unread, key=unread.__getitem__, reverse=True):
            for handler in list(self._watched[network]):
                if too_much <= 0:
                    return
                if size := handler.unread_bytes:
                    too_much -= size
                    self._made_room += 1
                    self._end(handler)

    def _has_room_of_its_own(self, network: str) -> bool:
        most = self.limits.per_network
        return not most or self._count[network] < most or self._end_first(self._watched.get(network, ()), _WAITING)

    def _has_room_for_all(self, network: str) -> bool:
        count = self._count.total()
        if count < self.limits.waiting and count + self._live < self.limits.total:
            return True
        largest = self._of_largest()
        if self._end_first(largest, _WAITING):
            return True
        # One may also be kept waiting in the middle of a request or answer, but not at the cost of who holds less.
        has_less = self._count[network] < len(largest)
        return has_less and self._end_first(largest, _THEIR_TURN)

    def _of_largest(self) -> dict[WatchedSocket, None]:
        return max(self._watched.values(), key=len, default={})

    def _end_first(self, handlers: Iterable[WatchedSocket], phases: frozenset[SocketPhase]) -> bool:
        """End the oldest that owes us a request, else the oldest that is idle between two."""
        idle: WatchedSocket | None = None
        for handler in handlers:
            if handler.head_since is not None:
                break
            if idle is None and handler.phase() in phases:
                idle = handler
        else:
            if idle is None:
                return False
            handler = idle
        self._made_room += 1
        self._end(handler)
        return True

    def _end(self, handler: WatchedSocket) -> None:
        self._forget(handler)  # now, since the transport tells only later that it is closed
        handler.end()

    def _forget(self, handler: WatchedSocket) -> bool:
        handlers = self._watched.get(handler.network, {})
        if handler not in handlers:
            return False
        del handlers[handler]
        if not handlers:
            del self._watched[handler.network]
        self._leave(handler.network)
        return True

    def _leave(self, network: str) -> None:
        self._count[network] -= 1
        if not self._count[network]:
            del self._count[network]


_WAITING = frozenset({SocketPhase.WAITING})
_THEIR_TURN = _WAITING | {SocketPhase.ARRIVING, SocketPhase.UNREAD}
