"""A backup beside a server that people use, and a restore on a machine that never saw it."""

from __future__ import annotations

import asyncio
import json
import os
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.conftest import PASSWORDS, new_user, signed_in
from tests.functional.batches import made, put_template, read, reports_of
from tests.functional.command_line import run
from tests.functional.half_uploads import HALVES, TUS, go_on, halfway
from tests.functional.importing import ORDERS, import_text, start, upload
from tests.functional.importing import ended as import_ended
from tests.process import ServerProcess
from tests.waiting import until

pytestmark = pytest.mark.usefixtures("storage")


# A mail server that is not there: what is to be sent waits.
NO_MAIL = {
    "JINDU_SMTP_HOST": "127.0.0.1",
    "JINDU_SMTP_PORT": "1",
    "JINDU_SMTP_SECURITY": "none",
    "JINDU_MAIL_FROM": "jindu@example.com",
}


@pytest.fixture
async def process(tmp_path: Path) -> AsyncIterator[ServerProcess]:
    process = ServerProcess(tmp_path / "data", environ={"JINDU_WORKERS": "1", **NO_MAIL})
    await asyncio.to_thread(process.start)
    yield process
    await asyncio.to_thread(process.kill)


def elsewhere(worker_id: str) -> dict[str, str]:
    """Another database, where the tests run on PostgreSQL, and another place for files, where they run on S3."""
    environ = {}
    if "TEST_DATABASE_URL" in os.environ:
        from tests import postgresql

        environ["JINDU_DATABASE_URL"] = postgresql.new_database(f"restored_{worker_id}")
    if "TEST_STORAGE_URL" in os.environ:
        from tests import seaweed

        environ["JINDU_STORAGE_URL"] = seaweed.new_place()
    return environ


async def busy(client: aiohttp.ClientSession, over: asyncio.Event) -> int:
    """What people do while a backup is made: files come, datasets come and go."""
    rounds = 0
    while not over.is_set() or rounds < 2:
        await import_text(client, ORDERS * (rounds % 3 + 1), dataset=f"passing{rounds}")
        if rounds:
            async with client.delete(f"/api/v1/datasets/passing{rounds - 1}") as response:
                assert response.status == 200, await response.text()
        rounds += 1
    return rounds


async def waiting(client: aiohttp.ClientSession, batch_id: str) -> bool:
    """Whether its delivery was tried, in vain."""
    items = (await read(client, f"/api/v1/batches/{batch_id}/deliveries"))["items"]
    return [(each["state"], bool(each["error"])) for each in items] == [("waiting", True)]


GRANTS = [{"group": "财务", "right": "edit"}, {"user": "admin", "right": "view"}]
# A restore begins streams anew, ends runs, holds schedules and deliveries, and leaves the mailbox of bounces alone.
_NOT_AS_IT_WAS = {"deliveries", "leases", "schedules", "streams", "secrets", "server_runs", "nodes"}


