"""What is deleted while somebody uses it ends with a reason, and a worker that dies does not end an import."""

from __future__ import annotations

import asyncio
import contextlib
import time

import aiohttp
import psutil
import pytest

from server.settings import Settings
from tests.functional.importing import ended, import_text, start, upload

LONG = "a,b\n" + "".join(f"{number},{number * 7919 % 99991}\n" for number in range(400_000))
TUS = {"Tus-Resumable": "1.0.0"}


async def running(client: aiohttp.ClientSession, job_id: str, *, stage: str) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        async with client.get(f"/api/v1/jobs/{job_id}") as response:
            job = await response.json()
        if job["stage"] == stage:
            return
        assert job["state"] in ("queued", "running"), job
        await asyncio.sleep(0.005)
    raise AssertionError(f"never {stage}")


def kill_workers() -> int:
    """Those of this test's server that make imports and reports; how many."""
    killed, own = 0, psutil.Process()
    for process in own.children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if process.nice() > own.nice() and process.status() != psutil.STATUS_ZOMBIE:
                process.kill()
                killed += 1
    return killed


@pytest.mark.parametrize("unique", [False, True])
async def test_an_upload_that_is_deleted_during_its_import_ends_it_with_a_reason(
    alice: aiohttp.ClientSession, unique: bool
) -> None:
    """With a unique column the file is read again at the end."""
    columns = [{"name": "a", "type": "integer", "unique": unique}, {"name": "b", "type": "integer"}]
    for moment in ("", "reading"):
        upload_id = await upload(alice, LONG + "1,1\n" * unique, name="long.csv")
        job_id = await start(alice, upload_id, dataset=f"long{moment}", options={"columns": columns})
        if moment:
            await running(alice, job_id, stage=moment)
        async with alice.delete(f"/api/v1/uploads/{upload_id}", headers=TUS) as response:
            assert response.status == 204
        state = await ended(alice, job_id)
        assert state["state"] == "succeeded" or state["error"]["code"] == "upload_gone", state


async def test_an_upload_that_is_deleted_while_people_look_at_it_is_gone(alice: aiohttp.ClientSession) -> None:
    for delay in (0.0, 0.02):
        upload_id = await upload(alice, LONG, name="long.csv")
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
        await import_text(alice, LONG[: 20_000 if path == "export.xlsx" else 400_000], mode="replace")
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
    upload_id = await upload(alice, LONG, name="long.csv")
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
    alice: aiohttp.ClientSession, settings: Settings
) -> None:
    upload_id = await upload(alice, LONG, name="long.csv")
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
    assert [path for path in (settings.data / "blobs").rglob("*") if path.is_file()] == []
