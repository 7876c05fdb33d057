"""What is sent over one connection, whatever windows its peer opens, shuts and makes smaller."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from grpclib.protocol import Stream
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, TrailersReceived
from h2.settings import SettingCodes

from server.http.open_sockets import OpenSockets
from server.http.socket_limits import SocketLimits
from server.realtime.limits import LiveLimits
from server.transports.grpc.call import GrpcCall
from server.transports.grpc.failures import CallEnding
from server.transports.grpc.line import CallTaker, GrpcLine
from server.transports.grpc.made import jindu_pb2 as pb
from server.transports.grpc.turns import ReadingTurns, TakesFrames

_HEADERS = [(":method", "POST"), (":scheme", "http"), (":path", "/jindu.v1.Live/Watch"), (":authority", "x")]
_CONNECTION_BYTES = 65_535
_LIMITS = SocketLimits(
    total=10,
    waiting=10,
    per_network=10,
    head_seconds=10.0,
    body_grace_seconds=10.0,
    body_bytes_per_second=1,
    idle_seconds=10.0,
    unread_seconds=10.0,
)


class Taker(CallTaker):
    """Keeps what was called, for the test to answer."""

    def __init__(self) -> None:
        self.calls: dict[int, GrpcCall] = {}

    def count(self) -> int:
        return len(self.calls)

    def accept(self, stream: Stream, headers: Sequence[tuple[Any, Any]], release_stream: Callable[[], None]) -> None:
        assert stream.id is not None
        self.calls[stream.id] = GrpcCall(stream, headers, self.line)

    def cancel(self, stream: Stream) -> None:
        raise AssertionError("nobody resets anything here")

    def close(self) -> None:
        self.calls.clear()


class AtOnce(ReadingTurns):
    """Whatever the machine is busy with: all that came is taken apart before anything else."""

    def wants(self, taker: TakesFrames) -> None:
        taker.take(math.inf)


class Wire(asyncio.Transport):
    """Takes everything at once."""

    def __init__(self) -> None:
        super().__init__()
        self.written = bytearray()

    def write(self, data: Any) -> None:
        self.written += data

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return False

    def resume_reading(self) -> None:
        pass


class Peer:
    """A client that opens its windows as it likes: by itself none at all."""

    def __init__(self, window_bytes: int) -> None:
        self.wire, self.taker = Wire(), Taker()
        self.line = GrpcLine(
            self.taker, OpenSockets(_LIMITS), set(), AtOnce(), address="127.0.0.1", limits=LiveLimits()
        )
        self.h2 = H2Connection(H2Configuration(client_side=True))
        self.h2.local_settings = type(self.h2.local_settings)(
            client=True, initial_values={SettingCodes.INITIAL_WINDOW_SIZE: window_bytes}
        )
        self.data: dict[int, bytearray] = {}
        self.ended: set[int] = set()
        self.line.connection_made(self.wire)
        self.h2.initiate_connection()

    async def call(self) -> tuple[int, GrpcCall]:
        number = self.h2.get_next_available_stream_id()
        self.data[number] = bytearray()
        self.h2.send_headers(number, [*_HEADERS, ("content-type", "application/grpc")], end_stream=True)
        await self.turn()
        return number, self.taker.calls[number]

    async def turn(self) -> None:
        """Send what is to be sent, and take what came."""
        self.line.data_received(self.h2.data_to_send())
        for _ in range(6):
            await asyncio.sleep(0)
        taken = bytes(self.wire.written)
        self.wire.written.clear()
        for event in self.h2.receive_data(taken):
            if isinstance(event, DataReceived):
                self.data[event.stream_id] += event.data or b""
            elif isinstance(event, TrailersReceived):
                self.ended.add(event.stream_id)

    def open(self, number: int, more_bytes: int) -> None:
        self.h2.increment_flow_control_window(more_bytes)
        self.h2.increment_flow_control_window(more_bytes, number)

    def make_windows(self, window_bytes: int) -> None:
        self.h2.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: window_bytes})

    def types(self, number: int) -> list[str]:
        """Of its messages; the last is `half` when it ends in the middle."""
        content, found = bytes(self.data[number]), []
        while content:
            size = 5 + int.from_bytes(content[1:5], "big")
            if len(content) < max(size, 5):
                return [*found, "half"]
            found.append(pb.LiveWatchResponse.FromString(content[5:size]).type)
            content = content[size:]
        return found


def messages(count: int, size: int) -> list[pb.LiveWatchResponse]:
    return [pb.LiveWatchResponse(type=str(number), json="x" * size) for number in range(count)]


WANTED = [str(number) for number in range(5)]


async def test_windows_of_one_byte_bring_every_message_whole() -> None:
    peer = Peer(1)
    number, call = await peer.call()
    sending = asyncio.create_task(call.send_sparing(*messages(5, 20)))
    await peer.turn()
    while not sending.done():
        peer.open(number, 1)
        await peer.turn()
    assert peer.types(number) == WANTED


async def test_windows_that_become_smaller_even_less_than_none_lose_nothing() -> None:
    peer = Peer(_CONNECTION_BYTES)
    number, call = await peer.call()
    sending = asyncio.create_task(call.send_sparing(*messages(5, 10_000)))
    await peer.turn()
    come = len(peer.data[number])
    assert come == 32_768  # half: more of one stream would leave nothing to the others
    peer.make_windows(100)  # 32,668 less than none
    await peer.turn()
    peer.open(number, come)
    await peer.turn()
    assert len(peer.data[number]) == come + 100
    for window_bytes in (1, 3_000, 0, 10_000):
        peer.make_windows(window_bytes)
        await peer.turn()
    assert not sending.done()
    peer.open(number, 20_000)
    await peer.turn()
    assert sending.done()
    assert peer.types(number) == WANTED


async def test_a_stream_that_stands_still_leaves_half_to_one_that_is_read() -> None:
    peer = Peer(_CONNECTION_BYTES)
    (still, stuck), (moving, fast) = await peer.call(), await peer.call()
    standing = asyncio.create_task(stuck.send_sparing(*messages(5, 20_000)))
    await peer.turn()
    for _ in range(20):
        before = len(peer.data[moving])
        sending = asyncio.create_task(fast.send_sparing(*messages(1, 30_000)))
        await peer.turn()
        assert sending.done(), "the other one is in its way"
        peer.open(moving, len(peer.data[moving]) - before)
    assert len(peer.data[still]) == 32_768
    assert not standing.done()
    standing.cancel()


async def test_a_call_that_is_ended_in_the_middle_of_a_message_sends_that_one_to_its_end_first() -> None:
    peer = Peer(100)
    number, call = await peer.call()
    sending = asyncio.create_task(call.send_sparing(*messages(5, 80)))
    await peer.turn()
    assert peer.types(number) == ["0", "half"]
    sending.cancel()
    with suppress(asyncio.CancelledError):
        await sending
    ending = asyncio.create_task(call.end(CallEnding()))
    await peer.turn()
    peer.open(number, 1_000)
    await peer.turn()
    await ending
    await peer.turn()
    assert peer.types(number) == ["0", "1"]
    assert peer.ended == {number}


async def test_a_call_that_is_not_read_is_ended_all_the_same() -> None:
    peer = Peer(100)
    number, call = await peer.call()
    sending = asyncio.create_task(call.send_sparing(*messages(5, 80)))
    await peer.turn()
    sending.cancel()
    async with asyncio.timeout(5):
        await call.end(CallEnding())
    await peer.turn()
    assert peer.types(number) == ["0", "half"]
    assert peer.ended == {number}
