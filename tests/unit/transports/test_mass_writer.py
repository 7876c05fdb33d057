"""Writing to many sockets at once: whole, in order, and exactly as much as is said; by both ways."""

from __future__ import annotations

import os
import resource
import socket
from array import array
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.transports.io_uring import Ring
from server.transports.mass_writer import MassWriter

MANY = 700  # more than the ring takes at once
Pair = tuple[socket.socket, socket.socket]


def has_io_uring() -> bool:
    """Whether this kernel allows it to us; the other way is there on every machine."""
    try:
        Ring(8).close()
    except OSError:
        return False
    return True


@pytest.fixture(params=["io_uring", "socket by socket"] if has_io_uring() else ["socket by socket"])
def writer(request: pytest.FixtureRequest) -> Iterator[MassWriter]:
    writer = MassWriter(Ring() if request.param == "io_uring" else None)
    yield writer
    writer.close()


@pytest.fixture
def pairs() -> Iterator[list[Pair]]:
    """Ends of connections that we write to, and their peers, over TCP."""
    with socket.create_server(("127.0.0.1", 0)) as listening, ExitStack() as stack:
        made = []
        for _ in range(20):
            ours = stack.enter_context(socket.create_connection(listening.getsockname()))
            peer = stack.enter_context(listening.accept()[0])
            ours.setblocking(False)
            peer.setblocking(False)
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
            made.append((ours, peer))
        yield made


def received(peer: socket.socket) -> bytes:
    """All that is there, taken out."""
    parts = []
    try:
        while part := peer.recv(1 << 20):
            parts.append(part)
    except BlockingIOError:
        pass
    return b"".join(parts)


def fill(ours: socket.socket) -> None:
    try:
        while ours.send(b"-" * 65536):
            pass
    except BlockingIOError:
        pass


def test_everybody_gets_the_same_bytes(writer: MassWriter, pairs: list[Pair]) -> None:
    for number in range(100):
        data = bytes([number]) * (1 + number * 37 % 300)
        assert writer.write(array("i", [ours.fileno() for ours, _ in pairs]), data) == {}
        assert {received(peer) for _, peer in pairs} == {data}


def test_more_sockets_than_fit_at_once_are_all_written_to(writer: MassWriter) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4 * MANY)), hard))
    with ExitStack() as stack:
        ends = [[stack.enter_context(end) for end in socket.socketpair()] for _ in range(MANY)]
        for data in (b"first", b"and second"):
            assert writer.write(array("i", [ours.fileno() for ours, _ in ends]), data) == {}
        assert {peer.recv(100) for _, peer in ends} == {b"firstand second"}


def test_full_and_broken_sockets_are_named_and_keep_nobody_from_theirs(writer: MassWriter, pairs: list[Pair]) -> None:
    fill(pairs[3][0])
    pairs[7][1].close()
    pairs[7][0].shutdown(socket.SHUT_WR)
    assert writer.write(array("i", [ours.fileno() for ours, _ in pairs]), b"news") == {3: 0, 7: 0}
    assert [received(peer) for number, (_, peer) in enumerate(pairs) if number not in (3, 7)] == [b"news"] * 18


def test_to_nobody_is_nothing(writer: MassWriter) -> None:
    assert writer.write(array("i"), b"news") == {}


@settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rounds=st.lists(
        st.tuples(
            st.integers(min_value=1, max_value=200_000),
            st.sets(st.integers(min_value=0, max_value=19), min_size=1),
            st.sets(st.integers(min_value=0, max_value=19)),
        ),
        max_size=12,
    )
)
def test_every_byte_that_was_taken_arrives_once_and_in_order(
    writer: MassWriter, pairs: list[Pair], rounds: list[tuple[int, set[int], set[int]]]
) -> None:
    """Whoever reads, whenever: each round writes to some sockets, and then some of the peers read."""
    taken = [b""] * len(pairs)
    arrived = [received(peer)[:0] for _, peer in pairs]
    for length, targets, readers in rounds:
        data, chosen = os.urandom(64) * (length // 64 + 1), sorted(targets)
        short = writer.write(array("i", [pairs[index][0].fileno() for index in chosen]), data)
        for place, index in enumerate(chosen):
            taken[index] += data[: short.get(place, len(data))]
        for index in readers:
            arrived[index] += received(pairs[index][1])
    for index, (_, peer) in enumerate(pairs):
        while len(arrived[index]) < len(taken[index]):
            peer.settimeout(10)
            arrived[index] += peer.recv(1 << 20)
            peer.setblocking(False)
    assert arrived == taken


@pytest.mark.skipif(not has_io_uring(), reason="this kernel offers no io_uring")
def test_ring_leaves_no_file_open() -> None:
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        Ring(64).close()
    assert len(os.listdir("/proc/self/fd")) == before


def test_without_io_uring_it_is_done_socket_by_socket(monkeypatch: pytest.MonkeyPatch, pairs: list[Pair]) -> None:
    def refuse(*_arguments: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("server.transports.mass_writer.Ring", refuse)
    writer = MassWriter.open(is_ring_wanted=True)
    assert writer.write(array("i", [ours.fileno() for ours, _ in pairs]), b"news") == {}
    assert {received(peer) for _, peer in pairs} == {b"news"}
