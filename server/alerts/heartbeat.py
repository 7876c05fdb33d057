"""A sign of life to the outside, given only if the whole chain works: silence is noticed there."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from server.clock import Clock, utc_now
from server.errors import JinduError, NotDelivered
from server.storage.repeating import repeat
from server.texts import Phrase, phrase, plain

_LOG = logging.getLogger("jindu.alerts")
_CHECK_SECONDS = 60.0  # of one link; more is no working chain

ChainLink = tuple[Phrase, Callable[[], Awaitable[bool]]]
"""What is said of it, and whether it works."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeartbeatState:
    """`went_out` is None before the first one; `error` says why the last one did not."""

    is_set_up: bool
    every_seconds: float
    went_out: bool | None
    at: datetime | None
    last_good_at: datetime | None
    error: Phrase | None


class OutgoingHeartbeat:
    def __init__(
        self,
        *,
        url: str,
        every_seconds: float,
        chain: Sequence[ChainLink],
        ask: Callable[[str], Awaitable[None]],
        clock: Clock = utc_now,
    ) -> None:
        self._url = url
        self._every_seconds = max(1.0, every_seconds)
        self._chain = chain
        self._ask = ask
        self._clock = clock
        self._state = HeartbeatState(
            is_set_up=bool(url),
            every_seconds=self._every_seconds,
            went_out=None,
            at=None,
            last_good_at=None,
            error=None,
        )

    @property
    def state(self) -> HeartbeatState:
        return self._state

    async def run(self) -> None:
        """Until cancelled; at once over where no address is named."""
        if not self._url:
            return
        await repeat(
            self.beat,
            every_seconds=self._every_seconds,
            log=_LOG,
            failed="the heartbeat could not go out",
            action="heartbeat",
            first_after_seconds=min(self._every_seconds, 20.0),
        )

    async def beat(self) -> None:
        """Every link, then the address."""
        error = await self._broken_link()
        if error is None:
            error = await self._sent()
        now = self._clock()
        if error is not None and self._state.went_out is not False:  # said once, not each minute
            _LOG.warning("the heartbeat does not go out: %s", error["phrase"], extra={"action": "heartbeat"})
        self._state = HeartbeatState(
            is_set_up=True,
            every_seconds=self._every_seconds,
            went_out=error is None,
            at=now,
            last_good_at=now if error is None else self._state.last_good_at,
            error=error,
        )

    async def _broken_link(self) -> Phrase | None:
        for said, works in self._chain:
            try:
                async with asyncio.timeout(_CHECK_SECONDS):
                    is_well = await works()
            except (TimeoutError, JinduError):
                is_well = False
            except Exception:
                _LOG.exception("a link of the chain broke", extra={"action": "heartbeat", "link": said["phrase"]})
                is_well = False
            if not is_well:
                return phrase("It did not go out: “{link}” does not work.", link=said)
        return None

    async def _sent(self) -> Phrase | None:
        try:
            await self._ask(self._url)
        except NotDelivered as error:
            return phrase(error.message, **plain(error.parameters))
        return None
