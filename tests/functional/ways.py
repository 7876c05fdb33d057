"""Every way that live messages come, each opened alike."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Protocol

from tests.functional.event_stream import events
from tests.functional.graphql_client import Fits, live_over_events, live_over_socket
from tests.functional.grpc_client import live_over_grpc
from tests.functional.live_client import Json, live


class Opened(Protocol):
    async def next(self, wanted: str | Fits | None = None, *, seconds: float = 15.0) -> Json: ...

    async def closed_with(self, *, seconds: float = 15.0) -> int | None: ...


Open = Callable[..., AbstractAsyncContextManager[Opened]]
WAYS: dict[str, Open] = {
    "websocket": live,
    "events": events,
    "graphql socket": live_over_socket,
    "graphql stream": live_over_events,
    "grpc": live_over_grpc,
}


def opened_by(way: str, *, grpc_port: int) -> Open:
    """gRPC has a port of its own."""
    return partial(live_over_grpc, port=grpc_port) if way == "grpc" else WAYS[way]
