"""Old uploads and batches go by themselves where the settings say so, and nothing else does."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from datetime import timedelta

import aiohttp
import pytest
from sqlalchemy import update

from server.clock import utc_now
from server.settings import Settings
from server.storage.tables import batches, jobs, uploads
from tests.conftest import new_user, serving, signed_in
from tests.functional.batches import made, put_template
from tests.functional.importing import import_text, upload


async def count(client: aiohttp.ClientSession, path: str) -> int:
    async with client.get(f"/api/v1/{path}") as response:
        return int((await response.json())["total"])


@pytest.mark.parametrize("days", [0, 30])
async def test_only_what_is_older_than_asked_is_removed(settings: Settings, days: int) -> None:
    long_ago = utc_now() - timedelta(days=31)
    async with (
        serving(settings) as server,
        await signed_in(server, "admin") as admin,
        await new_user(server, admin, "alice") as alice,
    ):
        await import_text(alice)
        await put_template(alice)
        old, kept = await made(alice), await made(alice)
        old_upload, kept_upload = await upload(alice, name="old.csv"), await upload(alice, name="kept.csv")
        read_upload = await upload(alice, name="read.csv")
        async with server.parts.storage.database.write() as connection:
            old_job = jobs.c.id == old["job_id"]
            await connection.execute(update(jobs).where(old_job).values(finished_at=long_ago))
            of_age = uploads.c.id.in_([old_upload, read_upload])
            await connection.execute(update(uploads).where(of_age).values(completed_at=long_ago))
            # Whatever waits to read a file keeps it.
            waiting = {"state": "queued", "kind": "external", "parameters": {"upload_id": read_upload}}
            await connection.execute(update(jobs).where(jobs.c.id == kept["job_id"]).values(**waiting))
            await connection.execute(update(batches).where(batches.c.id == kept["id"]).values(created_at=long_ago))
    files = settings.data / "blobs" / "reports"
    assert len(os.listdir(files)) == 2
    later = replace(settings, upload_retention_days=days, report_retention_days=days)
    async with serving(later) as server, await signed_in(server, "alice") as alice:
        deadline = time.monotonic() + 10
        wanted = (1, 3) if days else (2, 4)
        while (found := (await count(alice, "batches"), await count(alice, "uploads"))) != wanted:
            assert time.monotonic() < deadline, found
        async with alice.get(f"/api/v1/batches/{kept['id']}") as response:
            assert response.status == 200
        for upload_id in (kept_upload, read_upload):
            async with alice.get(f"/api/v1/uploads/{upload_id}") as response:
                assert response.status == 200
        assert await count(alice, "datasets") == 1
    assert len(os.listdir(files)) == wanted[0]
