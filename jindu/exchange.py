"""Requests over one connection that is kept open, with nothing but the standard library."""

from __future__ import annotations

import http.client
import json
import socket
from typing import Any
from urllib.parse import urlsplit

from jindu.place import Place
from jindu.report import Answer, Request

_TIMEOUT_SECONDS = 20.0  # sent again too early, it would only add to what keeps a server busy
_CONNECT_SECONDS = 10.0
_LARGEST_ANSWER = 1024 * 1024


class NoWayThereError(OSError):
    """Nobody took the connection, nor refused it: a wrong address, or something in between that swallows it."""


class Exchange:
    """Belongs to one thread."""

    def __init__(self, place: Place) -> None:
        parts = urlsplit(place.url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(parts.hostname or "", parts.port, timeout=_TIMEOUT_SECONDS)
        self._prefix = parts.path
        self._headers = {"Authorization": f"Bearer {place.token}", "Content-Type": "application/json"}

    def send(self, request: Request) -> Answer:
        """Raises `OSError` or `http.client.HTTPException` when no answer comes."""
        try:
            return self._send(request)
        except (ConnectionError, http.client.RemoteDisconnected, http.client.CannotSendRequest):
            self.close()
            # The server closes connections that stand idle. Sending again does no harm: beginning a job has its key.
            return self._send(request)
        except (OSError, http.client.HTTPException):
            self.close()
            raise

    def close(self) -> None:
        self._connection.close()

    def _send(self, request: Request) -> Answer:
        body = json.dumps(request.body).encode()
        if self._connection.sock is None:
            self._connect()
        self._connection.request(request.method, self._prefix + request.path, body, self._headers | request.headers)
        response = self._connection.getresponse()
        content = response.read(_LARGEST_ANSWER)
        if not response.isclosed():
            self.close()  # more than we care for
        return Answer(response.status, _object(content), _seconds(response.headers.get("Retry-After")))

    def _connect(self) -> None:
        self._connection.timeout = _CONNECT_SECONDS
        try:
            self._connection.connect()
        except socket.timeout as error:
            self.close()
            raise NoWayThereError(f"no connection within {_CONNECT_SECONDS:.0f} s") from error
        self._connection.sock.settimeout(_TIMEOUT_SECONDS)


def _object(content: bytes) -> dict[str, Any]:
    try:
        value = json.loads(content)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _seconds(header: str | None) -> float:
    return float(header) if header and header.isascii() and header.isdigit() else 0.0
