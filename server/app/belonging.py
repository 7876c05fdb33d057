"""Whether this node belongs to those that share its database, and its files to their rows."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy.exc import SQLAlchemyError

from server.app.engines import may_be_many, open_database, open_files
from server.app.live import RealtimeParts
from server.app.monitoring import node_name
from server.app.resources import meanwhile
from server.app.storage import StorageParts
from server.auth.secret_key import FILE_NAME, fingerprint
from server.care.belonging import Belonging, check_others, setup_mark
from server.care.database_checks import database_unreadable
from server.care.file_marks import FileMarks, Fit
from server.care.findings import CareFinding
from server.care.named_files import UPLOADS
from server.care.schema import schema_of
from server.errors import ConfigurationError, JinduError
from server.settings import Settings
from server.storage.database import Database, DatabaseAway
from server.storage.living_nodes import NodeSetup, living_nodes
from server.storage.migrating import newest_revision
from server.storage.scratch import Scratch
from server.uploads.file_stores import FileStores


@dataclass(frozen=True, slots=True, kw_only=True)
class BelongingParts:
    database: Database
    marks: FileMarks
    node: Belonging | None  # none of a server that has its database for itself


def file_marks(settings: Settings, stores: FileStores, scratch: Scratch | None = None) -> FileMarks:
    return FileMarks(
        stores,
        scratch,
        place=settings.storage_url.partition("?")[0] or str(settings.data.resolve()),
        is_shared=may_be_many(settings) or bool(settings.storage_url),
    )


def build_belonging(settings: Settings, *, storage: StorageParts, realtime: RealtimeParts) -> BelongingParts:
    marks = file_marks(settings, storage.files, storage.scratch)
    if not may_be_many(settings):
        return BelongingParts(database=storage.database, marks=marks, node=None)
    own_key = fingerprint(settings.secret_key, settings.data)

    def setup(mark: str) -> NodeSetup:
        hears = realtime.broker.statistics().is_whole
        return _setup(settings, key=own_key, mark=mark, broker=realtime.presences.process, hears=hears)

    node = Belonging(
        database=storage.database,
        marks=marks,
        presences=realtime.presences,
        data=settings.data,
        name=node_name(settings),
        setup=setup,
    )
    return BelongingParts(database=storage.database, marks=marks, node=node)


def _setup(settings: Settings, *, key: str, mark: str, broker: str, hears: bool) -> NodeSetup:
    return NodeSetup(
        key=key, files=settings.storage_url.partition("://")[0], mark=mark, broker=broker, hears=hears and bool(broker)
    )


@asynccontextmanager
async def open_belonging(parts: BelongingParts) -> AsyncIterator[None]:
    """Before anything else is done. Raises `ConfigurationError` when it does not belong there."""
    if parts.node is None:
        await parts.marks.settle_alone(parts.database)
        yield
        return
    await parts.node.begin()
    try:
        async with meanwhile(parts.node.run()):
            yield
    finally:
        await parts.node.end()


# before a start


async def check_belonging(settings: Settings) -> list[CareFinding]:
    """What a start would refuse, as far as the database can be asked. Nothing is made by that."""
    if not settings.database_url and not (settings.data / "jindu.db").is_file():
        return []
    try:
        database = open_database(settings)
    except ConfigurationError:  # said by others, as what `JinduError` says below
        return []
    try:
        with TemporaryDirectory() as empty:
            is_made = settings.storage_url or (settings.data / UPLOADS).is_dir()
            stores = open_files(settings if is_made else dataclasses.replace(settings, data=Path(empty)))
            return await _checked(settings, database, file_marks(settings, stores))
    except (SQLAlchemyError, DatabaseAway) as wrong:
        return [database_unreadable(database.place, wrong)] if settings.database_url else []  # a file: see `doctor`
    except JinduError:
        return []
    finally:
        await database.close()


async def _checked(settings: Settings, database: Database, marks: FileMarks) -> list[CareFinding]:
    async with database.read() as connection:
        if await schema_of(connection) != newest_revision():
            return []
        others = await living_nodes(connection)
        found = await marks.found()
        is_elsewhere = await marks.fit(connection, found) is Fit.ELSEWHERE
    findings = [marks.finding()] if is_elsewhere else []
    if not settings.secret_key and not (settings.data / FILE_NAME).is_file():
        return findings  # which a start would make
    own = _setup(
        settings,
        key=fingerprint(settings.secret_key, settings.data),
        mark=setup_mark(found),
        broker=settings.broker_url and "one",
        hears=False,
    )
    return [*findings, *check_others(own, others)]
