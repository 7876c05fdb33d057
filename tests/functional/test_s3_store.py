"""Files in an S3 store: the disk of a node is but a cache, and while the store is away nothing is lost."""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from yarl import URL

import jindu
from server.app.engines import open_database, open_files
from server.care.archiving import BackupKey, BackupOrder
from server.care.backup import make_backup
from server.care.copying_files import CopiedFiles, FileCopy
from server.care.file_checks import look_at_files
from server.care.manifest import Manifest
from server.care.restore import RestoreOrder, restore
from server.care.store_checks import StoreLook
from server.engines.s3_bucket import SHA256, S3Bucket
from server.settings import Settings
from server.storage.database import Database
from server.storage.scratch import Scratch
from server.uploads.file_stores import FileStores
from tests import seaweed
from tests.browser.line import Line
from tests.conftest import Server, new_user, serving, signed_in
from tests.functional.batches import Json, made, put_template, read, reports_of
from tests.functional.batches import ended as batch_ended
from tests.functional.batches import start as order
from tests.functional.browsing import browser, sign_in
from tests.functional.command_line import token_of
from tests.functional.importing import ORDERS, ended, import_text, start, upload
from tests.waiting import until

TUS = {"Tus-Resumable": "1.0.0"}
BYTES = TUS | {"Content-Type": "application/offset+octet-stream"}
pytestmark = pytest.mark.sqlite(reason="copies the database of a node, a file")


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    """From the server to the store."""
    line = Line(seaweed.running())
    await line.open()
    yield line
    await line.close()


@pytest.fixture
def settings(settings: Settings, line: Line) -> Settings:
    place = urlsplit(seaweed.new_place())
    assert parse_qs(place.query)
    return dataclasses.replace(
        settings,
        storage_url=f"s3://{place.netloc}{place.path}?endpoint={line.url}",
        storage_key_id=seaweed.KEY_ID,
        storage_secret=seaweed.SECRET,
        job_retry_seconds=1.0,
    )


async def artifact(client: aiohttp.ClientSession) -> str:
    """Where a report of a new batch is."""
    await put_template(client)
    batch = await made(client)
    (report, *_) = await reports_of(client, batch["id"])
    url: str = report["artifacts"][0]["url"]
    return url


async def test_a_node_may_lose_its_disk(settings: Settings, tmp_path: Path) -> None:
    async with serving(settings) as server:
        async with await signed_in(server, "admin") as admin, await new_user(server, admin, "alice") as alice:
            await import_text(alice)
            url = await artifact(alice)
            async with alice.get(url) as response:
                whole = await response.read()
        kept = {path.name for path in settings.data.iterdir()}
    assert not kept & {"uploads"}
    moved = tmp_path / "moved"
    moved.mkdir()
    for name in ("jindu.db", "jindu.db.mark", "secret.key"):
        shutil.copy(settings.data / name, moved)
    async with (
        serving(dataclasses.replace(settings, data=moved)) as server,
        await signed_in(server, "alice") as alice,
        await signed_in(server, "admin") as admin,
        await new_user(server, admin, "bob") as bob,
    ):
        async with alice.get(url) as response:
            assert (response.status, await response.read()) == (200, whole)
        async with alice.get(url, headers={"Range": "bytes=5-9"}) as response:
            assert (response.status, await response.read()) == (206, whole[5:10])
        async with bob.get(url) as response:
            assert response.status == 404
        await import_text(alice, mode="replace")


async def waits_for_files(client: aiohttp.ClientSession, job_id: str) -> bool:
    """Said at the job: in the API, and at its page in the reader's language."""
    job = await read(client, f"/api/v1/jobs/{job_id}")
    if (job["state"], job["waiting_for"]) != ("queued", "waits for the store of files"):
        return False
    assert job["stalled_since"] is not None
    headers = {"Accept": "text/html", "Accept-Language": "zh-CN"}
    async with client.get(f"/jobs/{job_id}", headers=headers) as response:
        return "起等待文件存储" in await response.text()


