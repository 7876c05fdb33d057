"""The figures of `/metrics`, sent to a collector every now and then."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

from prometheus_client.metrics_core import Metric as Family

from server.monitoring.exposition import families
from server.tracing import Tracing

_LOG = logging.getLogger("jindu.monitoring")


class Collector(Tracing, Protocol):
    """Somebody who collects traces and figures. These two may take seconds, and are called in a thread."""

    def export(self, families: Sequence[Family]) -> bool:
        """Whether they arrived; if not, the log says why."""
        ...

    def close(self) -> None: ...


class FigureExport:
    def __init__(
        self, collector: Collector, *, readings: Callable[[], Awaitable[dict[str, Any]]], every_seconds: float
    ) -> None:
        self._collector = collector
        self._readings = readings
        self._every_seconds = every_seconds

    async def run(self) -> None:
        """Until cancelled. What does not arrive is not kept: each time all is told since the start."""
        while True:
            await asyncio.sleep(self._every_seconds)
            try:
                told = list(families(await self._readings()))
                await asyncio.to_thread(self._collector.export, told)
            except Exception:
                _LOG.exception("figures could not be exported", extra={"action": "export_figures"})
