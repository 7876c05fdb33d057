"""Jobs of several nodes run at workers, which die, freeze, stop and come back: each job ends once, and right."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from typing import Any

import aiohttp
import pytest

from server.clock import utc_now
from tests import postgresql
from tests.cluster.conftest import HasNodes, People, live
from tests.cluster.workshop import LEASE_SECONDS, WorkerProcess, Workshop, workshop
from tests.functional.batches import made, put_template, reports_of
from tests.functional.importing import ORDERS, ended, start
from tests.waiting import until

pytestmark = pytest.mark.timeout(300)
TUS = {"Tus-Resumable": "1.0.0"}
Json = dict[str, Any]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> Iterator[Workshop]:
    with workshop(tmp_path_factory.mktemp("workshop"), environment) as made:
        yield made


@pytest.fixture
def served(shop: Workshop) -> HasNodes:
    return shop


async def count_for(client: aiohttp.ClientSession, seconds: float) -> str:
    async with client.post("/api/v1/jobs/demonstration", json={"seconds": seconds, "total": 50}) as response:
        assert response.ok, await response.text()
        return str((await response.json())["job_id"])


async def job(client: aiohttp.ClientSession, job_id: str) -> Json:
    async with client.get(f"/api/v1/jobs/{job_id}") as response:
        assert response.ok, await response.text()
        found: Json = await response.json()
        return found


async def stands(client: aiohttp.ClientSession, job_id: str, state: str, *, attempt: int = 0) -> Json | None:
    found = await job(client, job_id)
    return found if found["state"] == state and (not attempt or found["attempt"] == attempt) else None


async def who_runs(workers: list[WorkerProcess], job_id: str) -> WorkerProcess:
    """By its log, which comes a moment later; of those that began it, there is one."""

    def began() -> list[WorkerProcess]:
        return [each for each in workers if any("job begins" in line and job_id in line for line in each.log)]

    (found,) = await until(began)
    return found


async def test_a_job_of_a_killed_worker_runs_at_another_one_within_the_lease_and_three_seconds(
    shop: Workshop, alice: People
) -> None:
    with shop.working("one", "two") as workers:
        job_id = await count_for(alice.east, 6)
        await until(lambda: stands(alice.west, job_id, "running"))
        (await who_runs(workers, job_id)).kill()
        killed = time.monotonic()
        await until(lambda: stands(alice.west, job_id, "running", attempt=2))
        assert time.monotonic() - killed < LEASE_SECONDS + 3
        assert (await until(lambda: stands(alice.east, job_id, "succeeded")))["attempt"] == 2


async def test_a_worker_that_was_frozen_changes_nothing_when_it_comes_back(shop: Workshop, alice: People) -> None:
    with shop.working("one", "two") as workers:
        job_id = await count_for(alice.east, 4)
        await until(lambda: stands(alice.west, job_id, "running"))
        frozen = await who_runs(workers, job_id)
        frozen.signal(signal.SIGSTOP)
        await until(lambda: stands(alice.west, job_id, "running", attempt=2))
        frozen.signal(signal.SIGCONT)
        await until(lambda: any("it ends here" in line for line in frozen.log))
        done = await until(lambda: stands(alice.east, job_id, "succeeded"))
        assert (done["attempt"], done["progress"]) == (2, 50)
        await until(lambda: any("attempt was given up" in line for line in frozen.log))
        assert await job(alice.west, job_id) == done

        def ends_told() -> int:
            return sum("job ended" in line for each in workers for line in each.log if job_id in line)

        await until(ends_told)
        assert ends_told() == 1
        await until(lambda: stands(alice.west, job_id, "succeeded"))


async def test_half_an_upload_survives_that_the_worker_that_followed_it_was_frozen(
    shop: Workshop, alice: People
) -> None:
    headers = TUS | {"Upload-Length": "80", "Upload-Metadata": "filename b3JkZXJzLmNzdg=="}
    async with alice.east.post("/api/v1/uploads", headers=headers) as response:
        assert response.status == 201, await response.text()
        place = response.headers["Location"]
    await bring(alice.east, place, bytes(40), offset=0)
    last_byte = utc_now()
    follow = (await upload(alice.east, place.rpartition("/")[2]))["job_id"]
    with shop.working("one", "two") as workers:
        frozen = await who_runs(workers, follow)
        frozen.signal(signal.SIGSTOP)
        await until(lambda: stands(alice.west, follow, "running", attempt=2))
        frozen.signal(signal.SIGCONT)
        await until(lambda: any("attempt was given up" in line for line in frozen.log))

        async def stands_still() -> str | None:
            since: str | None = (await job(alice.west, follow))["stalled_since"]
            return since

        since = datetime.fromisoformat(await until(stands_still, seconds=30) or "")
        assert abs((since - last_byte).total_seconds()) < 2  # whoever follows it
        await bring(alice.west, place, bytes(40), offset=40)
        assert await until(lambda: stands(alice.east, follow, "succeeded"))


async def test_a_job_that_kills_whoever_runs_it_is_given_up(shop: Workshop, alice: People) -> None:
    job_id = await count_for(alice.east, 60)
    for attempt in (1, 2, 3):
        with shop.working("victim") as (victim,):
            await until(lambda: stands(alice.east, job_id, "running", attempt=attempt))  # noqa: B023
            victim.kill()
    failed = await until(lambda: stands(alice.west, job_id, "failed"))  # by a node that serves people
    assert (failed["attempt"], failed["error"]["code"]) == (3, "interrupted")
    assert "3" in failed["error"]["message"]


async def test_a_worker_that_stops_hands_its_jobs_over_at_once(shop: Workshop, alice: People) -> None:
    with shop.working("one", "two", JINDU_LEASE_SECONDS="30") as workers:
        job_id = await count_for(alice.east, 60)
        await until(lambda: stands(alice.west, job_id, "running"))
        stopping = await who_runs(workers, job_id)
        stopping.signal(signal.SIGTERM)
        began = time.monotonic()
        await until(lambda: stands(alice.west, job_id, "running", attempt=2))
        assert time.monotonic() - began < 5
        assert stopping.wait() == 0
        async with alice.east.post(f"/api/v1/jobs/{job_id}/cancel") as response:
            assert response.ok, await response.text()
        await until(lambda: stands(alice.west, job_id, "cancelled", attempt=2))
        for worker in workers:  # a killed one would be waited for, two of its long leases, by the tests that follow
            worker.stop()


async def test_a_running_job_is_cancelled_from_any_node_and_a_waiting_one_never_begins(
    shop: Workshop, alice: People, bob: People
) -> None:
    waiting = await count_for(alice.east, 60)
    async with bob.west.post(f"/api/v1/jobs/{waiting}/cancel") as response:
        assert response.status == 404
    async with alice.west.post(f"/api/v1/jobs/{waiting}/cancel") as response:
        assert response.ok, await response.text()
    with shop.working("one"):
        running = await count_for(alice.east, 60)
        await until(lambda: stands(alice.west, running, "running"))
        began = time.monotonic()
        async with alice.west.post(f"/api/v1/jobs/{running}/cancel") as response:
            assert (await response.json())["state"] == "cancelled"
        assert time.monotonic() - began < 2
        assert await stands(alice.east, waiting, "cancelled", attempt=0)


async def test_a_file_uploaded_at_nodes_that_serve_people_is_imported_and_reported_by_a_worker(
    shop: Workshop, alice: People
) -> None:
    with shop.working("one"):
        size = len(ORDERS.encode())
        headers = TUS | {"Upload-Length": str(size), "Upload-Metadata": "filename b3JkZXJzLmNzdg=="}
        async with alice.east.post("/api/v1/uploads", headers=headers) as response:
            assert response.status == 201, await response.text()
            place, upload_id = response.headers["Location"], response.headers["Location"].rpartition("/")[2]
        first, rest = ORDERS.encode()[:40], ORDERS.encode()[40:]
        await bring(alice.east, place, first, offset=0)
        follow = (await upload(alice.east, upload_id))["job_id"]
        moved = await until(lambda: received(alice.west, follow, 40))
        assert moved["state"] == "running"
        await bring(alice.west, place, rest, offset=40)
        await until(lambda: stands(alice.east, follow, "succeeded"))
        async with live(alice.west) as hers:  # who is connected there has her jobs as others tell of them
            await hers.next("connection")
            imported = await ended(alice.west, await start(alice.east, upload_id))
            assert imported["state"] == "succeeded", imported
            async with alice.west.get("/api/v1/uploads") as response:
                assert response.status == 200, await response.text()
                (listed, *_) = (await response.json())["items"]
            assert [each["dataset"] for each in listed["imports"]] == ["orders"]
        await put_template(alice.east)
        batch = await made(alice.west)
        reports = await reports_of(alice.east, batch["id"])
        assert {report["state"] for report in reports} == {"succeeded"}
        async with alice.west.get(reports[0]["artifacts"][0]["url"]) as response:
            assert response.status == 200
            assert await response.read()


async def bring(client: aiohttp.ClientSession, place: str, data: bytes, *, offset: int) -> None:
    headers = TUS | {"Content-Type": "application/offset+octet-stream", "Upload-Offset": str(offset)}
    async with client.patch(place, data=data, headers=headers) as response:
        assert response.status == 204, await response.text()


async def upload(client: aiohttp.ClientSession, upload_id: str) -> Json:
    async with client.get(f"/api/v1/uploads/{upload_id}") as response:
        found: Json = await response.json()
        return found


async def received(client: aiohttp.ClientSession, job_id: str, size: int) -> Json | None:
    found = await job(client, job_id)
    return found if found["progress"] >= size else None


async def test_a_script_may_speak_to_any_node_and_its_silence_is_judged_once(
    shop: Workshop, alice: People, bob: People
) -> None:
    async with alice.east.post("/api/v1/jobs", json={"title": "Backup", "total": 10}) as response:
        assert response.status == 202, await response.text()
        job_id = (await response.json())["job_id"]
    for step in range(1, 9):
        node = (alice.west, alice.east)[step % 2]
        async with node.patch(f"/api/v1/jobs/{job_id}", json={"progress": step}) as response:
            assert response.status == 200, await response.text()
            assert (await response.json())["progress"] == step
    async with bob.west.patch(f"/api/v1/jobs/{job_id}", json={"progress": 9}) as response:
        assert response.status == 404
    silent = await until(lambda: stands(alice.west, job_id, "failed"), seconds=15)
    assert (silent["error"]["code"], silent["progress"]) == ("silent", 8)
    async with alice.west.get(f"/api/v1/jobs/{job_id}/log") as response:
        lines = (await response.json())["items"]
    assert len([line for line in lines if "Nothing was heard" in line["message"]]) == 1
    async with alice.west.patch(f"/api/v1/jobs/{job_id}", json={"progress": 9}) as response:
        assert (await response.json())["state"] == "running"
    async with alice.east.patch(f"/api/v1/jobs/{job_id}", json={"state": "succeeded"}) as response:
        assert (await response.json())["state"] == "succeeded"
    async with alice.west.patch(f"/api/v1/jobs/{job_id}", json={"progress": 10}) as response:
        assert response.status == 409


async def says_why_not(client: aiohttp.ClientSession, code: str) -> bool:
    async with client.get("/readyz") as response:
        told = await response.json(content_type=None)
        return response.status == 503 and (told["code"], told["status"], bool(told["detail"])) == (code, 503, True)


async def is_ready(client: aiohttp.ClientSession) -> bool:
    async with client.get("/readyz") as response:
        return response.status == 200


async def test_a_worker_says_how_it_is_on_a_port_of_its_own(shop: Workshop) -> None:
    with shop.working("one") as (worker,):
        async with aiohttp.ClientSession(worker.url) as client:
            async with client.get("/healthz") as response:
                assert response.status == 200
            async with client.get("/readyz") as response:
                said = await response.json()
                assert (response.status, said["status"], said["nodes"]) == (200, "ready", "ok")
            async with client.get("/metrics") as response:
                assert response.status == 200
                assert b"jindu_build_info" in await response.read()
            url = shop.environment["JINDU_DATABASE_URL"]
            for trouble, code in ((postgresql.away, "database_away"), (postgresql.other_schema, "other_schema")):
                with trouble(url):
                    await until(partial(says_why_not, client, code))
                    async with client.get("/healthz") as response:
                        assert response.status == 200
                await until(partial(is_ready, client))


async def lines_of(client: aiohttp.ClientSession, job_id: str) -> list[str]:
    async with client.get(f"/api/v1/jobs/{job_id}/log") as response:
        return [line["message"] for line in (await response.json())["items"]]


async def test_nobody_is_judged_by_the_time_in_which_the_database_was_away(shop: Workshop, alice: People) -> None:
    with shop.working("one") as (worker,):
        size = len(ORDERS.encode())
        async with alice.east.post("/api/v1/uploads", headers=TUS | {"Upload-Length": str(size)}) as response:
            place = response.headers["Location"]
        await bring(alice.east, place, ORDERS.encode()[:40], offset=0)
        half = (await upload(alice.east, place.rpartition("/")[2]))["job_id"]
        await until(lambda: received(alice.west, half, 40))
        async with alice.west.post("/api/v1/jobs", json={"title": "Backup", "total": 10}) as response:
            script = (await response.json())["job_id"]
        async with aiohttp.ClientSession(worker.url) as client:
            with postgresql.away(shop.environment["JINDU_DATABASE_URL"]):
                began = time.monotonic()
                await until(partial(says_why_not, client, "database_away"))
                await until(lambda: time.monotonic() - began > LEASE_SECONDS + 2, seconds=20)

        async def speaks_on() -> bool:  # this node may not have heard yet that it is back
            async with alice.east.patch(f"/api/v1/jobs/{script}", json={"progress": 5}) as response:
                return response.status == 200

        await until(speaks_on)
        assert not any("Nothing was heard" in line for line in await lines_of(alice.west, script))
        await bring(alice.west, place, ORDERS.encode()[40:], offset=40)
        assert await until(lambda: stands(alice.east, half, "succeeded", attempt=1))
        async with alice.east.patch(f"/api/v1/jobs/{script}", json={"state": "succeeded"}) as response:
            assert response.status == 200


async def says_that_nobody_runs_it(client: aiohttp.ClientSession, job_id: str) -> bool:
    found = await job(client, job_id)
    return (found["waiting_for"], found["place"]) == ("no worker runs jobs of this kind at the moment", None)


async def is_concerned(client: aiohttp.ClientSession) -> bool:
    async with client.get("/api/v1/admin/statistics") as response:
        told = await response.json()
    return "kinds" in told["concerns"] and told["waiting_in_vain"] == {"demonstration": 1}


async def test_a_worker_runs_the_kinds_that_it_is_told_to_and_people_learn_that_nobody_runs_the_others(
    shop: Workshop, alice: People, admin: People
) -> None:
    with shop.working("one", JINDU_WORKER_KINDS="data_import"):
        job_id = await count_for(alice.east, 0.1)
        for node in (alice.east, alice.west):
            await until(partial(says_that_nobody_runs_it, node, job_id))
        headers = {"Accept": "text/html", "Accept-Language": "zh-CN"}
        async with alice.west.get(f"/jobs/{job_id}", headers=headers) as response:
            assert "目前没有工作节点运行这类作业" in await response.text()
        await until(partial(is_concerned, admin.east), seconds=60)
        async with admin.west.get("/admin/health", headers=headers) as response:
            assert "但没有工作节点运行这类作业" in await response.text()
        with shop.working("two", JINDU_WORKER_KINDS="demonstration") as (second,):
            await until(lambda: stands(alice.east, job_id, "succeeded"))
            assert await who_runs([second], job_id) is second


async def test_progress_at_a_worker_reaches_a_socket_at_a_node(shop: Workshop, alice: People, bob: People) -> None:
    with shop.working("one"):
        async with alice.west.ws_connect("/ws/tab") as hers, bob.west.ws_connect("/ws/tab") as his:
            await hers.receive_json()
            await his.receive_json()
            job_id = await count_for(alice.east, 1)
            seen: list[Json] = []
            async with asyncio.timeout(20):
                while not seen or seen[-1]["state"] != "succeeded":
                    content = await hers.receive_json()
                    messages = content if isinstance(content, list) else [content]
                    seen += [each for each in messages if each.get("job_id") == job_id]
            revisions = [each["revision"] for each in seen]
            assert revisions == sorted(revisions)
            assert len({each["progress"] for each in seen}) > 3
            await his.send_json({"type": "ping"})
            assert (await his.receive_json())["type"] == "pong"
