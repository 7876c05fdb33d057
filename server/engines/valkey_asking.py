"""Questions to Valkey that somebody waits for; when it is away, nobody waits long, and the answer is None."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from redis.exceptions import RedisError

from server.engines.valkey_line import AWAY, ValkeyAddress, ValkeyLine

_SECONDS = 1.0
_AWAY_SECONDS = 1.0  # it is not asked again so soon


class _Asked:
    """A question on its way, and what has come of it."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.answers: list[Any] = []
        self.done: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()


class ValkeyAsking:
    """A line of its own. Many may be on their way at once: a node far away has hundreds who wait for theirs."""

    def __init__(self, address: ValkeyAddress) -> None:
        self._address = address
        self._line: ValkeyLine | None = None
        self._connecting = asyncio.Lock()
        self._under_way: deque[_Asked] = deque()
        self._reading: asyncio.Task[None] | None = None
        self._away_until = 0.0

    @property
    def is_there(self) -> bool:
        return time.monotonic() >= self._away_until

    async def ask(self, commands: Sequence[Sequence[Any]]) -> list[Any] | None:
        """The answers to all of them; None when they cannot be had."""
        if not self.is_there:
            return None
        try:
            async with asyncio.timeout(_SECONDS):
                answers = await self._answers(commands)
        except AWAY:
            self._away_until = time.monotonic() + _AWAY_SECONDS
            await self.close()
            return None
        return None if any(isinstance(answer, RedisError) for answer in answers) else answers

    async def _answers(self, commands: Sequence[Sequence[Any]]) -> list[Any]:
        async with self._connecting:
            if self._line is None:
                self._line = await self._address.connected()
                self._reading = asyncio.create_task(self._read(self._line, self._under_way), name="valkey answers")
            asked = _Asked(len(commands))
            self._under_way.append(asked)  # before anybody else can write: answers come in that order
            try:
                await self._line.write(commands)
            except BaseException:  # also when whoever asked has gone: how much of it was written is not known
                await self.close()
                raise
        return await asked.done

    async def _read(self, line: ValkeyLine, under_way: deque[_Asked]) -> None:
        """Whoever asked may have gone: their answers are read all the same."""
        try:
            while True:
                answer = await line.answer()
                asked = under_way[0]
                asked.answers.append(answer)
                if len(asked.answers) == asked.count:
                    under_way.popleft()
                    if not asked.done.done():
                        asked.done.set_result(asked.answers)
        except AWAY as error:
            _fail(under_way, error)
            if self._line is line:
                self._line = None
        finally:
            await line.close()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[ValkeyAsking]:
        """It is connected when it is first asked."""
        try:
            yield self
        finally:
            await self.close()

    async def close(self) -> None:
        """Whoever still waits has no answer."""
        reading, self._reading, self._line = self._reading, None, None
        under_way, self._under_way = self._under_way, deque()
        _fail(under_way, ConnectionResetError())
        if reading is not None:
            reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait([reading])


def _fail(under_way: Iterable[_Asked], error: Exception) -> None:
    """They have no answer; whoever asked may have gone."""
    for asked in under_way:
        if not asked.done.done():
            asked.done.set_exception(error)
