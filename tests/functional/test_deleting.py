"""Deleting jobs and uploads: only by whoever may, only what is over or unused, and other tabs are told at once."""

from __future__ import annotations

import aiohttp
from sqlalchemy import select, update

from server.storage.tables import job_log, jobs
from tests.conftest import Server
from tests.functional.batches import made, put_template
from tests.functional.browsing import HTML
from tests.functional.importing import import_text, upload
from tests.functional.live_client import live
from tests.functional.test_imports_api import AS_NUMBERS, MANY
from tests.functional.test_jobs_api import ended, get, post, start
from tests.functional.test_retention import script
from tests.stored import bytes_of

Client = aiohttp.ClientSession


async def delete(client: Client, path: str, *, status: int = 204) -> str:
    """The code of the problem, if it is one."""
    async with client.delete(f"/api/v1{path}") as response:
        assert response.status == status, await response.text()
        return "" if status == 204 else str((await response.json())["code"])


async def test_a_job_is_deleted_by_its_owner_or_an_administrator_and_by_nobody_else(
    server: Server, admin: Client, alice: Client, bob: Client
) -> None:
    first, second = await script(alice), await script(alice)
    assert await delete(bob, f"/jobs/{first}", status=404) == "not_found"
    async with (
        live(alice, "here") as here,
        live(bob, "stranger") as stranger,
        live(admin, "admin") as watching,
    ):
        for each in (here, stranger, watching):
            await each.next("connection")
        await watching.send(type="subscribe", events=["jobs:*"])
        await watching.next("subscription")
        await delete(alice, f"/jobs/{first}")
        removed = await here.next("removed")
        assert (removed["thing"], removed["id"]) == ("job", first)
        told = await watching.next("event")
        assert (told["event"], told["data"]) == ("jobs:*", {"job_id": first, "removed": True})
        await here.send(type="jobs")
        assert first not in [job["job_id"] for job in (await here.next("jobs"))["jobs"]]
        await stranger.send(type="ping")
        await stranger.next("pong")
        assert "removed" not in [message["type"] for message in stranger.seen]
    for path in (f"/jobs/{first}", f"/jobs/{first}/log"):
        await get(alice, path, status=404)
    await delete(alice, f"/jobs/{first}", status=404)
    await delete(admin, f"/jobs/{second}")
    assert (await get(alice, "/jobs"))["total"] == 0
    async with server.parts.storage.database.read() as connection:
        assert (await connection.execute(select(job_log.c.id))).all() == []
    lines = (await get(admin, "/admin/audit", q="job.delete"))["items"]
    assert [(line["user_name"], line["subject_id"]) for line in lines] == [("admin", second), ("alice", first)]


async def test_a_job_that_is_not_over_says_what_to_do_before(server: Server, alice: Client) -> None:
    job_id = await start(alice, seconds=30)
    assert await delete(alice, f"/jobs/{job_id}", status=409) == "job_not_over"
    await post(alice, f"/jobs/{job_id}/cancel")
    await ended(alice, job_id)
    # Somebody starts it again at this moment: what counts is the row.
    async with server.parts.storage.database.write() as connection:
        await connection.execute(update(jobs).where(jobs.c.id == job_id).values(state="running"))
    assert await delete(alice, f"/jobs/{job_id}", status=409) == "job_not_over"
    async with server.parts.storage.database.write() as connection:
        await connection.execute(update(jobs).where(jobs.c.id == job_id).values(state="cancelled"))
    async with alice.post(f"/jobs/{job_id}/delete", headers=HTML, allow_redirects=False) as response:
        assert (response.status, response.headers["Location"]) == (303, "/jobs")
    await get(alice, f"/jobs/{job_id}", status=404)


async def test_a_batch_keeps_its_job_and_an_import_leaves_its_dataset_without_the_list_of_rejects(
    server: Server, alice: Client
) -> None:
    await import_text(alice)
    await put_template(alice)
    batch = await made(alice)
    assert await delete(alice, f"/jobs/{batch['job_id']}", status=409) == "job_of_batch"
    async with alice.get(f"/jobs/{batch['job_id']}", headers=HTML) as response:
        assert f"/jobs/{batch['job_id']}/delete" not in await response.text()
    await delete(alice, f"/batches/{batch['id']}")
    await delete(alice, f"/jobs/{batch['job_id']}")

    state = await import_text(alice, MANY, dataset="many", options=AS_NUMBERS)
    assert await bytes_of(server.parts, "imports") > 0
    async with alice.get(f"/jobs/{state['job_id']}", headers=HTML) as response:
        assert f"/jobs/{state['job_id']}/delete" in await response.text()
    await delete(alice, f"/jobs/{state['job_id']}")
    assert await bytes_of(server.parts, "imports") == 0
    assert (await get(alice, "/me/usage"))["datasets"]["used_bytes"] == await bytes_of(server.parts, "datasets")
    assert (await get(alice, "/datasets/many"))["row_count"] == 180
    for page in ("/datasets/many/versions", "/datasets/many"):
        async with alice.get(page, headers=HTML) as response:
            assert response.status == 200
            assert state["job_id"] not in await response.text()
    await get(alice, f"/imports/{state['job_id']}", status=404)


async def test_an_imported_file_is_deleted_by_its_owner_and_its_dataset_stays(alice: Client, bob: Client) -> None:
    await import_text(alice, name="orders.csv")
    upload_id = (await get(alice, "/uploads"))["items"][0]["id"]
    assert await delete(bob, f"/uploads/{upload_id}", status=404) == "not_found"
    async with bob.get("/imports", headers=HTML) as response:
        assert upload_id not in await response.text()
    async with live(alice, "here") as here:
        await here.next("connection")
        async with alice.get("/imports", headers=HTML) as response:
            assert f"/uploads/{upload_id}/delete" in await response.text()
        async with alice.post(f"/uploads/{upload_id}/delete", headers=HTML, allow_redirects=False) as response:
            assert response.status == 303
        removed = await here.next("removed")
        assert (removed["thing"], removed["id"]) == ("upload", upload_id)
    await get(alice, f"/uploads/{upload_id}", status=404)
    assert (await get(alice, "/me/usage"))["uploads"]["used_bytes"] == 0
    assert (await get(alice, "/datasets/orders"))["row_count"] == 3


async def test_all_files_that_came_are_listed_page_by_page(alice: Client) -> None:
    for number in range(31):
        await upload(alice, name=f"file {number:02}.csv")
    async with alice.get("/imports", headers=HTML) as response:
        first = await response.text()
    assert "file 30.csv" in first
    assert "file 00.csv" not in first
    following = first.split('href="/imports?cursor=')[1].split('"')[0]
    async with alice.get("/imports", params={"cursor": following}, headers=HTML) as response:
        assert "file 00.csv" in await response.text()
