"""A real disk that is full to its last byte: told in words everywhere, nothing lost, and people can make room."""

from __future__ import annotations

import asyncio
import io
import os
import shutil
import sqlite3
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from server.settings import Settings
from server.storage import room
from tests.conftest import PASSWORDS, Server, signed_in
from tests.functional.batches import counting_template, made, put_template, reports_of
from tests.functional.batches import start as start_batch
from tests.functional.browsing import HTML, browser, sign_in
from tests.functional.importing import ORDERS, ended, import_text, upload
from tests.functional.importing import start as start_import
from tests.functional.small_disk import SmallDisk, small_disk
from tests.process import ServerProcess
from tests.waiting import until

MIB = 1024 * 1024
Json = dict[str, Any]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path / "disk", mib=40) as disk:
        yield disk


@pytest.fixture
def settings(settings: Settings, disk: SmallDisk) -> Settings:
    data = shutil.move(settings.data, disk.path / "data")
    return replace(settings, data=Path(data), min_free_bytes=MIB, reserve_bytes=4 * MIB, job_retries=0)


async def ask(client: aiohttp.ClientSession, method: str, path: str, **given: Any) -> tuple[int, Any]:
    async with client.request(method, path, allow_redirects=False, **given) as response:
        text = await response.text()
        is_json = "json" in response.headers.get("Content-Type", "")
        return response.status, await response.json() if is_json else text


async def storage_of(client: aiohttp.ClientSession) -> str:
    """What a load balancer is told."""
    status, answer = await ask(client, "GET", "/readyz")
    assert status == 200
    return str(answer["storage"])


async def is_in(client: aiohttp.ClientSession, job_id: str, state: str) -> bool:
    return bool((await ask(client, "GET", f"/api/v1/jobs/{job_id}"))[1]["state"] == state)


async def times_told(client: aiohttp.ClientSession) -> int:
    """How often somebody's bell says that the disk is full."""
    _, page = await ask(client, "GET", "/notifications", headers=HTML)
    return int(page.count("The server&#39;s disk is full"))


