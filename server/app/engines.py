"""Which engines stand behind the protocols: the list of all there are, and the only place that names them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from server.auth.openid import OpenIdHttp
from server.delivery.parcel import Carrier, Channel
from server.engines.https_files import HttpsFiles
from server.engines.local_files import LocalFiles
from server.engines.local_uploads import LocalUploads
from server.engines.memory_broker import MemoryBroker
from server.engines.memory_queue import MemoryQueue
from server.engines.openid_http import OpenIdOverHttp
from server.engines.smtp import SmtpMail
from server.engines.sqlite import SqliteDatabase
from server.engines.web_hooks import WebHooks
from server.errors import ConfigurationError
from server.jobs.job_queue import JobQueue
from server.jobs.kinds import JobKinds
from server.realtime.broker import Broker
from server.settings import Settings
from server.storage.blob_store import BlobStore
from server.storage.database import Database
from server.storage.reserve import Reserve
from server.uploads.elsewhere import Elsewhere
from server.uploads.pieces import Pieces


class MakeQueue(Protocol):
    def __call__(self, *, kinds: JobKinds, heavy_slots: int, max_attempts: int) -> JobQueue: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Engines:
    """What makes each of them; nothing is connected by that. Where there are several, the settings choose."""

    databases: Mapping[str, Callable[[Settings, Reserve | None, str], Database]]  # by how `database_url` begins
    blobs: Callable[[Settings], BlobStore]
    pieces: Callable[[Settings], Pieces]
    broker: Callable[[], Broker]
    queue: MakeQueue
    addresses: Callable[[Settings], Elsewhere]
    carriers: Callable[[Settings, BlobStore], Mapping[Channel, Carrier]]
    asking: Callable[[Settings], Callable[[str], Awaitable[None]]]  # an address, for a sign of life
    openid: Callable[[], OpenIdHttp]


def _sqlite(settings: Settings, reserve: Reserve | None, _name: str) -> Database:
    return SqliteDatabase(settings.data / "jindu.db", reserve=reserve)


def _postgresql(settings: Settings, _reserve: Reserve | None, name: str) -> Database:
    try:
        from server.engines.postgresql import PostgresqlDatabase
    except ImportError as error:  # also when psycopg is there, but not the library it speaks with
        if not (error.name or "psycopg").startswith("psycopg"):
            raise
        raise ConfigurationError(
            "PostgreSQL needs a package that is not installed here: pip install 'jindu-server[postgresql]'."
        ) from error
    return PostgresqlDatabase(
        settings.database_url,
        name=name,
        writers=settings.database_writers,
        readers=settings.database_readers,
    )


ENGINES = Engines(
    databases={"": _sqlite, "postgresql://": _postgresql, "postgres://": _postgresql},
    blobs=lambda settings: LocalFiles(settings.data / "blobs"),
    pieces=lambda settings: LocalUploads(settings.data / "uploads"),
    broker=MemoryBroker,
    queue=MemoryQueue,
    addresses=lambda settings: HttpsFiles(settings.import_hosts),
    carriers=lambda settings, blobs: {Channel.MAIL: SmtpMail(settings, blobs), Channel.WEBHOOK: WebHooks(settings)},
    asking=lambda settings: WebHooks(settings).ask,
    openid=OpenIdOverHttp,
)
"""All there are: an engine is its module and its place here."""


def open_database(settings: Settings, *, reserve: Reserve | None = None, name: str = "jindu command") -> Database:
    """Nothing is connected yet. `name` is what a database shows of who is connected.

    Raises `ConfigurationError` when there is no engine for the address.
    """
    make = ENGINES.databases.get("".join(settings.database_url.partition("://")[:2]))
    if make is None:
        raise ConfigurationError("The setting database_url begins with postgresql://; leave it empty for SQLite.")
    return make(settings, reserve, name)
