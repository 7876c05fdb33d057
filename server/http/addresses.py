"""Where a request comes from and which origins are ours, also behind reverse proxies that we were told of."""

from __future__ import annotations

import logging
from urllib.parse import urlsplit

from aiohttp import hdrs, web
from multidict import MultiMapping

from server.auth.networks import is_among
from server.http.forwarded import NOTHING, Forwarding, of_forwarded, of_x_forwarded
from server.http.parts import parts_of
from server.settings import Settings

_LOG = logging.getLogger("jindu")
_USUAL_PORTS = {"http": ":80", "https": ":443"}


def client_address(request: web.Request) -> str:
    """The address of who asks."""
    return forwarding_of(request).address or request.remote or ""


def forwarding_of(request: web.Request) -> Forwarding:
    """What proxies say that the settings trust."""
    return forwarding_by(parts_of(request).settings, request.headers, request.remote)


def forwarding_by(settings: Settings, headers: MultiMapping[str], remote: str | None) -> Forwarding:
    """Of whatever came with `headers` from the address `remote`, None for a Unix socket."""
    if not settings.trusted_proxies or not _is_proxy(settings, remote):
        return NOTHING
    read = of_forwarded if settings.forwarded_header == "forwarded" else of_x_forwarded
    return read(headers, settings.trusted_proxies)


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
        elif not _is_proxy(parts_of(request).settings, request.remote):
            _LOG.warning(
                "a request from %s has X-Forwarded-For, but that address is not among trusted_proxy_addresses: if it "
                "is your proxy, add it",
                request.remote,
                extra={"action": "trusted_proxies"},
            )


def is_secure(request: web.Request) -> bool:
    """Whether the browser talks TLS, to us or to the proxy in front."""
    if parts_of(request).settings.public_url.startswith("https://") or request.secure:
        return True
    return forwarding_of(request).scheme == "https"


def own_origins(request: web.Request) -> frozenset[str]:
    """This server's origin as it was asked for, and the public one from the settings."""
    scheme = "https" if is_secure(request) else "http"
    # A proxy may leave the Host header alone, hand on what it was asked for beside it, or neither, and only the
    # settings say what the public address is. No page of another site can make a browser send X-Forwarded-Host.
    public = parts_of(request).settings.public_url
    asked = {_origin(scheme, host) for host in (request.host, forwarding_of(request).host) if host}
    return frozenset(asked | ({_origin_of(public)} if public else set()))


def public_origin(request: web.Request) -> str:
    """What addresses of ours begin with that others are told: as the settings say, else as it was asked for."""
    parts = parts_of(request)
    scheme = "https" if is_secure(request) else "http"
    host = forwarding_of(request).host or request.host
    return parts.base_path.address(parts.settings.public_url or f"{scheme}://{host}")


def _is_proxy(settings: Settings, remote: str | None) -> bool:
    """Whoever may open a Unix socket was let in by its file."""
    networks = settings.trusted_proxy_addresses
    return not networks or not remote or is_among(remote, networks)


def _origin_of(url: str) -> str:
    parts = urlsplit(url)
    return _origin(parts.scheme, parts.netloc)


def _origin(scheme: str, host: str) -> str:
    """As browsers write it: without the port that goes without saying."""
    return f"{scheme}://{host}".lower().removesuffix(_USUAL_PORTS.get(scheme, ""))
