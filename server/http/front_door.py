"""All that the server listens at, from its start to its stop."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import web

from server.http.certificate import Certificate
from server.http.listener import Listener
from server.http.listening_sockets import UNIX, hosts_of, open_sockets_at
from server.http.parts import PARTS
from server.settings import Settings

_HTTPS_PORT = 443
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[\w.-]+)(?::\d{1,5})?")


class FrontDoor:
    """The listener of an application, what keeps its certificate fresh, and the one that sends http:// to https://."""

    def __init__(self, runner: web.AppRunner, *, inherited: Sequence[socket.socket] = ()) -> None:
        self._runner = runner
        self._inherited = inherited
        self._chores: list[asyncio.Task[None]] = []
        self._redirecting: web.ServerRunner | None = None
        self.urls: list[str] = []
        self.certificate: Certificate | None = None

    async def open(self) -> None:
        """For the application of `runner`, which is set up. Raises `OSError` or `ConfigurationError`."""
        assert self._runner.app is not None
        parts = self._runner.app[PARTS]
        settings, sockets = parts.settings, parts.open_sockets
        certificate = self.certificate = certificate_of(settings)
        opened = [] if self._inherited else await open_sockets_at(hosts_of(settings.host), settings.port)
        listener = Listener(
            self._runner,
            sockets,
            opened=opened,
            inherited=self._inherited,
            certificate=certificate,
            base=parts.base_path,
        )
        await listener.start()
        self.urls = listener.urls
        self._begin(sockets.watch(), "watch sockets")
        if certificate is not None:
            self._begin(certificate.watch(), "watch the certificate")
        if certificate is not None and settings.http_redirect_port:
            self._redirecting = web.ServerRunner(web.Server(_Redirect(settings, self.urls[0]), access_log=None))
            await self._redirecting.setup()
            hosts = [host for host in hosts_of(settings.host) if not host.startswith(UNIX)]
            opened = await open_sockets_at(hosts, settings.http_redirect_port)
            await Listener(self._redirecting, sockets, opened=opened).start()

    async def close(self) -> None:
        """Safe when only a part of it was opened."""
        if self._redirecting is not None:
            await self._redirecting.cleanup()
        await self._runner.cleanup()
        for each in self._chores:
            each.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*self._chores)

    def _begin(self, chore: object, name: str) -> None:
        assert asyncio.iscoroutine(chore)
        self._chores.append(asyncio.create_task(chore, name=name))


def certificate_of(settings: Settings) -> Certificate | None:
    if not settings.tls_cert:
        return None
    return Certificate(Path(settings.tls_cert), Path(settings.tls_key) if settings.tls_key else None)


class _Redirect:
    """Sends everything to the same place over TLS, changes included (308 keeps the method)."""

    def __init__(self, settings: Settings, url: str) -> None:
        public = urlsplit(settings.public_url)  # its path, if any, is what people asked for
        self._public = f"https://{public.netloc}" if public.scheme == "https" else ""
        port = url.rpartition(":")[2]
        self._port = "" if port == str(_HTTPS_PORT) else f":{port}"

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        asked = _HOST.fullmatch(request.headers.get("Host", ""))
        if not self._public and asked is None:
            return web.Response(status=400)
        place = self._public or f"https://{asked[1]}{self._port}"  # type: ignore[index]
        path = request.path_qs if request.path_qs.startswith("/") else "/"
        return web.Response(status=308, headers={"Location": place + path, "Connection": "close"})
