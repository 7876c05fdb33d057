"""What a client may say, and what is answered: one frame in, one reply out, never a trace."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from server.auth.permissions import Principal
from server.clock import rfc3339_now
from server.errors import Conflict, InvalidInput, JinduError, NotFound, RateLimited
from server.languages import Languages
from server.logs import about
from server.realtime import codec, protocol
from server.realtime.close_codes import CloseCode
from server.realtime.connection import Connection
from server.realtime.history import History, KeptMessage
from server.realtime.job_fields import JobFields
from server.realtime.limits import RateVerdict
from server.realtime.manager import ConnectionManager
from server.realtime.protocol import CommandId
from server.realtime.replay import Replay
from server.realtime.topics import Topics

_LOG = logging.getLogger("jindu.realtime")
_PAGE_BYTES = 256 * 1024  # of one answer with kept messages

Authorise = Callable[[Principal, str], Awaitable[None]]
"""Raises `NotFound`, `Forbidden` or `InvalidInput` when this user may not subscribe to this event name."""
Snapshot = Callable[[Principal, str], list[JobFields]]
"""A user's live jobs, in a language."""
AnswerCommand = Callable[[Connection, Any], Awaitable[protocol.Reply]]
"""Does what one command of a connection says."""


class Commands:
    """Answers the frames of all connections."""

    def __init__(
        self,
        *,
        manager: ConnectionManager,
        history: History,
        topics: Topics,
        languages: Languages,
        authorise: Authorise,
        snapshot: Snapshot,
        replay: Replay,
        also: Mapping[type[protocol.Command], AnswerCommand] | None = None,
    ) -> None:
        """`also`: commands that are answered elsewhere, by their type."""
        self._also = also or {}
        self._manager = manager
        self._history = history
        self._topics = topics
        self._languages = languages
        self._authorise = authorise
        self._snapshot = snapshot
        self._replay = replay

    async def handle(self, connection: Connection, frame: str | None) -> None:
        """Answer one frame; None stands for a binary one."""
        if frame is not None:
            self._manager.traffic.received_bytes += len(frame) if frame.isascii() else len(frame.encode())
        if await self.admits(connection):
            with about(connection=connection.id, user=connection.principal.user_id):
                await self._answer(connection, frame)

    async def admits(self, connection: Connection) -> bool:
        """Count one more frame, also a ping or pong, against the client's rate; False when it is to be dropped."""
        connection.heard()
        verdict = connection.rate_limit.take()
        if verdict is RateVerdict.PASS:
            return True
        connection.refused += 1
        if verdict is RateVerdict.WARN:
            self._refuse(connection, RateLimited("Too many messages; send fewer per second."), None)
        elif verdict is RateVerdict.CLOSE:
            connection.close(CloseCode.RATE_LIMIT)
        # A flood fills the reader's queue: without this its reading would never give anybody else a turn.
        await asyncio.sleep(connection.rate_limit.pause_seconds)
        return False

    async def _answer(self, connection: Connection, frame: str | None) -> None:
        command_id: CommandId = None
        try:
            command = codec.decode(_text(frame))
            command_id = command.id
            self._manager.traffic.received[_type_of(command)] += 1
            reply = await self._reply(connection, command)
        except JinduError as error:
            given = error.parameters.get("command_id", command_id)
            self._refuse(connection, error, given if isinstance(given, str | int) else None)
        except Exception:
            _LOG.exception("command failed", extra={"action": "live_command", "connection": connection.id})
            self._refuse(connection, JinduError("Something unexpected went wrong.", code="internal_error"), command_id)
        else:
            connection.reply(reply)

    async def _reply(self, connection: Connection, command: protocol.Command | codec.Unknown) -> protocol.Reply:
        repeated = UNSET if command.id is None else command.id
        match command:
            case protocol.Ping():
                return protocol.Pong(timestamp=rfc3339_now(), id=repeated)
            case protocol.Subscribe():
                return await self._subscribe(connection, command.events, repeated)
            case protocol.Unsubscribe():
                self._manager.unsubscribe(connection, command.events)
                return self._subscription(connection, "unsubscribed", command.events, repeated)
            case protocol.JobsQuery():
                jobs = self._snapshot(connection.principal, connection.language)
                return protocol.Jobs(timestamp=rfc3339_now(), id=repeated, jobs=jobs)
            case protocol.HistoryQuery():
                return await self._past(connection, command, repeated)
            case codec.Unknown():
                return protocol.Echo(timestamp=rfc3339_now(), id=repeated, data=command.data)
            case protocol.Command() if (answer := self._also.get(type(command))) is not None:
                return msgspec.structs.replace(await answer(connection, command), id=repeated)
            case protocol.Peer():
                raise NotFound("Files are not sent from browser to browser here.", code="peer_off")
            case _:
                raise Conflict("You are signed in already.", code="already_authenticated")

    async def _subscribe(
        self, connection: Connection, events: list[str], command_id: CommandId | UnsetType
    ) -> protocol.Reply:
        if len(connection.events.union(events)) > self._manager.limits.subscriptions:
            raise InvalidInput(
                "At most {limit} events can be subscribed at once; unsubscribe some first.",
                code="too_many_subscriptions",
                limit=self._manager.limits.subscriptions,
            )
        if max(map(len, events)) > self._manager.limits.event_name_length:
            raise InvalidInput(
                "An event name has at most {limit} characters.",
                code="invalid_message",
                limit=self._manager.limits.event_name_length,
            )
        for event in events:  # all of them or none
            await self._authorise(connection.principal, event)
        async with self._topics.of_events(events):
            self._manager.subscribe(connection, events)
        try:
            for event in events:  # once more: what was taken away before this one listened was not closed for it
                await self._authorise(connection.principal, event)
        except JinduError:
            self._manager.unsubscribe(connection, events)
            raise
        return self._subscription(connection, "subscribed", events, command_id)

    def _subscription(
        self, connection: Connection, status: str, events: list[str], command_id: CommandId | UnsetType
    ) -> protocol.Reply:
        gettext = self._languages.of(connection.language).gettext
        text = gettext("Subscribed to {events}") if status == "subscribed" else gettext("Unsubscribed from {events}")
        return protocol.Subscription(
            timestamp=rfc3339_now(),
            id=command_id,
            status="subscribed" if status == "subscribed" else "unsubscribed",
            events=events,
            message=text.format(events=", ".join(events)),
        )

    async def _past(
        self, connection: Connection, query: protocol.HistoryQuery, command_id: CommandId | UnsetType
    ) -> protocol.Reply:
        # Held, for whoever disconnects while this is read: their position would be forgotten.
        async with self._topics.of_user(connection.user_id), self._replay.turn(connection.user_id):
            if query.since is None:
                found: list[KeptMessage] | None = await self._history.newest(connection.user_id, query.limit)
            else:
                found = await self._history.after(connection.user_id, query.since, limit=query.limit)
            kept = found or []
            frames = await self._replay.frames(kept, connection.language, most_bytes=_PAGE_BYTES)
            position = self._history.position(connection.user_id)
        offset = kept[len(frames) - 1].offset if frames else position.offset
        return protocol.HistoryReply(
            timestamp=rfc3339_now(),
            id=command_id,
            messages=[msgspec.Raw(frame) for frame in frames],
            epoch=position.epoch,
            offset=offset,
            recovered=found is not None,
            remaining=position.offset - offset,
        )

    def _refuse(self, connection: Connection, error: JinduError, command_id: CommandId) -> None:
        self._manager.traffic.errors[error.specific_code] += 1
        connection.send(
            protocol.Error(
                timestamp=rfc3339_now(),
                id=UNSET if command_id is None else command_id,
                code=error.specific_code,
                message=error.translated(self._languages.of(connection.language).gettext),
            )
        )


def _type_of(command: protocol.Command | codec.Unknown) -> str:
    return "echo" if isinstance(command, codec.Unknown) else codec.type_of(command)


def _text(frame: str | None) -> str:
    if frame is None:
        raise InvalidInput("Send text frames; binary frames are not understood.", code="unsupported_frame")
    return frame
