"""The live layer as it is wired, on a real database with people in it, without jobs that run or a web around it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from server.app.live import LiveParts, RealtimeParts, build_live, build_realtime, open_live
from server.auth.endings import Endings
from server.auth.permissions import Principal, Role
from server.base_path import BasePath
from server.clock import utc_now
from server.jobs.kinds import JobKind, JobKinds
from server.jobs.store import JobStore
from server.jobs.table import JobTable
from server.languages import Languages
from server.live.jobs_watched import JobsHere
from server.places import LOCALES
from server.settings import Settings
from server.storage.database import Database
from server.storage.tables import users
from tests.unit.realtime.links import MemoryLink

KINDS = JobKinds(
    JobKind(name=name, label=name, unit="rows", message=f"{name}_progress", function=None)
    for name in ("file_upload", "data_import", "batch_report")
)
LANGUAGES = Languages.load(LOCALES)


def person(name: str, *, role: Role = Role.EDITOR, language: str = "en", **known: Any) -> Principal:
    return Principal(user_id=name, user_name=name, role=role, language=language, **known)


@dataclass(frozen=True)
class Layer:
    database: Database
    realtime: RealtimeParts
    live: LiveParts
    table: JobTable
    store: JobStore
    endings: Endings

    async def join(self, principal: Principal, *, events: tuple[str, ...] = ()) -> MemoryLink:
        return await joined(self.realtime, principal, events=events)


async def joined(realtime: RealtimeParts, principal: Principal, *, events: tuple[str, ...] = ()) -> MemoryLink:
    """A connection as those who come in over a socket have, with a link that can be looked into."""
    link, manager, topics = MemoryLink(), realtime.manager, realtime.topics
    connection = manager.new_connection(
        client_id=f"tab{len(manager.active_connections)}",
        principal=principal,
        language=principal.language,
        link=link,
    )
    link.connection = connection
    async with topics.of_user(principal.user_id), topics.of_events(events):
        await realtime.history.load(principal.user_id)
        manager.connect(connection)
        manager.subscribe(connection, events)
    return link


@pytest.fixture
async def layer(database: Database, tmp_path: Path) -> AsyncIterator[Layer]:
    async with database.write() as connection:
        more = {"password_hash": "", "role": "editor", "created_at": utc_now()}
        await connection.execute(
            insert(users), [{"id": name, "name": name, "name_key": name, **more} for name in ("carol", "chief")]
        )
    table, store, endings = JobTable(), JobStore(database), Endings()
    settings = Settings(data=tmp_path)
    realtime = build_realtime(settings, database=database)
    live = build_live(
        realtime,
        database=database,
        languages=LANGUAGES,
        table=table,
        store=store,
        kinds=KINDS,
        endings=endings,
        base_path=BasePath(),
    )
    async with open_live(settings, realtime, live, JobsHere()):
        yield Layer(database=database, realtime=realtime, live=live, table=table, store=store, endings=endings)
