"""Browsers that say things to each other before a file goes from one to the other, for tests of operations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from server.auth.access import Right
from server.auth.grants import Grant
from server.operations.peers import PeerOperations
from server.realtime import peer_structs, protocol
from server.realtime.connection import Connection
from tests.unit.realtime.links import MemoryLink

if TYPE_CHECKING:
    from tests.unit.operations.conftest import House

TRANSFER = "x7k2m9q4w1z8c5v0"
FILES = [peer_structs.PeerFile(name="Regions.pdf", size=1_000), peer_structs.PeerFile(name="Regions.xlsx", size=500)]
OFFER = peer_structs.PeerOffer(transfer=TRANSFER, files=FILES)
CANDIDATE = peer_structs.PeerCandidate(attempt=1, candidate="candidate:1 1 udp 1 192.0.2.1 9 typ host")
DESCRIPTION = peer_structs.PeerDescription(attempt=1, type="offer", sdp="v=0\r\n")


class Browser:
    """One that somebody has signed in with."""

    def __init__(self, peers: PeerOperations, link: MemoryLink) -> None:
        assert link.connection is not None
        self.link = link
        self.connection: Connection = link.connection
        self._peers = peers

    async def says(self, to: str, signal: peer_structs.PeerSignal) -> protocol.PeerSent:
        return await self._peers.answer(self.connection, protocol.Peer(to=to, signal=signal))

    def heard(self, kind: str | None = None) -> list[dict[str, Any]]:
        told = [message for message in self.link.messages if message["type"] == "peer"]
        return [message for message in told if kind is None or message["signal"]["kind"] == kind]


async def acquainted(house: House) -> None:
    await house.given(house.alice)
    await house.todo.sharing.put(house.alice, "dataset", "orders", [Grant(right=Right.VIEW, user="bob")])


def to_bob(house: House) -> str:
    return f"user:{house.bob.user_id}"
