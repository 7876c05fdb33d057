"""A small live client for tests: waits for messages with a deadline, never sleeps."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

Json = dict[str, Any]


class LiveSocket:
    """One open connection; everything that arrived stays in `seen`."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.seen: list[Json] = []
        self.close_reason = ""
        self._waiting: list[Json] = []
        self._first: aiohttp.WSMessage | None = None

    async def send(self, **message: Any) -> None:
        await self.socket.send_json(message)

    async def joined(self, *, seconds: float = 15.0) -> None:
        """Whoever only shook hands is not told of what happens; whoever was sent a message is, or is refused."""
        async with asyncio.timeout(seconds):
            self._first = await self.socket.receive()

    async def next(self, wanted: str | Callable[[Json], bool] | None = None, *, seconds: float = 15.0) -> Json:
        """The next message, or the next of a type or one that fits."""
        fits = wanted if callable(wanted) else lambda message: wanted is None or message["type"] == wanted
        async with asyncio.timeout(seconds):
            while True:
                message = await self._receive()
                if fits(message):
                    return message

    async def closed_with(self, *, seconds: float = 15.0) -> int | None:
        """Read to the end; the close code."""
        async with asyncio.timeout(seconds):
            while True:
                message = await self._read()
                if message.type is not aiohttp.WSMsgType.TEXT:
                    self.close_reason = str(message.extra or "")
                    return self.socket.close_code
                self._take(message.data)

    async def _receive(self) -> Json:
        while not self._waiting:
            message = await self._read()
            assert message.type is aiohttp.WSMsgType.TEXT, f"{message.type!r} {message.data!r}"
            self._take(message.data)
        return self._waiting.pop(0)

    async def _read(self) -> aiohttp.WSMessage:
        first, self._first = self._first, None
        return first or await self.socket.receive()

    def _take(self, text: str) -> None:
        content = json.loads(text)
        messages = content if isinstance(content, list) else [content]
        self.seen += messages
        self._waiting += messages


@asynccontextmanager
async def connected(
    client: aiohttp.ClientSession, client_id: str = "tab", *, headers: dict[str, str] | None = None, **query: str
) -> AsyncIterator[LiveSocket]:
    """A socket that the server has taken, and perhaps not let in yet."""
    async with client.ws_connect(f"/ws/{client_id}", params=query, headers=headers or {}, max_msg_size=0) as socket:
        yield LiveSocket(socket)


@asynccontextmanager
async def live(
    client: aiohttp.ClientSession, client_id: str = "tab", *, headers: dict[str, str] | None = None, **query: str
) -> AsyncIterator[LiveSocket]:
    """Connect as `client`; the `connection` message is there, and still to be read."""
    async with connected(client, client_id, headers=headers, **query) as socket:
        await socket.joined()
        yield socket
