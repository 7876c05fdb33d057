"""Which engines stand behind the protocols: the list of all there are, and the only place that names them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from email.utils import parseaddr
from socket import gethostname
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from server import __version__
from server.auth.openid import OpenIdHttp
from server.auth.throttle import LoginThrottle, SignInThrottle, ThrottleHere
from server.care.findings import CareFinding
from server.deliveries.bouncing import Mailbox
from server.deliveries.carrying import FileFolders
from server.delivery.parcel import Carrier, Channel
from server.delivery.push import PushService
from server.delivery.sending import Posts, Prefix
from server.engines.blob_cache import BlobCache
from server.engines.delivered_folders import DeliveredFolders, delivery_folders
from server.engines.https_files import HttpsFiles
from server.engines.imap_mailbox import ImapMailbox
from server.engines.local_files import LocalFiles
from server.engines.local_uploads import LocalUploads
from server.engines.memory_broker import MemoryBroker
from server.engines.memory_queue import MemoryQueue
from server.engines.openid_http import OpenIdOverHttp
from server.engines.outgoing_hosts import OutgoingHosts
from server.engines.outgoing_posts import OutgoingPosts
from server.engines.s3_prefix import S3Prefix
from server.engines.s3_signing import SignedAddresses
from server.engines.smtp import SmtpMail
from server.engines.sqlite import SqliteDatabase
from server.engines.sqlite_words import SqliteWords
from server.engines.traced_database import TracedDatabase
from server.engines.web_hooks import WebHooks
from server.engines.web_push import WebPush
from server.errors import ConfigurationError
from server.jobs.away import IMPATIENT, Patience
from server.jobs.external_shared import SharedScripts
from server.jobs.job_queue import JobQueue
from server.jobs.kinds import JobKinds
from server.monitoring.exporting import Collector
from server.realtime.broker import Broker
from server.realtime.manager import ConnectionManager
from server.realtime.presences import LocalPresences, Presences
from server.settings import Settings
from server.storage.blob_store import BlobStore
from server.storage.database import Database
from server.storage.reserve import Reserve
from server.storage.word_index import WordIndex
from server.tracing import Tracing
from server.uploads.elsewhere import Elsewhere
from server.uploads.file_stores import FileStores

_NO_BROKER = "The setting broker_url begins with redis:// or rediss://; leave it empty for none."
_LEAST_IDLE_SECONDS = 5.0  # an event loop that stands still for longer is not one that will be back in a moment
_OF_OPENTELEMETRY = ("opentelemetry", "google", "requests")
_POSTGRESQL = ("postgresql://", "postgres://")
_VALKEY = ("redis://", "rediss://", "unix://", "valkey://", "valkeys://")


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """What joins this node to others; nothing is connected yet."""

    broker: Broker
    presences: Presences
    throttle: SignInThrottle


class MakeQueue(Protocol):
    def __call__(
        self, *, kinds: JobKinds, heavy_slots: int, max_attempts: int, patience: Patience = ...
    ) -> JobQueue: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Engines:
    """What makes each of them; nothing is connected by that. Where there are several, the settings choose."""

    databases: Mapping[str, Callable[[Settings, Reserve | None, str], Database]]  # by how `database_url` begins
    words: Mapping[str, Callable[[], WordIndex]]  # the same
    files: Mapping[str, Callable[[Settings], FileStores]]  # by how `storage_url` begins
    exchanges: Mapping[str, Callable[[Settings, ConnectionManager, str], Exchange]]  # by how `broker_url` begins
    exchange_checks: Mapping[str, Callable[[Settings], Awaitable[list[CareFinding]]]]  # the same; before a start
    queue: MakeQueue  # of a node that is alone
    shared_queues: Mapping[str, Callable[[Settings, Database, str], MakeQueue]]  # by how `database_url` begins
    shared_scripts: Mapping[str, Callable[[Settings, Database, str], SharedScripts]]
    addresses: Callable[[Settings], Elsewhere]
    carriers: Callable[[Settings, BlobStore], Mapping[Channel, Carrier]]
    mailbox: Callable[[Settings], Mailbox]  # of mails that come back
    folders: Callable[[Settings, BlobStore], FileFolders]
    posts: Callable[[Settings], Posts]
    push: Callable[[Settings], PushService]
    prefix: Callable[[Settings, BlobStore], Prefix]
    asking: Callable[[Settings], Callable[[str], Awaitable[None]]]  # an address, for a sign of life
    openid: Callable[[], OpenIdHttp]
    collector: Callable[[str], Collector]  # of traces and figures, at an address
    traced: Callable[[Database, Tracing, str], Database]  # around a database that has this name in traces


@contextmanager
def _extra_named(engine: str, extra: str, *packages: str) -> Iterator[None]:
    """Around the import of an engine. Raises `ConfigurationError` when its packages are missing."""
    try:
        yield
    except ImportError as error:  # without a name when psycopg is there, but not the library it speaks with
        if not (error.name or packages[0]).startswith(packages):
            raise
        raise ConfigurationError(
            "{engine} needs a package that is not installed here: pip install 'jindu-server[{extra}]', or "
            "'jindu-server[cluster]' for all that several nodes need.",
            engine=engine,
            extra=extra,
        ) from error


def _sqlite(settings: Settings, reserve: Reserve | None, _name: str) -> Database:
    return SqliteDatabase(settings.data / "jindu.db", reserve=reserve)


def _postgresql(settings: Settings, _reserve: Reserve | None, name: str) -> Database:
    with _extra_named("PostgreSQL", "postgresql", "psycopg"):
        from server.engines.postgresql import PostgresqlDatabase
    return PostgresqlDatabase(
        settings.database_url,
        name=name,
        writers=settings.database_writers,
        readers=settings.database_readers,
        # A node that froze must not keep its jobs by what it has locked for longer than by its lease.
        idle_seconds=max(_LEAST_IDLE_SECONDS, settings.lease_seconds),
    )


def _words_in_postgresql() -> WordIndex:
    from server.engines.postgresql_words import PostgresqlWords  # which is of no use elsewhere

    return PostgresqlWords()


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
    with _extra_named("An S3 store", "s3", "obstore"):
        from server.engines.s3_bucket import S3Bucket, place_of
        from server.engines.s3_files import S3Files
        from server.engines.s3_uploads import S3Uploads
    from server.engines.s3_leftovers import S3Leftovers

    bucket = S3Bucket(settings.storage_url, key_id=settings.storage_key_id, secret=settings.storage_secret)
    cache = BlobCache(settings.data / "cache" / "files", max_bytes=settings.storage_cache_bytes)
    place = place_of(settings.storage_url)
    # Keys that come from elsewhere than the settings are known to `obstore` alone.
    signed = SignedAddresses(
        address=place.endpoint or f"https://s3.{place.region}.amazonaws.com",
        bucket=place.bucket,
        prefix=place.prefix,
        region=place.region,
        key_id=settings.storage_key_id,
        secret=settings.storage_secret,
    )
    outside = settings.storage_download_url
    return FileStores(
        blobs=S3Files(bucket, cache, addresses=replace(signed, address=outside) if outside else None),
        # Whoever runs no jobs does not read what arrives.
        pieces=S3Uploads(bucket, cache, arriving_in=None if settings.role == "web" else cache),
        is_away=lambda: bucket.is_away,
        watch=bucket.watch,
        leftovers=S3Leftovers(signed) if signed.key_id else None,
    )


def alone(settings: Settings, manager: ConnectionManager, _node: str, *, broker: Broker | None = None) -> Exchange:
    return Exchange(
        broker=broker or MemoryBroker(),
        presences=LocalPresences(manager),
        throttle=ThrottleHere(login_throttle(settings)),
    )


def login_throttle(settings: Settings) -> LoginThrottle:
    return LoginThrottle(max(1, settings.login_attempts))  # 0 would lock everybody out


def _valkey(settings: Settings, manager: ConnectionManager, node: str) -> Exchange:
    with _extra_named("Valkey", "valkey", "redis", "hiredis"):
        from server.engines.valkey import ValkeyBroker
        from server.engines.valkey_asking import ValkeyAsking
        from server.engines.valkey_presences import ValkeyPresences
        from server.engines.valkey_throttle import ValkeyThrottle
    broker = ValkeyBroker(settings.broker_url, listens_at=settings.broker_subscribe_url)
    asking = ValkeyAsking(broker.address)
    broker.closes(asking.close)
    return Exchange(
        broker=broker,
        presences=ValkeyPresences(broker, asking, manager, node=node),
        throttle=ValkeyThrottle(login_throttle(settings), asking, prefix=broker.address.prefix),
    )


async def _check_valkey(settings: Settings) -> list[CareFinding]:
    with _extra_named("Valkey", "valkey", "redis", "hiredis"):
        from server.engines.valkey_checks import check_valkey
    return await check_valkey(settings.broker_url, listens_at=settings.broker_subscribe_url)


async def _nothing_to_check(_settings: Settings) -> list[CareFinding]:
    return []


def _leases(settings: Settings, database: Database, node: str) -> MakeQueue:
    from server.engines.lease_lines import LeaseLines  # psycopg, which is there: the database is open by it
    from server.engines.lease_queue import LeaseQueue

    def make(*, kinds: JobKinds, heavy_slots: int, max_attempts: int, patience: Patience = IMPATIENT) -> JobQueue:
        return LeaseQueue(
            database=database,
            lines=LeaseLines(settings.database_url, node=node, lease_seconds=settings.lease_seconds),
            node=node,
            kinds=kinds,
            claims=lambda: _claimed(settings, kinds),
            heavy_slots=heavy_slots,
            max_attempts=max_attempts,
            lease_seconds=settings.lease_seconds,
            patience=patience,
        )

    return make


def _lease_scripts(settings: Settings, database: Database, node: str) -> SharedScripts:
    from server.engines.lease_scripts import LeaseScripts

    return LeaseScripts(database=database, node=node, silence_seconds=settings.external_job_silence_seconds)


def _claimed(settings: Settings, kinds: JobKinds) -> frozenset[str]:
    """Kinds that this node runs."""
    if settings.role == "web":
        return frozenset()
    only = frozenset(settings.worker_kinds) if settings.role == "worker" else frozenset()
    return kinds.run_by_us() & only if only else kinds.run_by_us()


def _push(settings: Settings) -> PushService:
    mailbox = parseaddr(settings.mail_from)[1]
    return WebPush(
        OutgoingPosts(OutgoingHosts(settings.push_hosts)),
        contact=settings.push_contact or (f"mailto:{mailbox}" if mailbox else ""),
        is_on=bool(settings.push_hosts),
    )


ENGINES = Engines(
    databases={"": _sqlite, **dict.fromkeys(_POSTGRESQL, _postgresql)},
    words={"": SqliteWords, **dict.fromkeys(_POSTGRESQL, _words_in_postgresql)},
    files={"": _local_files, "s3://": _s3},
    exchanges={"": alone, **dict.fromkeys(_VALKEY, _valkey)},
    exchange_checks={"": _nothing_to_check, **dict.fromkeys(_VALKEY, _check_valkey)},
    queue=MemoryQueue,
    shared_queues=dict.fromkeys(_POSTGRESQL, _leases),
    shared_scripts=dict.fromkeys(_POSTGRESQL, _lease_scripts),
    addresses=lambda settings: HttpsFiles(settings.import_hosts),
    carriers=lambda settings, blobs: {Channel.MAIL: SmtpMail(settings, blobs), Channel.WEBHOOK: WebHooks(settings)},
    mailbox=ImapMailbox,
    folders=lambda settings, blobs: DeliveredFolders(delivery_folders(settings), blobs),
    posts=lambda settings: OutgoingPosts(OutgoingHosts(settings.webhook_hosts)),
    push=_push,
    prefix=S3Prefix,
    asking=lambda settings: WebHooks(settings).ask,
    openid=OpenIdOverHttp,
    collector=_otlp,
    traced=lambda database, tracing, system: TracedDatabase(database, tracing=tracing, system=system),
)
"""All there are: an engine is its module and its place here."""


def open_exchange(settings: Settings, manager: ConnectionManager, node: str) -> Exchange:
    """`node` is what others call this one. Raises `ConfigurationError` when there is no engine for the address."""
    make = ENGINES.exchanges.get(_scheme(settings.broker_url))
    if make is None:
        raise ConfigurationError(_NO_BROKER)
    return make(settings, manager, node)


async def check_exchange(settings: Settings) -> list[CareFinding]:
    """Whether it can be reached, and does what nodes need. Raises `ConfigurationError` as `open_exchange` does."""
    check = ENGINES.exchange_checks.get(_scheme(settings.broker_url))
    if check is None:
        raise ConfigurationError(_NO_BROKER)
    return await check(settings)


def queue_for(settings: Settings, database: Database, *, node: str) -> MakeQueue:
    make = ENGINES.shared_queues.get(_scheme(settings.database_url))
    return ENGINES.queue if make is None else make(settings, database, node)


def scripts_for(settings: Settings, database: Database, *, node: str) -> SharedScripts | None:
    make = ENGINES.shared_scripts.get(_scheme(settings.database_url))
    return None if make is None else make(settings, database, node)


async def kinds_waiting_in_vain(connection: AsyncConnection) -> Mapping[str, int]:
    """How many jobs wait of each kind that no node runs; a node that is alone runs all."""
    if connection.dialect.name == "sqlite":
        return {}
    from server.engines import lease_kinds

    return await lease_kinds.kinds_waiting_in_vain(connection)


def may_be_many(settings: Settings) -> bool:
    """Whether other nodes may share the database."""
    return _scheme(settings.database_url) in ENGINES.shared_queues


def open_database(settings: Settings, *, reserve: Reserve | None = None, name: str = "jindu command") -> Database:
    """Nothing is connected yet. `name` is what a database shows of who is connected.

    Raises `ConfigurationError` when there is no engine for the address.
    """
    make = ENGINES.databases.get(_scheme(settings.database_url))
    if make is None:
        raise ConfigurationError("The setting database_url begins with postgresql://; leave it empty for SQLite.")
    return make(settings, reserve, name)


def words_for(settings: Settings) -> WordIndex:
    """What finds words in the database of these settings."""
    return ENGINES.words[_scheme(settings.database_url)]()


def open_files(settings: Settings) -> FileStores:
    """Nothing is connected yet. Raises `ConfigurationError` when there is no engine for the address."""
    make = ENGINES.files.get(_scheme(settings.storage_url))
    if make is None:
        raise ConfigurationError("The setting storage_url begins with s3://; leave it empty for files in the data.")
    return make(settings)


def _scheme(url: str) -> str:
    return "".join(url.partition("://")[:2])
