"""What proxies say of a request, and what clients put to the left of it."""

from __future__ import annotations

import pytest
from multidict import CIMultiDict

from server.http.forwarded import Forwarding, address_of, of_forwarded, of_x_forwarded


@pytest.mark.parametrize(
    ("hops", "headers", "found"),
    [
        (1, [], Forwarding()),
        (1, [("X-Forwarded-For", "203.0.113.7")], Forwarding(address="203.0.113.7")),
        (1, [("X-Forwarded-For", "6.6.6.6, 203.0.113.7")], Forwarding(address="203.0.113.7")),
        (1, [("X-Forwarded-For", "6.6.6.6"), ("X-Forwarded-For", "203.0.113.7")], Forwarding(address="203.0.113.7")),
        (2, [("X-Forwarded-For", "6.6.6.6, 203.0.113.7, 10.0.0.1")], Forwarding(address="203.0.113.7")),
        (3, [("X-Forwarded-For", "203.0.113.7")], Forwarding(address="203.0.113.7")),
        (1, [("X-Forwarded-For", "6.6.6.6, unknown")], Forwarding()),
        (1, [("X-Forwarded-For", "203.0.113.7:4711")], Forwarding(address="203.0.113.7")),
        (1, [("X-Forwarded-For", "[2001:db8::1]:4711")], Forwarding(address="2001:db8::1")),
        (1, [("X-Forwarded-For", "2001:DB8::1")], Forwarding(address="2001:db8::1")),
        (1, [("X-Forwarded-Proto", "http, HTTPS")], Forwarding(scheme="https")),
        (2, [("X-Forwarded-Proto", "https")], Forwarding(scheme="https")),
        (1, [("X-Forwarded-Host", "evil.example, Reports.example.com")], Forwarding(host="reports.example.com")),
        (1, [("X-Forwarded-Host", "reports.example.com"), ("X-Forwarded-Port", "8443")],
         Forwarding(host="reports.example.com:8443")),
        (1, [("X-Forwarded-Host", "reports.example.com:1"), ("X-Forwarded-Port", "8443")],
         Forwarding(host="reports.example.com:1")),
        (1, [("X-Forwarded-Host", "[2001:db8::1]"), ("X-Forwarded-Port", "443")],
         Forwarding(host="[2001:db8::1]:443")),
        (1, [("X-Forwarded-Host", "x/../\\evil@y"), ("X-Forwarded-Port", "8443")], Forwarding()),
        (1, [("X-Forwarded-For", ",,, ,"), ("X-Forwarded-Proto", ","), ("X-Forwarded-Host", "")], Forwarding()),
    ],
)  # fmt: skip
def test_x_forwarded_counts_from_the_right(hops: int, headers: list[tuple[str, str]], found: Forwarding) -> None:
    assert of_x_forwarded(CIMultiDict(headers), hops) == found


@pytest.mark.parametrize(
    ("hops", "lines", "found"),
    [
        (1, [], Forwarding()),
        (1, ["for=203.0.113.7;proto=https;host=reports.example.com"],
         Forwarding(address="203.0.113.7", scheme="https", host="reports.example.com")),
        (1, ['For="[2001:db8:cafe::17]:4711" ; Proto=HTTPS'],
         Forwarding(address="2001:db8:cafe::17", scheme="https")),
        (1, ["for=6.6.6.6;host=evil.example, for=203.0.113.7"], Forwarding(address="203.0.113.7")),
        (1, ["for=6.6.6.6", "for=203.0.113.7"], Forwarding(address="203.0.113.7")),
        (2, ["for=6.6.6.6, for=203.0.113.7, for=10.0.0.1"], Forwarding(address="203.0.113.7")),
        (1, ['for="6.6.6.6, for=7.7.7.7", for=203.0.113.7'], Forwarding(address="203.0.113.7")),
        (1, ['for="6.6.6.6\\", for=7.7.7.7", for=203.0.113.7'], Forwarding(address="203.0.113.7")),
        (1, ["for=203.0.113.7, for=_hidden"], Forwarding()),
        (1, ["for=unknown;proto=https"], Forwarding(scheme="https")),
        (1, ["for=203.0.113.7;for"], Forwarding(address="203.0.113.7")),
        (1, [",;=\"'\\"], Forwarding()),
    ],
)  # fmt: skip
def test_forwarded_counts_from_the_right(hops: int, lines: list[str], found: Forwarding) -> None:
    assert of_forwarded(CIMultiDict([("Forwarded", line) for line in lines]), hops) == found


@pytest.mark.parametrize("text", ["", "unknown", "_hidden", "1.2.3", "1.2.3.4.5", "localhost:80", "[::1", "a" * 9_000])
def test_what_is_no_address_says_nothing(text: str) -> None:
    assert address_of(text) in ("", "::1")
