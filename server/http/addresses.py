"""Where a request comes from and which origins are ours, also behind reverse proxies that we were told of."""

from __future__ import annotations

from urllib.parse import urlsplit

from aiohttp import web

from server.http import keys


def client_address(request: web.Request) -> str:
    """The address of who asks. Each trusted proxy appended the one it saw, so ours is that many from the end."""
    peer = request.remote or ""
    return _from_the_end(request, "X-Forwarded-For") or peer


def is_secure(request: web.Request) -> bool:
    """Whether the browser talks TLS, to us or to the proxy in front."""
    if request.app[keys.SETTINGS].public_url.startswith("https://") or request.secure:
        return True
    return _from_the_end(request, "X-Forwarded-Proto").lower() == "https"


def own_origins(request: web.Request) -> frozenset[str]:
    """This server's origin as it was asked for, and the public one from the settings."""
    scheme = "https" if is_secure(request) else "http"
    # A proxy may leave the Host header alone and only say in the settings what the public address is.
    public = request.app[keys.SETTINGS].public_url
    asked = {f"{scheme}://{request.host}".lower()} if request.host else set()
    return frozenset(asked | ({_origin_of(public)} if public else set()))


def is_trusted_origin(request: web.Request, origin: str) -> bool:
    """Our own, or on the allow-list."""
    return origin.lower() in own_origins(request) or origin in request.app[keys.SETTINGS].allowed_origins


def _from_the_end(request: web.Request, header: str) -> str:
    hops = request.app[keys.SETTINGS].trusted_proxies
    if not hops:
        return ""
    values = [part.strip() for line in request.headers.getall(header, []) for part in line.split(",")]
    # One proxy may set the protocol for all that follow; then there are fewer values than proxies.
    return values[-min(hops, len(values))] if values else ""


def _origin_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()
