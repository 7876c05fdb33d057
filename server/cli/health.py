"""`health`: whether the server on this machine takes requests, for health checks of containers."""

from __future__ import annotations

import http.client
import socket
import ssl
from typing import Any

from server import settings as settings_module
from server.cli.output import complain, say, say_json
from server.cli.statuses import DONE, FAILED
from server.settings import Settings

_SECONDS = 3.0
_UNIX = "unix:"
_EVERYWHERE = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "127.0.0.1"}  # noqa: S104  # never `localhost`: it may be ::1


async def check_health(options: dict[str, Any]) -> int:
    settings = settings_module.load({"data": options["data"]})
    try:
        status = _status(settings)
    except (OSError, http.client.HTTPException) as failure:
        return _told(options, settings, f"no answer ({failure})", status=None)
    return _told(options, settings, "ready" if status == http.client.OK else f"not ready ({status})", status=status)


def _told(options: dict[str, Any], settings: Settings, text: str, *, status: int | None) -> int:
    is_ready, address = status == http.client.OK, _address(settings)
    if options["json"]:
        say_json({"ready": is_ready, "status": status, "address": address})
    elif is_ready:
        say(f"{address}: {text}")
    else:
        complain(f"{address}: {text}")
    return DONE if is_ready else FAILED


def _status(settings: Settings) -> int:
    connection = _connection(settings)
    try:
        connection.request("GET", "/readyz")
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
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{settings.port}/readyz"


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
