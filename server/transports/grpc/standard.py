"""What every gRPC server is asked for: whether it serves (`grpc.health.v1`), and what it offers (`grpc.reflection`)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from typing import Any

from google.protobuf.message import Message
from grpclib.const import Handler
from grpclib.health.v1 import health_pb2
from grpclib.health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpclib.reflection.service import ServerReflection

from server.errors import NotFound
from server.http.parts import WebParts
from server.transports.grpc.call import GrpcCall
from server.transports.grpc.methods import Asker, Caller, GrpcMethod, methods_of

_HEALTH = health_pb2.DESCRIPTOR.services_by_name["Health"]


class HealthService:
    """`check` is for everybody, as `/readyz` is; `watch` for those who said who they are, since it keeps a stream."""

    def __init__(self, parts: WebParts, services: Collection[str]) -> None:
        self._parts = parts
        self._services = frozenset({"", *services})
        self._draining = asyncio.Event()

    def methods(self) -> Iterator[GrpcMethod]:
        return methods_of(_HEALTH, self, open_to_all=["Check"])

    def drain(self) -> None:
        self._draining.set()

    async def check(self, _asker: Asker, asked: HealthCheckRequest) -> HealthCheckResponse:
        if asked.service not in self._services:
            raise NotFound
        return self._now()

    async def watch(self, caller: Caller, asked: HealthCheckRequest) -> None:
        if asked.service not in self._services:
            await caller.call.send(HealthCheckResponse(status=HealthCheckResponse.SERVICE_UNKNOWN))
            await self._draining.wait()
            return
        await caller.call.send(self._now())
        await self._draining.wait()
        await caller.call.send(self._now())

    def _now(self) -> HealthCheckResponse:
        is_ready = self._parts.readiness.is_ready and not self._draining.is_set()
        return HealthCheckResponse(status=HealthCheckResponse.SERVING if is_ready else HealthCheckResponse.NOT_SERVING)


def reflection_of(methods: Collection[GrpcMethod]) -> Iterator[GrpcMethod]:
    """grpclib's, of both versions, over calls of ours: for those who said who they are."""
    paths = {each.path.split("/")[1]: each.path for each in methods}
    for servable in ServerReflection.extend([_Named(path) for path in paths.values()]):
        if isinstance(servable, _Named):
            continue
        for path, handler in servable.__mapping__().items():
            yield GrpcMethod(path=path, answer=_by_grpclib(handler))


class _Named:
    """A service as far as `ServerReflection` looks at it."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __mapping__(self) -> Mapping[str, Any]:
        return {self._path: None}


class _CallStream:
    """A call as far as handlers of grpclib look at it."""

    def __init__(self, call: GrpcCall, kind: type[Message]) -> None:
        self._call, self._kind = call, kind

    def __aiter__(self) -> _CallStream:
        return self

    async def __anext__(self) -> Message:
        if (message := await self._call.receive(self._kind)) is None:
            raise StopAsyncIteration
        return message

    async def send_message(self, message: Message) -> None:
        await self._call.send(message)


def _by_grpclib(handler: Handler) -> Callable[[Asker], Awaitable[None]]:
    async def answer(asker: Asker) -> None:
        await handler.func(_CallStream(asker.call, handler.request_type))

    return answer
