"""Whether somebody collects traces and figures, and who."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from server.app import engines
from server.monitoring.exporting import Collector, FigureExport
from server.monitoring.sampler import Sampler
from server.settings import Settings
from server.storage.database import Database
from server.tracing import NO_TRACING, Tracing


@dataclass(frozen=True, slots=True, kw_only=True)
class TelemetryParts:
    """Nothing of OpenTelemetry is loaded while there is no `collector`."""

    collector: Collector | None
    database_system: str
    export_seconds: float

    @property
    def tracing(self) -> Tracing:
        return self.collector or NO_TRACING

    def traced(self, database: Database) -> Database:
        if self.collector is None:
            return database
        return engines.ENGINES.traced(database, self.collector, self.database_system)

    async def figures_of(self, sampler: Sampler) -> None:
        """Send them until cancelled."""
        if self.collector is not None:
            await FigureExport(self.collector, readings=sampler.readings, every_seconds=self.export_seconds).run()


def build_telemetry(settings: Settings) -> TelemetryParts:
    """Raises `ConfigurationError` when somebody collects and the packages for it are missing."""
    return TelemetryParts(
        collector=engines.ENGINES.collector(settings.otlp_endpoint) if settings.otlp_endpoint else None,
        database_system="postgresql" if settings.database_url else "sqlite",
        export_seconds=settings.otlp_seconds,
    )


@asynccontextmanager
async def open_telemetry(telemetry: TelemetryParts) -> AsyncIterator[None]:
    """First of all, so that what happens at the end is told, too."""
    try:
        yield
    finally:
        if telemetry.collector is not None:
            await asyncio.to_thread(telemetry.collector.close)
