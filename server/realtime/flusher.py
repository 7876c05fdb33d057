"""Writes what gathered for each connection, once per turn of the event loop and never waiting for anybody."""

from __future__ import annotations

import asyncio
import time
import weakref
from collections.abc import Iterable, Sequence
from itertools import groupby, islice
from operator import itemgetter

from server.realtime.audience import Audience, Round
from server.realtime.bundle import Bundle
from server.realtime.connection import Connection, as_array
from server.realtime.traffic import Traffic

_AT_ONCE = 300
_TURN_SECONDS = 0.002  # a broadcast to 10,000 must not keep a ping waiting: others get their turn in between
_TURNS_OF_OTHERS = 2  # a message that came in is read in one of them and answered in the other
_RETRY_SECONDS = 0.02
_MOST_UNSETTLED = 20_000  # connections of audiences: to let that many count takes 4 ms, in one go
_MAX_BUNDLE_BYTES = 64 * 1024  # more than that is counted and capped for each connection by itself


class Flusher:
    """One for all connections. Everything published within one loop turn leaves in one write per socket.

    What waits for a connection is either shared with others, a `Bundle`, or its own, in its outbox. A connection whose
    peer is behind is looked at again a little later; until then newer progress replaces older in its outbox. Nobody
    else notices.
    """

    def __init__(self, traffic: Traffic | None = None) -> None:
        self.traffic = traffic or Traffic()
        self._ready: dict[Connection, Bundle | None] = {}  # in order, each once; None: what waits is its own
        self._round: Round | None = None  # a broadcast; what waits in `_ready` goes first
        self._unsettled: set[Audience] = set()  # of rounds that connections have not counted yet
        self._behind: set[Connection] = set()
        self._closed: weakref.WeakSet[Connection] = weakref.WeakSet()  # not forgotten yet; nothing is written any more
        self._turn: asyncio.Handle | None = None
        self._retry: asyncio.TimerHandle | None = None

    @property
    def is_busy(self) -> bool:
        """Whether something waits that could be written now."""
        return bool(self._ready) or self._round is not None

    def waiting_bytes(self) -> int:
        """What is shared by connections and not yet written, once for each of them."""
        shared = sum(bundle.unsent_bytes for bundle in self._ready.values() if bundle is not None)
        return shared + (self._round.unsent_bytes() if self._round else 0)

    def share(self, connections: Iterable[Connection], frame: bytes) -> None:
        """Queue the same message, one that nothing replaces, for many connections."""
        self._end_round()
        bundle = Bundle(frame)
        if not (self._ready or self._behind or self._closed):
            self._ready = dict.fromkeys(connections, bundle)  # the usual case, several times as fast as the loop
        else:
            self._share_among_busy(connections, bundle)
        self._turn_soon()

    def broadcast(self, audience: Audience, frame: bytes) -> None:
        """`share` with an audience."""
        going = self._round
        is_simple = audience.is_alike and not (self._ready or self._behind or self._closed)
        if is_simple and going is None:
            self._round = Round(audience, Bundle(frame))
            self._turn_soon()
        elif is_simple and going and going.can_grow_for(audience) and not _is_large(going.bundle):
            going.bundle.grow(frame)
        else:
            self.share(audience.connections, frame)

    def wake(self, connection: Connection) -> None:
        """`connection` has something of its own to write."""
        if connection in self._behind:
            return
        self._ready[connection] = None
        self._turn_soon()

    def own(self, connection: Connection) -> None:
        """Make what `connection` shares with others its own, so that something can be added for it alone."""
        bundle = self._ready.get(connection)
        if self._round is not None and self._round.take_out(connection):
            bundle = self._round.bundle
        if bundle is not None:
            self._ready[connection] = None
            connection.outbox.extend(bundle.frames, since=bundle.since)

    def write_now(self, connection: Connection) -> None:
        """Do not wait for its turn."""
        self.own(connection)
        self._ready.pop(connection, None)
        if connection not in self._behind:
            self._flush_own(connection)

    def end(self, connection: Connection) -> None:
        """It is being closed: nothing is written after its close frame."""
        if self._round is not None:
            self._round.leaves(connection)
        self._ready.pop(connection, None)
        self._behind.discard(connection)
        self._closed.add(connection)

    def forget(self, connection: Connection) -> None:
        self.end(connection)
        self._closed.discard(connection)

    def settle(self) -> None:
        while self._unsettled:
            self._unsettled.pop().settle()

    def close(self) -> None:
        for handle in (self._turn, self._retry):
            if handle is not None:
                handle.cancel()
        self._turn = self._retry = None
        self._round = None
        self._ready.clear()
        self._behind.clear()

    def _end_round(self) -> None:
        """Let its rest wait one by one, among what else waits."""
        if self._round is not None:
            self._ready |= dict.fromkeys(self._round.rest(), self._round.bundle)
            self._count_round(self._round)
            self._round = None

    def _share_among_busy(self, connections: Iterable[Connection], bundle: Bundle) -> None:
        ready, frame = self._ready, bundle.frames[0]
        longer: dict[Bundle, Bundle] = {}  # those who waited for the same go on to wait for the same
        for connection in connections:
            waiting = ready.get(connection)
            if waiting is not None and not _is_large(waiting):
                grown = longer.get(waiting)
                if grown is None:
                    grown = longer[waiting] = waiting.and_also(frame)
                ready[connection] = grown
            elif waiting is None and connection not in ready and self._is_free(connection):
                ready[connection] = bundle
            else:
                connection.queue(frame)

    def _is_free(self, connection: Connection) -> bool:
        return connection not in self._behind and connection.closed_with is None

    def _turn_soon(self) -> None:
        if self._turn is None and self.is_busy:
            self._turn = asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        self._turn = None
        until = time.monotonic() + _TURN_SECONDS
        while self.is_busy:
            if self._ready:
                self._flush_some()
            else:
                self._flush_round()
            if self.is_busy and time.monotonic() > until:
                self._give_way(_TURNS_OF_OTHERS)
                return

    def _flush_some(self) -> None:
        connections, bundles = self._take_ready()
        for bundle, group in _alike(connections, bundles):
            if bundle is not None:
                self._flush_shared(group, bundle)
            else:
                for connection in group:
                    self._flush_own(connection)

    def _flush_round(self) -> None:
        going = self._round
        if going is None:
            return
        places = going.take(_AT_ONCE)
        if places:
            behind = going.audience.links.write(going.bundle.frames, places.start, places.stop)
            self._count_written(len(places) - len(behind), going.bundle)
            for place in behind:
                going.falls_behind(place)
                self._fall_behind(going.audience.connections[place], going.bundle)
        if going.is_over:
            self._round = None
            self._count_round(going)

    def _count_round(self, done: Round) -> None:
        audience = done.count()
        if audience is None or audience in self._unsettled:
            return
        waiting = sum(len(each.connections) for each in self._unsettled)
        if waiting + len(audience.connections) > _MOST_UNSETTLED:
            self.settle()
        self._unsettled.add(audience)

    def _give_way(self, turns: int) -> None:
        following = (self._give_way, turns - 1) if turns else (self._flush,)
        self._turn = asyncio.get_running_loop().call_soon(*following)

    def _take_ready(self) -> tuple[list[Connection], list[Bundle | None]]:
        if len(self._ready) <= _AT_ONCE:
            ready, self._ready = self._ready, {}
            return list(ready), list(ready.values())
        connections = list(islice(self._ready, _AT_ONCE))
        return connections, list(map(self._ready.pop, connections))

    def _flush_own(self, connection: Connection) -> None:
        if connection.flush():
            self._put_off(connection)

    def _flush_shared(self, connections: Sequence[Connection], bundle: Bundle) -> None:
        if len(bundle.frames) == 1:
            self._write_to_all(connections, bundle, bundle.frames)
            return
        arrays = [connection for connection in connections if connection.takes_arrays]
        others = [connection for connection in connections if not connection.takes_arrays] if arrays else connections
        self._write_to_all(arrays, bundle, (as_array(bundle.frames),))
        self._write_to_all(others, bundle, bundle.frames)

    def _write_to_all(self, connections: Sequence[Connection], bundle: Bundle, frames: Sequence[bytes]) -> None:
        links = [connection.link for connection in connections]
        kinds = set(map(type, links))
        if len(kinds) > 1:
            for kind in kinds:
                alike = [connection for connection in connections if type(connection.link) is kind]
                self._write_to_all(alike, bundle, frames)
        elif links:
            behind = links[0].gather(links).write(frames, 0, len(links))
            self._count_written(len(links) - len(behind), bundle)
            for connection in connections:
                connection.written += len(bundle.frames)
            for place in behind:
                connections[place].written -= len(bundle.frames)
                self._fall_behind(connections[place], bundle)

    def _count_written(self, connections: int, bundle: Bundle) -> None:
        self.traffic.wrote(
            messages=connections * len(bundle.frames),
            size_bytes=connections * bundle.unsent_bytes,
            waited_seconds=time.monotonic() - bundle.since,
        )

    def _fall_behind(self, connection: Connection, bundle: Bundle) -> None:
        connection.outbox.extend(bundle.frames, since=bundle.since)
        self._put_off(connection)

    def _put_off(self, connection: Connection) -> None:
        self._behind.add(connection)
        if self._retry is None:
            self._retry = asyncio.get_running_loop().call_later(_RETRY_SECONDS, self._try_again)

    def _try_again(self) -> None:
        self._retry = None
        behind, self._behind = self._behind, set()
        for connection in behind:
            self.wake(connection)


def _is_large(bundle: Bundle) -> bool:
    return bundle.unsent_bytes >= _MAX_BUNDLE_BYTES


def _alike(
    connections: Sequence[Connection], bundles: Sequence[Bundle | None]
) -> Iterable[tuple[Bundle | None, Sequence[Connection]]]:
    """Neighbours for which the same waits."""
    if bundles and bundles.count(bundles[0]) == len(bundles):
        return [(bundles[0], connections)]
    pairs = groupby(zip(bundles, connections, strict=True), key=itemgetter(0))
    return ((bundle, [connection for _, connection in group]) for bundle, group in pairs)
