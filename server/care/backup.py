"""Makes a backup beside a server that runs: written under another name, read again, and only then called so."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from sqlalchemy.exc import DBAPIError

from server import __version__
from server.care.archive import ArchiveWriter, key_id
from server.care.archiving import BackupKey, BackupOrder
from server.care.archiving_data import archive_data
from server.care.archiving_store import archive_store
from server.care.manifest import FORMAT, KEY, KeyNote, Manifest
from server.care.problem import CareRefused
from server.care.telling import Say
from server.care.verifying import verify
from server.clock import new_id, rfc3339, utc_now
from server.errors import JinduError
from server.storage.blob_store import StorageAway


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeBackup:
    path: Path
    bytes: int
    manifest: Manifest
    seconds: float


async def make_backup(order: BackupOrder, *, say: Say = lambda _: None) -> MadeBackup:
    """Verified before it has its name. Raises `CareRefused`, and then there is none."""
    began, now = time.monotonic(), utc_now()
    target = _target(order.target, now)
    with _new_file(target) as (path, stream):
        with _disk_watched(target), _engines_watched(), ArchiveWriter(stream, made_at=now) as writer:
            if order.stores is None:
                archived = await archive_data(order, writer, target, say)
            else:
                archived = await archive_store(order, order.stores, writer, target, say)
            writer.finish(
                Manifest(
                    format=FORMAT,
                    program=__version__,
                    schema=archived.schema,
                    engine=archived.engine,
                    made_at=rfc3339(now),
                    key=_write_key(writer, order.key),
                    tables=archived.tables,
                    files=archived.files,
                    missing=archived.missing,
                )
            )
            stream.flush()
            os.fsync(stream.fileno())
        say("reading it again")
        manifest = verify(path)
    return MadeBackup(path=target, bytes=target.stat().st_size, manifest=manifest, seconds=time.monotonic() - began)


def _target(given: Path, now: datetime) -> Path:
    """In a directory it is called by its time."""
    target = given / f"jindu-{now:%Y-%m-%dT%H%M%SZ}.zip" if given.is_dir() else given
    if target.exists():
        raise CareRefused("file_exists", f"There is a file {target} already; name another one.")
    if not target.parent.is_dir():
        raise CareRefused("no_directory", f"There is no directory {target.parent} to write the backup to.")
    return target


@contextmanager
def _new_file(target: Path) -> Iterator[tuple[Path, BinaryIO]]:
    """A file beside the target, for us alone; it gets the target's name when the block has ended well."""
    path = target.with_name(f".{target.name}.{new_id()}.partial")
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise CareRefused("not_writable", f"{target.parent} cannot be written to: {error.strerror}.") from None
    stream = os.fdopen(descriptor, "w+b")
    try:
        yield path, stream
        stream.close()
        _give_name(path, target)
    finally:
        with suppress(OSError):  # what a full disk has not taken before it does not take now
            stream.close()
        path.unlink(missing_ok=True)
    _sync_directory(target.parent)


def _give_name(path: Path, target: Path) -> None:
    """Not over a file that somebody else has put there meanwhile."""
    try:
        os.link(path, target)
    except FileExistsError:
        raise CareRefused("file_exists", f"There is a file {target} by now; name another one.") from None
    except OSError:  # no second names here
        path.replace(target)


def _write_key(writer: ArchiveWriter, key: BackupKey) -> KeyNote:
    if key.is_inside:
        with writer.member(KEY) as member:
            member.write(key.content)
    return KeyNote(is_inside=key.is_inside, id=key_id(key.content) if key.content else "")


@contextmanager
def _disk_watched(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        where = error.filename or target
        raise CareRefused("write_failed", f"The backup could not be made: {error.strerror} ({where}).") from error


@contextmanager
def _engines_watched() -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        raise CareRefused("database_unreadable", f"The database cannot be read: {error.orig}.") from error
    except StorageAway as error:
        raise CareRefused(error.specific_code, error.text) from error
    except JinduError as error:
        raise CareRefused(error.specific_code, f"The database cannot be read: {error.text}") from error


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
