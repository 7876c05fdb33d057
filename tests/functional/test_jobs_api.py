"""`/api/v1/jobs` and `/api/v1/events` as programs use them: whose jobs, filters, paging, cancel, retry, audit."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp

from tests.conftest import Server

Client = aiohttp.ClientSession


async def start(client: Client, *, key: str | None = None, **parameters: object) -> str:
    headers = {"Idempotency-Key": key} if key else {}
    async with client.post("/api/v1/jobs/demonstration", json=parameters, headers=headers) as response:
        assert response.status == 202, await response.text()
        started = await response.json()
        assert started["kind"] == "demonstration"
        assert response.headers["Location"] == started["links"]["self"]
        return str(started["job_id"])


async def get(client: Client, path: str, *, status: int = 200, **query: str) -> Any:
    async with client.get(f"/api/v1{path}", params=query) as response:
        assert response.status == status, await response.text()
        return await response.json()


async def post(client: Client, path: str, *, status: int = 200) -> Any:
    async with client.post(f"/api/v1{path}") as response:
        assert response.status == status, await response.text()
        return await response.json()


async def ended(client: Client, job_id: str) -> Any:
    async with asyncio.timeout(20):
        while (job := await get(client, f"/jobs/{job_id}"))["state"] in ("queued", "running"):
            await asyncio.sleep(0.05)
        return job


async def test_job_is_shown_with_its_fields_links_and_log(alice: Client) -> None:
    job = await ended(alice, await start(alice, seconds=0, total=5))
    assert (job["state"], job["progress"], job["total"], job["unit"], job["percent"]) == (
        "succeeded",
        5,
        5,
        "steps",
        100,
    )
    assert job["result"]["counted"] == 5
    assert job["links"]["cancel"] is None
    log = await get(alice, f"/jobs/{job['job_id']}/log")
    assert [line["message"] for line in log["items"]] == ["Counting starts.", "Counting is done."]


async def test_other_peoples_jobs_are_not_found_but_admins_see_all(alice: Client, bob: Client, admin: Client) -> None:
    job_id = await start(alice, seconds=30)
    for path in (f"/jobs/{job_id}", f"/jobs/{job_id}/log"):
        assert (await get(bob, path, status=404))["code"] == "not_found"
    await post(bob, f"/jobs/{job_id}/cancel", status=404)
    assert (await get(bob, "/jobs"))["total"] == 0
    assert (await get(bob, "/jobs", user="alice", status=403))["code"] == "forbidden"
    assert (await get(admin, "/jobs", user="Alice"))["items"][0]["job_id"] == job_id
    assert (await post(admin, f"/jobs/{job_id}/cancel"))["state"] == "cancelled"


async def test_running_job_is_cancelled_within_two_seconds_and_can_be_started_again(alice: Client) -> None:
    job_id = await start(alice, seconds=30)
    async with asyncio.timeout(2):
        cancelled = await post(alice, f"/jobs/{job_id}/cancel")
    assert cancelled["state"] == "cancelled"
    again = await post(alice, f"/jobs/{job_id}/retry")
    assert (again["state"], again["progress"]) == ("queued", 0)
    assert (await post(alice, f"/jobs/{job_id}/retry", status=409))["code"] == "job_not_retryable"
    await post(alice, f"/jobs/{job_id}/cancel")


async def test_same_idempotency_key_is_the_same_job(alice: Client, bob: Client) -> None:
    first = await start(alice, key="k1", seconds=0)
    assert await start(alice, key="k1", seconds=0) == first
    assert await start(bob, key="k1", seconds=0) != first


async def test_list_is_filtered_searched_and_paged_over_everything(alice: Client) -> None:
    good = [await start(alice, seconds=0, total=1) for _ in range(3)]
    bad = await start(alice, seconds=0, total=5, fail_at=0)
    for job_id in (*good, bad):
        await ended(alice, job_id)
    failed = await get(alice, "/jobs", state="failed")
    assert [job["job_id"] for job in failed["items"]] == [bad]
    assert failed["items"][0]["error"]["code"] == "asked_to_fail"
    first = await get(alice, "/jobs", limit="3")
    rest = await get(alice, "/jobs", limit="3", cursor=first["next_cursor"])
    assert (first["total"], len(first["items"]), len(rest["items"]), rest["next_cursor"]) == (4, 3, 1, None)
    assert (await get(alice, "/jobs", q="demonstration"))["total"] == 4
    assert (await get(alice, "/jobs", q="nothing like it"))["total"] == 0
    assert (await get(alice, "/jobs", until="2020-01-01T00:00:00Z"))["total"] == 0
    assert (await get(alice, "/jobs", since="2020-01-01T00:00:00Z", kind="demonstration"))["total"] == 4
    for wrong in ({"state": "odd"}, {"limit": "501"}, {"cursor": "x"}, {"since": "yesterday"}):
        await get(alice, "/jobs", status=422, **wrong)


async def test_wrong_demonstration_says_what_is_wrong(alice: Client) -> None:
    for body, field in (({"total": 0}, "total"), ({"seconds": "long"}, "seconds"), ({"speed": 1}, "")):
        async with alice.post("/api/v1/jobs/demonstration", json=body) as response:
            problem = await response.json()
        assert (response.status, problem["errors"][0]["field"]) == (422, field)


async def test_viewers_look_but_start_and_publish_nothing(server: Server, admin: Client, alice: Client) -> None:
    wanted = {"username": "victor", "password": "correct-horse-victor", "role": "viewer"}
    async with admin.post("/api/v1/admin/users", json=wanted) as response:
        assert response.status == 201
    body = {"username": "victor", "password": "correct-horse-victor", "name": "tests"}
    async with Client(server.url) as anonymous, anonymous.post("/api/v1/tokens", json=body) as response:
        token = (await response.json())["token"]
    async with Client(server.url, headers={"Authorization": f"Bearer {token}"}) as viewer:
        assert (await get(viewer, "/jobs"))["total"] == 0
        await post(viewer, "/jobs/demonstration", status=403)
        await post(viewer, "/events/test_events", status=403)


async def test_event_names_and_sizes_are_checked(alice: Client) -> None:
    async with alice.post("/api/v1/events/Not Good", json=1) as response:
        assert (response.status, (await response.json())["code"]) == (422, "invalid_event")
    async with alice.post("/api/v1/events/job:1", json=1) as response:
        assert response.status == 422
    async with alice.post("/api/v1/events/big", json="x" * (64 * 1024)) as response:
        assert response.status == 413


async def test_cancel_and_publish_leave_an_audit_line(alice: Client, admin: Client) -> None:
    job_id = await start(alice, seconds=30)
    await post(alice, f"/jobs/{job_id}/cancel")
    async with alice.post("/api/v1/events/news", json={}) as response:
        assert response.status == 200
    lines = (await get(admin, "/admin/audit"))["items"]
    told = {(line["action"], line["subject_id"] or line["subject"], line["user_name"]) for line in lines}
    assert {("job.cancel", job_id, "alice"), ("event.publish", "news", "alice")} <= told
