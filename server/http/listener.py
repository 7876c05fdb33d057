"""Accepts TCP connections: only as many as there is room for, so that a flood never takes the last descriptor."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from typing import Any

from aiohttp import web

from server import logs
from server.base_path import BasePath
from server.http.open_sockets import OpenSockets
from server.http.parts import PARTS
from server.http.socket_handler import SocketHandler

_BACKLOG = 1024
# A third of a millisecond each, and a page needs a dozen turns of the loop. Fewer than the reserve of descriptors:
# those that make room close a moment later.
_ACCEPTED_AT_ONCE = 4
_PAUSE_SECONDS = 0.1  # when the system has no descriptor left, for us or for anybody
_SHED = 8
_LINGERING_SECONDS = 3.0  # for what is answered before its body has come, so that the answer is not lost by a reset


class Listener(web.BaseSite):
    """A site as aiohttp's `TCPSite`, of sockets that `OpenSockets` watches."""

    def __init__(
        self, runner: web.AppRunner, sockets: OpenSockets, *, hosts: Sequence[str], port: int, base: BasePath
    ) -> None:
        super().__init__(runner, backlog=_BACKLOG)
        self._web_server = runner.server
        self._sockets = sockets
        self._hosts = hosts
        self._port = port
        self._base = base
        self._watching: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        return url_of(self._hosts[0], self._port)

    async def start(self) -> None:
        """Raises `OSError` when the address cannot be had."""
        await super().start()
        opened = await _listening(self._hosts, self._port)
        self._server = _Accepting(opened, self._sockets, self._handler)  # type: ignore[assignment]  # as it is used
        self._watching = asyncio.create_task(self._sockets.watch(), name="watch sockets")

    async def stop(self) -> None:
        await super().stop()
        if self._watching is not None:
            self._watching.cancel()

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


class _Accepting:
    """Takes what comes in at listening sockets; in place of an `asyncio.Server`, which accepts without asking."""

    def __init__(
        self, sockets: Sequence[socket.socket], room: OpenSockets, handler: Callable[[str], SocketHandler]
    ) -> None:
        self.sockets = sockets
        self._room = room
        self._handler = handler
        self._loop = asyncio.get_running_loop()
        self._opening: set[asyncio.Task[None]] = set()
        self._is_closed = False
        for each in sockets:
            self._loop.add_reader(each, self._accept, each)

    def close(self) -> None:
        self._is_closed = True
        for each in self.sockets:
            self._loop.remove_reader(each)
            each.close()

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
            await self._loop.connect_accepted_socket(lambda: self._handler(address), opened)
        except OSError:  # gone meanwhile
            opened.close()
            self._room.give_up(address)

    def _pause(self, listening: socket.socket, error: OSError) -> None:
        """The system has no descriptors or memory left; it would tell us of the waiting connection for ever."""
        logs.STRANGERS.error("no connection can be accepted: %s", error.strerror)
        self._room.shed(_SHED)
        self._loop.remove_reader(listening)
        self._loop.call_later(_PAUSE_SECONDS, self._go_on, listening)

    def _go_on(self, listening: socket.socket) -> None:
        if not self._is_closed:
            self._loop.add_reader(listening, self._accept, listening)


def hosts_of(setting: str) -> list[str]:
    """What `JINDU_HOST` names. `::` means everywhere, IPv4 too: by two sockets, so that each sees true addresses."""
    named = [host.strip() for host in setting.split(",") if host.strip()] or [""]
    if "::" in named and "0.0.0.0" not in named:  # noqa: S104
        named.append("0.0.0.0")  # noqa: S104
    return list(dict.fromkeys(named))


def url_of(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def _listening(hosts: Sequence[str], port: int) -> list[socket.socket]:
    """A socket for each address that `hosts` stand for, all on one port."""
    loop = asyncio.get_running_loop()
    opened: list[socket.socket] = []
    try:
        for host in hosts:
            found = await loop.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
            for family, _type, _protocol, _name, address in dict.fromkeys(found):
                opened.append(_bound(family, (address[0], port, *address[2:])))
                port = port or opened[0].getsockname()[1]  # a free one, which the next must have as well
    except OSError:
        for each in opened:
            each.close()
        raise
    return opened


def _bound(family: int, address: Any) -> socket.socket:
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listening.setblocking(False)
        listening.bind(address)
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        raise OSError(error.errno, f"cannot listen on {url_of(*address[:2])}: {error.strerror}") from error
    return listening


def _address_of(peer: Any) -> str:
    return str(peer[0]) if isinstance(peer, tuple) else ""


async def listen(runner: web.AppRunner) -> None:
    """Open the port that the settings name, for the application of `runner`, which is set up."""
    parts = runner.app[PARTS]
    settings = parts.settings
    hosts, base = hosts_of(settings.host), parts.base_path
    await Listener(runner, parts.open_sockets, hosts=hosts, port=settings.port, base=base).start()
