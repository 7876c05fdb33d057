"""The ways that browsers are told of, and the credentials that a TURN server checks by itself."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime

from server.live.peer_signals import PeerWays

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)


def ways(**more: object) -> PeerWays:
    given: dict[str, object] = {"stun_urls": (), "turn_urls": (), "turn_secret": "", **more}
    return PeerWays(**given, clock=lambda: NOON)  # type: ignore[arg-type]


def test_without_servers_browsers_look_in_their_own_network() -> None:
    assert ways().of_user("alice") == []


def test_a_stun_server_needs_no_credentials() -> None:
    (way,) = ways(stun_urls=("stun:a", "stun:b")).of_user("alice")
    assert (way.urls, way.username, way.credential) == (["stun:a", "stun:b"], None, None)


def test_credentials_of_a_turn_server_are_those_of_its_secret_and_end() -> None:
    (way,) = ways(turn_urls=("turn:a",), turn_secret="our secret").of_user("01alice")
    assert way.username == f"{int(NOON.timestamp()) + 4 * 3600}:01alice"
    digest = hmac.new(b"our secret", way.username.encode(), hashlib.sha1).digest()
    assert way.credential == base64.b64encode(digest).decode()
