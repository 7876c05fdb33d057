"""What is deleted while somebody uses it ends with a reason, and a worker that dies does not end an import."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sqlite3
from dataclasses import replace

import aiohttp
import pytest
from aiohttp import web
from sqlalchemy.exc import IntegrityError

from server.app.parts import build_parts
from server.app.web import build_app
from server.clock import utc_now
from server.errors import NotFound
from server.jobs.job import Job, JobError
from server.jobs.outcomes import end_of
from server.settings import Settings
from server.storage.tables import tokens
from tests.conftest import Server, started
from tests.functional import batches
from tests.functional.importing import ended, import_text, long_text, start, upload
from tests.stored import blobs_of
from tests.waiting import until
from tests.worker_processes import worker_pids

TUS = {"Tus-Resumable": "1.0.0"}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, job_retries=0)


async def running(client: aiohttp.ClientSession, job_id: str, *, stage: str) -> None:
    async def found() -> bool:
        async with client.get(f"/api/v1/jobs/{job_id}") as response:
            job = await response.json()
        assert job["stage"] == stage or job["state"] in ("queued", "running"), job
        return bool(job["stage"] == stage)

    await until(found, seconds=30)


def kill_workers() -> int:
    """Those of this test's server that make imports and reports; how many."""
    killed = 0
    for pid in worker_pids():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            killed += 1
    return killed


@pytest.mark.parametrize("unique", [False, True])
async def test_an_upload_that_is_deleted_during_its_import_ends_it_with_a_reason(
    alice: aiohttp.ClientSession, unique: bool
) -> None:
    """With a unique column the file is read again at the end."""
    columns = [{"name": "a", "type": "integer", "unique": unique}, {"name": "b", "type": "integer"}]
    for moment in ("", "reading"):
        upload_id = await upload(alice, long_text() + "1,1\n" * unique, name="long.csv")
        job_id = await start(alice, upload_id, dataset=f"long{moment}", options={"columns": columns})
        if moment:
            await running(alice, job_id, stage=moment)
        async with alice.delete(f"/api/v1/uploads/{upload_id}", headers=TUS) as response:
            assert response.status == 204
        state = await ended(alice, job_id)
        assert state["state"] == "succeeded" or state["error"]["code"] == "upload_gone", state


async def test_an_upload_that_is_deleted_while_people_look_at_it_is_gone(alice: aiohttp.ClientSession) -> None:
    for delay in (0.0, 0.02):
        upload_id = await upload(alice, long_text(), name="long.csv")
        paths = (f"/api/v1/uploads/{upload_id}/preview", f"/api/v1/uploads/{upload_id}/content")
        looks = [asyncio.create_task(status_of(alice, "GET", path)) for path in paths * 3]
        await asyncio.sleep(delay)
        async with alice.delete(f"/api/v1/uploads/{upload_id}", headers=TUS) as response:
            assert response.status == 204
        assert set(await asyncio.gather(*looks)) <= {200, 404, 410}


@pytest.mark.parametrize("path", ["export.csv", "export.xlsx", "export.parquet", "export.json", "rows"])
async def test_a_dataset_that_is_deleted_while_it_is_read_is_gone_not_an_error(
    alice: aiohttp.ClientSession, path: str
) -> None:
    for delay in (0.0, 0.02, 0.1):
        await import_text(alice, long_text()[: 20_000 if path == "export.xlsx" else 400_000], mode="replace")
        reads = [asyncio.create_task(status_of(alice, "GET", f"/api/v1/datasets/orders/{path}")) for _ in range(10)]
        await asyncio.sleep(delay)
        assert await status_of(alice, "DELETE", "/api/v1/datasets/orders") in (200, 204)
        answers = set(await asyncio.gather(*reads))
        assert answers <= {200, 404, 409, 410, 423}, answers


async def status_of(client: aiohttp.ClientSession, method: str, path: str) -> int:
    """An answer that breaks off in the middle is one that was begun."""
    try:
        async with client.request(method, path) as response:
            await response.read()
            return response.status
    except aiohttp.ClientPayloadError:
        return 200


async def test_an_import_whose_worker_is_killed_is_tried_once_more(alice: aiohttp.ClientSession) -> None:
    upload_id = await upload(alice, long_text(), name="long.csv")
    job_id = await start(alice, upload_id, dataset="long")
    await running(alice, job_id, stage="reading")
    assert kill_workers() == 1
    state = await ended(alice, job_id)
    assert (state["state"], state["version"]) == ("succeeded", 1)
    async with alice.get(f"/api/v1/jobs/{job_id}/log") as response:
        lines = (await response.json())["items"]
    assert [line["level"] for line in lines if "trying once more" in line["message"]] == ["warning"]
    async with alice.get("/api/v1/datasets/long") as response:
        assert (await response.json())["row_count"] == 400_000


