"""The messages of `graphql-transport-ws` that clients send, and its own ways to end."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import msgspec
from msgspec import Struct

from server.errors import InvalidInput, MalformedRequest
from server.transports.graphql.running import GraphQlRequest


class SocketEnd(IntEnum):
    """What the protocol ends a socket with, beside our own codes."""

    BAD_REQUEST = 4400
    UNAUTHORIZED = 4401
    FORBIDDEN = 4403
    INIT_TIMEOUT = 4408
    ID_TAKEN = 4409
    INIT_AGAIN = 4429


class ConnectionInit(Struct, tag_field="type", tag="connection_init"):
    payload: dict[str, Any] | None = None


class PeerPing(Struct, tag_field="type", tag="ping"):
    payload: dict[str, Any] | None = None


class PeerPong(Struct, tag_field="type", tag="pong"):
    payload: dict[str, Any] | None = None


class StartOperation(Struct, tag_field="type", tag="subscribe"):
    id: str
    payload: GraphQlRequest


class StopOperation(Struct, tag_field="type", tag="complete"):
    id: str


SocketMessage = ConnectionInit | PeerPing | PeerPong | StartOperation | StopOperation
_DECODER = msgspec.json.Decoder(SocketMessage)


def from_text(text: str) -> SocketMessage:
    """Raises `InvalidInput` (`MalformedRequest`)."""
    try:
        found: SocketMessage = _DECODER.decode(text)
    except msgspec.ValidationError as error:
        raise InvalidInput(str(error)) from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise MalformedRequest(str(error)) from None
    return found


def operation_in(text: str) -> StartOperation | StopOperation | None:
    """What a frame would start or stop, if it is about an operation."""
    try:
        found = from_text(text)
    except InvalidInput:
        return None
    return found if isinstance(found, StartOperation | StopOperation) else None
