"""What reverse proxies say of a request that they hand on: `X-Forwarded-*`, or `Forwarded` (RFC 7239).

Each proxy appends what it saw, so whatever the client made up stands to the left of it: only the entry of the outermost
proxy that we were told of counts, which is that many from the end.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass

from multidict import MultiMapping

_ELEMENT = re.compile(r'(?:"(?:\\.|[^"\\])*"|[^,"])+')
_PAIR = re.compile(r'\s*([\w!#$%&\'*+.^`|~-]+)\s*=\s*("(?:\\.|[^"\\])*"|[^;,"\s]*)\s*(?:;|$)')
_HOST = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[\w.-]+)(?::\d{1,5})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Forwarding:
    """Empty where nothing, or nothing that can be understood, was said."""

    address: str = ""
    scheme: str = ""
    host: str = ""


NOTHING = Forwarding()


def of_x_forwarded(headers: MultiMapping[str], hops: int) -> Forwarding:
    return Forwarding(
        address=address_of(_from_the_end(headers, "X-Forwarded-For", hops)),
        scheme=_from_the_end(headers, "X-Forwarded-Proto", hops).lower(),
        host=_with_port(
            _host(_from_the_end(headers, "X-Forwarded-Host", hops)), _from_the_end(headers, "X-Forwarded-Port", hops)
        ),
    )


def of_forwarded(headers: MultiMapping[str], hops: int) -> Forwarding:
    elements = [part for line in headers.getall("Forwarded", []) for part in _ELEMENT.findall(line) if part.strip()]
    if not elements:
        return NOTHING
    said = _pairs(_nth_from_the_end(elements, hops))
    return Forwarding(
        address=address_of(said.get("for", "")), scheme=said.get("proto", "").lower(), host=_host(said.get("host", ""))
    )


def address_of(text: str) -> str:
    """An IP address without its port and brackets; empty for names that only say that nothing is said."""
    host = text
    if text.startswith("["):
        host = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        host = text.partition(":")[0]
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return ""


def _from_the_end(headers: MultiMapping[str], name: str, hops: int) -> str:
    values = [part.strip() for line in headers.getall(name, []) for part in line.split(",")]
    return _nth_from_the_end(values, hops) if values else ""


def _nth_from_the_end(values: list[str], hops: int) -> str:
    """One proxy may set the protocol for all that follow; then there are fewer values than proxies."""
    return values[-min(hops, len(values))]


def _pairs(element: str) -> Mapping[str, str]:
    return {name.lower(): _unquoted(value) for name, value in _PAIR.findall(element)}


def _unquoted(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value


def _host(text: str) -> str:
    return text.lower() if _HOST.fullmatch(text) else ""


def _with_port(host: str, port: str) -> str:
    """Some proxies say the port apart."""
    has_port = re.search(r":\d+$", host) is not None
    return f"{host}:{port}" if host and port.isdecimal() and not has_port else host
