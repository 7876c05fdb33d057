"""Kept messages made ready for who asks for them: a few in each turn of the loop, one answer a user at a time."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from server.realtime.history import KeptMessage

RenderKept = Callable[[KeptMessage, str], bytes]
"""A kept message as JSON in a language."""

_AT_ONCE = 20  # about a millisecond


class Replay:
    """A thousand messages take 50 ms to find the words for: nobody else must wait so long, whoever asks how often."""

    def __init__(self, render: RenderKept) -> None:
        self._render = render
        self._turns: weakref.WeakValueDictionary[str, asyncio.Lock] = weakref.WeakValueDictionary()

    @asynccontextmanager
    async def turn(self, user_id: str) -> AsyncIterator[None]:
        """One at a time of each user, so that twenty connections of somebody cost no more than one."""
        lock = self._turns.get(user_id)
        if lock is None:
            lock = self._turns[user_id] = asyncio.Lock()
        async with lock:
            yield

    async def frames(self, kept: Sequence[KeptMessage], language: str, *, most_bytes: int | None = None) -> list[bytes]:
        """As JSON, in order. With `most_bytes` as many as fit, at least one.

        A handful is made without giving others a turn: between the last few and what follows nothing comes in.
        """
        frames: list[bytes] = []
        size_bytes = 0
        for number, message in enumerate(kept, start=1):
            frame = self._render(message, language)
            size_bytes += len(frame)
            if frames and most_bytes is not None and size_bytes > most_bytes:
                break
            frames.append(frame)
            if number % _AT_ONCE == 0:
                await asyncio.sleep(0)
        return frames
