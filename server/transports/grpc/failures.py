"""Errors as gRPC tells them: a status, the API's stable code beside it, and never a word of what is inside."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status as RichStatus
from grpclib.const import Status

from server.errors import (
    ChangedMeanwhile,
    InvalidInput,
    JinduError,
    NotSignedIn,
    RateLimited,
    TooLarge,
    Unavailable,
)
from server.realtime.close_codes import CloseCode
from server.realtime.manager import Refused
from server.texts import Translate
from server.transports.frame_queue import LiveEnded
from server.transports.refusals import error_of
from server.transports.unexpected import as_ours

_LOG = logging.getLogger("jindu.grpc")
_DOMAIN = "jindu"
_MOST_FIELDS = 20  # all of them stand in one header, of which clients take 8 KB
_DETAIL_CHARACTERS = 300
_STATUSES = {
    401: Status.UNAUTHENTICATED,
    403: Status.PERMISSION_DENIED,
    404: Status.NOT_FOUND,
    409: Status.FAILED_PRECONDITION,
    410: Status.NOT_FOUND,
    412: Status.FAILED_PRECONDITION,
    423: Status.ABORTED,
    429: Status.RESOURCE_EXHAUSTED,
    503: Status.UNAVAILABLE,
    507: Status.RESOURCE_EXHAUSTED,
}
_FAREWELLS = {
    CloseCode.SIGNED_OUT: Status.UNAUTHENTICATED,
    CloseCode.FORBIDDEN: Status.PERMISSION_DENIED,
    CloseCode.CONNECTION_LIMIT: Status.RESOURCE_EXHAUSTED,
    CloseCode.RATE_LIMIT: Status.RESOURCE_EXHAUSTED,
}


class MessageTooLarge(TooLarge):
    """A message has at most {limit} bytes, not {count}."""


class NoSuchMethod(InvalidInput):
    """There is no method {path}."""

    code = "unimplemented"


class Packed(InvalidInput):
    """Send messages without compression."""

    code = "compressed"


class TimeIsOver(JinduError):
    """The time that was given for it is over."""

    code = "deadline_exceeded"
    status = 408


_OWN: dict[type[JinduError], Status] = {
    ChangedMeanwhile: Status.ABORTED,
    MessageTooLarge: Status.RESOURCE_EXHAUSTED,
    NoSuchMethod: Status.UNIMPLEMENTED,
    Packed: Status.UNIMPLEMENTED,
    TimeIsOver: Status.DEADLINE_EXCEEDED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEnding:
    """How a call ends: `trailers` besides status and message. `http_status` says the same for what is counted."""

    status: Status = Status.OK
    http_status: int = 200
    message: str = ""
    trailers: tuple[tuple[str, str], ...] = ()
    details: bytes = b""


def refusal_of(refused: Refused) -> JinduError | LiveEnded:
    """What to tell whoever was not let in."""
    error = error_of(refused)
    return NotSignedIn() if isinstance(error, LiveEnded) and error.code is CloseCode.SIGNED_OUT else error


def ending_of(error: Exception, translate: Translate) -> CallEnding:
    """What nobody meant to raise is logged, and told as no more than that."""
    if isinstance(error, LiveEnded):
        return _of_end(error, translate)
    return _of_ours(as_ours(error, log=_LOG, what="a call", action="grpc"), translate)


def _of_end(ended: LiveEnded, translate: Translate) -> CallEnding:
    """UNAVAILABLE: come back with the last position."""
    may_reconnect = ended.code.may_reconnect
    status = Status.UNAVAILABLE if may_reconnect else _FAREWELLS.get(ended.code, Status.FAILED_PRECONDITION)
    code, message = ended.specific_code, ended.told(translate)
    return CallEnding(
        status=status,
        http_status=ended.why.status if ended.why else 200,
        message=message,
        trailers=(
            ("jindu-code", code),
            ("jindu-close-code", str(int(ended.code))),
            ("jindu-reconnect", "true" if may_reconnect else "false"),
        ),
        details=_details(status, message, [ErrorInfo(reason=code, domain=_DOMAIN)]),
    )


def _of_ours(error: JinduError, translate: Translate) -> CallEnding:
    status = _STATUSES.get(error.status, Status.INTERNAL if error.status >= 500 else Status.INVALID_ARGUMENT)
    status = next((own for kind, own in _OWN.items() if isinstance(error, kind)), status)
    message = error.translated(translate)
    details: list[Message] = [ErrorInfo(reason=error.specific_code, domain=_DOMAIN)]
    if error.errors:
        violations = [
            BadRequest.FieldViolation(field=each.field, description=each.translated(translate)[:_DETAIL_CHARACTERS])
            for each in error.errors[:_MOST_FIELDS]
        ]
        details.append(BadRequest(field_violations=violations))
        first = violations[0]
        message = f"{message} {first.field}: {first.description}" if first.field else f"{message} {first.description}"
    if isinstance(error, RateLimited | Unavailable):
        details.append(RetryInfo(retry_delay=Duration(seconds=math.ceil(error.retry_after_seconds))))
    return CallEnding(
        status=status,
        http_status=error.status,
        message=message,
        trailers=(("jindu-code", error.specific_code),),
        details=_details(status, message, details),
    )


def _details(status: Status, message: str, details: Sequence[Message]) -> bytes:
    rich = RichStatus(code=status.value, message=message)
    for each in details:
        rich.details.add().Pack(each)
    packed: bytes = rich.SerializeToString()
    return packed
