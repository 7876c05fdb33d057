"""gRPC as grpclib's client speaks it, for tests: with deadlines, and never sleeping."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from grpclib import GRPCError, Status
from grpclib.client import Channel, Stream
from grpclib.config import Configuration
from grpclib.const import Cardinality
from grpclib.exceptions import ProtocolError as GrpclibError
from grpclib.exceptions import StreamTerminatedError
from h2.exceptions import ProtocolError

from server.transports.grpc.made import jindu_pb2 as pb
from tests.functional.live_client import Json

Fits = Callable[[Json], bool]
HOST = "127.0.0.1"


@dataclass(slots=True)
class Answered:
    """How a call ended. `code` is the stable one of the API."""

    status: Status
    message: str = ""
    trailers: dict[str, str] = field(default_factory=dict)
    answer: Any = None
    begun: dict[str, str] = field(default_factory=dict)  # the initial metadata

    @property
    def code(self) -> str:
        return self.trailers.get("jindu-code", "")


class GrpcClient:
    """One connection, of whoever's token it has."""

    def __init__(
        self,
        port: int,
        token: str | None,
        *,
        tls: ssl.SSLContext | None = None,
        window_bytes: int = 4 * 1024 * 1024,
        **metadata: str,
    ) -> None:
        if tls is not None:
            tls.set_alpn_protocols(["h2"])
        windows = Configuration(http2_connection_window_size=window_bytes, http2_stream_window_size=window_bytes)
        self.channel = Channel(HOST, port, ssl=tls, config=windows)
        self.metadata = dict(metadata) | ({"authorization": f"Bearer {token}"} if token else {})

    @asynccontextmanager
    async def opened(self, path: str, **options: Any) -> AsyncIterator[Stream[Any, Any]]:
        """A call of `Service.Method`."""
        service, name = path.split("/")
        method = pb.DESCRIPTOR.services_by_name[service].methods_by_name[name]
        cardinality = next(
            each
            for each in Cardinality
            if (each.client_streaming, each.server_streaming) == (method.client_streaming, method.server_streaming)
        )
        request = self.channel.request(
            f"/jindu.v1.{service}/{name}",
            cardinality,
            GetMessageClass(method.input_type),
            GetMessageClass(method.output_type),
            metadata=self.metadata,
            **options,
        )
        stream = await request.__aenter__()
        try:
            yield stream
        finally:
            with suppress(ProtocolError, GrpclibError, StreamTerminatedError):  # it may be over, or cut
                await stream.cancel()
            with suppress(GRPCError, StreamTerminatedError, GrpclibError):  # whoever wants to know has asked
                await request.__aexit__(None, None, None)

    async def asked(self, path: str, *messages: Message, seconds: float = 15.0, **options: Any) -> Answered:
        """One answer to all of `messages`, or why there is none."""
        stream: Stream[Any, Any] | None = None
        answer = None
        try:
            async with asyncio.timeout(seconds), self.opened(path, **options) as stream:
                for number, message in enumerate(messages):
                    await stream.send_message(message, end=number == len(messages) - 1)
                if not messages:
                    await stream.send_request(end=True)
                answer = await stream.recv_message()
                await stream.recv_trailing_metadata()
        except GRPCError as error:
            return Answered(error.status, error.message or "", _plain(stream.trailing_metadata), None, _begun(stream))
        return Answered(Status.OK, "", _plain(stream.trailing_metadata), answer, _begun(stream))

    def close(self) -> None:
        self.channel.close()


def _plain(metadata: Any) -> dict[str, str]:
    return {key: value for key, value in (metadata or {}).items() if isinstance(value, str)}


def _begun(stream: Stream[Any, Any] | None) -> dict[str, str]:
    return _plain(stream.initial_metadata if stream is not None else None)


def token_of(client: aiohttp.ClientSession) -> str:
    return client.headers["Authorization"].removeprefix("Bearer ")


@asynccontextmanager
async def grpc_of(client: aiohttp.ClientSession, port: int, **options: Any) -> AsyncIterator[GrpcClient]:
    """`options` as `GrpcClient` takes them: metadata, too."""
    opened = GrpcClient(port, token_of(client), **options)
    try:
        yield opened
    finally:
        opened.close()


class LiveOverGrpc:
    """`Live/Watch` as `LiveSocket` is: what is said of all transports is said of it too."""

    def __init__(self, stream: Stream[Any, Any]) -> None:
        self.stream = stream
        self.positions: list[str] = []

    async def message(self, *, seconds: float = 15.0) -> Any:
        """As it comes, a heartbeat, too; None at the end. Raises `GRPCError`."""
        async with asyncio.timeout(seconds):
            return await self.stream.recv_message()

    async def next(self, wanted: str | Fits | None = None, *, seconds: float = 15.0) -> Json:
        fits = wanted if callable(wanted) else lambda message: wanted is None or message["type"] == wanted
        async with asyncio.timeout(seconds):
            while True:
                try:
                    message = await self.stream.recv_message()
                except GRPCError as error:
                    raise AssertionError(f"{error.status} {error.message}") from error
                assert message is not None
                if message.type == "heartbeat":
                    continue
                if message.position:
                    self.positions.append(message.position)
                found: Json = json.loads(message.json)
                if fits(found):
                    return found

    async def closed_with(self, *, seconds: float = 15.0) -> int | None:
        """Read to the end; the close code, None when it was cut off."""
        try:
            async with asyncio.timeout(seconds):
                while await self.stream.recv_message() is not None:
                    pass
                await self.stream.recv_trailing_metadata()
        except StreamTerminatedError:
            return None
        except GRPCError:
            pass
        trailers = _plain(self.stream.trailing_metadata)
        return int(trailers["jindu-close-code"]) if "jindu-close-code" in trailers else None


@asynccontextmanager
async def live_over_grpc(
    client: aiohttp.ClientSession,
    client_id: str = "tab",
    *,
    port: int,
    since: str | None = None,
    events: Sequence[str] = (),
) -> AsyncIterator[LiveOverGrpc]:
    async with grpc_of(client, port) as channel, channel.opened("Live/Watch") as stream:
        asked = pb.LiveWatchRequest(since=since or "", client_id=client_id, events=events)
        await stream.send_message(asked, end=True)
        yield LiveOverGrpc(stream)
