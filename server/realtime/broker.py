"""What is told to whoever it concerns, wherever they are connected: publications, and what carries them.

A publication is data, so it can travel. It says what happened, never in which words: each node that it reaches finds
them where the sockets are (`delivery`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from msgspec import Struct

from server.realtime.close_codes import CloseCode
from server.realtime.presence import Presence
from server.realtime.protocol import Position

EVERYBODY = "all"


def user_topic(user_id: str) -> str:
    return f"user:{user_id}"


def event_topic(event: str) -> str:
    return f"event:{event}"


class Publication(Struct, frozen=True, kw_only=True, array_like=True, tag_field="publication", tag=True):
    """Something that happened. What there is to tell of jobs stands in `live/announcing.py`: nobody here knows them."""

    @property
    def topics(self) -> tuple[str, ...]:
        """Whoever joined one of them hears it, and hears it once."""
        return (EVERYBODY,)


class KeptTold(Publication, frozen=True, kw_only=True):
    """A message was kept, at `positions` of the streams of one user or of many; told right after the commit."""

    type: str
    body: bytes  # JSON, not yet in anybody's language
    at: datetime
    positions: dict[str, Position]  # by user id

    @property
    def topics(self) -> tuple[str, ...]:
        return (EVERYBODY,) if len(self.positions) > 1 else tuple(map(user_topic, self.positions))


class EventPublished(Publication, frozen=True, kw_only=True):
    """Something for the subscribers of an event name; with an owner, only for the owner and admins."""

    event: str
    data: Any
    owner_id: str | None = None

    @property
    def topics(self) -> tuple[str, ...]:
        return (event_topic(self.event),)


class Ended(Publication, frozen=True, kw_only=True):
    """A session, a token or a user is no more, or means something else now: what was opened with it is closed."""

    session_id: str | None = None
    token_id: str | None = None
    user_id: str | None = None
    code: CloseCode = CloseCode.SIGNED_OUT


class Close(Publication, frozen=True, kw_only=True):
    """One connection is to be closed, at whichever node it is."""

    connection_id: str
    code: CloseCode
    reason: str


class PresenceChanged(Publication, frozen=True, kw_only=True):
    """Connections came and went; `user_ids` has whose, also where the lists were cut and there are `more`."""

    user_ids: list[str]
    joined: list[Presence]
    left: list[str]  # connection ids
    more: bool


Receive = Callable[[Publication], None]
"""On the event loop; must not wait, and raises nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hearing:
    """Who listens at this node, and to which kinds of publications."""

    receive: Receive
    may_have_lost: Callable[[], None] = lambda: None
    """Some of what others sent may never arrive: whatever was kept must be looked up. On the event loop, too."""
    kinds: Collection[type[Publication]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerStatistics:
    """`is_whole`: what is sent reaches the other nodes. Words count since the start.

    `round_seconds` is how long the last word of our own took to come round, 0 while none does: at a replica that lags,
    words of others are as late.
    """

    is_whole: bool = True
    round_seconds: float = 0.0
    sent: int = 0  # to others
    heard: int = 0  # from others
    not_sent: int = 0  # because the line was away or too slow
    not_understood: int = 0  # said by a newer version, or by somebody else
    lines_lost: int = 0


class Broker(Protocol):
    """Carries publications to every node that joined one of their topics; this node counts among them.

    It may lose anything on the way to other nodes, at any time: rows are the truth.
    """

    async def open(self, hearing: Hearing) -> None: ...

    async def join(self, topic: str) -> None:
        """Once this returns, whatever is sent to `topic` from now on arrives, or `may_have_lost` is called later.

        It waits for no engine that is away.
        """

    def leave(self, topic: str) -> None:
        """Nothing more of `topic` needs to arrive. Safe to repeat."""

    def send(self, publication: Publication) -> None:
        """Never waits. This node hears it before `send` returns; what one node sends arrives in its order elsewhere."""

    def statistics(self) -> BrokerStatistics: ...

    async def close(self) -> None: ...
