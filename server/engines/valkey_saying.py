"""What leaves for Valkey without anybody waiting for it: in order, many in one write, or not at all."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from redis.exceptions import NoPermissionError, RedisError

from server.engines.valkey_line import ANSWER_SECONDS, ValkeyLine

_LOG = logging.getLogger("jindu.valkey")
_MOST_WAITING = 20_000  # commands: what more would come is lost, and found by those who look
_AT_ONCE = 500  # commands in one write
_MOST_REFUSALS_TOLD = 20

ValkeyCommand = Sequence[Any]


class ValkeySaying:
    """Commands in a queue that has an end; they go while there is a line. `gap` makes the command that tells others
    that some were lost."""

    def __init__(self, *, gap: Callable[[], ValkeyCommand]) -> None:
        self._gap = gap
        self._waiting: deque[ValkeyCommand] = deque()
        self._something = asyncio.Event()
        self._answered = asyncio.Event()
        self._unanswered = 0
        self._idle = asyncio.Event()
        self._has_gap = False
        self._refusals: set[str] = set()
        self.is_there = False
        self.lost = 0

    def add(self, command: ValkeyCommand) -> None:
        if not self.is_there or len(self._waiting) >= _MOST_WAITING:
            self._lose(1)
            return
        self._waiting.append(command)
        self._idle.clear()
        self._something.set()

    async def all_left(self, *, seconds: float) -> None:
        """Or the time is over."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._idle.wait()

    async def use(self, line: ValkeyLine, *, begun: Callable[[], None]) -> None:
        """Until the line is lost; raises why. `begun` is called once commands are taken."""
        self.is_there = True
        self._refusals.clear()
        self._unanswered = 0
        begun()
        halves = {
            asyncio.create_task(self._write(line), name="valkey commands"),
            asyncio.create_task(self._read(line), name="valkey answers"),
        }
        try:
            done, _ = await asyncio.wait(halves, return_when=asyncio.FIRST_COMPLETED)
            for half in done:
                half.result()
        finally:
            for half in halves:
                half.cancel()
            await asyncio.gather(*halves, return_exceptions=True)  # the second to fail says nothing new
            self.is_there = False
            self._idle.set()
            if lost := len(self._waiting) + self._unanswered:
                self._lose(lost)
            self._waiting.clear()

    async def _write(self, line: ValkeyLine) -> None:
        while True:
            if self._has_gap:  # others look for what we could not say
                self._has_gap = False
                self._waiting.append(self._gap())
            while self._waiting:
                some = [self._waiting.popleft() for _ in range(min(_AT_ONCE, len(self._waiting)))]
                self._unanswered = len(some)
                self._answered.clear()
                await line.write(some)
                async with asyncio.timeout(ANSWER_SECONDS):
                    await self._answered.wait()
            self._something.clear()
            self._idle.set()
            await self._something.wait()
            self._idle.clear()

    async def _read(self, line: ValkeyLine) -> None:
        """Also while there are none: so a line that ends is noticed at once."""
        while True:
            answer = await line.answer()
            if isinstance(answer, NoPermissionError):
                raise answer  # what others should see of us does not arrive: better to say so than to seem whole
            if isinstance(answer, RedisError):
                self._say_once_that_it_refuses(str(answer))
            self._unanswered -= 1
            if self._unanswered <= 0:
                self._answered.set()

    def _lose(self, count: int) -> None:
        self.lost += count
        self._has_gap = True

    def _say_once_that_it_refuses(self, why: str) -> None:
        if why not in self._refusals and len(self._refusals) < _MOST_REFUSALS_TOLD:
            self._refusals.add(why)
            _LOG.error("Valkey refuses a command: %s", why, extra={"action": "broker"})
