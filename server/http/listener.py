"""Accepts connections: only as many as there is room for, so that a flood never takes the last descriptor."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Sequence
from typing import Any

from aiohttp import web

from server import logs
from server.base_path import ROOT, BasePath
from server.http import listening_sockets
from server.http.certificate import Certificate
from server.http.listening_sockets import BACKLOG, url_of_socket
from server.http.open_sockets import OpenSockets
from server.http.socket_handler import SocketHandler

# A third of a millisecond each, and a page needs a dozen turns of the loop. Fewer than the reserve of descriptors:
# those that make room close a moment later.
_ACCEPTED_AT_ONCE = 4
_PAUSE_SECONDS = 0.1  # when the system has no descriptor left, for us or for anybody
_SHED = 8
_FIRST_WORDS_SECONDS = 0.5  # for who was let in last and has asked for nothing yet, when the server stops
_LINGERING_SECONDS = 3.0  # for what is answered before its body has come, so that the answer is not lost by a reset


class Listener(web.BaseSite):
    """A site as aiohttp's `TCPSite`, of sockets that `OpenSockets` watches.

    `inherited` ones stay open for others when this one is stopped. With a certificate it speaks TLS.
    """

    def __init__(
        self,
        runner: web.AppRunner | web.ServerRunner,
        sockets: OpenSockets,
        *,
        opened: Sequence[socket.socket] = (),
        inherited: Sequence[socket.socket] = (),
        certificate: Certificate | None = None,
        base: BasePath = ROOT,
    ) -> None:
        super().__init__(runner, backlog=BACKLOG)
        self._web_server = runner.server
        self._sockets = sockets
        self._opened = opened
        self._inherited = inherited
        self._certificate = certificate
        self._base = base
        self._accepting: Accepting | None = None

    @property
    def name(self) -> str:
        return self.urls[0]

    @property
    def urls(self) -> list[str]:
        scheme = "http" if self._certificate is None else "https"
        return [url_of_socket(each, scheme=scheme) for each in (*self._opened, *self._inherited)]

    async def start(self) -> None:
        await super().start()
        self._accepting = Accepting(
            self._opened, self._inherited, self._sockets, self._handler, certificate=self._certificate
        )
        self._server = self._accepting  # type: ignore[assignment]  # as it is used

    async def stop(self) -> None:
        """Whoever is in already is still heard: they cannot know that the door closed behind them."""
        await super().stop()
        if self._accepting is not None:
            await self._accepting.all_in()
        await self._sockets.heard(_FIRST_WORDS_SECONDS)

    def _handler(self, address: str) -> SocketHandler:
        assert self._web_server is not None  # `start` would have failed
        return SocketHandler(
            self._web_server,
            self._sockets,
            address=address,
            loop=asyncio.get_running_loop(),
            keepalive_timeout=self._sockets.limits.idle_seconds,
            lingering_time=_LINGERING_SECONDS,
            auto_decompress=False,  # `packed_body_middleware` refuses what is packed
            access_log=None,
            base=self._base,
        )


class Accepting:
    """Takes what comes in at listening sockets; in place of an `asyncio.Server`, which accepts without asking.

    `handler` makes the protocol of who comes from an address; it tells `room` when it is opened and lost.
    """

    def __init__(
        self,
        opened: Sequence[socket.socket],
        inherited: Sequence[socket.socket],
        room: OpenSockets,
        handler: Callable[[str], asyncio.Protocol],
        *,
        certificate: Certificate | None,
    ) -> None:
        self.sockets = [*opened, *inherited]
        self._inherited = frozenset(inherited)
        self._room = room
        self._handler = handler
        self._certificate = certificate
        self._loop = asyncio.get_running_loop()
        self._opening: set[asyncio.Task[None]] = set()
        self._is_closed = False
        for each in self.sockets:
            self._loop.add_reader(each, self._accept, each)

    def close(self) -> None:
        self._is_closed = True
        for each in self.sockets:
            self._loop.remove_reader(each)
            listening_sockets.close(each, is_inherited=each in self._inherited)

    async def all_in(self) -> None:
        """Who was accepted has a handler."""
        if self._opening:
            await asyncio.wait(self._opening, timeout=_FIRST_WORDS_SECONDS)

    def _accept(self, listening: socket.socket) -> None:
        for _ in range(_ACCEPTED_AT_ONCE):
            try:
                opened, peer = listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                self._pause(listening, error)
                return
            address = _address_of(peer)
            if self._room.admit(address):
                task = self._loop.create_task(self._open(opened, address))
                self._opening.add(task)
                task.add_done_callback(self._opening.discard)
            else:
                opened.close()

    async def _open(self, opened: socket.socket, address: str) -> None:
        try:
            opened.setblocking(False)
            await self._loop.connect_accepted_socket(lambda: self._handler(address), opened, **self._tls())
        except OSError as error:  # gone meanwhile, or no TLS
            opened.close()
            self._room.give_up(address)
            if isinstance(error, ssl.SSLError):
                logs.STRANGERS.info("no TLS with %s: %s", address, error.reason)

    def _tls(self) -> dict[str, Any]:
        """As of now: a renewed certificate is for whoever comes next."""
        if self._certificate is None:
            return {}
        seconds = self._room.limits.head_seconds
        return {
            "ssl": self._certificate.context,
            "ssl_handshake_timeout": seconds,
            "ssl_shutdown_timeout": min(seconds, _LINGERING_SECONDS),
        }

    def _pause(self, listening: socket.socket, error: OSError) -> None:
        """The system has no descriptors or memory left; it would tell us of the waiting connection for ever."""
        logs.STRANGERS.error("no connection can be accepted: %s", error.strerror)
        self._room.shed(_SHED)
        self._loop.remove_reader(listening)
        self._loop.call_later(_PAUSE_SECONDS, self._go_on, listening)

    def _go_on(self, listening: socket.socket) -> None:
        if not self._is_closed:
            self._loop.add_reader(listening, self._accept, listening)


def _address_of(peer: Any) -> str:
    return str(peer[0]) if isinstance(peer, tuple) else ""
