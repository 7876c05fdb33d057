"""Which engines stand behind the protocols: the list of all there are, and the only place that names them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from socket import gethostname
from typing import Protocol

from server import __version__
from server.auth.openid import OpenIdHttp
from server.delivery.parcel import Carrier, Channel
from server.engines.blob_cache import BlobCache
from server.engines.https_files import HttpsFiles
from server.engines.local_files import LocalFiles
from server.engines.local_uploads import LocalUploads
from server.engines.memory_broker import MemoryBroker
from server.engines.memory_queue import MemoryQueue
from server.engines.openid_http import OpenIdOverHttp
from server.engines.smtp import SmtpMail
from server.engines.sqlite import SqliteDatabase
from server.engines.traced_database import TracedDatabase
from server.engines.web_hooks import WebHooks
from server.errors import ConfigurationError
from server.jobs.job_queue import JobQueue
from server.jobs.kinds import JobKinds
from server.monitoring.exporting import Collector
from server.realtime.broker import Broker
from server.settings import Settings
from server.storage.blob_store import BlobStore
from server.storage.database import Database
from server.storage.reserve import Reserve
from server.tracing import Tracing
from server.uploads.elsewhere import Elsewhere
from server.uploads.file_stores import FileStores

_OF_OPENTELEMETRY = ("opentelemetry", "google", "requests")


class MakeQueue(Protocol):
    def __call__(self, *, kinds: JobKinds, heavy_slots: int, max_attempts: int) -> JobQueue: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Engines:
    """What makes each of them; nothing is connected by that. Where there are several, the settings choose."""

    databases: Mapping[str, Callable[[Settings, Reserve | None, str], Database]]  # by how `database_url` begins
    files: Mapping[str, Callable[[Settings], FileStores]]  # by how `storage_url` begins
    broker: Callable[[], Broker]
    queue: MakeQueue
    addresses: Callable[[Settings], Elsewhere]
    carriers: Callable[[Settings, BlobStore], Mapping[Channel, Carrier]]
    asking: Callable[[Settings], Callable[[str], Awaitable[None]]]  # an address, for a sign of life
    openid: Callable[[], OpenIdHttp]
    collector: Callable[[str], Collector]  # of traces and figures, at an address
    traced: Callable[[Database, Tracing, str], Database]  # around a database that has this name in traces


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


def _otlp(endpoint: str) -> Collector:
    """Not loaded where nobody collects: it is as large as the server itself."""
    try:
        from server.engines.otlp import Otlp
    except ImportError as error:
        if not (error.name or "").startswith(_OF_OPENTELEMETRY):
            raise
        raise ConfigurationError(
            "OpenTelemetry (JINDU_OTLP_ENDPOINT or OTEL_EXPORTER_OTLP_ENDPOINT) needs packages that are not installed "
            "here: pip install 'jindu-server[opentelemetry]', or unset it."
        ) from error
    return Otlp(endpoint, version=__version__, node=gethostname())


def _local_files(settings: Settings) -> FileStores:
    return FileStores(blobs=LocalFiles(settings.data / "blobs"), pieces=LocalUploads(settings.data / "uploads"))


def _s3(settings: Settings) -> FileStores:
    try:
        from server.engines.s3_bucket import S3Bucket
        from server.engines.s3_files import S3Files
        from server.engines.s3_uploads import S3Uploads
    except ImportError as error:
        if error.name != "obstore":
            raise
        raise ConfigurationError(
            "An S3 store needs a package that is not installed here: pip install 'jindu-server[s3]'."
        ) from error
    bucket = S3Bucket(settings.storage_url, key_id=settings.storage_key_id, secret=settings.storage_secret)
    cache = BlobCache(settings.data / "cache" / "files", max_bytes=settings.storage_cache_bytes)
    return FileStores(
        blobs=S3Files(bucket, cache),
        pieces=S3Uploads(bucket, cache),
        is_away=lambda: bucket.is_away,
        watch=bucket.watch,
    )


ENGINES = Engines(
    databases={"": _sqlite, "postgresql://": _postgresql, "postgres://": _postgresql},
    files={"": _local_files, "s3://": _s3},
    broker=MemoryBroker,
    queue=MemoryQueue,
    addresses=lambda settings: HttpsFiles(settings.import_hosts),
    carriers=lambda settings, blobs: {Channel.MAIL: SmtpMail(settings, blobs), Channel.WEBHOOK: WebHooks(settings)},
    asking=lambda settings: WebHooks(settings).ask,
    openid=OpenIdOverHttp,
    collector=_otlp,
    traced=lambda database, tracing, system: TracedDatabase(database, tracing=tracing, system=system),
)
"""All there are: an engine is its module and its place here."""


def open_database(settings: Settings, *, reserve: Reserve | None = None, name: str = "jindu command") -> Database:
    """Nothing is connected yet. `name` is what a database shows of who is connected.

    Raises `ConfigurationError` when there is no engine for the address.
    """
    make = ENGINES.databases.get(_scheme(settings.database_url))
    if make is None:
        raise ConfigurationError("The setting database_url begins with postgresql://; leave it empty for SQLite.")
    return make(settings, reserve, name)


def open_files(settings: Settings) -> FileStores:
    """Nothing is connected yet. Raises `ConfigurationError` when there is no engine for the address."""
    make = ENGINES.files.get(_scheme(settings.storage_url))
    if make is None:
        raise ConfigurationError("The setting storage_url begins with s3://; leave it empty for files in the data.")
    return make(settings)


def _scheme(url: str) -> str:
    return "".join(url.partition("://")[:2])
