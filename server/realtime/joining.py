"""How a connection joins: position, recovery and registration, with nothing lost in between."""

from __future__ import annotations

from collections.abc import Callable

from server import __version__
from server.auth.endings import Endings, Standing
from server.languages import Languages
from server.realtime import protocol
from server.realtime.close_codes import CloseCode
from server.realtime.connection import Connection
from server.realtime.history import History, Kept
from server.realtime.manager import ConnectionManager, Refused
from server.realtime.protocol import Position
from server.realtime.topics import Topics

RenderKept = Callable[[Kept, str], bytes]
"""A kept message as JSON in a language."""

_ATTEMPTS = 10  # how often newer messages may come in while older ones are read


class Joiner:
    """Welcomes connections."""

    def __init__(
        self,
        *,
        manager: ConnectionManager,
        history: History,
        topics: Topics,
        languages: Languages,
        endings: Endings,
        render: RenderKept,
        node: str,
    ) -> None:
        self._manager = manager
        self._history = history
        self._topics = topics
        self._languages = languages
        self._endings = endings
        self._render = render
        self._node = node

    async def join(self, connection: Connection, since: Position | None) -> None:
        """Register `connection` and send `connection`, then what it missed.

        Raises `Refused` past the limits, and when what the connection rests on ended while it was opened.
        """
        async with self._topics.of_user(connection.user_id):  # first: from now on we hear what is kept for them
            missed = await self._missed(connection, since)
            self._require_standing(connection)
            # Nothing awaits between what `_missed` saw and this: a message that came in between would be lost or
            # doubled.
            self._manager.connect(connection)
        connection.send(self._welcome(connection, missed))
        if missed:
            connection.queue_recovered([self._render(kept, connection.language) for kept in missed])

    def _require_standing(self, connection: Connection) -> None:
        standing = self._endings.standing(connection.principal)
        if standing is Standing.ENDED:
            raise Refused(CloseCode.SIGNED_OUT)
        if standing is Standing.CHANGED:
            raise Refused(CloseCode.RIGHTS_CHANGED)

    async def _missed(self, connection: Connection, since: Position | None) -> list[Kept] | None:
        """All that was told after `since` up to this very moment; None when that cannot be given whole."""
        await self._history.load(connection.user_id)
        if since is None:
            return None
        for _ in range(_ATTEMPTS):
            missed = await self._history.after(connection.user_id, since)
            if missed is None:
                return None  # also a position that is still to come: what a client claims moves nobody else's
            if since.offset + len(missed) == self._history.position(connection.user_id).offset:
                return missed
        return None

    def _welcome(self, connection: Connection, missed: list[Kept] | None) -> protocol.Connected:
        position = self._history.position(connection.user_id)
        limits = self._manager.limits
        text = self._languages.of(connection.language).gettext("WebSocket connected, client ID: {client_id}")
        return protocol.Connected(
            timestamp=protocol.now(),
            client_id=connection.client_id,
            connection_id=connection.id,
            user=protocol.UserInfo(
                id=connection.user_id, name=connection.principal.user_name, role=connection.principal.role
            ),
            epoch=position.epoch,
            offset=position.offset,
            recovered=missed is not None,
            missed=len(missed or ()),
            ping_interval=limits.ping_interval_seconds,
            pong_timeout=limits.pong_timeout_seconds,
            server=protocol.ServerInfo(version=__version__, node=self._node),
            message=text.format(client_id=connection.client_id),
        )
