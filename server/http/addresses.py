"""Where a request comes from and which origins are ours, also behind reverse proxies that we were told of."""

from __future__ import annotations

import logging
from urllib.parse import urlsplit

from aiohttp import hdrs, web

from server.http.parts import parts_of

_LOG = logging.getLogger("jindu")


def client_address(request: web.Request) -> str:
    """The address of who asks. Each trusted proxy appended the one it saw, so ours is that many from the end."""
    peer = request.remote or ""
    return _from_the_end(request, "X-Forwarded-For") or peer


class ProxyHint:
    """Says once in the log that there seems to be a proxy of which the settings know nothing."""

    def __init__(self) -> None:
        self._was_given = False

    def look_at(self, request: web.Request) -> None:
        if self._was_given or hdrs.X_FORWARDED_FOR not in request.headers:
            return
        self._was_given = True
        if not parts_of(request).settings.trusted_proxies:
            _LOG.warning(
                "a request from %s has X-Forwarded-For, but trusted_proxies is 0: if that is your proxy, set it, or "
                "all who come through it count as one address (limits of connections and of failed sign-ins)",
                request.remote,
                extra={"action": "trusted_proxies"},
            )


def is_secure(request: web.Request) -> bool:
    """Whether the browser talks TLS, to us or to the proxy in front."""
    if parts_of(request).settings.public_url.startswith("https://") or request.secure:
        return True
    return _from_the_end(request, "X-Forwarded-Proto").lower() == "https"


def own_origins(request: web.Request) -> frozenset[str]:
    """This server's origin as it was asked for, and the public one from the settings."""
    scheme = "https" if is_secure(request) else "http"
    # A proxy may leave the Host header alone and only say in the settings what the public address is.
    public = parts_of(request).settings.public_url
    asked = {f"{scheme}://{request.host}".lower()} if request.host else set()
    return frozenset(asked | ({_origin_of(public)} if public else set()))


def public_origin(request: web.Request) -> str:
    """What addresses of ours begin with that others are told: as the settings say, else as it was asked for."""
    scheme = "https" if is_secure(request) else "http"
    return parts_of(request).settings.public_url.rstrip("/") or f"{scheme}://{request.host}"


def _from_the_end(request: web.Request, header: str) -> str:
    hops = parts_of(request).settings.trusted_proxies
    if not hops:
        return ""
    values = [part.strip() for line in request.headers.getall(header, []) for part in line.split(",")]
    # One proxy may set the protocol for all that follow; then there are fewer values than proxies.
    return values[-min(hops, len(values))] if values else ""


def _origin_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()
