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

_LOG = logging.getLogger("jindu.realtime")
_TICKS_PER_PING = 10
_PRUNE_SECONDS = 3600.0
_STATISTICS_SECONDS = 2.0
_STATISTICS_EVENT = "admin:statistics"


class Upkeep:
    """One timer for everything. `parts` are the `statistics()` of the server's parts by name."""

    def __init__(
        self,
        *,
        manager: ConnectionManager,
        history: History,
        publish: Callable[[str, Any], object],
        parts: Mapping[str, Callable[[], object]],
    ) -> None:
        self._manager = manager
        self._history = history
        self._publish = publish
        self._parts = parts
        self._prune_at = self._statistics_at = time.monotonic()

    async def run(self) -> None:
        """Until cancelled."""
        tick_seconds = min(1.0, self._manager.limits.ping_interval_seconds / _TICKS_PER_PING)
        while True:
            try:
                await self._tick(time.monotonic())
            except Exception:
                _LOG.exception("upkeep failed", extra={"action": "live_upkeep"})
            await asyncio.sleep(tick_seconds)

    async def _tick(self, now: float) -> None:
        self._manager.sweep()
        if now >= self._statistics_at and self._manager.has_subscribers(_STATISTICS_EVENT):
            self._statistics_at = now + _STATISTICS_SECONDS
            self._publish(_STATISTICS_EVENT, {name: _plain(part()) for name, part in self._parts.items()})
        if now >= self._prune_at:
            self._prune_at = now + _PRUNE_SECONDS
            await self._history.prune()


def _plain(statistics: object) -> Any:
    if dataclasses.is_dataclass(statistics) and not isinstance(statistics, type):
        return dataclasses.asdict(statistics)
    return statistics
