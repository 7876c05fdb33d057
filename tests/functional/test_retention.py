"""What is old goes by itself, as the settings say; what is in use, datasets and reports stay, and all pages open."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
from sqlalchemy import update

from server.app.retention import build_retention
from server.clock import utc_now
from server.operations.retention import Retention
from server.settings import Settings
from server.storage.tables import batches, jobs
from tests.conftest import Server
from tests.functional.batches import SALES, made, put_template, read
from tests.functional.browsing import HTML
from tests.functional.importing import ORDERS, ended, import_text, start, upload
from tests.functional.test_imports_api import AS_NUMBERS, MANY
from tests.functional.test_jobs_api import get
from tests.stored import blobs_of, bytes_of
from tests.waiting import until

Client = aiohttp.ClientSession
WITH_PICTURE = 'title: Logo\nblocks:\n  - image: "logo.png"\n'


def in_days(server: Server, days: float, **changed: float) -> Retention:
    """The server's own sweep, as it will be then."""
    parts = server.parts
    return build_retention(
        replace(parts.settings, **changed),  # type: ignore[arg-type]
        storage=parts.storage,
        uploads=parts.uploads,
        reports=parts.reports,
        clock=lambda: utc_now() + timedelta(days=days),
    )


async def names_of_uploads(client: Client) -> set[str]:
    return {item["name"] for item in (await get(client, "/uploads"))["items"]}


async def script(client: Client, *, state: str = "succeeded") -> str:
    async with client.post("/api/v1/jobs", json={"title": "Crawl", "message": "it began"}) as response:
        job_id = str((await response.json())["job_id"])
    if state:
        async with client.patch(f"/api/v1/jobs/{job_id}", json={"state": state}) as response:
            assert response.status == 200
    return job_id


async def swept(admin: Client) -> dict[str, Any]:
    """What the newest sweeps say of each kind."""
    lines = (await get(admin, "/admin/audit", q="retention.sweep", limit="100"))["items"]
    assert {line["user_name"] for line in lines} <= {""}
    return {line["subject"]: line["detail"] for line in reversed(lines)}


async def test_each_kind_goes_in_its_time_and_what_is_made_of_it_still_opens(
    server: Server, admin: Client, alice: Client, bob: Client
) -> None:
    left_out = {"dataset": "many", "options": AS_NUMBERS}
    first = await import_text(alice, MANY, name="many.csv", **left_out)
    last = await import_text(alice, MANY, name="more.csv", mode="append", **left_out)
    await import_text(alice, ORDERS, name="orders.csv")
    bad = await upload(alice, MANY, name="bad.csv")
    refused = await start(alice, bad, mode="replace", reject_limit=0, **left_out)
    assert (await ended(alice, refused))["state"] == "failed"
    await upload(alice, b"png", name="logo.png")
    await put_template(alice, "logo", WITH_PICTURE)
    await put_template(alice)
    batch = await made(alice)
    finished, running = await script(alice), await script(alice, state="")
    of_bob = await script(bob)

    async def is_noted() -> bool:
        return bool((await get(alice, f"/jobs/{running}/log"))["items"])

    await until(is_noted, seconds=10, so="what the script said is stored")
    await in_days(server, 6).sweep()
    assert await names_of_uploads(alice) == {"many.csv", "more.csv", "orders.csv", "bad.csv", "logo.png"}
    assert await swept(admin) == {}
    await in_days(server, 8).sweep()
    assert await names_of_uploads(alice) == {"many.csv", "more.csv", "orders.csv", "logo.png"}
    assert set(await swept(admin)) == {"refused_uploads"}

    later = in_days(server, 31)
    expected = {kept.kind: kept.due for kept in (await later.overview()).kinds}
    await later.sweep()
    assert await names_of_uploads(alice) == {"logo.png"}  # a template shows it
    assert (await get(alice, f"/jobs/{finished}/log"))["items"] == []
    assert [line["message"] for line in (await get(alice, f"/jobs/{running}/log"))["items"]] == ["it began"]
    for kind in ("uploads", "logs"):
        told = (await swept(admin))[kind]
        assert (told["count"], told["bytes"]) == (expected[kind].count, expected[kind].bytes)
    assert expected["uploads"].count == 3

    used = await bytes_of(server.parts, "datasets", "imports")
    assert (await get(alice, "/me/usage"))["datasets"]["used_bytes"] == used
    much_later = in_days(server, 91)
    await much_later.sweep()
    gone = await swept(admin)
    assert (gone["versions"]["count"], gone["rejects"]["count"]) == (1, 2)  # also of the import that failed
    assert [version["number"] for version in (await get(alice, "/datasets/many/versions"))["items"]] == [2]
    assert (await get(alice, "/datasets/many"))["row_count"] == 360
    assert len((await get(alice, "/datasets/many/rows", limit="400"))["items"]) == 360
    left = await bytes_of(server.parts, "datasets", "imports")
    assert used - left == gone["versions"]["bytes"] + gone["rejects"]["bytes"]
    assert (await get(alice, "/me/usage"))["datasets"]["used_bytes"] == left
    assert await bytes_of(server.parts, "imports") == 0

    for job_id in (finished, first["job_id"], last["job_id"], of_bob):
        server.parts.jobs.table.forget(job_id)  # as it does by itself within a minute
    # Jobs have gone, but for the one that runs and the one that the batch was made by.
    assert {job["job_id"] for job in (await get(alice, "/jobs"))["items"]} == {running, batch["job_id"]}
    for job_id in (finished, first["job_id"], last["job_id"]):
        await get(alice, f"/jobs/{job_id}", status=404)
    await get(bob, f"/jobs/{of_bob}", status=404)
    pages = [
        "/",
        "/jobs",
        "/imports",
        "/datasets/many",
        "/datasets/many/versions",
        "/datasets/many/columns",
        "/account",
    ]
    pages += [f"/batches/{batch['id']}", "/batches", "/notifications", f"/jobs/{batch['job_id']}"]
    for page in pages:
        async with alice.get(page, headers=HTML) as response:
            assert response.status == 200, page
            text = await response.text()
        assert first["job_id"] not in text or page in ("/", "/notifications"), page
    items = (await read(alice, f"/api/v1/batches/{batch['id']}/reports"))["items"]
    for item in items:
        async with alice.get(item["artifacts"][0]["url"]) as response:
            assert response.status == 200
    assert len((await get(admin, "/admin/audit", limit="500"))["items"]) > 10
    await in_days(server, 366).sweep()
    left_lines = (await get(admin, "/admin/audit", limit="500"))["items"]
    assert {line["action"] for line in left_lines} <= {"retention.sweep"}


