"""Jobs that run elsewhere: begun and pushed over HTTP, shown like all others, cancelled, given up when silent."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from server.settings import Settings
from tests.conftest import Server
from tests.functional.live_client import live
from tests.functional.test_jobs_api import ended, get, post
from tests.process import ServerProcess

Client = aiohttp.ClientSession


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return dataclasses.replace(settings, external_jobs_per_user=3, external_updates_per_second=200.0)


async def begin(client: Client, *, status: int = 202, key: str | None = None, **wanted: Any) -> Any:
    headers = {"Idempotency-Key": key} if key else {}
    async with client.post("/api/v1/jobs", json={"title": "Nightly ETL"} | wanted, headers=headers) as response:
        assert response.status == status, await response.text()
        answer = await response.json()
        if status == 202:
            assert response.headers["Location"] == answer["links"]["self"]
    return answer


async def push(client: Client, job_id: str, *, status: int = 200, **change: Any) -> Any:
    async with client.patch(f"/api/v1/jobs/{job_id}", json=change) as response:
        assert response.status == status, await response.text()
        return await response.json()


async def test_a_script_begins_moves_and_ends_its_job(alice: Client) -> None:
    begun = await begin(alice, total=100, unit="rows", stage="reading", message="Reading orders")
    assert (begun["kind"], begun["state"]) == ("external", "running")
    assert begun["links"]["update"] == begun["links"]["self"]
    assert begun["silence_seconds"] == 900
    job_id = begun["job_id"]
    moved = await push(alice, job_id, progress=40, detail={"rejected": 2})
    assert (moved["progress"], moved["total"], moved["percent"], moved["unit"]) == (40, 100, 40, "rows")
    assert (moved["stage"], moved["attempt"], moved["detail"]) == ("reading", 1, {"rejected": 2})
    await push(alice, job_id, stage="writing", message="Writing", detail={"file": "a.csv"})
    done = await push(alice, job_id, progress=90, state="succeeded", result={"url": "https://example.com/r"})
    assert (done["state"], done["progress"], done["percent"]) == ("succeeded", 100, 100)
    assert done["detail"] == {"rejected": 2, "file": "a.csv"}
    assert done["result"] == {"url": "https://example.com/r"}
    assert (done["links"]["update"], done["links"]["retry"], done["links"]["cancel"]) == (None, None, None)
    assert await get(alice, f"/jobs/{job_id}") == done
    log = await get(alice, f"/jobs/{job_id}/log")
    assert [line["message"] for line in log["items"]] == ["Reading orders", "Writing"]


async def test_what_is_late_does_not_move_a_bar_backwards_and_a_total_grows_with_progress(alice: Client) -> None:
    job_id = (await begin(alice, total=10))["job_id"]
    await push(alice, job_id, progress=8)
    assert (await push(alice, job_id, progress=3))["progress"] == 8
    past = await push(alice, job_id, progress=15)
    assert (past["progress"], past["total"]) == (15, 15)
    assert (await push(alice, job_id, total=30))["total"] == 30


async def test_a_failed_job_says_why_and_cannot_be_tried_again_here(alice: Client) -> None:
    job_id = (await begin(alice))["job_id"]
    failed = await push(alice, job_id, state="failed", error="Disk {full} at 100%")
    assert failed["error"] == {"code": "script_failed", "message": "Disk {full} at 100%"}
    assert failed["links"]["retry"] is None
    assert (await post(alice, f"/jobs/{job_id}/retry", status=409))["code"] == "job_not_retryable"
    log = await get(alice, f"/jobs/{job_id}/log")
    assert log["items"][-1] == {**log["items"][-1], "level": "error", "message": "Disk {full} at 100%"}
    other = (await begin(alice))["job_id"]
    with_code = await push(alice, other, state="failed", error={"code": "no_space", "message": "Disk full"})
    assert with_code["error"]["code"] == "no_space"
    third = (await begin(alice))["job_id"]
    assert (await push(alice, third, state="failed"))["error"]["code"] == "script_failed"


async def test_after_the_end_nothing_changes_but_the_same_end_may_be_said_again(alice: Client) -> None:
    job_id = (await begin(alice))["job_id"]
    done = await push(alice, job_id, progress=5, state="succeeded")
    assert await push(alice, job_id, progress=9, state="succeeded") == done
    for change in ({"progress": 6}, {}, {"state": "failed"}):
        assert (await push(alice, job_id, status=409, **change))["code"] == "job_over"


async def test_a_script_learns_that_it_was_cancelled(alice: Client) -> None:
    job_id = (await begin(alice))["job_id"]
    assert (await post(alice, f"/jobs/{job_id}/cancel"))["state"] == "cancelled"
    for change in ({"progress": 1}, {}, {"state": "succeeded"}):
        assert (await push(alice, job_id, status=409, **change))["code"] == "job_cancelled"
    assert (await push(alice, job_id, state="cancelled"))["state"] == "cancelled"
    assert (await post(alice, f"/jobs/{job_id}/cancel"))["state"] == "cancelled"


async def test_ending_and_cancelling_at_once_end_it_once(alice: Client) -> None:
    for _ in range(3):
        job_id = (await begin(alice))["job_id"]

        async def push_end(job_id: str = job_id) -> int:
            async with alice.patch(f"/api/v1/jobs/{job_id}", json={"state": "succeeded"}) as response:
                return response.status

        statuses = await asyncio.gather(push_end(), post(alice, f"/jobs/{job_id}/cancel"), push_end())
        final = await get(alice, f"/jobs/{job_id}")
        expected = 200 if final["state"] == "succeeded" else 409
        assert (statuses[0], statuses[2]) == (expected, expected)


async def test_only_its_owner_sees_and_pushes_a_job(alice: Client, bob: Client, admin: Client) -> None:
    job_id = (await begin(alice))["job_id"]
    assert (await push(bob, job_id, status=404, progress=5))["code"] == "not_found"
    await get(bob, f"/jobs/{job_id}", status=404)
    await post(bob, f"/jobs/{job_id}/cancel", status=404)
    assert (await push(admin, job_id, status=403, progress=5))["code"] == "forbidden"
    assert (await get(alice, f"/jobs/{job_id}"))["progress"] == 0
    assert (await post(admin, f"/jobs/{job_id}/cancel"))["state"] == "cancelled"


async def test_viewers_and_tokens_that_only_read_begin_and_push_nothing(
    server: Server, admin: Client, alice: Client
) -> None:
    job_id = (await begin(alice))["job_id"]
    wanted = {"username": "victor", "password": "correct-horse-victor", "role": "viewer"}
    async with admin.post("/api/v1/admin/users", json=wanted) as response:
        assert response.status == 201
    victor = {"username": "victor", "password": "correct-horse-victor", "name": "tests"}
    async with Client(server.url) as anonymous:
        await begin(anonymous, status=401)
        async with anonymous.post("/api/v1/tokens", json=victor) as response:
            viewers = (await response.json())["token"]
    async with alice.post("/api/v1/tokens", json={"name": "reader", "scopes": ["read"]}) as response:
        readers = (await response.json())["token"]
    for token in (viewers, readers):
        async with Client(server.url, headers={"Authorization": f"Bearer {token}"}) as client:
            await begin(client, status=403)
            await push(client, job_id, status=403, progress=1)


async def test_the_same_key_is_the_same_job(alice: Client, bob: Client) -> None:
    first = await begin(alice, key="k")
    assert await begin(alice, key="k") == first
    assert (await begin(bob, key="k"))["job_id"] != first["job_id"]


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"title": ""}, "title"),
        ({"title": " \n\t "}, "title"),
        ({"title": "x" * 301}, "title"),
        ({"kind": "data_import"}, "kind"),
        ({"total": -1}, "total"),
        ({"total": 2**53 + 1}, "total"),
        ({"total": 2**53}, "total"),
        ({"total": "many"}, "total"),
        ({"unit": "u" * 33}, "unit"),
        ({"stage": "s" * 65}, "stage"),
        ({"message": "m" * 501}, "message"),
        ({"detail": {"x": "y" * 5000}}, "detail"),
        ({"surprise": 1}, ""),
    ],
)
async def test_a_wrong_beginning_says_what_is_wrong(alice: Client, wanted: dict[str, Any], field: str) -> None:
    assert (await begin(alice, status=422, **wanted))["errors"][0]["field"] == field


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"progress": -1}, "progress"),
        ({"progress": -0.5}, "progress"),
        ({"progress": None}, "progress"),
        ({"total": None}, "total"),
        ({"state": "running"}, "state"),
        ({"state": "queued"}, "state"),
        ({"error": "why"}, "error"),
        ({"state": "succeeded", "error": "why"}, "error"),
        ({"state": "failed", "error": ""}, "error"),
        ({"result": {}}, "result"),
        ({"state": "failed", "result": {}}, "result"),
        ({"detail": ["x"]}, "detail"),
        ({"title": "new"}, ""),
    ],
)
async def test_a_wrong_change_says_what_is_wrong_and_changes_nothing(
    alice: Client, change: dict[str, Any], field: str
) -> None:
    job_id = (await begin(alice))["job_id"]
    before = await get(alice, f"/jobs/{job_id}")
    assert (await push(alice, job_id, status=422, **change))["errors"][0]["field"] == field
    assert await get(alice, f"/jobs/{job_id}") == before


async def test_numbers_that_are_none_are_refused(alice: Client) -> None:
    job_id = (await begin(alice))["job_id"]
    headers = {"Content-Type": "application/json"}
    for body in ('{"progress": NaN}', '{"progress": 1e999}', '{"detail": {"x": Infinity}}', '{"progress": "\\ud800"}'):
        async with alice.patch(f"/api/v1/jobs/{job_id}", data=body, headers=headers) as response:
            assert response.status in (400, 422), body


async def test_too_many_details_are_refused_however_they_come(alice: Client) -> None:
    job_id = (await begin(alice))["job_id"]
    await push(alice, job_id, detail={str(number): number for number in range(50)})
    await push(alice, job_id, status=422, detail={"one more": 1})
    other = (await begin(alice, detail={"a": "x" * 3000}))["job_id"]
    await push(alice, other, detail={"b": "x" * 3000})
    await push(alice, other, status=422, detail={"c": "x" * 3000})
    await begin(alice, status=422, detail={str(number): number for number in range(51)})


async def test_jobs_that_run_here_are_not_pushed(alice: Client) -> None:
    async with alice.post("/api/v1/jobs/demonstration", json={"seconds": 30}) as response:
        job_id = (await response.json())["job_id"]
    assert (await push(alice, job_id, status=409, progress=5))["code"] == "job_not_external"
    await post(alice, f"/jobs/{job_id}/cancel")


async def test_external_jobs_take_no_slot_and_have_a_limit_of_their_own(server: Server, alice: Client) -> None:
    jobs = [(await begin(alice))["job_id"] for _ in range(3)]
    assert server.parts.jobs.runner.statistics().running == 0
    assert (await begin(alice, status=409))["code"] == "too_many_external_jobs"

    async def begun_at_once() -> int:
        async with alice.post("/api/v1/jobs", json={"title": "One of many"}) as response:
            return response.status

    await push(alice, jobs.pop(), state="succeeded")
    assert sorted(await asyncio.gather(*(begun_at_once() for _ in range(10)))) == [202] + [409] * 9
    await push(alice, jobs[0], state="succeeded")
    await begin(alice)
    assert server.parts.jobs.external.statistics().running == 3


async def test_cancelling_leaves_an_audit_line_and_beginning_none(alice: Client, admin: Client) -> None:
    job_id = (await begin(alice))["job_id"]
    await post(alice, f"/jobs/{job_id}/cancel")
    lines = (await get(admin, "/admin/audit"))["items"]
    told = {(line["action"], line["subject_id"], line["user_name"]) for line in lines}
    assert ("job.cancel", job_id, "alice") in told
    assert "job.create" not in {action for action, _, _ in told}  # the job itself says who began it and when


async def test_its_owner_alone_is_told_live_and_what_matters_is_kept(alice: Client, bob: Client) -> None:
    async with live(alice) as socket, live(bob) as strangers:
        await socket.next("connection")
        await strangers.next("connection")
        job_id = (await begin(alice, total=10))["job_id"]
        for number in range(1, 11):
            await push(alice, job_id, progress=number)
        await push(alice, job_id, state="succeeded")
        await socket.next(lambda message: message.get("state") == "succeeded", seconds=10)
        mine = [message for message in socket.seen if message.get("job_id") == job_id]
        assert {message["type"] for message in mine} == {"job"}
        kept = [message["state"] for message in mine if "offset" in message]
        assert kept == ["running", "succeeded"]
        revisions = [message["revision"] for message in mine]
        assert revisions == sorted(set(revisions))
        await strangers.send(type="ping")
        await strangers.next("pong")
        assert [message["type"] for message in strangers.seen] == ["connection", "pong"]


async def test_a_flood_of_updates_is_conflated_and_then_refused(server: Server, alice: Client, bob: Client) -> None:
    job_id = (await begin(alice, total=1_000_000))["job_id"]
    before = (await get(alice, f"/jobs/{job_id}"))["revision"]
    statuses: list[int] = []

    async def flood(start: int) -> None:
        for number in range(start, start + 150):
            async with alice.patch(
                f"/api/v1/jobs/{job_id}", json={"progress": number, "message": f"at {number}"}
            ) as got:
                statuses.append(got.status)
                if got.status == 429:
                    assert got.headers["Retry-After"] == "1"

    loop = asyncio.get_running_loop()
    began = loop.time()
    await asyncio.gather(*(flood(150 * number) for number in range(8)))
    seconds = loop.time() - began
    allowed = 400 + 200 * seconds + 1
    assert statuses.count(200) <= allowed
    assert set(statuses) <= {200, 429}
    after = (await get(alice, f"/jobs/{job_id}"))["revision"]
    assert after - before <= 10 * (seconds + 1) + 2
    log = await get(alice, f"/jobs/{job_id}/log")
    written = [line for line in log["items"] if not line["left_out"]]
    assert len(written) <= 20 + seconds + 1
    assert len(log["items"]) <= 2 * len(written)
    assert (await begin(bob))["state"] == "running"  # her flood is not his


async def test_a_silent_script_fails_its_job_and_a_living_one_does_not(settings: Settings) -> None:
    data = settings.data
    process = ServerProcess(data, environ={"JINDU_EXTERNAL_JOB_SILENCE_SECONDS": "1.5"})
    await asyncio.to_thread(process.start)
    try:
        async with await signed_in(process) as client:
            dead, alive = (await begin(client))["job_id"], (await begin(client))["job_id"]
            async with asyncio.timeout(30):
                while (await get(client, f"/jobs/{dead}"))["state"] == "running":
                    await push(client, alive)
                    await asyncio.sleep(0.1)
            given_up = await get(client, f"/jobs/{dead}")
            assert (given_up["state"], given_up["error"]["code"]) == ("failed", "silent")
            again = await push(client, dead, progress=1)
            assert (again["state"], again["error"], again["attempt"]) == ("running", None, 1)
            assert (await push(client, alive, state="succeeded"))["state"] == "succeeded"
    finally:
        await asyncio.to_thread(process.kill)


@pytest.fixture
async def process(tmp_path: Path) -> AsyncIterator[ServerProcess]:
    process = ServerProcess(tmp_path / "own")
    await asyncio.to_thread(process.start)
    yield process
    await asyncio.to_thread(process.kill)


async def signed_in(process: ServerProcess) -> Client:
    credentials = {"username": "admin", "password": "correct-horse-admin", "name": "tests"}
    async with Client(process.url) as anonymous, anonymous.post("/api/v1/tokens", json=credentials) as response:
        token = (await response.json())["token"]
    return Client(process.url, headers={"Authorization": f"Bearer {token}"})


@pytest.mark.parametrize("end", ["kill", "stop"])
async def test_jobs_of_scripts_run_on_through_a_restart(process: ServerProcess, end: str) -> None:
    async with await signed_in(process) as client:
        job_id = (await begin(client, total=100))["job_id"]
        before = await push(client, job_id, progress=30, message="On my way")
        await asyncio.to_thread(getattr(process, end))
        await asyncio.to_thread(process.start)
        after = await get(client, f"/jobs/{job_id}")
        assert (after["state"], after["attempt"]) == ("running", 1)
        if end == "stop":
            assert (after["progress"], after["message"]) == (30, "On my way")
        moved = await push(client, job_id, progress=60)
        assert (moved["progress"], moved["revision"] > before["revision"]) == (60, True)
        await push(client, job_id, state="succeeded")
        assert (await ended(client, job_id))["state"] == "succeeded"
