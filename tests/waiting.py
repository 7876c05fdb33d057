"""Waiting for what the outside shows, with a deadline: the one way in which tests wait."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import TypeVar

from server.realtime.manager import ConnectionManager

T = TypeVar("T")
_STEP_SECONDS, _LONGEST_STEP_SECONDS = 0.02, 0.05  # to ask takes processor time from what is waited for


async def until(fits: Callable[[], T | Awaitable[T]], *, seconds: float = 20.0, so: str = "") -> T:
    """Ask `fits`, a plain or an async function, until its answer is true; returns that. `so` says what never came."""
    clock = asyncio.get_running_loop().time
    began = clock()
    while True:
        answer = fits()
        found: T = await answer if inspect.isawaitable(answer) else answer
        if found:
            return found
        waited = clock() - began
        if waited > seconds:
            raise AssertionError(f"not within {seconds:g} seconds: {so or fits} (last: {found!r})")
        await asyncio.sleep(min(max(_STEP_SECONDS, waited / 20), _LONGEST_STEP_SECONDS))


async def flushed(manager: ConnectionManager) -> None:
    """Until all that was published by now was handed to the sockets, but for those whose peers are behind."""
    while manager._flusher.is_busy:
        await asyncio.sleep(0)
