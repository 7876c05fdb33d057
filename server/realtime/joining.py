"""How a connection joins: position, recovery and registration, with nothing lost in between."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from server import __version__
from server.auth.endings import Endings, Validity
from server.auth.permissions import Principal
from server.clock import rfc3339_now
from server.languages import Languages
from server.realtime import protocol
from server.realtime.catching_up import CatchUp
from server.realtime.close_codes import CloseCode
from server.realtime.connection import Connection
from server.realtime.history import History
from server.realtime.manager import ConnectionManager, Refused
from server.realtime.presences import Presences, Replacing
from server.realtime.protocol import Position
from server.realtime.replay import Replay
from server.realtime.topics import Topics
from server.storage.database import NOT_NOW

Prepare = Callable[[str], Awaitable[None]]
"""Called with the id of a user who is about to join, once what is told of them is heard here."""

_ATTEMPTS = 10  # how often newer messages may come in while older ones are read


class Joiner:
    """Welcomes connections."""

    def __init__(
        self,
        *,
        manager: ConnectionManager,
        history: History,
        catch_up: CatchUp,
        topics: Topics,
        presences: Presences,
        replacing: Replacing,
        prepare: Prepare,
        languages: Languages,
        endings: Endings,
        replay: Replay,
        node: str,
    ) -> None:
        self._manager = manager
        self._history = history
        self._catch_up = catch_up
        self._topics = topics
        self._presences = presences
        self._replacing = replacing
        self._prepare = prepare
        self._languages = languages
        self._endings = endings
        self._replay = replay
        self._node = node

    async def join(self, connection: Connection, since: Position | None) -> None:
        """Register `connection` and send `connection`, then what it missed.

        Raises `Refused` past the limits, when what the connection rests on ended while it was opened, and when the
        database that was asked last is away: who comes back then may be lucky.
        """
        try:
            missed = await self._register(connection, since)
        except NOT_NOW as error:
            raise Refused(CloseCode.BEHIND, error) from error
        if since is not None:
            self._manager.traffic.recovered(is_whole=missed is not None)
        connection.send(self._welcome(connection, missed))
        if missed:
            connection.queue_recovered(missed)

    async def _register(self, connection: Connection, since: Position | None) -> list[bytes] | None:
        async with self._topics.of_user(connection.user_id):  # first: from now on we hear what is kept for them
            arriving = await self._presences.arriving(connection.user_id)
            connection.moment = arriving.moment
            await self._prepare(connection.user_id)
            missed = await self._missed(connection, since)
            self._require_standing(connection)
            # Nothing awaits between what `_missed` saw and this: a message that came in between would be lost or
            # doubled.
            self._manager.connect(connection, elsewhere=arriving.count_of_others(connection.client_id))
            self._replacing.has_come(connection)
        return missed

    def heard_of(self, principal: Principal) -> Validity:
        """What has become of it since it was recognised, as far as word of that came here."""
        return self._endings.standing(principal)

    def _require_standing(self, connection: Connection) -> None:
        standing = self.heard_of(connection.principal)
        if standing is Validity.ENDED:
            raise Refused(CloseCode.SIGNED_OUT)
        if standing is Validity.CHANGED:
            raise Refused(CloseCode.RIGHTS_CHANGED)

    async def _missed(self, connection: Connection, since: Position | None) -> list[bytes] | None:
        """All that was told after `since` up to this very moment, as JSON; None when that cannot be given whole."""
        user_id = connection.user_id
        if await self._history.load(user_id):
            self._catch_up.is_behind(user_id)
        if since is None:
            return None
        await self._catch_up_with(user_id, since)
        frames: list[bytes] = []
        async with self._replay.turn(user_id):
            for _ in range(_ATTEMPTS):  # what comes in while words are found for the rest is found in the next one
                newer = await self._history.after(user_id, since)
                if newer is None:
                    return None  # also a position that is still to come: what a client claims moves nobody else's
                frames += await self._replay.frames(newer, connection.language)
                if newer:
                    since = Position(epoch=since.epoch, offset=newer[-1].offset)
                if since.offset == self._history.position(user_id).offset:
                    return frames
        return None

    async def _catch_up_with(self, user_id: str, since: Position) -> None:
        """Another node may have told them more than this one."""
        told = self._history.position(user_id)
        if since.epoch != told.epoch or since.offset > told.offset:
            await self._catch_up.of(user_id)
            await self._history.load(user_id)

    def _welcome(self, connection: Connection, missed: list[bytes] | None) -> protocol.Connected:
        position = self._history.position(connection.user_id)
        limits = self._manager.limits
        text = self._languages.of(connection.language).gettext("WebSocket connected, client ID: {client_id}")
        return protocol.Connected(
            timestamp=rfc3339_now(),
            client_id=connection.client_id,
            connection_id=connection.id,
            user=protocol.ConnectedUser(
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
