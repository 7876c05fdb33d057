"""The command line against a running server, as scripts use it: what it prints, what it leaves, its exit status."""

from __future__ import annotations

import asyncio
import hashlib
import os
from pathlib import Path

import aiohttp
import pytest

from jindu import Client, ClientError
from tests.conftest import PASSWORDS, Server
from tests.functional.command_line import ORDERS, TEMPLATE, as_user, run
from tests.functional.test_uploads import announce, upload_of
from tests.process import ServerProcess


@pytest.fixture
def orders(tmp_path: Path) -> Path:
    path = tmp_path / "orders.csv"
    path.write_text(ORDERS, "utf-8")
    return path


async def test_import_uploads_a_file_and_tells_what_came_of_it(
    server: Server, alice: aiohttp.ClientSession, orders: Path
) -> None:
    outcome = await run("import", str(orders), "--dataset", "orders", **as_user(server, alice))
    assert outcome.status == 0, outcome
    assert "orders: version 1, 400 rows" in outcome.out
    assert "1 rejected" in outcome.out
    assert "\x1b" not in outcome.out  # plain lines where there is no terminal
    async with alice.get("/api/v1/datasets/orders") as response:
        assert (await response.json())["row_count"] == 400


async def test_report_makes_and_downloads_one_file_per_region(
    server: Server, alice: aiohttp.ClientSession, orders: Path, tmp_path: Path
) -> None:
    user = as_user(server, alice)
    await run("import", str(orders), "--dataset", "orders", **user)
    headers = {"Content-Type": "application/yaml"}
    async with alice.put("/api/v1/templates/sales", data=TEMPLATE, headers=headers) as response:
        assert response.status in (200, 201), await response.text()
    outcome = await run("report", "sales", "--format", "html", "--output", str(tmp_path / "out"), **user)
    assert outcome.status == 0, outcome
    files = sorted(os.listdir(tmp_path / "out"))
    assert len(files) == 2
    assert all(name.endswith(".html") for name in files)
    one = await run(
        "report", "sales", "--param", "region=West", "--as-of", "2026-10-31", "--output", str(tmp_path / "one"), **user
    )
    assert one.status == 0, one
    assert len(os.listdir(tmp_path / "one")) == 1


async def test_what_others_share_is_named_with_its_owner(
    server: Server, alice: aiohttp.ClientSession, bob: aiohttp.ClientSession, orders: Path, tmp_path: Path
) -> None:
    await run("import", str(orders), "--dataset", "orders", **as_user(server, alice))
    headers = {"Content-Type": "application/yaml"}
    async with alice.put("/api/v1/templates/sales", data=TEMPLATE, headers=headers) as response:
        assert response.status in (200, 201), await response.text()
    for place, right in (("datasets/orders", "edit"), ("templates/sales", "view")):
        grants = {"grants": [{"user": "bob", "right": right}]}
        async with alice.put(f"/api/v1/{place}/access", json=grants) as response:
            assert response.status == 200, await response.text()
    hers = ("--owner", "alice")
    added = await run("import", str(orders), "--dataset", "orders", "--mode", "append", *hers, **as_user(server, bob))
    assert "orders: version 2, 800 rows" in added.out, added
    made = await run(
        "report", "sales", *hers, "--format", "html", "--output", str(tmp_path / "out"), **as_user(server, bob)
    )
    assert made.status == 0, made
    assert len(os.listdir(tmp_path / "out")) == 2


async def test_an_import_that_fails_has_status_1_and_says_why(
    server: Server, alice: aiohttp.ClientSession, tmp_path: Path
) -> None:
    empty = tmp_path / "empty.csv"
    empty.write_bytes(b"")
    outcome = await run("import", str(empty), "--dataset", "nothing", **as_user(server, alice))
    assert outcome.status == 1, outcome
    assert "empty.csv" in outcome.error or "nothing" in outcome.error


async def test_watch_shows_a_finished_job(server: Server, alice: aiohttp.ClientSession) -> None:
    upload = await upload_of(alice, await announce(alice, 0))
    outcome = await run("watch", upload["job_id"], **as_user(server, alice))
    assert outcome.status == 0, outcome
    assert "sales.csv: succeeded" in outcome.out


async def test_watch_of_a_cancelled_job_has_status_1(server: Server, alice: aiohttp.ClientSession) -> None:
    upload = await upload_of(alice, await announce(alice, 5))
    watching = asyncio.create_task(run("watch", upload["job_id"], **as_user(server, alice)))
    async with alice.post(f"/api/v1/jobs/{upload['job_id']}/cancel") as response:
        assert response.status < 300
    outcome = await watching
    assert outcome.status == 1
    assert "cancelled" in outcome.error