async def test_a_browser_may_get_a_file_from_the_store_by_itself_and_nobody_else_may(
    settings: Settings, line: Line
) -> None:
    """Whoever follows a link, and only for what is saved: the rest comes from here, as before."""
    place = "/api/v1/datasets/orders/export.parquet"
    follow = {"Sec-Fetch-Mode": "navigate"}
    async with (
        serving(dataclasses.replace(settings, storage_download_url=line.url)) as server,
        await signed_in(server, "admin") as admin,
        await new_user(server, admin, "alice") as alice,
        await new_user(server, admin, "bob"),
        browser(server) as of_alice,
        browser(server) as of_bob,
        aiohttp.ClientSession() as anybody,
    ):
        await import_text(alice)
        await sign_in(of_alice, "alice")
        await sign_in(of_bob, "bob")
        async with of_bob.get(place, headers=follow, allow_redirects=False) as response:
            assert (response.status, response.headers.get("Location")) == (404, None)
        async with of_alice.get(place, headers=follow, allow_redirects=False) as response:
            assert (response.status, response.headers["Cache-Control"]) == (307, "private, no-store")
            address = response.headers["Location"]
        assert address.startswith(f"{line.url}/")
        async with anybody.get(URL(address, encoded=True)) as response:
            assert response.status == 200, await response.text()
            found = await response.read()
            assert response.headers["Content-Disposition"].startswith('attachment; filename="orders.parquet"')
            assert response.headers["Content-Type"] == "application/vnd.apache.parquet"
        for altered in (
            address[:-1] + ("0" if address[-1] != "0" else "1"),
            address.replace("Expires=60", "Expires=61"),
        ):
            async with anybody.get(URL(altered, encoded=True)) as response:
                assert response.status == 403
        for client, headers in ((alice, follow), (of_alice, {}), (of_alice, {"Sec-Fetch-Mode": "cors"})):
            async with client.get(place, headers=headers, allow_redirects=False) as response:
                assert (response.status, await response.read()) == (200, found)
        await put_template(alice)
        (report, *_) = await reports_of(alice, (await made(alice))["id"])
        for each, status in zip(report["artifacts"], (307, 200), strict=True):
            assert each["url"].endswith(".html") == (status == 200)
            async with of_alice.get(each["url"], headers=follow, allow_redirects=False) as response:
                assert response.status == status


async def test_while_the_store_is_away_people_are_told_and_jobs_wait(
    server: Server, alice: aiohttp.ClientSession, line: Line
) -> None:
    await import_text(alice)
    url = await artifact(alice)
    uploaded = await upload(alice, ORDERS + "West,1,2026-01-04,yes\n")
    line.cut()
    async with alice.get(url) as response:
        assert (response.status, (await response.json())["code"]) == (503, "storage_away")
    async with alice.get("/readyz") as response:
        told = await response.json()
        assert (response.status, told["status"], told["files"]) == (200, "degraded", "away")
    form = aiohttp.FormData()
    form.add_field("file", ORDERS, filename="later.csv")
    async with alice.post("/api/v1/uploads", data=form) as response:
        assert (response.status, (await response.json())["code"]) == (503, "storage_away")
    job_id = await start(alice, uploaded, mode="replace")
    batch = await order(alice)
    for each in (job_id, batch["job_id"]):
        await until(partial(waits_for_files, alice, each))
    line.mend()
    made_in_the_end = await batch_ended(alice, batch["batch_id"])
    tally = made_in_the_end["tally"]
    assert (made_in_the_end["state"], tally["failed"], tally["succeeded"]) == ("succeeded", 0, 3)
    job = await read(alice, f"/api/v1/jobs/{batch['job_id']}")
    assert job["attempt"] == 2
    state = await ended(alice, job_id)
    assert (state["state"], state["row_count"]) == ("succeeded", 4)

    async def is_well() -> bool:
        return "files" not in await read(alice, "/readyz")

    await until(is_well)


async def test_a_script_that_was_cut_off_goes_on_with_its_file(
    server: Server, alice: aiohttp.ClientSession, tmp_path: Path
) -> None:
    """The checksum by which it knows its file comes a moment later: the pieces have to be read again."""
    path = tmp_path / "large.csv"
    path.write_bytes(b"n\n" + b"1\n" * 1_000_000)
    async with jindu.Client(server.url, token_of(alice)) as client:

        def cut_off(sent: int, size: int) -> None:
            if sent > size / 2:
                sending.cancel()

        sending = asyncio.create_task(client.resume_upload(path, on_progress=cut_off))
        await asyncio.wait({sending})
        assert sending.cancelled()

        async def begun() -> Json | None:
            return next((each for each in (await read(alice, "/api/v1/uploads"))["items"] if each["offset"]), None)

        half = await until(begun)
        assert half is not None
        assert half["offset"] < half["size"]
        whole = await client.resume_upload(path)
    assert (whole["id"], whole["sha256"]) == (half["id"], hashlib.sha256(path.read_bytes()).hexdigest())