async def test_a_list_of_rejects_that_is_no_longer_kept_is_said_to_be_gone(server: Server, alice: Client) -> None:
    state = await import_text(alice, MANY, dataset="many", options=AS_NUMBERS)
    await in_days(server, 91, job_retention_days=0).sweep()
    path = f"/imports/{state['job_id']}/rejects"
    assert (await get(alice, path, status=410))["code"] == "rejects_removed"
    assert (await get(alice, f"/imports/{state['job_id']}"))["rejected_count"] == 20
    async with alice.get(f"/imports/{state['job_id']}", headers=HTML) as response:
        assert response.status == 200


async def test_a_version_stays_while_reports_may_be_made_from_it_again(server: Server, alice: Client) -> None:
    await import_text(alice)
    await put_template(alice, source=SALES)  # one of its reports fails
    batch = await made(alice)
    await import_text(alice, mode="replace")
    await in_days(server, 91, job_retention_days=0).sweep()
    versions = await get(alice, "/datasets/orders/versions")
    assert [version["number"] for version in versions["items"]] == [2, 1]
    async with alice.delete(f"/api/v1/batches/{batch['id']}") as response:
        assert response.status == 204
    await in_days(server, 91, job_retention_days=0).sweep()
    assert [version["number"] for version in (await get(alice, "/datasets/orders/versions"))["items"]] == [2]
    assert len((await get(alice, "/datasets/orders/rows"))["items"]) == 3


async def test_a_restored_version_keeps_the_files_of_the_one_it_was(server: Server, alice: Client) -> None:
    await import_text(alice)
    await import_text(alice, "region\nNorth\n", mode="replace")
    async with alice.post("/api/v1/datasets/orders/versions/1/restore") as response:
        assert response.status in (200, 201)
    await in_days(server, 91).sweep()
    assert [version["number"] for version in (await get(alice, "/datasets/orders/versions"))["items"]] == [3]
    assert len((await get(alice, "/datasets/orders/rows"))["items"]) == 3
    used = (await get(alice, "/me/usage"))["datasets"]["used_bytes"]
    assert used == await bytes_of(server.parts, "datasets", "imports") > 0