@pytest.mark.sqlite(reason="there the database itself lies on the full disk")
async def test_without_any_room_everything_answers_507_in_words_and_reading_goes_on(
    server: Server, alice: aiohttp.ClientSession, bob: aiohttp.ClientSession, disk: SmallDisk, settings: Settings
) -> None:
    await import_text(alice)
    upload_id = await upload(alice, name="more.csv")
    await put_template(alice)
    batch_id = (await made(alice))["id"]
    disk.fill()
    assert (await ask(alice, "POST", "/api/v1/jobs", json={"title": "the first one uses what was kept back"}))[0] == 202
    assert await storage_of(alice) == "full"
    disk.fill()
    for _ in range(2000):  # what the log has already may still take some
        if (await ask(alice, "POST", "/api/v1/jobs", json={"title": "x" * 300}))[0] == 507:
            break
    refused: list[tuple[str, str, Json]] = [
        ("POST", "/api/v1/jobs", {"json": {"title": "a script's" * 20}}),
        ("POST", "/api/v1/jobs/demonstration", {"json": {"seconds": 1, "total": 5}}),
        ("PATCH", "/api/v1/me", {"json": {"name": "alice-" + "x" * 40}}),
        ("POST", "/api/v1/tokens", {"json": {"name": "another"}}),
        ("POST", "/api/v1/tokens", {"json": {"name": "x", "username": "bob", "password": PASSWORDS["bob"]}}),
        ("POST", "/api/v1/imports", {"json": {"upload_id": upload_id, "dataset": "two"}}),
        ("POST", "/api/v1/batches", {"json": {"template": "sales"}}),
        ("POST", "/api/v1/uploads", {"headers": {"Tus-Resumable": "1.0.0", "Upload-Length": "10"}}),
        ("POST", "/api/v1/uploads", {"data": {"file": io.BytesIO(b"a,b\n1,2\n")}}),
        ("GET", "/api/v1/datasets/orders/export.xlsx", {}),
        ("GET", "/api/v1/datasets/orders/export.csv", {}),
        ("POST", "/api/v1/datasets/orders/versions/1/restore", {}),
        ("PATCH", "/api/v1/datasets/orders", {"json": {"description": "long" * 900}}),
        ("PUT", "/api/v1/templates/other", {"data": b"title: x\nblocks: []\n" + b"#" * 20_000}),
        ("POST", "/api/v1/templates/sales/preview", {"json": {"parameters": {"region": "North"}, "format": "html"}}),
        ("POST", "/samples", {}),
        ("POST", "/api/v1/queries", {"json": {"sql": "select repeat('x', 900) from range(2000)", "limit": 2000}}),
    ]
    for method, path, given in refused:
        status, problem = await ask(alice, method, path, **given)
        assert (status, problem["code"]) == (507, "storage_full"), (method, path, problem)
        assert "ree some space" in problem["detail"]
    async with browser(server) as person:
        form = {"username": "bob", "password": PASSWORDS["bob"]}
        status, page = await ask(person, "POST", "/login", data=form, headers=HTML)
        assert (status, "There is no room left" in page) == (507, True)
    for client in (alice, bob):
        assert (await ask(client, "GET", "/api/v1/me"))[0] == 200
    assert (await ask(alice, "GET", "/api/v1/datasets/orders/rows"))[1]["total"] == 3
    assert (await ask(bob, "GET", "/api/v1/datasets/orders/rows"))[0] == 404
    report = (await reports_of(alice, batch_id))[0]
    assert (await ask(alice, "GET", f"/api/v1/reports/{report['id']}"))[0] == 200
    assert os.listdir(settings.data / "blobs" / "partial") == []
    disk.make_room()
    state = await ended(alice, await start_import(alice, upload_id, dataset="two"))
    assert state["state"] == "succeeded", state
    assert await storage_of(alice) == "ok"
    with sqlite3.connect(settings.data / "jindu.db") as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


@pytest.mark.sqlite(reason="there the database itself lies on the full disk")
async def test_on_a_full_disk_people_sign_in_cancel_and_delete_and_administrators_are_told_once(
    server: Server, admin: aiohttp.ClientSession, alice: aiohttp.ClientSession, disk: SmallDisk
) -> None:
    await import_text(alice)
    upload_id = await upload(alice, b"x" * MIB, name="large.csv")
    await put_template(alice)
    batch_id = (await made(alice))["id"]
    _, job = await ask(alice, "POST", "/api/v1/jobs/demonstration", json={"seconds": 60, "total": 1000})
    disk.fill()
    async with browser(server) as person:
        await sign_in(person, "alice")
        assert (await ask(person, "GET", "/datasets", headers=HTML))[0] == 200
        assert (await ask(person, "POST", f"/api/v1/jobs/{job['job_id']}/cancel"))[0] in (200, 202)
        for path in (f"uploads/{upload_id}", f"batches/{batch_id}", "datasets/orders"):
            status, answer = await ask(person, "DELETE", f"/api/v1/{path}", headers={"Tus-Resumable": "1.0.0"})
            assert status in (200, 204), answer
    assert (await ask(alice, "GET", f"/api/v1/jobs/{job['job_id']}"))[1]["state"] == "cancelled"

    async def told() -> bool:
        return await times_told(admin) > 0

    await until(told)
    statistics = (await ask(admin, "GET", "/api/v1/admin/statistics"))[1]["storage"]
    assert (statistics["state"], statistics["reserve_bytes"]) == ("full", 0)
    disk.make_room()

    async def is_kept_back_again() -> bool:
        figures = (await ask(admin, "GET", "/api/v1/admin/statistics"))[1]["storage"]
        return bool(figures["state"] == "ok" and figures["reserve_bytes"] == 4 * MIB)

    await until(is_kept_back_again)
    assert (await times_told(admin), await times_told(alice)) == (1, 0)


