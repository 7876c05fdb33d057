"""What can be called: the services of the .proto, each method with whoever answers it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from server.auth.permissions import Principal
from server.errors import InvalidInput, MalformedRequest
from server.http.parts import WebParts
from server.http.storable import require_storable
from server.operations.offered import Operations
from server.transports.grpc.call import MOST_BYTES, GrpcCall
from server.transports.uncut import uncut
from server.transports.visitor import Visitor

_LARGE_BYTES = 1024 * 1024 + 64  # a piece of a file, and what is around it; sets of parameters
_LARGE = frozenset({"/jindu.v1.Uploads/Put", "/jindu.v1.Jobs/Start", "/jindu.v1.Jobs/Report"})
# More than any request needs: whoever reads them goes through all of them, and everybody waits.
_MOST_VALUES = 1_000
_LONGEST_TEXT = 20_000  # characters, of what is no JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Whoever makes a call, and what it is answered from. `language` is that of the texts for people."""

    visitor: Visitor
    language: str
    parts: WebParts
    call: GrpcCall


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller(Asker):
    """One who said who they are."""

    principal: Principal

    @property
    def operations(self) -> Operations:
        return self.parts.operations


GrpcAnswer = Callable[[Any], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class GrpcMethod:
    """`answer` is given a `Caller`, or, when it `is_open` to strangers, an `Asker`."""

    path: str
    answer: GrpcAnswer
    is_open: bool = False


def methods_of(
    descriptor: ServiceDescriptor, service: object, *, open_to_all: Collection[str] = ()
) -> Iterator[GrpcMethod]:
    """Those of a service, each answered by the method of `service` that is called so in lower case.

    It is given the `Caller` and one request, or all of them as they come; it returns the answer, or, where answers are
    a stream, sends them itself.
    """
    for method in descriptor.methods:
        function, path = getattr(service, method.name.lower()), f"/{descriptor.full_name}/{method.name}"
        yield GrpcMethod(
            path=path,
            answer=_answering(method, function, most_bytes=_LARGE_BYTES if path in _LARGE else MOST_BYTES),
            is_open=method.name in open_to_all,
        )


def _answering(
    method: MethodDescriptor, function: Callable[..., Awaitable[Message | None]], *, most_bytes: int
) -> GrpcAnswer:
    kind: Any = GetMessageClass(method.input_type)

    async def answer(caller: Asker) -> None:
        caller.call.most_bytes = most_bytes
        asked = _all(caller.call, kind) if method.client_streaming else await _only(caller.call, kind)
        is_stream = method.client_streaming or method.server_streaming
        answered = await (function(caller, asked) if is_stream else uncut(function(caller, asked)))
        if answered is not None:
            await caller.call.send(answered)

    return answer


async def _only(call: GrpcCall, kind: type[Message]) -> Message:
    async with asyncio.timeout(call.line.patience_seconds):
        asked = await call.receive(kind)
    if asked is None:
        raise MalformedRequest("The call ends before its message.")
    require_texts(asked)
    return asked


async def _all(call: GrpcCall, kind: type[Message]) -> AsyncIterator[Message]:
    while (asked := await call.receive(kind)) is not None:
        require_texts(asked)
        yield asked


def require_texts(message: Message) -> None:
    """Raises `InvalidInput` for what no text may hold that is to be stored, and for too much of it."""
    for field, value in message.ListFields():
        if field.is_repeated and len(value) > _MOST_VALUES:
            raise InvalidInput("Give at most {limit} values of {name}.", limit=_MOST_VALUES, name=field.name)
        if field.type == field.TYPE_STRING:
            texts = value if field.is_repeated else [value]
            if not field.name.endswith("_json") and any(len(text) > _LONGEST_TEXT for text in texts):
                raise InvalidInput("{name} has at most {limit} characters.", limit=_LONGEST_TEXT, name=field.name)
            require_storable(list(value) if field.is_repeated else value, field.name)
        elif field.type == field.TYPE_MESSAGE and not field.is_repeated:
            require_texts(value)
