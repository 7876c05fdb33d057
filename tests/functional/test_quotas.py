"""Nobody stores more than they may, however many requests they send at once, and everybody sees how much it is."""

from __future__ import annotations

import asyncio
import io
from dataclasses import replace
from typing import Any

import aiohttp
import pytest

from server.settings import Settings
from tests.functional.batches import made, put_template
from tests.functional.browsing import HTML
from tests.functional.importing import ORDERS, ended, import_text, upload
from tests.functional.test_uploads import patch
from tests.functional.test_uploads_in_parts import PART, join
from tests.functional.test_uploads_in_parts import send as send_part

LIMIT = 100_000
TUS = {"Tus-Resumable": "1.0.0"}


@pytest.fixture
def settings(settings: Settings, request: pytest.FixtureRequest) -> Settings:
    return replace(settings, min_free_bytes=1, **request.param)


async def usage(client: aiohttp.ClientSession) -> dict[str, Any]:
    async with client.get("/api/v1/me/usage") as response:
        assert response.status == 200
        answer: dict[str, Any] = await response.json()
        return answer


async def announce(client: aiohttp.ClientSession, size: int) -> tuple[int, dict[str, Any]]:
    async with client.post("/api/v1/uploads", headers={**TUS, "Upload-Length": str(size)}) as response:
        return response.status, await response.json()


async def send(client: aiohttp.ClientSession, size: int) -> int:
    """A file whose size nobody says before its end."""
    form = aiohttp.FormData()
    form.add_field("file", io.BytesIO(b"x" * size), filename="x.csv")
    async with client.post("/api/v1/uploads", data=form) as response:
        return response.status


@pytest.mark.parametrize("settings", [{"max_upload_bytes_per_user": LIMIT}], indirect=True)
async def test_uploads_of_one_user_stay_within_the_quota_and_others_have_their_own(
    alice: aiohttp.ClientSession, bob: aiohttp.ClientSession
) -> None:
    answers = await asyncio.gather(*(announce(alice, 30_000) for _ in range(12)))
    assert sorted(status for status, _ in answers) == [201] * 3 + [507] * 9
    problem = next(answer for status, answer in answers if status == 507)
    assert problem["code"] == "quota_exceeded"
    assert "90000 of the 100000 bytes" in problem["detail"]
    assert "Delete uploads" in problem["detail"]
    assert (await usage(alice))["uploads"] == {"used_bytes": 90_000, "limit_bytes": LIMIT}
    assert (await usage(bob))["uploads"]["used_bytes"] == 0
    assert (await announce(bob, 90_000))[0] == 201
    made_here = next(answer["id"] for status, answer in answers if status == 201)
    async with alice.delete(f"/api/v1/uploads/{made_here}", headers=TUS) as response:
        assert response.status == 204
    assert (await announce(alice, 40_000))[0] == 201
    assert [await send(alice, 1_000), (await announce(alice, 1))[0]] == [507, 507]


@pytest.mark.parametrize("settings", [{"max_upload_bytes_per_user": LIMIT}], indirect=True)
async def test_files_whose_size_nobody_says_stay_within_the_quota_too(alice: aiohttp.ClientSession) -> None:
    answers = await asyncio.gather(*(send(alice, 30_000) for _ in range(10)))
    assert answers.count(201) == 3
    assert set(answers) == {201, 507}
    assert (await usage(alice))["uploads"]["used_bytes"] == 90_000
    assert await send(alice, LIMIT) == 507
    assert await send(alice, 10_000) == 201


@pytest.mark.parametrize("settings", [{"max_upload_bytes_in_all": LIMIT}], indirect=True)
async def test_all_uploads_together_stay_within_their_quota(
    alice: aiohttp.ClientSession, bob: aiohttp.ClientSession
) -> None:
    assert (await announce(alice, 60_000))[0] == 201
    status, problem = await announce(bob, 60_000)
    assert (status, problem["code"]) == (507, "quota_exceeded")
    assert "of all users take 60000 of the 100000" in problem["detail"]


