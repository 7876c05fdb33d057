"""One call, as whoever answers it sees it: messages in their order, of bounded size, and an end with a status.

grpclib's own `Stream` takes messages of any size, sends one a frame, and tells no metadata with an error; so this rests
on what lies below it.
"""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from google.protobuf.message import DecodeError, Message
from grpclib.metadata import decode_timeout, encode_bin_value, encode_grpc_message
from grpclib.protocol import Stream
from h2.exceptions import ProtocolError

from server.errors import MalformedRequest
from server.transports.grpc.failures import CallEnding, MessageTooLarge, Packed

if TYPE_CHECKING:
    from server.transports.grpc.line import GrpcLine

M = TypeVar("M", bound=Message)
MOST_BYTES = 64 * 1024  # of one message, where its method takes no more
CONTENT_TYPE = "application/grpc"
_ANSWER_TYPE = "application/grpc+proto"
_HEAD = struct.Struct(">?I")  # of a message: whether it is packed, and how long it is
_RESET_SECONDS = 0.2  # some clients take a reset that comes together with the end for a failure, and do not see why
_FINISHING_SECONDS = 0.2
_LONGEST_SECONDS = 10 * 365 * 86_400.0
_MOST_MESSAGE_CHARACTERS = 500  # of an error: each may become nine bytes of a header


class GrpcCall:
    """`path` is `/package.Service/Method`, `metadata` the last value of each name, in lower case, as far as it is text;
    `unreadable` are the names of what is none.
    """

    def __init__(self, stream: Stream, headers: Sequence[tuple[bytes, bytes]], line: GrpcLine) -> None:
        self._stream = stream
        self._is_begun = False
        self._widened_bytes = self._sent_before = 0
        self._together: list[bytes] = []  # what is being sent by `send_sparing`
        self.line = line
        self.most_bytes = MOST_BYTES
        self.came_at = time.monotonic()
        self.metadata: dict[str, str] = {}
        self.unreadable: list[str] = []
        for name, value in headers:
            try:
                self.metadata[name.decode()] = value.decode()
            except UnicodeDecodeError:
                self.unreadable.append(name.decode(errors="replace"))
        self.path = self.metadata.get(":path", "")

    @property
    def stream_id(self) -> int:
        assert self._stream.id is not None
        return self._stream.id

    def seconds_left(self) -> float | None:
        """Until the client no longer wants the answer. Raises `MalformedRequest` for what is no time."""
        given = self.metadata.get("grpc-timeout")
        if given is None:
            return None
        try:
            return min(decode_timeout(given[:20]), _LONGEST_SECONDS)
        except (ValueError, OverflowError):
            raise MalformedRequest("The header {name} is wrong.", name="grpc-timeout") from None

    async def receive(self, kind: type[M]) -> M | None:
        """The next message; None when there are no more. Raises `InvalidInput`."""
        try:
            head = await self._stream.recv_data(_HEAD.size)
            if not head:
                return None
            is_packed, size = _HEAD.unpack(head)
            if is_packed:
                raise Packed
            if size > self.most_bytes:
                raise MessageTooLarge(limit=self.most_bytes, count=size)
            return kind.FromString(await self._stream.recv_data(size))
        except AssertionError:  # grpclib's word for it
            raise MalformedRequest("A message ends before its end.") from None
        except DecodeError as error:
            raise MalformedRequest(
                "The message is no {kind}: {reason}", kind=kind.DESCRIPTOR.name, reason=str(error)
            ) from error

    async def begin(self, metadata: Iterable[tuple[str, str]] = ()) -> None:
        """Send the headers, which the first message does otherwise."""
        if not self._is_begun:
            self._is_begun = True
            await self._stream.send_headers([(":status", "200"), ("content-type", _ANSWER_TYPE), *metadata])

    async def send(self, *messages: Message) -> None:
        """Together. Waits while the peer is behind, with this call alone or with all."""
        await self.begin()
        await self._stream.send_data(b"".join(map(_framed, messages)))

    async def send_sparing(self, *messages: Message) -> None:
        """The same, for calls that may stand still for long: no more of them is on its way than leaves half of the
        peer's window to its other calls."""
        await self.begin()
        self._together, self._sent_before = list(map(_framed, messages)), self._stream.data_sent
        content = b"".join(self._together)
        while content:
            room = await self._room()
            sent_bytes = self.line.send_data(self.stream_id, content[:room])
            self._stream.data_sent += sent_bytes
            content = content[sent_bytes:]

    async def _room(self) -> int:
        while True:
            await self._stream.connection.write_ready.wait()
            room, self._widened_bytes = self.line.room(self.stream_id, self._widened_bytes)
            if room > 0:
                return room
            self._stream.window_updated.clear()
            await self._stream.window_updated.wait()

    async def end(self, ending: CallEnding) -> None:
        """Whatever of the request has not come yet is not waited for; a peer that is gone is told nothing."""
        headers = [] if self._is_begun else [(":status", "200"), ("content-type", _ANSWER_TYPE)]
        headers.append(("grpc-status", str(ending.status.value)))
        if ending.message:
            headers.append(("grpc-message", encode_grpc_message(ending.message[:_MOST_MESSAGE_CHARACTERS])))
        if ending.details:
            headers.append(("grpc-status-details-bin", encode_bin_value(ending.details).decode()))
        with suppress(ProtocolError):
            await self._finish_message()
        await self.refuse([*headers, *ending.trailers])

    async def _finish_message(self) -> None:
        """What was given up in the middle of one is sent to its end, where the peer takes it: nobody can read half."""
        sent_bytes = self._stream.data_sent - self._sent_before
        for each in self._together:
            if 0 < sent_bytes < len(each):
                with suppress(TimeoutError):
                    async with asyncio.timeout(_FINISHING_SECONDS):
                        await self._stream.send_data(each[sent_bytes:])
            sent_bytes -= len(each)

    async def refuse(self, headers: list[tuple[str, str]]) -> None:
        """End with nothing but these."""
        with suppress(ProtocolError):
            await self._stream.send_headers(headers, end_stream=True)
            if self._stream.closable:  # the peer is still sending
                asyncio.get_running_loop().call_later(_RESET_SECONDS, self._reset)

    def _reset(self) -> None:
        with suppress(ProtocolError):
            if self._stream.closable:
                self._stream.reset_nowait()

    def widen(self, window_bytes: int) -> None:
        """Let so many bytes be on their way to us at once."""
        self.line.widen(self.stream_id, window_bytes)


def _framed(message: Message) -> bytes:
    body = message.SerializeToString()
    return _HEAD.pack(False, len(body)) + body


def is_content_type(text: str) -> bool:
    base, _, kind = text.partition(";")[0].strip().partition("+")
    return base == CONTENT_TYPE and kind in ("", "proto")