async def test_what_is_deleted_makes_the_room_that_deleting_needs_and_jobs_end_once_there_is_some(
    server: Server, alice: aiohttp.ClientSession, disk: SmallDisk
) -> None:
    """Even when another program took all that the server had kept back."""
    rows = "".join(f"{number},{pow(7919, number, 2**61 - 1)}\n" for number in range(60_000))  # which are not packed
    await import_text(alice, f"a,b\n{rows}", dataset="numbers")
    upload_id = await upload(alice, b"x" * MIB, name="large.csv")
    short = (await ask(alice, "POST", "/api/v1/jobs/demonstration", json={"seconds": 3, "total": 10}))[1]["job_id"]
    long = (await ask(alice, "POST", "/api/v1/jobs/demonstration", json={"seconds": 90, "total": 10}))[1]["job_id"]
    for job_id in (short, long):
        await until(lambda job_id=job_id: is_in(alice, job_id, "running"))
    disk.fill()
    await ask(alice, "POST", "/api/v1/jobs", json={"title": "uses what was kept back"})
    disk.fill()
    assert (await ask(alice, "POST", f"/api/v1/jobs/{long}/cancel"))[0] in (200, 202)
    for path in ("datasets/numbers", f"uploads/{upload_id}"):
        disk.fill()
        status, answer = await ask(alice, "DELETE", f"/api/v1/{path}", headers={"Tus-Resumable": "1.0.0"})
        assert status in (200, 204), answer
        assert (await ask(alice, "GET", f"/api/v1/{path}"))[0] == 404
    disk.make_room()
    for job_id, state in ((long, "cancelled"), (short, "succeeded")):
        await until(lambda job_id=job_id, state=state: is_in(alice, job_id, state))


