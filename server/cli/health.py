"""`health`: whether the server on this machine takes requests, or lives, for health checks of containers."""

from __future__ import annotations

import http.client
import socket
import ssl
from dataclasses import dataclass
from typing import Any

from server import settings as settings_module
from server.cli.output import complain, say, say_json
from server.cli.statuses import DONE, FAILED
from server.settings import Settings

_SECONDS = 3.0
_UNIX = "unix:"
_EVERYWHERE = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "127.0.0.1"}  # noqa: S104  # never `localhost`: it may be ::1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    path: str
    word: str


_READY = _Question(path="/readyz", word="ready")
_ALIVE = _Question(path="/healthz", word="alive")


async def check_health(options: dict[str, Any]) -> int:
    settings = settings_module.load({"data": options["data"]})
    question = _ALIVE if options["alive"] else _READY
    address = f"{_address(settings)}{'' if settings.host.startswith(_UNIX) else question.path}"
    status, text = None, ""
    try:
        status = _status(settings, question.path)
    except (OSError, http.client.HTTPException) as failure:
        text = f"no answer ({failure})"
    is_so = status == http.client.OK
    if options["json"]:
        say_json({question.word: is_so, "status": status, "address": address})
    elif is_so:
        say(f"{address}: {question.word}")
    else:
        complain(f"{address}: {text or f'not {question.word} ({status})'}")
    return DONE if is_so else FAILED


def _status(settings: Settings, path: str) -> int:
    connection = _connection(settings)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


def _address(settings: Settings) -> str:
    """The first that the server listens at, as it is asked."""
    host = settings.host.split(",")[0].strip()
    if host.startswith(_UNIX):
        return host
    host = _EVERYWHERE.get(host, host)
    scheme = "https" if settings.tls_cert else "http"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{settings.port}"


def _connection(settings: Settings) -> http.client.HTTPConnection:
    """To the first address that the server listens at."""
    host = settings.host.split(",")[0].strip()
    if host.startswith(_UNIX):
        connection = http.client.HTTPConnection("localhost", timeout=_SECONDS)
        connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.sock.settimeout(_SECONDS)
        connection.sock.connect(host.removeprefix(_UNIX))
        return connection
    host = _EVERYWHERE.get(host, host)
    if not settings.tls_cert:
        return http.client.HTTPConnection(host, settings.port, timeout=_SECONDS)
    # The certificate is for the name that people use, and whether it is good is for `doctor` to say.
    trusting = ssl.create_default_context()
    trusting.check_hostname = False
    trusting.verify_mode = ssl.CERT_NONE
    return http.client.HTTPSConnection(host, settings.port, timeout=_SECONDS, context=trusting)
