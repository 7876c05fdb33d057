"""What the server remembers of itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from socket import gethostname

from server import __version__
from server.app.storage import StorageParts
from server.care.certificates import own_certificate
from server.clock import utc_now
from server.monitoring.processes import read_processes
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


def _keeps_backups(settings: Settings) -> bool:
    return bool(settings.backup_to and settings.backup_at) and settings.role != "web"


def _certificate_days(settings: Settings) -> float | None:
    found = own_certificate(settings)
    return (found.end - utc_now()).total_seconds() / 86_400 if found is not None else None


def build_monitoring(
    settings: Settings, *, storage: StorageParts, sources: Mapping[str, Callable[[], object]]
) -> MonitoringParts:
    store = SampleStore(kept_days=settings.monitoring_days)
    sampler = Sampler(
        database=storage.database,
        store=store,
        heartbeat=Heartbeat(node=node_name(settings), version=__version__, role=settings.role),
        sources=sources,
        slow_sources={
            "process": read_processes,
            "certificate_days": lambda: _certificate_days(settings),
            "keeps_backups": lambda: int(_keeps_backups(settings)),
        },
        kept_days=settings.monitoring_days,
        pulse=Pulse(settings.data / "alive"),
    )
    return MonitoringParts(store=store, sampler=sampler)
