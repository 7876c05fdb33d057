"""Which engines stand behind the protocols, as the settings say."""

from __future__ import annotations

from server.engines.local_files import LocalFiles
from server.engines.local_uploads import LocalUploads
from server.engines.sqlite import SqliteDatabase
from server.errors import ConfigurationError
from server.settings import Settings
from server.storage.blob_store import BlobStore
from server.storage.database import Database
from server.storage.reserve import Reserve
from server.uploads.pieces import Pieces


def open_database(settings: Settings, *, reserve: Reserve | None = None) -> Database:
    """Nothing is connected yet. Raises `ConfigurationError` when there is no engine for the address."""
    if not settings.database_url:
        return SqliteDatabase(settings.data / "jindu.db", reserve=reserve)
    if not settings.database_url.startswith(("postgresql://", "postgres://")):
        raise ConfigurationError("The setting database_url begins with postgresql://; leave it empty for SQLite.")
    try:
        from server.engines.postgresql import PostgresqlDatabase
    except ImportError as error:  # also when psycopg is there, but not the library it speaks with
        if not (error.name or "psycopg").startswith("psycopg"):
            raise
        raise ConfigurationError(
            "PostgreSQL needs a package that is not installed here: pip install 'jindu-server[postgresql]'."
        ) from error
    return PostgresqlDatabase(settings.database_url)


def open_blobs(settings: Settings) -> BlobStore:
    return LocalFiles(settings.data / "blobs")


def open_pieces(settings: Settings) -> Pieces:
    return LocalUploads(settings.data / "uploads")
