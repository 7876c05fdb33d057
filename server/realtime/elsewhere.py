"""Commands for a client whose connection is at another node, handed over by what reaches it there."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from server.auth.permissions import Principal
from server.errors import NotFound, Unavailable
from server.realtime.broker import Broker, Publication, user_topic
from server.realtime.presences import Presences


class NodesAway(Unavailable):
    """This node does not reach the others at the moment; try again in a moment."""

    code = "nodes_away"


class CommandSent(Publication, frozen=True, kw_only=True):
    """One command of a client, by a request that came to another node than its stream; None for one that is no text."""

    user_id: str
    client_id: str
    session_id: str | None
    token_id: str | None
    frame: str | None

    @property
    def topics(self) -> tuple[str, ...]:
        return (user_topic(self.user_id),)


Take = Callable[[CommandSent], Awaitable[None]]
"""Handles it if the stream is here."""


class OtherNodes:
    def __init__(self, *, broker: Broker, presences: Presences) -> None:
        self._broker = broker
        self._presences = presences
        self._takers: list[Take] = []
        self._taking: set[asyncio.Task[None]] = set()

    def taken_by(self, take: Take) -> None:
        self._takers.append(take)

    async def hand_over(self, principal: Principal, client_id: str, frame: str | None) -> None:
        """Raises `NotFound` when no node has a stream of that client with these credentials.

        Raises `NodesAway` while the other nodes cannot be reached.
        """
        if not self._broker.statistics().is_whole:
            raise NodesAway
        if not any(
            (each.client_id, each.session_id, each.token_id) == (client_id, principal.session_id, principal.token_id)
            for each in (await self._presences.arriving(principal.user_id)).elsewhere
        ):
            raise NotFound("This client has no open event stream; connect first.")
        self._broker.send(
            CommandSent(
                user_id=principal.user_id,
                client_id=client_id,
                session_id=principal.session_id,
                token_id=principal.token_id,
                frame=frame,
            )
        )

    def deliver(self, sent: CommandSent) -> None:
        """Those of one stream are begun in their order, and wait for their turn there."""
        for take in self._takers:
            task = asyncio.ensure_future(take(sent))
            self._taking.add(task)
            task.add_done_callback(self._taking.discard)