async def test_an_import_that_kills_every_worker_fails_and_leaves_nothing(
    server: Server, alice: aiohttp.ClientSession
) -> None:
    upload_id = await upload(alice, long_text(), name="long.csv")
    job_id = await start(alice, upload_id, dataset="long")
    await running(alice, job_id, stage="reading")
    end = asyncio.create_task(ended(alice, job_id))
    while not end.done():
        kill_workers()
        await asyncio.sleep(0.05)
    state = await end
    assert (state["state"], state["error"]["code"]) == ("failed", "worker_died")
    async with alice.get("/api/v1/datasets/long") as response:
        assert response.status == 404
    assert await blobs_of(server.parts) == {}


RACES = [
    ("POST", "/api/v1/datasets/orders/versions/1/restore", None),
    ("POST", "/api/v1/datasets/orders/versions/2/restore", None),
    ("PATCH", "/api/v1/datasets/orders", {"description": "x"}),
    ("GET", "/api/v1/datasets/orders/versions", None),
    ("GET", "/api/v1/datasets/orders/profile", None),
    ("POST", "/api/v1/queries", {"sql": "select count(*) from orders"}),
    ("POST", "/api/v1/batches", {"template": "sales"}),
    ("DELETE", "/api/v1/datasets/orders", None),
]


@pytest.mark.parametrize("round_number", range(4))
async def test_whatever_races_a_deletion_is_done_or_refused(alice: aiohttp.ClientSession, round_number: int) -> None:
    for _ in range(2):
        await import_text(alice, mode="replace")
    await batches.put_template(alice)
    wanted = [race for race in RACES for _ in range(3)]
    wanted.insert(5 * round_number, ("DELETE", "/api/v1/datasets/orders", None))
    wanted.insert(3 * round_number, ("DELETE", "/api/v1/templates/sales", None))
    answers = await asyncio.gather(*(changed(alice, *race) for race in wanted))
    for race, status in zip(wanted, answers, strict=True):
        assert status in (200, 201, 202, 204, 404, 409, 410, 422, 423, 429), (race, status)
        assert status != 422 or race[1].endswith(("queries", "batches")), race


async def changed(client: aiohttp.ClientSession, method: str, path: str, body: object) -> int:
    async with client.request(method, path, json=body) as response:
        await response.read()
        return response.status


async def test_a_version_of_a_dataset_that_is_gone_is_not_restored(
    server: Server, alice: aiohttp.ClientSession
) -> None:
    """Also when another one has its name by now."""
    await import_text(alice)
    catalog, database = server.parts.datasets.catalog, server.parts.storage.database
    async with alice.get("/api/v1/me") as response:
        owner = (await response.json())["id"]
    old = await catalog.version(owner, "orders", 1)
    for again in (False, True):
        assert await status_of(alice, "DELETE", "/api/v1/datasets/orders") in (200, 204)
        if again:
            await import_text(alice, mode="create")
        with pytest.raises(NotFound):
            async with database.write() as connection:
                await catalog.restore(connection, old)
        if not again:
            await import_text(alice, mode="create")


async def test_what_the_database_refuses_for_two_at_once_is_a_conflict(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """The answer tells people to look again, the log one line, without the values."""
    parts = build_parts(settings)
    app = build_app(parts)
    token = {"id": "t", "secret_hash": "h", "name": "secret row", "created_at": utc_now()}

    async def clash(_request: web.Request) -> web.StreamResponse:
        async with parts.storage.database.write() as connection:
            await connection.execute(tokens.insert().values(user_id="nobody", **token))
        return web.Response()

    app.router.add_get("/clash", clash)
    async with started(parts, app) as server, aiohttp.ClientSession(server.url) as anybody:
        for accept, kind in (("application/json", "application/problem+json"), ("text/html", "text/html")):
            async with anybody.get("/clash", headers={"Accept": accept}) as response:
                assert (response.status, response.content_type) == (409, kind)
                assert "Somebody changed this at the same moment; look again." in await response.text()
    for line in (record for record in caplog.records if record.name == "jindu.http"):
        assert (line.levelname, line.exc_info) == ("WARNING", None)
        assert "secret row" not in line.getMessage()


def test_a_job_that_the_database_refuses_is_told_why() -> None:
    async def fail() -> None:
        raise IntegrityError("insert", {}, sqlite3.IntegrityError("FOREIGN KEY constraint failed"))

    async def ended_job() -> JobError:
        work = asyncio.ensure_future(fail())
        await asyncio.wait([work])
        job = Job(id="j", kind="data_import", owner_id="o", title="t", unit="rows", created_at=utc_now())
        error = end_of(job, work, None)["error"]
        assert isinstance(error, JobError)
        return error

    error = asyncio.run(ended_job())
    assert error.code == "conflict"
    assert "look again" in error.message
