"""Questions to Valkey that somebody waits for; when it is away, nobody waits long, and the answer is None."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from redis.exceptions import RedisError

from server.engines.valkey_line import AWAY, ValkeyAddress, ValkeyLine

_SECONDS = 1.0
_AWAY_SECONDS = 1.0  # it is not asked again so soon


class ValkeyAsking:
    """A line of its own, in turns."""

    def __init__(self, address: ValkeyAddress) -> None:
        self._address = address
        self._line: ValkeyLine | None = None
        self._turn = asyncio.Lock()
        self._away_until = 0.0

    @property
    def is_there(self) -> bool:
        return time.monotonic() >= self._away_until

    async def ask(self, commands: Sequence[Sequence[Any]]) -> list[Any] | None:
        """The answers to all of them; None when they cannot be had."""
        if not self.is_there:
            return None
        try:
            async with self._turn, asyncio.timeout(_SECONDS):
                if self._line is None:
                    self._line = await self._address.connected()
                try:
                    answers = await self._line.ask(commands)
                except BaseException:  # also when whoever asked has gone: an answer is still to come
                    await self.close()
                    raise
        except AWAY:
            self._away_until = time.monotonic() + _AWAY_SECONDS
            return None
        return None if any(isinstance(answer, RedisError) for answer in answers) else answers

    @asynccontextmanager
    async def open(self) -> AsyncIterator[ValkeyAsking]:
        """It is connected when it is first asked."""
        try:
            yield self
        finally:
            await self.close()

    async def close(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            with contextlib.suppress(*AWAY):
                await line.close()