@pytest.mark.parametrize("settings", [{"max_dataset_bytes_per_user": 4_500, "workers": 2}], indirect=True)
async def test_datasets_stay_within_the_quota_with_all_their_versions(
    alice: aiohttp.ClientSession, bob: aiohttp.ClientSession
) -> None:
    uploads = [await upload(alice, name=f"{number}.csv") for number in range(6)]
    jobs = []
    for number, upload_id in enumerate(uploads):
        body = {"upload_id": upload_id, "dataset": f"orders_{number}"}
        async with alice.post("/api/v1/imports", json=body) as response:
            jobs.append((response.status, await response.json()))
    states = {job["job_id"]: await ended(alice, job["job_id"]) for status, job in jobs if status == 202}
    succeeded = [state for state in states.values() if state["state"] == "succeeded"]
    failed = [state for state in states.values() if state["state"] != "succeeded"]
    assert 1 <= len(succeeded) < 6
    assert all(state["error"]["code"] == "quota_exceeded" for state in failed)
    assert "Delete datasets" in failed[0]["error"]["message"]
    used = (await usage(alice))["datasets"]["used_bytes"]
    assert 0 < used <= 4_500
    await import_text(bob)
    async with alice.delete(f"/api/v1/datasets/{succeeded[0]['dataset']}") as response:
        assert response.status in (200, 204)
    assert (await usage(alice))["datasets"]["used_bytes"] < used
    failed_id = next(job_id for job_id, state in states.items() if state["state"] != "succeeded")
    async with alice.post(f"/api/v1/jobs/{failed_id}/retry") as response:
        assert response.status in (200, 202), await response.text()
    assert (await ended(alice, failed_id))["state"] == "succeeded"


@pytest.mark.parametrize("settings", [{}], indirect=True)
async def test_versions_count_what_each_added(alice: aiohttp.ClientSession, admin: aiohttp.ClientSession) -> None:
    await import_text(alice)
    one = (await usage(alice))["datasets"]["used_bytes"]
    await import_text(alice, mode="append")
    two = (await usage(alice))["datasets"]["used_bytes"]
    assert two == 2 * one
    async with alice.post("/api/v1/datasets/orders/versions/1/restore") as response:
        assert response.status in (200, 201)
    assert (await usage(alice))["datasets"]["used_bytes"] == two
    assert (await usage(alice))["datasets"]["limit_bytes"] == 50 * 1024**3
    async with alice.get("/account", headers=HTML) as response:
        assert "On the disk" in await response.text()
    async with admin.get("/api/v1/admin/usage") as response:
        items = (await response.json())["items"]
        assert [(item["datasets"], item["uploads"]) for item in items] == [(two, 2 * len(ORDERS.encode()))]
    async with alice.get("/api/v1/admin/usage") as response:
        assert response.status == 403
    async with admin.get("/admin/users", headers=HTML) as response:
        assert response.status == 200


@pytest.mark.parametrize("settings", [{"max_report_bytes_per_user": 60_000, "workers": 2}], indirect=True)
async def test_a_batch_stops_at_the_quota_and_keeps_what_is_finished(alice: aiohttp.ClientSession) -> None:
    await put_template(alice, "many", MANY)
    batch = await made(alice, "many", parameters=[{"number": number} for number in range(30)])
    assert batch["state"] == "failed"
    assert 1 <= batch["tally"]["succeeded"] < 30
    assert batch["tally"]["failed"] == 0
    async with alice.get(f"/api/v1/jobs/{batch['job_id']}") as response:
        error = (await response.json())["error"]
    assert error["code"] == "quota_exceeded"
    assert "Delete batches" in error["message"]
    assert 0 < (await usage(alice))["reports"]["used_bytes"] <= 60_000
    async with alice.delete(f"/api/v1/batches/{batch['id']}") as response:
        assert response.status == 204
    assert (await usage(alice))["reports"]["used_bytes"] == 0


MANY = """\
title: "Number {{ number }}"
formats: [xlsx]
parameters:
  number: {type: integer}
blocks:
  - heading: "Number {{ number }}"
"""


@pytest.mark.parametrize("settings", [{"max_upload_bytes_per_user": LIMIT}], indirect=True)
async def test_parts_count_once_and_a_length_that_is_said_later_counts_at_once(alice: aiohttp.ClientSession) -> None:
    content = b"x" * (LIMIT // 2)
    parts = [await send_part(alice, content), await send_part(alice, content)]
    async with alice.post("/api/v1/uploads", headers={**TUS, **PART, "Upload-Length": "1"}) as response:
        assert response.status == 507
    status, whole, place = await join(alice, *parts)
    assert (status, whole["size"]) == (201, LIMIT)
    assert (await usage(alice))["uploads"]["used_bytes"] == LIMIT
    async with alice.delete(place, headers=TUS) as response:
        assert response.status == 204

    async with alice.post("/api/v1/uploads", headers={**TUS, "Upload-Defer-Length": "1"}) as response:
        place = response.headers["Location"]
    assert (await patch(alice, place, 0, content))[0] == 204
    assert (await patch(alice, place, len(content), b"", **{"Upload-Length": str(LIMIT + 1)}))[0] == 507
    assert (await patch(alice, place, len(content), content, **{"Upload-Length": str(LIMIT)}))[0] == 204
    assert (await usage(alice))["uploads"]["used_bytes"] == LIMIT
