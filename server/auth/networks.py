"""What counts as one client when somebody is limited by where they come from."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

_IPV6_PREFIX = 64  # what a provider hands to one customer; whoever has one address of it has all 2⁶⁴


def network_of(address: str) -> str:
    """The address itself, of IPv6 its network; anything else as it is (a Unix socket has no address)."""
    if ":" not in address:
        return address
    try:
        found = ipaddress.IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.IPv6Network((found, _IPV6_PREFIX), strict=False))


def is_among(address: str, networks: Iterable[str]) -> bool:
    """Whether `address` is in one of `networks`; never for what is no address, such as a Unix socket."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return any(found in ipaddress.ip_network(network) for network in networks)
