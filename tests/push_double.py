"""A push service on loopback, and a browser that subscribed with it: it keeps what it was sent, or refuses it."""

from __future__ import annotations

import asyncio
import os
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

CLIENTS = Path(__file__).parent / "clients"


def _encoded(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


@dataclass
class PushDouble:
    """`status` is what it answers; `taken` are path, headers and body of what it was sent."""

    url: str = ""
    status: int = 201
    taken: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    _private: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    _auth: bytes = field(default_factory=lambda: os.urandom(16))

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[PushDouble]:
        app = web.Application()
        app.router.add_post("/{name}", self._take)
        async with TestServer(app) as server:
            self.url = str(server.make_url("")).rstrip("/")
            yield self

    @property
    def host(self) -> str:
        """As the setting `push_hosts` names it."""
        return self.url.removeprefix("http://")

    def subscription(self, name: str) -> dict[str, Any]:
        """As `PushSubscription.toJSON()` gives it."""
        point = self._private.public_key().public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        )
        keys = {"p256dh": _encoded(point), "auth": _encoded(self._auth)}
        return {"endpoint": f"{self.url}/{name}", "expirationTime": None, "keys": keys}

    async def read(self) -> list[dict[str, Any]]:
        """What was sent, as the browser would read it: by a program that others wrote."""
        key = _encoded(self._private.private_numbers().private_value.to_bytes(32, "big"))
        lines = [{"body": _encoded(body), "key": key, "auth": _encoded(self._auth)} for _, _, body in self.taken]
        process = await asyncio.create_subprocess_exec(
            "node", "pushed.mjs", cwd=CLIENTS,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        async with asyncio.timeout(60):
            out, errors = await process.communicate(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
        assert process.returncode == 0, errors.decode()
        return [msgspec.json.decode(line) for line in out.splitlines()]

    async def _take(self, request: web.Request) -> web.Response:
        self.taken.append((request.path, dict(request.headers), await request.read()))
        return web.Response(status=self.status, headers={"Location": f"{self.url}/elsewhere"})
