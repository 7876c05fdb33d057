"""What the live layer does by itself: look for silent connections, drop old messages, publish its figures."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from server.realtime.history import History
from server.realtime.manager import ConnectionManager
from server.realtime.statistics_watch import STATISTICS, StatisticsWatch
from server.realtime.topics import Topics
from server.storage.repeating import ONCE_IT_SERVES, repeat

_LOG = logging.getLogger("jindu.realtime")
_TICKS_PER_PING = 10
_PRUNE_SECONDS = 3600.0
_STATISTICS_SECONDS = 2.0


class Upkeep:
    """`parts` are the `statistics()` of the server's parts by name; `node` is what it is called among others."""

    def __init__(
        self,
        *,
        manager: ConnectionManager,
        history: History,
        topics: Topics,
        watch: StatisticsWatch,
        publish: Callable[[str, Any], object],
        node: str,
        parts: Mapping[str, Callable[[], object]],
    ) -> None:
        self._manager = manager
        self._history = history
        self._topics = topics
        self._watch = watch
        self._publish = publish
        self._node = node
        self._parts = parts
        self._statistics_at = time.monotonic()

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._look_after())
            group.create_task(self._prune())  # beside it: however long it takes, pings go on

    async def _prune(self) -> None:
        await repeat(
            self._history.prune,
            every_seconds=_PRUNE_SECONDS,
            log=_LOG,
            failed="old messages could not be removed",
            action="prune_history",
            first_after_seconds=ONCE_IT_SERVES,
        )

    async def _look_after(self) -> None:
        tick_seconds = min(1.0, self._manager.limits.ping_interval_seconds / _TICKS_PER_PING)
        while True:
            try:
                await self._tick(time.monotonic())
            except Exception:
                _LOG.exception("upkeep failed", extra={"action": "live_upkeep"})
            await asyncio.sleep(tick_seconds)

    async def _tick(self, now: float) -> None:
        await self._manager.sweep()
        self._topics.sweep()
        if now >= self._statistics_at and self._watch.is_wanted():
            self._statistics_at = now + _STATISTICS_SECONDS
            figures = {name: _plain(part()) for name, part in self._parts.items()}
            self._publish(STATISTICS, {"node": self._node, **figures})


def _plain(statistics: object) -> Any:
    if dataclasses.is_dataclass(statistics) and not isinstance(statistics, type):
        return dataclasses.asdict(statistics)
    return statistics
