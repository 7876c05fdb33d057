"""Which places outside webhooks and chat messages may go to, by the setting `webhook_hosts`."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from server.delivery.messages import host_of

ANY = "*"
_ENTRY = re.compile(r"(?:\[(?P<address>[^\]]+)\]|(?P<host>[^:\[\]]+))(?::(?P<port>\d+))?")
_PLAIN = re.compile(r"[!-~]+")

_NO_ADDRESS = "This is no address. Write it as https://example.com/hook."
_NOT_HTTPS = "Messages go out over https only; http is for hosts that the setting webhook_hosts names."
_NAMES_SOMEBODY = "An address must not hold a user name or password."
_NOT_ALLOWED = "Nothing is sent to this host. An administrator can add it to the setting webhook_hosts."
INSIDE = "This is inside the server's own network. An administrator can add the host to the setting webhook_hosts."

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True, kw_only=True)
class _Allowed:
    """One entry of the setting. A host that it names as such may be inside, and spoken to without TLS."""

    host: str
    port: int | None
    network: ipaddress.IPv4Network | ipaddress.IPv6Network | None

    def names(self, host: str, port: int) -> bool:
        if self.port not in (None, port):
            return False
        address = literal(host)
        if self.network is not None:
            return address is not None and _within(address) in self.network
        return address is None and host == self.host

    def covers(self, host: str, port: int) -> bool:
        if self.host == ANY:
            return True
        is_below = self.host.startswith("*.") and host.endswith(self.host[1:]) and literal(host) is None
        return self.port in (None, port) and is_below


class OutgoingHosts:
    """`hosts`: `hooks.example.com`, `*.example.com`, `*` (any that is public), and with or without a port also what is
    inside: `jenkins.lan:8080`, `10.1.2.3`, `10.0.0.0/8`. Empty: any that is public."""

    def __init__(self, hosts: Sequence[str]) -> None:
        self._allowed = [_allowed(host) for host in hosts] or [_allowed(ANY)]

    def refusal(self, url: str) -> str | None:
        """Why an address is not asked, as far as it says so itself; what its name means is looked at later."""
        parts = _split(url)
        if parts is None:
            return _NO_ADDRESS
        host, port = parts.hostname or "", _port(parts)
        if parts.username is not None or parts.password is not None:
            return _NAMES_SOMEBODY
        if any(each.names(host, port) for each in self._allowed):
            return None
        if parts.scheme != "https":
            return _NOT_HTTPS
        address = literal(host)
        if address is not None and not is_public(address):
            return INSIDE
        return None if any(each.covers(host, port) for each in self._allowed) else _NOT_ALLOWED

    def may_connect(self, url: str, address: str) -> bool:
        """Whether the host of an allowed `url` may be at this address. What is named may be inside; nothing that is
        named by a name is at link-local addresses, where clouds tell machines their secrets."""
        parts, found = _split(url), literal(address.partition("%")[0])
        if parts is None or found is None:
            return False
        host, port = parts.hostname or "", _port(parts)
        if is_public(found) or any(each.names(address, port) for each in self._allowed if each.network is not None):
            return True
        is_named = any(each.names(host, port) for each in self._allowed)
        found = _within(found)
        return is_named and not (found.is_link_local or found.is_multicast or found.is_unspecified)


def is_public(address: Address) -> bool:
    from server.engines.https_client import is_public_address  # here: a program without a web needs no client of it

    return is_public_address(str(address))


def literal(host: str) -> Address | None:
    """An IP address as such, in any of the ways that a C library takes it (`2130706433`, `0x7f.1`)."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except (OSError, ValueError):
        return None


def _within(address: Address) -> Address:
    return getattr(address, "ipv4_mapped", None) or address


def _split(url: str) -> SplitResult | None:
    if not _PLAIN.fullmatch(url):
        return None
    try:
        parts = urlsplit(url)
        is_whole = parts.scheme in ("http", "https") and bool(host_of(url)) and parts.port != 0
    except ValueError:
        return None
    return parts if is_whole else None


def _port(parts: SplitResult) -> int:
    return parts.port or (443 if parts.scheme == "https" else 80)


def _allowed(entry: str) -> _Allowed:
    try:
        return _Allowed(host="", port=None, network=ipaddress.ip_network(entry))
    except ValueError:
        pass
    found = _ENTRY.fullmatch(entry)
    host, port = (found["address"] or found["host"], found["port"]) if found else (entry, None)
    address = literal(host)
    network = ipaddress.ip_network(address) if address is not None else None
    return _Allowed(host=host.lower(), port=int(port) if port else None, network=network)
