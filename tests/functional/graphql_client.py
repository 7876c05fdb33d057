"""GraphQL as its clients speak it, over a socket and over a stream, for tests: with deadlines, and never sleeping."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from tests.functional.live_client import Json

LIVE = "subscription($since: String, $clientId: String, $events: [String!]) "
LIVE += "{ live(since: $since, clientId: $clientId, events: $events) }"
PROTOCOL = "graphql-transport-ws"


async def asked(client: aiohttp.ClientSession, query: str, **variables: Any) -> Json:
    """The answer to a query or mutation."""
    async with client.post("/graphql", json={"query": query, "variables": variables}) as response:
        assert response.status == 200, await response.text()
        assert response.content_type == "application/json"
        found: Json = await response.json()
        return found


def codes(answer: Json) -> list[str]:
    """Of its errors."""
    return [error["extensions"]["code"] for error in answer.get("errors", ())]


class GraphQlClient:
    """One socket of `graphql-transport-ws`."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.close_reason = ""

    async def send(self, **message: Any) -> None:
        await self.socket.send_json(message)

    async def start(self, query: str, operation_id: str = "1", **variables: Any) -> None:
        await self.send(type="subscribe", id=operation_id, payload={"query": query, "variables": variables})

    async def next(self, kind: str | None = None, *, operation_id: str | None = None, seconds: float = 15.0) -> Json:
        """The next message, or the next of a kind or operation."""
        async with asyncio.timeout(seconds):
            while True:
                message = await self.socket.receive()
                assert message.type is aiohttp.WSMsgType.TEXT, f"{message.type!r} {message.data!r} {message.extra!r}"
                found: Json = json.loads(message.data)
                if kind in (None, found["type"]) and operation_id in (None, found.get("id")):
                    return found

    async def data(self, operation_id: str | None = None, *, seconds: float = 15.0) -> Any:
        """The only field of the next result."""
        found = await self.next(operation_id=operation_id, seconds=seconds)
        assert found["type"] == "next", found
        assert "errors" not in found["payload"], found
        return next(iter(found["payload"]["data"].values()))

    async def closed_with(self, *, seconds: float = 15.0) -> int | None:
        """Read to the end; the close code."""
        async with asyncio.timeout(seconds):
            while True:
                message = await self.socket.receive()
                if message.type is not aiohttp.WSMsgType.TEXT:
                    self.close_reason = str(message.extra or "")
                    return self.socket.close_code


@asynccontextmanager
async def graphql_socket(
    client: aiohttp.ClientSession,
    *,
    init: Json | None = None,
    headers: dict[str, str] | None = None,
    is_introduced: bool = True,
) -> AsyncIterator[GraphQlClient]:
    """A socket that has been acknowledged, unless it is not to be introduced."""
    async with client.ws_connect("/graphql", protocols=[PROTOCOL], headers=headers or {}, max_msg_size=0) as socket:
        assert socket.protocol == PROTOCOL
        opened = GraphQlClient(socket)
        if is_introduced:
            await opened.send(type="connection_init", payload=init or {})
            await opened.next("connection_ack")
        yield opened


class GraphQlEvents:
    """One stream of `graphql-sse`."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.response = response
        self.is_complete = False

    async def next(self, *, seconds: float = 15.0) -> Json | None:
        """The next result; None at the end, which was said when `is_complete`."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(seconds):
            while True:
                try:
                    line = (await self.response.content.readline()).decode()
                except aiohttp.ClientError:  # cut off
                    return None
                name, _, value = line.rstrip("\n").partition(":")
                if not line:
                    return None
                if name:
                    fields[name] = value.removeprefix(" ")
                elif fields.get("event") == "complete":
                    self.is_complete = True
                    return None
                elif "data" in fields:
                    found: Json = json.loads(fields["data"])
                    return found

    async def data(self, *, seconds: float = 15.0) -> Any:
        """The only field of the next result."""
        found = await self.next(seconds=seconds)
        assert found is not None, "the stream ended"
        assert "errors" not in found, found
        return next(iter(found["data"].values()))


@asynccontextmanager
async def graphql_events(client: aiohttp.ClientSession, query: str, **variables: Any) -> AsyncIterator[GraphQlEvents]:
    timeout = aiohttp.ClientTimeout(total=None)
    accept = {"Accept": "text/event-stream"}
    wanted = {"query": query, "variables": variables}
    async with client.post("/graphql", json=wanted, headers=accept, timeout=timeout, read_bufsize=2**22) as response:
        assert response.status == 200, await response.text()
        assert response.content_type == "text/event-stream"
        yield GraphQlEvents(response)


Fits = Callable[[Json], bool]


class LiveOverSocket:
    """The subscription `live` as `LiveSocket` is: what is said of all transports is said of it too."""

    def __init__(self, client: GraphQlClient) -> None:
        self._client = client

    async def next(self, wanted: str | Fits | None = None, *, seconds: float = 15.0) -> Json:
        return await _fitting(self._client.data, wanted, seconds)

    async def closed_with(self, *, seconds: float = 15.0) -> int | None:
        """Of the socket, or of the one operation."""
        async with asyncio.timeout(seconds):
            while True:
                message = await self._client.socket.receive()
                if message.type is not aiohttp.WSMsgType.TEXT:
                    return self._client.socket.close_code
                found = json.loads(message.data)
                if found["type"] == "error":
                    return int(found["payload"][0]["extensions"]["closeCode"])


class LiveOverEvents:
    """The same, over a stream."""

    def __init__(self, events: GraphQlEvents) -> None:
        self._events = events

    async def next(self, wanted: str | Fits | None = None, *, seconds: float = 15.0) -> Json:
        return await _fitting(self._events.data, wanted, seconds)

    async def closed_with(self, *, seconds: float = 15.0) -> int | None:
        """The code of the last result, None when the stream was cut off."""
        code: int | None = None
        while (found := await self._events.next(seconds=seconds)) is not None:
            if "errors" in found:
                code = int(found["errors"][0]["extensions"]["closeCode"])
        return code


async def _fitting(data: Any, wanted: str | Fits | None, seconds: float) -> Json:
    fits = wanted if callable(wanted) else lambda message: wanted is None or message["type"] == wanted
    async with asyncio.timeout(seconds):
        while True:
            message: Json = await data()
            if fits(message):
                return message


@asynccontextmanager
async def live_over_socket(
    client: aiohttp.ClientSession, client_id: str = "tab", *, since: str | None = None
) -> AsyncIterator[LiveOverSocket]:
    async with graphql_socket(client) as socket:
        await socket.start(LIVE, clientId=client_id, since=since)
        yield LiveOverSocket(socket)


@asynccontextmanager
async def live_over_events(
    client: aiohttp.ClientSession, client_id: str = "tab", *, since: str | None = None
) -> AsyncIterator[LiveOverEvents]:
    async with graphql_events(client, LIVE, clientId=client_id, since=since) as events:
        yield LiveOverEvents(events)
