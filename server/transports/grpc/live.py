"""`jindu.v1.Live`: the messages of a live connection, let in and looked after as those of every transport."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from server.clock import new_id
from server.errors import Forbidden, InvalidInput, JinduError, NotFound
from server.realtime.connection import Connection
from server.realtime.job_fields import JobFields
from server.realtime.manager import Refused
from server.transports import Entrance
from server.transports.admission import is_client_id, position
from server.transports.frame_queue import FrameQueue, LiveEnded
from server.transports.grpc.call import GrpcCall
from server.transports.grpc.failures import refusal_of
from server.transports.grpc.made import jindu_pb2 as pb
from server.transports.grpc.messages import job_message
from server.transports.grpc.methods import Caller
from server.transports.visitor import Visitor

NAME = "grpc"
_SUBSCRIBING = "subscribing"  # the id of the one command that is given for a stream
_TOGETHER_BYTES = 32 * 1024  # of messages, in one write: each alone would cost more than all else that is done for it
_HEARTBEAT = b""  # in a queue: no message of the protocol is empty
_REFUSALS: dict[str, type[JinduError]] = {NotFound.code: NotFound, Forbidden.code: Forbidden}


class _Marks(Struct, frozen=True):
    """What messages are told apart by."""

    type: str
    id: Any = None
    epoch: str = ""
    offset: int | None = None
    missed: int = 0
    recovered: bool | UnsetType = UNSET
    job_id: str = ""


_MARKS = msgspec.json.Decoder(_Marks)
_JOB = msgspec.json.Decoder(JobFields)


class CallQueue(FrameQueue):
    """A `FrameQueue` whose call can be asked whether somebody is there, and be cut off."""

    def __init__(self, call: GrpcCall) -> None:
        super().__init__(self._cut_off)
        self._call = call
        self._sending = asyncio.timeout(None)
        self._written_at = time.monotonic()

    def write(self, frames: Sequence[bytes]) -> None:
        self._written_at = time.monotonic()
        super().write(frames)

    def ping(self) -> None:
        """The line's answer to it, as whatever else comes over the line, is heard by all that it carries."""
        self._call.line.ping()

    def keep_open(self, interval_seconds: float) -> None:
        """Proxies answer pings themselves, and end streams that carry nothing for a minute."""
        if not self.unsent_bytes() and time.monotonic() - self._written_at >= interval_seconds:
            self.write([_HEARTBEAT])

    async def send_all(self) -> None:
        """Until it is closed, or cut off."""
        epoch = ""
        try:
            async with self._sending:
                async for frames in self.batches(most_bytes=_TOGETHER_BYTES):
                    messages = []
                    for frame in frames:
                        message, epoch = _message(frame, epoch)
                        messages.append(message)
                    await self._call.send_sparing(*messages)
                    await asyncio.sleep(0)  # one that reads fast must not have the loop for itself
        except TimeoutError:
            if not self._sending.expired():
                raise

    def _cut_off(self) -> None:
        """What it takes no more is given up; of the others over the same line only if that is stuck as a whole."""
        if self._call.line.is_stuck:
            self._call.line.end()
        else:
            self._sending.reschedule(asyncio.get_running_loop().time())


class LiveService:
    """Answers for all callers. Each stream is a connection of its own, with its own position and its own end."""

    def __init__(self, entrance: Entrance) -> None:
        self._manager = entrance.manager
        self._admission = entrance.admission
        self._joiner = entrance.joiner
        self._commands = entrance.commands
        self._queues: set[CallQueue] = set()

    async def watch(self, caller: Caller, asked: pb.LiveWatchRequest) -> None:
        """Ends with why it is not let in, or with `LiveEnded`."""
        if asked.client_id and not is_client_id(asked.client_id):
            raise InvalidInput("A client_id has 1 to 64 letters, digits, “_”, “.” or “-”.", code="invalid_client_id")
        visitor = _speaking(caller, asked.language)
        queue = CallQueue(caller.call)
        try:
            with self._admission.place(visitor.address), queue:
                connection = self._admission.connection(
                    visitor, queue, caller.principal, client_id=asked.client_id or new_id()
                )
                connection.transport = NAME
                await self._carry(caller.call, connection, queue, asked)
        except Refused as refused:
            self._admission.count_refusal(refused.code.name.lower())
            raise refusal_of(refused) from None

    def look_after(self) -> None:
        """To be called now and then."""
        for queue in list(self._queues):
            queue.keep_open(self._manager.limits.ping_interval_seconds)

    async def _carry(
        self, call: GrpcCall, connection: Connection, queue: CallQueue, asked: pb.LiveWatchRequest
    ) -> None:
        line = call.line
        with self._manager.membership(connection):
            await self._joiner.join(connection, position(asked.since) if asked.since else None)
            self._admission.count_entry(NAME)
            line.go_live()
            line.connections.add(connection)
            self._queues.add(queue)
            try:
                if asked.events:
                    command = {"type": "subscribe", "events": list(asked.events), "id": _SUBSCRIBING}
                    await self._commands.handle(connection, msgspec.json.encode(command).decode())
                await queue.send_all()
            finally:
                self._queues.discard(queue)
                line.connections.discard(connection)
        assert queue.closed_with is not None
        raise LiveEnded(*queue.closed_with)


def _speaking(caller: Caller, language: str) -> Visitor:
    return replace(caller.visitor, language=caller.parts.languages.choose(language)) if language else caller.visitor


def _message(frame: bytes, epoch: str) -> tuple[pb.LiveWatchResponse, str]:
    """And the epoch that positions are of from now on."""
    if not frame:
        return pb.LiveWatchResponse(type="heartbeat"), epoch
    marks = _MARKS.decode(frame)
    message = pb.LiveWatchResponse(type=marks.type, json=frame.decode())
    if marks.type == "connection":
        assert marks.offset is not None
        message.position = f"{marks.epoch}:{marks.offset - marks.missed}"
        message.recovered = marks.recovered is True
        return message, marks.epoch
    if marks.type == "error" and marks.id == _SUBSCRIBING:
        told = msgspec.json.decode(frame)
        raise _REFUSALS.get(told["code"], InvalidInput)(told["message"], code=told["code"])
    if marks.offset is not None:
        message.position = f"{epoch}:{marks.offset}"
    if marks.job_id:
        message.job.CopyFrom(job_message(_JOB.decode(frame)))
    return message, epoch
