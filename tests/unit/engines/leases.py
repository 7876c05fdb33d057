"""Rows that several nodes share, as tests of their engines need them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import insert

from server.clock import new_id, utc_now
from server.jobs.job import Job, State
from server.jobs.store import job_of
from server.storage.database import Database
from server.storage.tables import jobs, users


async def add_person(database: Database, name: str) -> None:
    async with database.write() as connection:
        person: dict[str, Any] = {"id": name, "name": name, "name_key": name, "password_hash": "", "role": "editor"}
        await connection.execute(insert(users).values(**person, created_at=utc_now()))


async def add_job(database: Database, **fields: Any) -> Job:
    known = {
        "id": new_id(),
        "kind": "heavy",
        "owner_id": "alice",
        "title": "t",
        "unit": "rows",
        "created_at": utc_now(),
        "state": State.QUEUED.value,
        "revision": 1,
    }
    async with database.write() as connection:
        row = (await connection.execute(insert(jobs).values(known | fields).returning(jobs))).one()
    return job_of(row)
