"""Where pages are rendered: beside the event loop, in few threads, in turns."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from server.jobs.turns import Turns

_PAGES_AT_ONCE = 2
_PAGES_WAITING = 60  # of one reader; a page with all its parts asks for less than ten
_PATIENCE_SECONDS = 20.0


class Drawing:
    """Threads that render pages, and the turns that readers take at them.

    Few threads: each that computes makes the event loop wait for the interpreter as often as it turns.
    """

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_PAGES_AT_ONCE, thread_name_prefix="pages")
        self._turns = Turns(
            places=_PAGES_AT_ONCE,
            per_user=_PAGES_AT_ONCE,
            waiting_per_user=_PAGES_WAITING,
            patience_seconds=_PATIENCE_SECONDS,
        )

    async def draw(self, work: Callable[[], bytes], *, reader: str) -> bytes:
        """What `work` makes. Raises `RateLimited` or `Unavailable` when `reader` asks for too many at once."""
        async with self._turns.take(reader):
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