async def test_an_import_and_a_batch_stop_when_room_runs_out_and_go_on_when_asked_again(
    server: Server,
    alice: aiohttp.ClientSession,
    disk: SmallDisk,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(room, "_LOOK_SECONDS", 0.02)  # the import may be over in half a second
    await import_text(alice)
    upload_id = await upload(alice, "a,b\n" + "".join(f"{n},{n}\n" for n in range(900_000)), name="long.csv")
    await put_template(alice, "slow", counting_template(4))
    job_id = await start_import(alice, upload_id, dataset="long")
    batch = await start_batch(alice, "slow")

    async def is_reading() -> bool:
        return bool((await ask(alice, "GET", f"/api/v1/imports/{job_id}"))[1]["state"] == "running")

    await until(is_reading)
    disk.fill(but=MIB // 2)
    state = await ended(alice, job_id)
    assert (state["state"], state["error"]["code"]) == ("failed", "storage_full")

    async def has_stopped() -> bool:
        return (await ask(alice, "GET", f"/api/v1/batches/{batch['batch_id']}"))[1]["state"] == "failed"

    await until(has_stopped)
    assert (await ask(alice, "POST", f"/api/v1/imports/{job_id}/retry"))[0] in (404, 405, 507)
    status, problem = await ask(alice, "POST", f"/api/v1/jobs/{job_id}/retry")
    assert (status, problem["code"]) == (507, "storage_full")
    status, problem = await ask(alice, "POST", f"/api/v1/batches/{batch['batch_id']}/retry")
    assert (status, problem["code"]) == (507, "storage_full")
    assert os.listdir(settings.data / "blobs" / "partial") == []
    disk.make_room()
    assert (await ask(alice, "POST", f"/api/v1/jobs/{job_id}/retry"))[0] in (200, 202)
    assert (await ask(alice, "POST", f"/api/v1/batches/{batch['batch_id']}/retry"))[0] == 202
    assert (await ended(alice, job_id))["version"] == 1

    async def is_made() -> bool:
        tally = (await ask(alice, "GET", f"/api/v1/batches/{batch['batch_id']}"))[1]["tally"]
        return bool(tally["succeeded"] == 4)

    await until(is_made, seconds=60)


async def test_an_export_that_does_not_fit_leaves_nothing(
    server: Server, alice: aiohttp.ClientSession, disk: SmallDisk, settings: Settings
) -> None:
    rows = "".join(f"{number},a text that is long {number * 7919 % 99991}\n" for number in range(150_000))
    await import_text(alice, f"a,b\n{rows}", dataset="numbers")
    disk.fill(but=2 * MIB + MIB // 4)  # more than always has to be free, less than any of these takes
    for file_format in ("xlsx", "csv", "json"):
        status, problem = await ask(alice, "GET", f"/api/v1/datasets/numbers/export.{file_format}")
        assert (status, problem["code"]) == (507, "storage_full"), file_format
        assert os.listdir(settings.data / "blobs" / "partial") == [], file_format


@pytest.fixture
async def process(disk: SmallDisk) -> AsyncIterator[ServerProcess]:
    environ = {"JINDU_MIN_FREE_BYTES": str(MIB), "JINDU_RESERVE_BYTES": str(4 * MIB), "JINDU_WORKERS": "1"}
    process = ServerProcess(disk.path / "data", environ=environ)
    await asyncio.to_thread(process.start)
    yield process
    await asyncio.to_thread(process.kill)


@pytest.mark.sqlite(reason="there the database itself lies on the full disk")
@pytest.mark.parametrize("how", ["killed", "stopped", "killed without reserve", "stopped without reserve"])
async def test_the_server_starts_on_a_full_disk_and_says_what_to_do(
    process: ServerProcess, disk: SmallDisk, how: str
) -> None:
    server = process
    async with await signed_in(server, "admin") as client:
        await import_text(client, ORDERS * 200)
        _, job = await ask(client, "POST", "/api/v1/jobs/demonstration", json={"seconds": 60, "total": 1000})
        if "without reserve" in how:
            disk.fill()
            await ask(client, "POST", "/api/v1/jobs", json={"title": "uses what was kept back"})
        disk.fill()
        await asyncio.to_thread(process.kill if "killed" in how else process.stop)
        left = disk.path / "data" / "blobs" / "partial" / "left"
        left.touch()
        os.utime(left, (0, 0))
        disk.fill()
        process.log.clear()
        await asyncio.to_thread(process.start)
        log = "\n".join(process.log)
        assert "Traceback" not in log, log
        assert "delete datasets, uploads or batches" in log
        status, ready = await ask(client, "GET", "/readyz")
        assert (status, ready["storage"]) == (200, "full")
        assert "Delete datasets" in ready["detail"]
        assert os.listdir(disk.path / "data" / "blobs" / "partial") == []
        assert (await ask(client, "GET", "/api/v1/datasets/orders/rows"))[1]["total"] == 600
        assert (await ask(client, "DELETE", "/api/v1/datasets/orders"))[0] in (200, 204)
        disk.make_room()

        async def goes_on() -> bool:
            state = (await ask(client, "GET", f"/api/v1/jobs/{job['job_id']}"))[1]["state"]
            return state == "running" and await storage_of(client) == "ok"

        await until(goes_on)


@pytest.mark.sqlite(reason="there the database itself lies on the full disk")
async def test_a_server_that_cannot_start_says_so_in_one_line(process: ServerProcess, disk: SmallDisk) -> None:
    await asyncio.to_thread(process.stop)
    for left in ("reserve", "jindu.db.mark"):
        (disk.path / "data" / left).unlink(missing_ok=True)
    disk.fill()
    process.log.clear()
    await asyncio.to_thread(process.start)
    assert await asyncio.to_thread(process.wait) == 1
    told = [line for line in process.log if "INFO" not in line]
    assert [line for line in told if "cannot start" in line], told
    assert len(told) <= 2, told
