"""A live client of Jindu in Python's standard library alone: to read, and to translate into any language.

JINDU_URL=http://localhost:8000 JINDU_TOKEN=jindu_… python3 live_client.py [event name …]

Prints every message as a line of JSON; docs/write-a-client.md explains it step by step.
"""

import base64
import contextlib
import hashlib
import itertools
import json
import os
import random
import re
import socket
import ssl
import struct
import sys
import time
from urllib.parse import urlencode, urlsplit

TEXT, CLOSE, PING, PONG = 0x1, 0x8, 0x9, 0xA
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.5, 20.0
STAY_AWAY_FROM = 4500  # close codes: below, come back; from here on, do not
HOPELESS_STATUS = (400, 401, 403, 404)
GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3


class Closed(Exception):
    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}")
        self.code, self.reason = code, reason


class WebSocket:
    """RFC 6455 as far as a client of Jindu needs it."""

    def __init__(self, url: str, token: str) -> None:
        parts = urlsplit(url)
        is_secure = parts.scheme in ("https", "wss")
        address = (parts.hostname, parts.port or (443 if is_secure else 80))
        self._socket = socket.create_connection(address, timeout=10)
        if is_secure:
            self._socket = ssl.create_default_context().wrap_socket(self._socket, server_hostname=parts.hostname)
        self._received = bytearray()
        key = base64.b64encode(os.urandom(16)).decode()
        lines = (
            f"GET {parts.path}?{parts.query} HTTP/1.1",
            f"Host: {parts.netloc}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {key}",
            "Sec-WebSocket-Version: 13",
            f"Authorization: Bearer {token}",
        )
        self._socket.sendall("".join(f"{line}\r\n" for line in (*lines, "")).encode())
        self._check_answer(key)

    def send(self, message: dict) -> None:
        self._send_frame(TEXT, json.dumps(message).encode())

    def receive(self, seconds: float) -> str:
        """The next text; raises `TimeoutError` after silence, `Closed` at the end."""
        text = b""
        while True:
            is_last, kind, payload = self._frame(seconds)
            if kind == CLOSE:
                self._send_frame(CLOSE, payload[:2])
                raise Closed(*((struct.unpack("!H", payload[:2])[0], payload[2:].decode()) if payload else (1005, "")))
            if kind == PING:
                self._send_frame(PONG, payload)
            elif kind != PONG:
                text += payload
                if is_last:
                    return text.decode()

    def abort(self) -> None:
        self._socket.close()

    def _check_answer(self, key: str) -> None:
        while b"\r\n\r\n" not in self._received:
            self._read_more(10)
        head, _, rest = bytes(self._received).partition(b"\r\n\r\n")
        self._received[:] = rest
        status = int(head.split(b" ", 2)[1])
        if status != 101:
            raise Closed(STAY_AWAY_FROM if status in HOPELESS_STATUS else 4000, f"HTTP {status}")
        expected = base64.b64encode(hashlib.sha1((key + GUID).encode()).digest())  # noqa: S324 - as the RFC wants it
        if expected not in head:
            raise Closed(STAY_AWAY_FROM, "this is no WebSocket server")

    def _frame(self, seconds: float) -> tuple[bool, int, bytes]:
        start, length = 2, None
        while length is None or len(self._received) < start + length:
            length = None
            if len(self._received) >= 2:
                short = self._received[1] & 0x7F
                start, form = {126: (4, "!H"), 127: (10, "!Q")}.get(short, (2, ""))
                if len(self._received) >= start:
                    length = struct.unpack(form, self._received[2:start])[0] if form else short
            if length is None or len(self._received) < start + length:
                self._read_more(seconds)
        first, payload = self._received[0], bytes(self._received[start : start + length])
        del self._received[: start + length]
        return bool(first & 0x80), first & 0x0F, payload

    def _read_more(self, seconds: float) -> None:
        self._socket.settimeout(seconds)
        chunk = self._socket.recv(65536)
        if not chunk:
            raise ConnectionResetError("the connection broke")
        self._received += chunk

    def _send_frame(self, kind: int, payload: bytes) -> None:
        """Clients mask what they send."""
        size = len(payload)
        length = (
            bytes([0x80 | size])
            if size < 126
            else struct.pack("!BH", 0xFE, size)
            if size < 65536
            else struct.pack("!BQ", 0xFF, size)
        )
        mask = os.urandom(4)
        masked = bytes(byte ^ key for byte, key in zip(payload, itertools.cycle(mask)))
        self._socket.sendall(bytes([0x80 | kind]) + length + mask + masked)


class Client:
    """Connects, recovers, and hands over each message once."""

    def __init__(self, url: str, token: str, events: list[str]) -> None:
        self._url, self._token, self._events = url, token, events
        self._client_id = f"example-{os.getpid()}"
        self._position = None  # (epoch, offset) of the last kept message we have
        self._revisions: dict[str, int] = {}
        self._failures = 0

    def run(self) -> Closed:
        """Until the server says to stay away."""
        while True:
            pause = None
            try:
                self._follow()
            except Closed as closed:
                if closed.code >= STAY_AWAY_FROM:
                    return closed
                asked = re.search(r"retry in (\d+) s", closed.reason)  # a server that stops spreads its clients
                pause = float(asked[1]) if asked else None
            except OSError:
                pass
            longest = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2**self._failures)
            self._failures += 1
            time.sleep(random.uniform(0, longest) if pause is None else pause)  # noqa: S311 - no secret

    def _follow(self) -> None:
        query = {"format": "array"}
        if self._position:
            query["since"] = "{}:{}".format(*self._position)
        link = WebSocket(f"{self._url}/ws/{self._client_id}?{urlencode(query)}", self._token)
        try:
            ping_seconds, pong_seconds, is_asked = 25.0, 10.0, False
            while True:
                try:
                    content = json.loads(link.receive(pong_seconds if is_asked else ping_seconds))
                except TimeoutError:
                    if is_asked:
                        return  # no answer: the line is dead
                    link.send({"type": "ping"})
                    is_asked = True
                    continue
                is_asked = False
                for message in content if isinstance(content, list) else [content]:
                    if message["type"] == "connection":
                        ping_seconds, pong_seconds = message["ping_interval"], message["pong_timeout"]
                        self._welcomed(link, message)
                    self._take(message)
        finally:
            link.abort()

    def _welcomed(self, link: WebSocket, message: dict) -> None:
        self._failures = 0
        if not (message["recovered"] and message["missed"]):  # else each of the missed ones moves the position
            self._position = (message["epoch"], message["offset"])
        link.send({"type": "jobs"})  # progress is not kept: this is how it stands now
        if self._events:
            link.send({"type": "subscribe", "events": self._events})

    def _take(self, message: dict) -> None:
        if message["type"] in ("job", "notification") and "offset" in message:
            if message["offset"] <= self._position[1]:
                return  # we have it
            self._position = (self._position[0], message["offset"])
        if "revision" in message:
            if message["revision"] < self._revisions.get(message["job_id"], 0):
                return  # older than what we know
            self._revisions[message["job_id"]] = message["revision"]
        print(json.dumps(message, ensure_ascii=False), flush=True)  # noqa: T201


if __name__ == "__main__":
    url = os.environ["JINDU_URL"].rstrip("/")
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(f"closed for good: {Client(url, os.environ['JINDU_TOKEN'], sys.argv[1:]).run()}")