async def test_files_move_into_the_store_and_back(server: Server, alice: aiohttp.ClientSession, tmp_path: Path) -> None:
    """By the command, beside the server; what came meanwhile goes with the second time."""
    await import_text(alice)
    await artifact(alice)
    half = await alice.post("/api/v1/uploads", headers=TUS | {"Upload-Length": "9"})
    place = half.headers["Location"]
    async with alice.patch(place, headers=BYTES | {"Upload-Offset": "0"}, data=b"01234") as response:
        assert response.status == 204
    storage = server.parts.storage
    elsewhere = Settings(data=tmp_path / "elsewhere")
    here, target = storage.files, open_files(elsewhere)

    async def copy(source: FileStores, target: FileStores) -> CopiedFiles:
        scratch = Scratch(elsewhere.data / "blobs" / "partial")
        return await FileCopy(storage.database, source, target, scratch=scratch, say=lambda _: None).run()

    first = await copy(here, target)
    assert (first.missing, first.changed, first.there) == ([], [], 0)
    await import_text(alice, mode="append")
    second = await copy(here, target)
    assert (second.missing, second.changed, second.copied) == ([], [], 1 + 1)  # rows, and their upload
    assert second.there == first.copied
    async with alice.patch(place, headers=BYTES | {"Upload-Offset": "5"}, data=b"56") as response:
        assert response.status == 204
    back = await copy(target, here)
    assert (back.copied, back.missing) == (0, [])  # what is behind is not put over what has come since
    async with alice.patch(place, headers=BYTES | {"Upload-Offset": "7"}, data=b"78") as response:
        assert response.status == 204
    async with alice.get(f"{place}/content") as response:
        assert await response.read() == b"012345678"
    nothing = open_files(Settings(data=tmp_path / "nothing"))
    assert (await copy(nothing, here)).missing == []  # what is nowhere else stays


async def test_doctor_names_what_is_missing_changed_or_nobody_s(server: Server, alice: aiohttp.ClientSession) -> None:
    await import_text(alice)
    await artifact(alice)
    storage = server.parts.storage

    async def states(*, thorough: bool = False) -> tuple[set[str], set[str]]:
        found = await StoreLook(storage.database, storage.files, thorough=thorough).run()
        assert found.count > 4
        return found.missing, found.changed

    assert await states(thorough=True) == (set(), set())
    reports = [found.key async for found in storage.blobs.under("reports") if not found.key.endswith(".webp")]
    datasets = [found.key async for found in storage.blobs.under("datasets")]
    size = await storage.blobs.size(reports[0])
    scratch = storage.scratch.path()
    scratch.write_bytes(b"x" * size)
    await storage.blobs.publish(scratch, reports[0])
    await storage.blobs.delete(datasets[0])
    assert await states() == ({f"blobs/{datasets[0]}"}, set())
    assert await states(thorough=True) == ({f"blobs/{datasets[0]}"}, {f"blobs/{reports[0]}"})


async def test_a_backup_goes_from_the_store_to_a_disk_and_back_and_names_what_is_damaged(
    server: Server, alice: aiohttp.ClientSession, settings: Settings, tmp_path: Path
) -> None:
    await import_text(alice)
    await artifact(alice)
    storage = server.parts.storage

    async def back_up(database: Database, data: Path, name: str, stores: FileStores | None) -> Manifest:
        order = BackupOrder(
            database=database, data=data, target=tmp_path / name, key=BackupKey(), min_free_bytes=0, stores=stores
        )
        return (await make_backup(order)).manifest

    def of_new_place(folder: Path) -> FileStores:
        return open_files(dataclasses.replace(settings, data=folder, storage_url=seaweed.new_place()))

    first = await back_up(storage.database, settings.data, "a.zip", storage.files)
    disk = Settings(data=tmp_path / "disk")
    order = RestoreOrder(archive=tmp_path / "a.zip", data=disk.data, open_in=opened)
    await restore(order)
    async with closing_of(opened(disk.data)) as database:
        states = await look_at_files(database, disk.data, thorough=True)
        assert (states.missing, states.changed, states.count) == (set(), set(), len(first.files))
        second = await back_up(database, disk.data, "b.zip", None)
    assert (first.files, first.missing) == (second.files, [])
    await restore(
        dataclasses.replace(
            order, archive=tmp_path / "b.zip", data=tmp_path / "again", stores_in=of_new_place, new_key=True
        )
    )

    (key,) = [found.key async for found in storage.blobs.under("datasets")]
    await spoil(settings, f"blobs/{key}")
    assert (await back_up(storage.database, settings.data, "c.zip", storage.files)).missing == [f"blobs/{key}"]
    assert (await StoreLook(storage.database, storage.files, thorough=True).run()).changed == {f"blobs/{key}"}


def opened(folder: Path) -> Database:
    return open_database(Settings(data=folder))


@asynccontextmanager
async def closing_of(database: Database) -> AsyncIterator[Database]:
    yield database
    await database.close()


async def spoil(settings: Settings, place: str) -> None:
    """As a disk of the store may: other bytes under the checksum that was noted."""
    bucket = S3Bucket(settings.storage_url, key_id=settings.storage_key_id, secret=settings.storage_secret)
    size, noted = await bucket.metadata(place)
    await bucket.put(place, bytes(size), {SHA256: noted[SHA256]})
