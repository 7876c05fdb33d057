"""What the server remembers of itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from socket import gethostname

from server import __version__
from server.app.storage import StorageParts
from server.monitoring.pulse import Pulse
from server.monitoring.sampler import Sampler
from server.monitoring.samples import SampleStore
from server.monitoring.uptime import Heartbeat
from server.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitoringParts:
    store: SampleStore
    sampler: Sampler


def node_name(settings: Settings) -> str:
    """A node that is alone goes by its host, as it always did."""
    if settings.node:
        return settings.node
    if settings.role == "worker":
        return f"{gethostname()}:worker{settings.worker_port or ''}"[:100]
    return f"{gethostname()}:{settings.port}"[:100] if settings.database_url else gethostname()


def build_monitoring(
    settings: Settings, *, storage: StorageParts, sources: Mapping[str, Callable[[], object]]
) -> MonitoringParts:
    store = SampleStore(kept_days=settings.monitoring_days)
    sampler = Sampler(
        database=storage.database,
        store=store,
        heartbeat=Heartbeat(node=node_name(settings), version=__version__),
        sources=sources,
        kept_days=settings.monitoring_days,
        pulse=Pulse(settings.data / "alive"),
    )
    return MonitoringParts(store=store, sampler=sampler)
