"""Writes what gathered for each connection, once per turn of the event loop and never waiting for anybody."""

from __future__ import annotations

import asyncio

from server.realtime.connection import Connection

_PER_TURN = 400  # a broadcast to 10,000 must not keep a ping waiting: others get their turn in between
_RETRY_SECONDS = 0.02


class Flusher:
    """One for all connections. Everything published within one loop turn leaves in one write per socket.

    A connection whose peer is behind is looked at again a little later; until then newer progress replaces older in
    its outbox. Nobody else notices.
    """

    def __init__(self) -> None:
        self._ready: dict[Connection, None] = {}  # in order, each once
        self._behind: set[Connection] = set()
        self._turn: asyncio.Handle | None = None
        self._retry: asyncio.TimerHandle | None = None

    def wake(self, connection: Connection) -> None:
        """`connection` has something to write."""
        if connection in self._behind:
            return
        self._ready[connection] = None
        if self._turn is None:
            self._turn = asyncio.get_running_loop().call_soon(self._flush)

    def forget(self, connection: Connection) -> None:
        self._ready.pop(connection, None)
        self._behind.discard(connection)

    def close(self) -> None:
        for handle in (self._turn, self._retry):
            if handle is not None:
                handle.cancel()
        self._turn = self._retry = None
        self._ready.clear()
        self._behind.clear()

    def _flush(self) -> None:
        self._turn = None
        for _ in range(min(_PER_TURN, len(self._ready))):
            connection = next(iter(self._ready))
            del self._ready[connection]
            if connection.flush():
                self._put_off(connection)
        if self._ready and self._turn is None:
            self._turn = asyncio.get_running_loop().call_soon(self._flush)

    def _put_off(self, connection: Connection) -> None:
        self._behind.add(connection)
        if self._retry is None:
            self._retry = asyncio.get_running_loop().call_later(_RETRY_SECONDS, self._try_again)

    def _try_again(self) -> None:
        self._retry = None
        behind, self._behind = self._behind, set()
        for connection in behind:
            self.wake(connection)
