"""Sends by any channel: when it is a place's turn, and as long as it has not failed for a day."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Protocol

from server.clock import Clock, utc_now
from server.delivery.channels.asking import Outgoing, OutsideAnswer, ServicePace, Telling
from server.delivery.channels.services import SERVICES, TAKES_REPEATS
from server.delivery.messages import ChannelMessage, ChannelReceipt, ChannelTarget, ChannelVia
from server.delivery.places import (
    PacedPlace,
    allow_again,
    is_failing,
    note_failure,
    note_success,
    nothing_before,
    place_of,
)
from server.delivery.turns import PlaceTurns
from server.errors import FieldError, InvalidInput, NotDelivered
from server.languages import Languages
from server.storage.database import Database

_LOG = logging.getLogger("jindu.delivery")
_SECRETLESS = frozenset({ChannelVia.WECOM, ChannelVia.SLACK, ChannelVia.TEAMS, ChannelVia.S3})
_LONGEST_URL, _LONGEST_SECRET = 2_000, 500


class Posts(Protocol):
    """What carries a request outside, to places that are allowed."""

    def refusal(self, url: str) -> str | None:
        """Why an address is not asked, as a text; None when it may be."""
        ...

    async def post(self, request: Outgoing) -> OutsideAnswer:
        """Whatever the other side says. Raises `NotDelivered` where nobody answers."""
        ...


class Prefix(Protocol):
    """What puts files below the prefix of a store."""

    @property
    def is_set_up(self) -> bool: ...

    def refusal(self, path: str) -> str | None: ...

    async def put(self, target: ChannelTarget, message: ChannelMessage) -> ChannelReceipt: ...


class ChannelSending:
    """A `ChannelSender`. One on each node; how places stand is in the database, for all of them."""

    def __init__(
        self, *, posts: Posts, prefix: Prefix, database: Database, languages: Languages, clock: Clock = utc_now
    ) -> None:
        self._posts = posts
        self._prefix = prefix
        self._database = database
        self._languages = languages
        self._clock = clock
        self._turns = PlaceTurns(database=database, clock=clock)

    def is_set_up(self, via: ChannelVia) -> bool:
        return via is not ChannelVia.S3 or self._prefix.is_set_up

    def require(self, target: ChannelTarget) -> None:
        problems = _problems(target)
        if target.via is ChannelVia.S3:
            refusal, field = self._prefix.refusal(target.path), "path"
        else:
            refusal, field = self._posts.refusal(target.url), "url"
        if refusal:
            problems.append(FieldError(field=field, message=refusal))
        if problems:
            raise InvalidInput(errors=problems)

    async def send(
        self, target: ChannelTarget, message: ChannelMessage, *, delivery_id: str, event_id: str
    ) -> ChannelReceipt:
        service = SERVICES.get(target.via)
        pace = service.pace if service is not None else ServicePace()
        place = place_of(target)
        await self._turns.take(place, pace, shown=target.shown)
        try:
            if service is None:
                receipt = await self._prefix.put(target, message)
            else:
                telling = Telling(
                    message=message,
                    delivery_id=delivery_id,
                    event_id=event_id,
                    at=self._clock(),
                    translate=self._languages.of(message.language).gettext,
                )
                receipt = service.read(await self._posts.post(service.written(target, telling)))
        except NotDelivered as error:
            error.may_have_arrived = error.may_have_arrived and target.via not in TAKES_REPEATS
            await self._note_failure(target, pace, error)
            raise
        await self._note_success(place)
        return receipt

    async def allow_again(self, target: ChannelTarget) -> None:
        async with self._database.write() as connection:
            await allow_again(connection, place_of(target))

    async def _note_failure(self, target: ChannelTarget, pace: ServicePace, error: NotDelivered) -> None:
        now, place = self._clock(), place_of(target)
        async with self._database.write() as connection:
            if error.retry_after is not None:  # it is there, and says when it has time again
                await nothing_before(connection, place, pace, now + timedelta(seconds=error.retry_after))
            elif await note_failure(connection, place, now):
                _LOG.warning("%s failed for a day and is given up", target.shown, extra={"action": "deliver"})

    async def _note_success(self, place: PacedPlace) -> None:
        async with self._database.read() as connection:
            was_failing = await is_failing(connection, place)
        if was_failing:
            async with self._database.write() as connection:
                await note_success(connection, place)


def _problems(target: ChannelTarget) -> list[FieldError]:
    found: list[FieldError] = []
    if len(target.url) > _LONGEST_URL:
        found.append(FieldError(field="url", message="This address is too long."))
    if len(target.secret) > _LONGEST_SECRET or not target.secret.isprintable():
        found.append(FieldError(field="secret", message="Write one line of at most 500 characters."))
    if target.secret and target.via in _SECRETLESS:
        found.append(FieldError(field="secret", message="This service knows no secret: leave it empty."))
    return found
