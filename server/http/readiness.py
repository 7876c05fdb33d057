"""Whether this process should be given requests: it is starting, ready, or draining."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from server.errors import Unavailable
from server.storage.database import DatabaseAway, OtherSchema
from server.storage.database_watch import DatabaseStanding, DatabaseWatch


class Lack(StrEnum):
    """What all nodes share and this one cannot reach: people are served all the same, and told so."""

    FILES = "files"
    NODES = "nodes"


SAID_OF = {
    Lack.FILES: "The store of files does not answer. What needs files waits; see its log and JINDU_STORAGE_URL.",
    Lack.NODES: "This node does not reach the others, and shows seconds later what happens there; see "
    "JINDU_BROKER_URL.",
}


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

    async def require(self, database: DatabaseWatch) -> None:
        """Raises `Unavailable` while it starts or drains, and without the database, without which it serves nobody.

        Not on a full disk, on which it still reads and deletes, and not without the store of files or the other nodes:
        all nodes share those, and a balancer without nodes helps nobody.
        """
        if not self.is_ready:
            raise Unavailable
        match await database.standing():
            case DatabaseStanding.AWAY:
                raise DatabaseAway
            case DatabaseStanding.OTHER_SCHEMA:
                raise OtherSchema
