"""Whether this process should be given requests: it is starting, ready, or draining."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Lack(StrEnum):
    """What all nodes share and this one cannot reach: people are served all the same, and told so."""

    FILES = "files"
    NODES = "nodes"


class ServerPhase(StrEnum):
    STARTING = "starting"
    READY = "ready"
    DRAINING = "draining"


@dataclass(slots=True)
class Readiness:
    """Alive is not ready: a load balancer looks here, a supervisor only at `/healthz`."""

    phase: ServerPhase = ServerPhase.STARTING

    @property
    def is_ready(self) -> bool:
        return self.phase is ServerPhase.READY
