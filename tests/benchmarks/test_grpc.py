"""Messages a second over one stream of gRPC, to a reader that does no more than count, and to grpc-js. `make bench`."""

from __future__ import annotations

import json
import os
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection

from server.transports.grpc.made import jindu_pb2 as pb
from tests.benchmarks.grpc_pump import EVENT
from tests.functional.test_foreign_clients import CLIENTS, PROTOS
from tests.process import ROOT

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(300)]
COUNT = 300_000
WANTED_A_SECOND = 50_000
_WINDOW = 4 * 1024 * 1024
_HEAD = struct.Struct(">BI")
_NODE = """
import { credentials, loadPackageDefinition, Metadata } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
const options = { includeDirs: [process.env.JINDU_PROTOS], enums: String };
const { Live } = loadPackageDefinition(loadSync("jindu/v1/jindu.proto", options)).jindu.v1;
const metadata = new Metadata();
metadata.set("authorization", `Bearer ${process.env.JINDU_TOKEN}`);
const stream = new Live(process.env.JINDU_GRPC, credentials.createInsecure()).watch({ events: ["bench"] }, metadata);
let count = 0, began = 0;
stream.on("data", ({ type }) => {
  if (type !== "event") return;
  began ||= performance.now();
  if (++count < Number(process.env.COUNT)) return;
  console.log(JSON.stringify({ seconds: (performance.now() - began) / 1000 }));
  process.exit(0);
});
stream.on("error", (error) => console.log(JSON.stringify({ error: error.message, count })));
"""


@contextmanager
def pumping() -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.grpc_pump"],
        cwd=ROOT,
        env=os.environ | {"COUNT": str(COUNT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        yield process, json.loads(process.stdout.readline())


def counted(place: dict[str, Any]) -> float:
    """How many seconds it took until all had come, each whole and in order."""
    h2 = H2Connection(H2Configuration(header_encoding="utf-8"))
    h2.initiate_connection()
    h2.update_settings({4: _WINDOW})
    h2.increment_flow_control_window(_WINDOW)
    asked = pb.LiveWatchRequest(events=[EVENT]).SerializeToString()
    headers = [(":method", "POST"), (":scheme", "http"), (":path", "/jindu.v1.Live/Watch"), (":authority", "x")]
    headers += [("content-type", "application/grpc"), ("te", "trailers")]
    headers += [("authorization", f"Bearer {place['token']}")]
    h2.send_headers(1, headers)
    h2.send_data(1, _HEAD.pack(0, len(asked)) + asked, end_stream=True)
    with socket.create_connection(("127.0.0.1", place["port"])) as opened:
        opened.sendall(h2.data_to_send())
        return _count(opened)


def _count(opened: socket.socket) -> float:
    """Frames by hand: h2 takes longer to read than the server to write."""
    raw, messages, began, count, taken = bytearray(), bytearray(), 0.0, 0, 0
    while True:
        raw += opened.recv(262_144)
        at = 0
        while len(raw) - at >= 9 and len(raw) - at >= 9 + (size := int.from_bytes(raw[at : at + 3], "big")):
            kind, flags = raw[at + 3], raw[at + 4]
            if kind == 0:
                messages += raw[at + 9 : at + 9 + size]
                taken += size
            elif kind == 4 and not flags & 1:
                opened.sendall(b"\0\0\0\4\1\0\0\0\0")
            at += 9 + size
        del raw[:at]
        if taken > _WINDOW // 4:
            for stream in (0, 1):
                opened.sendall(b"\0\0\4\x08\0" + struct.pack(">II", stream, taken))
            taken = 0
        at = 0
        while len(messages) - at >= 5 and len(messages) - at >= 5 + (size := _HEAD.unpack_from(messages, at)[1]):
            count += b"\x05event" in messages[at + 5 : at + 5 + 8]
            began = began or (time.monotonic() if count else 0.0)
            last = bytes(messages[at + 5 : at + 5 + size]) if count == COUNT else b""
            at += 5 + size
            if last:
                assert b'"number":%d' % COUNT in last
                return time.monotonic() - began
        del messages[:at]


def test_fifty_thousand_messages_a_second_over_one_stream() -> None:
    with pumping() as (process, place):
        seconds = counted(place)
        assert process.stdout is not None
        spent = json.loads(process.stdout.readline())
    show("a reader that counts", seconds, spent)
    assert COUNT / seconds >= WANTED_A_SECOND


def test_what_grpc_js_takes() -> None:
    with pumping() as (process, place):
        environ = {"JINDU_GRPC": f"127.0.0.1:{place['port']}", "JINDU_TOKEN": place["token"], "COUNT": str(COUNT)}
        environ |= {"JINDU_PROTOS": str(PROTOS)}
        told = subprocess.run(
            ["node", "--input-type=module", "-e", _NODE],
            cwd=CLIENTS,
            env=os.environ | environ,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            timeout=200,
        )
        assert process.stdout is not None
        spent = json.loads(process.stdout.readline())
    show("grpc-js", json.loads(told.stdout)["seconds"], spent)


def show(name: str, seconds: float, spent: dict[str, float]) -> None:
    micros = spent["cpu_seconds"] / COUNT * 1e6
    print(f"\n{name}: {COUNT / seconds:,.0f} messages/s; the server computed {micros:.1f} µs a message")
