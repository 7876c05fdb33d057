"""The way outside as tests take it: to this machine, which the settings name."""

from __future__ import annotations

from server.clock import Clock
from server.engines.outgoing_hosts import OutgoingHosts
from server.engines.outgoing_posts import OutgoingPosts


def posts_to_localhost(*, clock: Clock) -> OutgoingPosts:
    return OutgoingPosts(OutgoingHosts(("localhost",)), clock=clock, patience_seconds=0.3)