@pytest.mark.parametrize("days", [0.0, 30.0])
async def test_batches_go_only_where_a_setting_says_so(server: Server, alice: Client, days: float) -> None:
    await import_text(alice)
    await put_template(alice)
    old, kept = await made(alice), await made(alice)
    async with server.parts.storage.database.write() as connection:
        is_made_again = jobs.c.id == kept["job_id"]
        await connection.execute(update(jobs).where(is_made_again).values(finished_at=utc_now() + timedelta(days=9)))
        long_ago = utc_now() - timedelta(days=99)
        await connection.execute(update(batches).where(batches.c.id == kept["id"]).values(created_at=long_ago))
    await in_days(server, 31, report_retention_days=days).sweep()
    left = {item["id"] for item in (await get(alice, "/batches"))["items"]}
    assert left == ({kept["id"]} if days else {kept["id"], old["id"]})
    assert {key.split("/")[1] for key in await blobs_of(server.parts, "reports")} == left


async def test_nothing_goes_where_settings_keep_it_for_ever_and_a_file_stays_while_a_job_waits_for_it(
    server: Server, alice: Client
) -> None:
    upload_id, kept_for = await upload(alice, name="kept.csv"), await script(alice)
    async with server.parts.storage.database.write() as connection:
        waiting = {"state": "queued", "parameters": {"upload_id": upload_id}}
        await connection.execute(update(jobs).where(jobs.c.id == kept_for).values(**waiting))
    names = [name for name in Settings.__slots__ if name.endswith("_retention_days")]
    assert len(names) == 9
    await in_days(server, 9_999, **dict.fromkeys(names, 0.0)).sweep()
    await in_days(server, 32, job_retention_days=0).sweep()
    assert await names_of_uploads(alice) == {"kept.csv"}
    async with server.parts.storage.database.write() as connection:
        await connection.execute(update(jobs).where(jobs.c.id == kept_for).values(state="succeeded"))
    await in_days(server, 32, job_retention_days=0).sweep()
    assert await names_of_uploads(alice) == set()


async def test_who_asks_sees_what_of_their_own_goes_when_and_administrators_see_all(
    server: Server, admin: Client, alice: Client, bob: Client
) -> None:
    await import_text(alice, MANY, dataset="many", options=AS_NUMBERS, name="many.csv")
    await script(bob)
    await server.parts.monitoring.sampler.sample()
    mine = {kind["kind"]: kind for kind in (await get(alice, "/me/retention"))["kinds"]}
    assert (mine["uploads"]["count"], mine["uploads"]["bytes"]) == (1, len(MANY))
    assert (mine["uploads"]["keep_days"], mine["uploads"]["setting"]) == (30, "upload_retention_days")
    assert (mine["uploads"]["due_count"], mine["rejects"]["count"], mine["audit"]["count"]) == (0, 1, 0)
    his = {kind["kind"]: kind["count"] for kind in (await get(bob, "/me/retention"))["kinds"]}
    assert (his["jobs"], his["uploads"], his["rejects"]) == (1, 0, 0)
    assert (await get(alice, "/admin/retention", status=403))["code"] == "forbidden"
    everything = await get(admin, "/admin/retention")
    assert {kind["kind"]: kind["keep_days"] for kind in everything["kinds"]}["reports"] is None
    assert {kind["kind"]: kind["count"] for kind in everything["kinds"]}["jobs"] == 3
    kept = {kind["kind"]: kind for kind in everything["kinds"]}
    assert [kept[name]["keep_days"] for name in ("notifications", "messages", "figures")] == [90, 7, 400]
    assert his["notifications"] == 0 < mine["notifications"]["count"] == kept["notifications"]["count"]
    assert kept["messages"]["count"] == his["messages"] + mine["messages"]["count"] > his["messages"]
    assert (mine["figures"]["count"], kept["figures"]["count"]) == (0, 4)  # one of each length
    assert kept["figures"]["bytes"] > 400
    for client, page, words in (
        (admin, "/admin/storage", "Figures of monitoring"),
        (admin, "/admin/storage", "Lines of the audit log"),
        (alice, "/account", "Lists of rows left out"),
    ):
        async with client.get(page, headers=HTML) as response:
            assert response.status == 200
            assert words in await response.text()
    async with alice.get("/admin/storage", headers=HTML) as response:
        assert response.status == 403
