"""The port of gRPC: who is let in, what they can call, and how they are sent away."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from server.errors import Unavailable
from server.http import asyncapi
from server.http.asyncapi import LiveChannels
from server.http.certificate import Certificate
from server.http.listener import Accepting
from server.http.listening_sockets import UNIX, hosts_of, open_sockets_at, url_of_socket
from server.http.parts import WebParts
from server.realtime.rechecking import keep_checking
from server.settings import Settings
from server.transports import Entrance, Host
from server.transports.grpc.calls import CallHouse, LineCalls
from server.transports.grpc.jobs import JobService
from server.transports.grpc.line import GrpcLine
from server.transports.grpc.live import NAME, LiveService
from server.transports.grpc.made.jindu_pb2 import DESCRIPTOR
from server.transports.grpc.methods import GrpcMethod, methods_of
from server.transports.grpc.standard import HealthService, reflection_of
from server.transports.grpc.turns import ReadingTurns
from server.transports.grpc.uploads import UploadService

_LOOKS_PER_PING = 10
_ANSWER_SECONDS = 5.0  # what is being answered gets to finish when the server stops, as requests do (server/serving.py)
_LOOKS_APART_SECONDS = 0.05
_LOOPBACK = "127.0.0.1"
_LOG = logging.getLogger("jindu")


class GrpcTransport:
    """`jindu.v1` on its own port; see docs/grpc.md."""

    def __init__(self, entrance: Entrance) -> None:
        """Raises `ConfigurationError` for a certificate that cannot be used."""
        self._entrance = entrance
        self._certificate = _certificate(entrance.settings)
        self._live = LiveService(entrance)
        self._lines: set[GrpcLine] = set()
        self._accepting: Accepting | None = None
        self._health: HealthService | None = None
        self._house: CallHouse | None = None

    def setup(self, host: Host) -> None:
        host.while_open(lambda: self._open(host.parts))
        host.when_draining(self._drain)

    def channels(self) -> LiveChannels:
        return LiveChannels(
            server=NAME,
            schemes=("grpc", "grpcs"),
            channels={
                NAME: {
                    "address": "jindu.v1.Live/Watch",
                    "title": "gRPC",
                    "description": "A stream of the same messages on a port of its own; docs/grpc.md has the rest.",
                    "messages": asyncapi.refs(asyncapi.SENT),
                }
            },
            operations={
                "receive_grpc": asyncapi.pushes(NAME, asyncapi.SENT, summary="What the server sends over `Live/Watch`.")
            },
        )

    @asynccontextmanager
    async def _open(self, parts: WebParts) -> AsyncIterator[None]:
        """Raises `OSError` when it cannot listen."""
        self._house = house = CallHouse(self._entrance, parts, self._methods(parts))
        opened = await open_sockets_at(_hosts(parts.settings), parts.settings.grpc_port)
        limits, turns = self._entrance.manager.limits, ReadingTurns()

        def line(address: str) -> GrpcLine:
            return GrpcLine(LineCalls(house), parts.open_sockets, self._lines, turns, address=address, limits=limits)

        self._accepting = Accepting(opened, (), parts.open_sockets, line, certificate=self._certificate)
        scheme = "http" if self._certificate is None else "https"
        _LOG.info("gRPC on %s", " and ".join(url_of_socket(each, scheme=scheme) for each in opened))
        chores = [
            asyncio.create_task(self._watch(house), name="watch grpc"),
            asyncio.create_task(self._recheck(house), name="recheck grpc"),
        ]
        if self._certificate is not None:
            chores.append(asyncio.create_task(self._certificate.watch(), name="watch the certificate of grpc"))
        try:
            yield
        finally:
            self._drain()
            for each in chores:
                each.cancel()
            await asyncio.wait(chores)
            await self._ended(house)

    def _methods(self, parts: WebParts) -> Mapping[str, GrpcMethod]:
        services = {"Live": self._live, "Jobs": JobService(), "Uploads": UploadService()}
        named = {DESCRIPTOR.services_by_name[name]: service for name, service in services.items()}
        methods = [each for descriptor, service in named.items() for each in methods_of(descriptor, service)]
        self._health = HealthService(parts, [descriptor.full_name for descriptor in named])
        methods += self._health.methods()
        methods += reflection_of(methods)
        return {each.path: each for each in methods}

    def _drain(self) -> None:
        """Nobody new is let in; live streams are sent away with all other connections. Safe to repeat."""
        if self._accepting is not None:
            self._accepting.close()
            self._accepting = None
        if self._health is not None:
            self._health.drain()
        for line in list(self._lines):
            line.is_leaving = True

    async def _ended(self, house: CallHouse) -> None:
        """What is being answered gets to finish, in time."""
        for _ in range(int(_ANSWER_SECONDS / _LOOKS_APART_SECONDS)):
            if not house.count():
                break
            await asyncio.sleep(_LOOKS_APART_SECONDS)
        house.end_all(Unavailable())
        for _ in range(int(1.0 / _LOOKS_APART_SECONDS)):
            for line in list(self._lines):
                line.close_when_idle()
            if not self._lines:
                return
            await asyncio.sleep(_LOOKS_APART_SECONDS)
        for line in list(self._lines):
            line.end()

    async def _watch(self, house: CallHouse) -> None:
        """Until cancelled: who is no longer signed in, what is idle, and where a sign of life is wanted."""
        interval = self._entrance.manager.limits.ping_interval_seconds
        while True:
            await asyncio.sleep(min(1.0, interval / _LOOKS_PER_PING))
            try:
                house.look_after()
                self._live.look_after()
                for line in list(self._lines):
                    line.look_after()
            except Exception:
                _LOG.exception("could not look after calls", extra={"action": "grpc_watch"})

    async def _recheck(self, house: CallHouse) -> None:
        every_seconds = self._entrance.settings.credential_look_seconds
        await keep_checking(house.recheck, every_seconds=every_seconds, log=_LOG)


def _hosts(settings: Settings) -> list[str]:
    """Where the HTTP server listens at a Unix socket alone, gRPC is for this machine."""
    if settings.grpc_host:
        return hosts_of(settings.grpc_host)
    return [each for each in hosts_of(settings.host) if not each.startswith(UNIX)] or [_LOOPBACK]


def _certificate(settings: Settings) -> Certificate | None:
    certificate = settings.grpc_tls_cert or settings.tls_cert
    key = settings.grpc_tls_key if settings.grpc_tls_cert else settings.tls_key
    return Certificate(Path(certificate), Path(key) if key else None, protocol="h2") if certificate else None
