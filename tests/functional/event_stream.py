"""A server-sent event stream for tests: read as browsers do, with a deadline."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp

from tests.functional.live_client import Json


@dataclass(frozen=True, slots=True)
class Event:
    name: str
    data: Json


class EventStream:
    """One open stream; every message that arrived stays in `seen`."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.response = response
        self.seen: list[Json] = []
        self.comments = 0
        self.retry: int | None = None
        self.last_id = ""  # what a browser would come back with

    async def next(self, wanted: str | Callable[[Json], bool] | None = None, *, seconds: float = 15.0) -> Json:
        """The next message, or the next of a type or one that fits."""
        fits = wanted if callable(wanted) else lambda message: wanted is None or message["type"] == wanted
        async with asyncio.timeout(seconds):
            while True:
                event = await self._read()
                assert event is not None, "the stream ended"
                assert event.name == "message", event
                if fits(event.data):
                    return event.data

    async def closed_with(self, *, seconds: float = 15.0) -> int | None:
        """Read to the end; the code of the last event, None when the stream was cut off."""
        code: int | None = None
        async with asyncio.timeout(seconds):
            while event := await self._read():
                code = event.data["code"] if event.name == "close" else None
        return code

    async def commented(self, *, seconds: float = 15.0) -> None:
        """Read until a comment comes."""
        before = self.comments
        async with asyncio.timeout(seconds):
            while self.comments == before:
                self._take_comment(await self.response.content.readline())

    async def _read(self) -> Event | None:
        """The next event; None at the end."""
        fields: dict[str, str] = {}
        while True:
            try:
                line = (await self.response.content.readline()).decode()
            except aiohttp.ClientError:  # cut off
                return None
            if not line:
                return None
            name, _, value = line.rstrip("\n").partition(":")
            if name:
                fields[name] = value.removeprefix(" ")
                if name == "retry":
                    self.retry = int(value)
            elif "data" in fields:
                return self._event(fields)
            else:
                self._take_comment(line.encode())

    def _event(self, fields: dict[str, str]) -> Event:
        self.last_id = fields.get("id", self.last_id)
        event = Event(fields.get("event", "message"), json.loads(fields["data"]))
        if event.name == "message":
            self.seen.append(event.data)
        return event

    def _take_comment(self, line: bytes) -> None:
        assert line.startswith((b":", b"\n")), line
        self.comments += line.startswith(b":")


@asynccontextmanager
async def events(
    client: aiohttp.ClientSession, client_id: str = "tab", *, headers: dict[str, str] | None = None, **query: str
) -> AsyncIterator[EventStream]:
    """Connect as `client`; the `connection` message is still to be read."""
    params = {"client_id": client_id} | query
    timeout = aiohttp.ClientTimeout(total=None)
    async with client.get(
        "/events", params=params, headers=headers or {}, timeout=timeout, read_bufsize=2**22
    ) as response:
        assert response.status == 200, await response.text()
        yield EventStream(response)


async def command(client: aiohttp.ClientSession, client_id: str = "tab", **content: object) -> int:
    """Send a command for a stream; the status of the answer."""
    async with client.post(f"/events/{client_id}", json=content) as response:
        return response.status
