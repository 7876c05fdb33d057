"""Waiting for what the outside shows, with a deadline: the one way in which tests wait."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import TypeVar

from server.realtime.manager import ConnectionManager

T = TypeVar("T")
_STEP_SECONDS = 0.02
OF_ENDS_SECONDS = 0.05  # how often to ask for what does not pass: asking takes processor time from what is waited for


async def until(
    fits: Callable[[], T | Awaitable[T]], *, seconds: float = 20.0, so: str = "", step: float = _STEP_SECONDS
) -> T:
    """Ask `fits`, a plain or an async function, until its answer is true; returns that. `so` says what never came."""
    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        answer = fits()
        found: T = await answer if inspect.isawaitable(answer) else answer
        if found:
            return found
        if asyncio.get_running_loop().time() > deadline:
            raise AssertionError(f"not within {seconds:g} seconds: {so or fits} (last: {found!r})")
        await asyncio.sleep(step)


async def flushed(manager: ConnectionManager) -> None:
    """Until all that was published by now was handed to the sockets, but for those whose peers are behind."""
    while manager._flusher.is_busy:
        await asyncio.sleep(0)