def compared(manifest: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Checksums of all rows and all files."""
    tables = {name: note["sha256"] for name, note in manifest["tables"].items()}
    return {name: tables[name] for name in tables.keys() - _NOT_AS_IT_WAS}, manifest["files"]


def manifest_of(archive: Path) -> dict[str, Any]:
    with zipfile.ZipFile(archive) as opened:
        manifest: dict[str, Any] = json.loads(opened.read("manifest.json"))
        return manifest


async def test_a_backup_beside_a_busy_server_is_whole_and_restored_elsewhere(
    process: ServerProcess, tmp_path: Path, worker_id: str
) -> None:
    async with await signed_in(process, "admin") as admin, await new_user(process, admin, "alice") as alice:
        await import_text(alice, ORDERS)
        columns = [{"name": "region", "type": "integer"}]
        rejected = await start(alice, await upload(alice), dataset="rejected", options={"columns": columns})
        await import_ended(alice, rejected)
        await put_template(alice)
        batch = await made(alice, deliveries=[{"via": "mail", "to": ["boss@example.com"]}])
        await until(lambda: waiting(alice, batch["id"]))
        async with alice.post("/api/v1/links", json={"batch": batch["id"]}) as response:
            shared = (await response.json())["url"]
        await share(admin, alice)
        planned = {"template": "sales", "cron": "0 8 1 1 *", "name": "Yearly"}
        async with alice.post("/api/v1/schedules", json=planned) as response:
            assert response.status == 201, await response.text()
        (report,) = [each for each in await reports_of(alice, batch["id"]) if each["parameters"]["region"] == "North"]
        await talk(alice, report["id"])
        place = await halfway(alice)
        over = asyncio.Event()
        people = asyncio.create_task(busy(alice, over))
        backup = await run("backup", str(tmp_path / "a.zip"), "--data", str(process.data), "--json")
        over.set()
        assert await people >= 2
        assert backup.status == 0, backup
        async with alice.get(report["artifacts"][0]["url"]) as response:
            downloaded = await response.read()
    await asyncio.to_thread(process.kill)
    told = json.loads(backup.out)
    assert told["missing"] == []
    assert (tmp_path / "a.zip").stat().st_mode & 0o777 == 0o600

    proven = await run("restore", str(tmp_path / "a.zip"), "--prove", "--json")
    assert proven.status == 0, proven
    assert json.loads(proven.out)["rows"] == told["rows"]
    environ = elsewhere(worker_id)
    new = tmp_path / "elsewhere"
    restored = await run("restore", str(tmp_path / "a.zip"), "--data", str(new), "--json", **environ)
    assert restored.status == 0, restored
    again = await run("backup", str(tmp_path / "b.zip"), "--data", str(new), "--json", **environ)
    assert again.status == 0, again
    assert compared(manifest_of(tmp_path / "a.zip")) == compared(manifest_of(tmp_path / "b.zip"))
    examined = await run("doctor", "--thorough", "--data", str(new), "--json", **environ)
    assert not [each for each in json.loads(examined.out)["findings"] if each["severity"] == "error"], examined

    second = ServerProcess(new, environ={"JINDU_WORKERS": "1", **environ})
    await asyncio.to_thread(second.start)
    try:
        await used_on(second, report, downloaded, place, shared="/s/" + shared.rpartition("/s/")[2])
    finally:
        await asyncio.to_thread(second.kill)


async def talk(alice: aiohttp.ClientSession, report: str) -> None:
    async with alice.post(f"/api/v1/reports/{report}/comments", json={"text": "North, @admin"}) as response:
        assert response.status == 201, await response.text()
    async with alice.put(f"/api/v1/favourites/report/{report}") as response:
        assert response.status == 204, await response.text()


async def share(admin: aiohttp.ClientSession, alice: aiohttp.ClientSession) -> None:
    async with admin.post("/api/v1/admin/groups", json={"name": "财务", "members": ["admin"]}) as response:
        assert response.status == 201, await response.text()
    async with alice.put("/api/v1/datasets/orders/access", json={"grants": GRANTS}) as response:
        assert response.status == 200, await response.text()


async def used_on(server: ServerProcess, report: dict[str, Any], downloaded: bytes, place: str, *, shared: str) -> None:
    """People sign in with the passwords they have, find what they had, and go on with what they were at."""
    async with await signed_in(server, "admin") as admin:
        available = (await read(admin, "/api/v1/admin/statistics"))["availability"]["24h"]
        assert (available["share"], available["down_seconds"], available["gaps"]) == (1.0, 0, [])
    async with await signed_in(server, "alice") as alice:
        async with alice.get(report["artifacts"][0]["url"]) as response:
            assert await response.read() == downloaded
        (schedule,) = (await read(alice, "/api/v1/schedules"))["items"]
        assert (schedule["state"], schedule["reason"], schedule["next_at"]) == ("paused", "restored", [])
        (delivery,) = (await read(alice, f"/api/v1/batches/{report['batch_id']}/deliveries"))["items"]
        assert (delivery["state"], delivery["next_at"]) == ("held", None)
        (comment,) = (await read(alice, f"/api/v1/reports/{report['id']}/comments"))["items"]
        assert (comment["text"], comment["mentions"]) == ("North, @admin", ["admin"])
        assert [each["id"] for each in (await read(alice, "/api/v1/favourites"))["items"]] == [report["id"]]
        (link,) = (await read(alice, "/api/v1/links"))["items"]
        async with aiohttp.ClientSession(server.url) as stranger, stranger.get(shared) as response:
            assert (response.status, link["url"]) == (200, server.url + shared)
        assert (await read(alice, "/api/v1/datasets/orders"))["row_count"] == 3
        assert (await read(alice, "/api/v1/datasets/orders/access"))["grants"] == GRANTS
        async with alice.get("/api/v1/datasets/orders/rows") as response:
            assert response.status == 200, await response.text()
        async with alice.head(place, headers=TUS) as response:
            assert response.headers["Upload-Offset"] == str(len(HALVES[0]))
        await go_on(alice, place, 1)

        async def is_whole() -> bool:
            jobs = (await read(alice, "/api/v1/jobs?kind=file_upload&q=half.csv"))["items"]
            return [job["state"] for job in jobs] == ["succeeded"]

        await until(is_whole, so="the job of the upload went on after the restore")
        await import_text(alice, ORDERS, dataset="after")  # numbers go on after those that were restored


async def test_commands_refuse_what_they_cannot_do(process: ServerProcess, tmp_path: Path) -> None:
    """Everything here with one server, which goes on undisturbed."""
    data = str(process.data)
    made = await run("backup", str(tmp_path), "--data", data, "--json")
    assert made.status == 0, made
    archive, url = json.loads(made.out)["file"], process.url
    running, pruning, counted, slip, examined = await asyncio.gather(
        run("restore", archive, "--data", data, "--replace"),
        run("prune", "--data", data),
        run("prune", "--dry-run", "--data", data, "--json"),
        run("backup", str(tmp_path / "b.zip"), "--data", str(tmp_path / "slip"), "--json"),
        run("doctor", "--data", data, "--url", url, "--json"),
    )
    for refused in (running, pruning):
        assert refused.status == 2
        assert "Another server runs" in refused.error
    assert counted.status == 0, counted
    assert {kind["kind"] for kind in json.loads(counted.out)["kinds"]} >= {"uploads", "versions", "jobs"}
    assert slip.status == 2
    assert json.loads(slip.out)["error"]["code"] == "no_data"
    assert not (tmp_path / "slip").exists()
    codes = {each["code"]: each["severity"] for each in json.loads(examined.out)["findings"]}
    assert "error" not in codes.values(), examined
    assert codes["server_runs"] == codes["events_not_tried"] == "note"
    async with aiohttp.ClientSession(url) as client, client.get("/readyz") as response:
        assert response.status == 200
    assert PASSWORDS["admin"] not in examined.out