async def test_nobody_watches_the_job_of_another(
    server: Server, alice: aiohttp.ClientSession, bob: aiohttp.ClientSession
) -> None:
    upload = await upload_of(alice, await announce(alice, 5))
    outcome = await run("watch", upload["job_id"], **as_user(server, bob))
    assert outcome.status == 2
    assert "not yours" in outcome.error
    assert "sales.csv" not in outcome.out + outcome.error


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("import", "missing.csv", "--dataset", "x"), "missing.csv is not a file"),
        (("report", "sales", "--param", "nonsense"), "NAME=VALUE"),
    ],
)
async def test_a_wrong_argument_is_told(
    server: Server, alice: aiohttp.ClientSession, arguments: tuple[str, ...], complaint: str
) -> None:
    outcome = await run(*arguments, **as_user(server, alice))
    assert outcome.status == 2
    assert complaint in outcome.error


async def test_a_missing_token_is_told() -> None:
    outcome = await run("watch", "x")
    assert outcome.status == 2
    assert "JINDU_TOKEN" in outcome.error


async def test_a_wrong_token_is_told(server: Server, orders: Path) -> None:
    outcome = await run("import", str(orders), "--dataset", "x", "--url", server.url, "--token", "wrong")
    assert outcome.status == 2
    assert "Traceback" not in outcome.error


async def test_a_server_that_is_not_there_is_told(orders: Path) -> None:
    outcome = await run("import", str(orders), "--dataset", "x", "--url", "http://127.0.0.1:9", "--token", "t")
    assert outcome.status == 2
    assert "cannot be reached" in outcome.error
    assert "Traceback" not in outcome.error


async def test_admin_create_makes_somebody_who_can_sign_in_but_no_directory(tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text(PASSWORDS["alice"] + "\n", "utf-8")
    arguments = (
        "admin",
        "create",
        "--user",
        "root",
        "--password-file",
        str(password),
        "--data",
        str(tmp_path / "data"),
    )
    slip = await run(*arguments)
    assert slip.status == 2
    assert f"no data directory {tmp_path / 'data'}" in slip.error
    assert not (tmp_path / "data").exists()
    (tmp_path / "data").mkdir()
    outcome = await run(*arguments)
    assert outcome.status == 0, outcome
    process = ServerProcess(tmp_path / "data")
    await asyncio.to_thread(process.start)
    try:
        credentials = {"username": "root", "password": PASSWORDS["alice"], "name": "tests"}
        async with (
            aiohttp.ClientSession(process.url) as anonymous,
            anonymous.post("/api/v1/tokens", json=credentials) as response,
        ):
            assert response.status == 201
        again = await run(*arguments)
        assert again.status == 2
        assert "root" in again.error or "name" in again.error
    finally:
        process.kill()


async def test_admin_create_refuses_a_short_password_and_asks_for_one(tmp_path: Path) -> None:
    arguments = ("admin", "create", "--user", "root", "--data", str(tmp_path))
    short = await run(*arguments, JINDU_ADMIN_PASSWORD="short")
    assert short.status == 2
    assert "password" in short.error
    nobody = await run(*arguments)
    assert nobody.status == 2
    assert "--password-file" in nobody.error


async def test_an_upload_of_the_client_survives_a_killed_server(tmp_path: Path) -> None:
    content = os.urandom(60_000_000)
    source = tmp_path / "large.bin"
    await asyncio.to_thread(source.write_bytes, content)
    process = ServerProcess(tmp_path / "data", environ={"JINDU_MIN_FREE_BYTES": "1", "JINDU_WORKERS": "1"})
    await asyncio.to_thread(process.start)
    killed = asyncio.Event()

    def kill_once_half_is_sent(sent: int, size: int) -> None:
        if sent > size / 2 and not killed.is_set():
            killed.set()
            process.kill()

    try:
        credentials = {"username": "admin", "password": PASSWORDS["admin"], "name": "tests"}
        async with (
            aiohttp.ClientSession(process.url) as anonymous,
            anonymous.post("/api/v1/tokens", json=credentials) as response,
        ):
            token = (await response.json())["token"]
        async with Client(process.url, token) as client:
            uploading = asyncio.create_task(client.upload(source, kill_once_half_is_sent))
            await killed.wait()
            await asyncio.to_thread(process.start)
            upload = await uploading
            await last_snapshot(client, upload["job_id"])
            assert (await client.get(f"/api/v1/uploads/{upload['id']}"))["sha256"] == hashlib.sha256(
                content
            ).hexdigest()
    finally:
        process.kill()


async def last_snapshot(client: Client, job_id: str) -> None:
    async for job in client.watch(job_id):
        if job["state"] == "failed":
            raise ClientError(str(job["error"]))
