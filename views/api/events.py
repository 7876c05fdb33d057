"""`/api/v1/events`: publish to whoever subscribed to a free event name."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from server.http.endpoint import Call, Endpoint, NoQuery
from server.http.values import FreeEventName

_MAX_BYTES = 64 * 1024


class Published(Struct, frozen=True, kw_only=True):
    """To how many connections it went; `at_least` where there are other nodes, whose connections are not counted."""

    event: str
    receivers: int
    at_least: bool


async def publish_event(call: Call[Any, NoQuery]) -> Published:
    name = call.path["name"]
    reach = await call.operations.events.publish(call.principal, name, call.body)
    return Published(event=name, receivers=reach.receivers, at_least=reach.at_least)


ENDPOINTS = [
    Endpoint(
        method="POST",
        path="/events/{name}",
        name="publish_event",
        handler=publish_event,
        summary="Publish any JSON to the subscribers of an event name.",
        access="write",
        body=Any,
        places={"name": FreeEventName},
        answer=Published,
        max_body_bytes=_MAX_BYTES,
        errors=(413, 422),
    ),
]
