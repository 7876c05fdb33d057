"""Where messages may go: to what is public, and inside only to what an administrator names."""

from __future__ import annotations

import pytest

from server.engines import outgoing_hosts
from server.engines.outgoing_hosts import OutgoingHosts

INSIDE, NOT_ALLOWED, NOT_HTTPS = outgoing_hosts.INSIDE, outgoing_hosts._NOT_ALLOWED, outgoing_hosts._NOT_HTTPS
NO_ADDRESS, NAMES_SOMEBODY = outgoing_hosts._NO_ADDRESS, outgoing_hosts._NAMES_SOMEBODY
ANYWHERE = OutgoingHosts(())
PRIVATE = (
    "127.0.0.1",
    "10.1.2.3",
    "100.64.0.1",
    "169.254.169.254",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:100.64.0.1]",
    "[64:ff9b::a00:1]",
    "[fe80::1]",
    "[fd00::1]",
    "0.0.0.0",
    "2130706433",
    "0x7f.1",
    "127.1",
    "224.0.0.1",
)


@pytest.mark.parametrize("host", PRIVATE)
def test_what_is_inside_is_refused_however_it_is_written(host: str) -> None:
    assert ANYWHERE.refusal(f"https://{host}/hook") == INSIDE
    assert OutgoingHosts(("*", "hooks.example.com")).refusal(f"https://{host}:8443/hook") == INSIDE
    assert not ANYWHERE.may_connect("https://hooks.example.com/x", host.strip("[]"))


def test_any_public_host_may_be_told_over_https_unless_some_are_named() -> None:
    assert ANYWHERE.refusal("https://hooks.slack.com/services/x") is None
    assert ANYWHERE.refusal("https://hooks.example.com:8443/") is None
    assert ANYWHERE.refusal("https://93.184.216.34/") is None
    assert ANYWHERE.refusal("http://hooks.example.com/") == NOT_HTTPS
    few = OutgoingHosts(("hooks.example.com", "*.corp.example", "other.example:8443"))
    assert few.refusal("https://hooks.example.com:9000/") is None
    assert few.refusal("https://HOOKS.example.com/") is None
    assert few.refusal("https://a.corp.example/") is None
    assert few.refusal("https://other.example:8443/") is None
    for url in (
        "https://corp.example/",
        "https://hooks.slack.com/",
        "https://other.example/",
        "https://93.184.216.34/",
    ):
        assert few.refusal(url) == NOT_ALLOWED


@pytest.mark.parametrize(
    "url",
    [
        *("", "hooks", "ftp://a.example/", "https://", "https://a b/", "https://a.example/\r\nX: 1", "https://[::1"),
        *("https:/a", "https://a.example:0/", "https://a.example:99999/", "https://例.example/"),
    ],
)
def test_what_is_no_address_is_none(url: str) -> None:
    assert ANYWHERE.refusal(url) == NO_ADDRESS


def test_an_address_names_nobody() -> None:
    assert ANYWHERE.refusal("https://user:pass@hooks.example.com/") == NAMES_SOMEBODY
    assert ANYWHERE.refusal("https://hooks.example.com@127.0.0.1/") == NAMES_SOMEBODY


def test_what_is_named_may_be_inside_and_without_tls() -> None:
    named = OutgoingHosts(("jenkins.lan:8080", "10.1.0.0/16", "127.0.0.1:9000", "[::1]:9000", "wiki.lan"))
    for url in ("http://jenkins.lan:8080/x", "http://10.1.2.3/", "http://127.0.0.1:9000/", "http://[::1]:9000/x"):
        assert named.refusal(url) is None
    assert named.refusal("http://jenkins.lan/") == NOT_HTTPS
    assert named.refusal("https://jenkins.lan/") == NOT_ALLOWED
    assert named.refusal("https://127.0.0.1:9001/") == INSIDE
    assert named.refusal("https://10.2.0.1/") == INSIDE


def test_a_name_may_be_inside_where_it_is_named_as_such_but_never_at_link_local_addresses() -> None:
    named = OutgoingHosts(("wiki.lan", "*.corp.example", "10.0.0.0/8"))
    assert named.may_connect("https://wiki.lan/", "192.168.1.1")
    assert named.may_connect("https://wiki.lan/", "::ffff:192.168.1.1")
    assert named.may_connect("https://a.corp.example/", "93.184.216.34")
    assert named.may_connect("https://a.corp.example/", "10.1.2.3")  # a network that is named as such
    assert not named.may_connect("https://a.corp.example/", "192.168.1.1")
    for address in ("169.254.169.254", "::ffff:169.254.169.254", "fe80::1%eth0", "224.0.0.1", "0.0.0.0"):
        assert not named.may_connect("https://wiki.lan/", address)
    assert OutgoingHosts(("169.254.0.0/16",)).may_connect("http://169.254.1.1/", "169.254.1.1")
    assert not named.may_connect("nothing", "93.184.216.34")
    assert not named.may_connect("https://wiki.lan/", "wiki.lan")
