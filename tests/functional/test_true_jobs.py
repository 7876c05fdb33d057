"""The picture of a job never lies: what stands still, waits for its sender, is paused, partial or finishing says so."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from server.settings import Settings
from tests.conftest import Server, serving, signed_in
from tests.functional.importing import import_text
from tests.functional.live_client import live
from tests.functional.test_external_jobs import begin, push
from tests.functional.test_jobs_api import get
from tests.functional.test_uploads import BYTES, CONTENT, announce, job_past, patch, position, upload_of
from tests.unit.jobs.conftest import Clock
from tests.waiting import until

Client = aiohttp.ClientSession


@pytest.fixture
def clock(server: Server) -> Clock:
    """By which the server finds out what stands still; jobs begun from now on are on it."""
    clock = Clock()
    server.parts.jobs.stillness.clock = clock
    return clock


def shown(job: dict[str, Any]) -> tuple[Any, ...]:
    return job["shown_state"], job["state_text"], job["rate"], job["eta_seconds"], job["stalled_since"] is not None


async def test_a_script_that_stands_still_is_told_so_to_every_page_of_its_owner_and_nobody_else(
    server: Server, clock: Clock, alice: Client, bob: Client
) -> None:
    async with live(alice, "one") as one, live(alice, "two") as other, live(bob) as stranger:
        job_id = (await begin(alice, total=1000))["job_id"]
        for progress in (100, 200, 300, 400, 500):
            clock.now += 1
            await push(alice, job_id, progress=progress)
        moving = await until(lambda: told_of(one, job_id, progress=500), seconds=5)
        assert shown(moving) == ("running", "Running", 100.0, 5.0, False)
        clock.now += 6
        for socket in (one, other):
            still = await socket.next(lambda message: message.get("stalled_since") is not None)
            assert shown(still) == ("running", "Running", None, None, True)
        assert shown(await get(alice, f"/jobs/{job_id}")) == shown(still)
        clock.now += 120
        stalled = await one.next(lambda message: message.get("shown_state") == "stalled")
        assert (stalled["state"], *shown(stalled)) == ("running", "stalled", "Stalled", None, None, True)
        assert stalled["stalled_since"] == still["stalled_since"]
        assert await get(alice, f"/jobs/{job_id}") == await get(alice, f"/jobs/{job_id}")
        again = await push(alice, job_id, progress=501)
        assert shown(again) == ("running", "Running", None, None, False)
        async with bob.get(f"/api/v1/jobs/{job_id}") as response:
            assert response.status == 404
        assert not [message for message in stranger.seen if message.get("job_id") == job_id]


async def told_of(socket: Any, job_id: str, *, progress: float) -> Any:
    return await socket.next(lambda message: message.get("job_id") == job_id and message["progress"] == progress)


async def test_how_long_it_took_the_last_time_is_told_while_it_runs_and_to_its_owner_alone(
    alice: Client, bob: Client
) -> None:
    first = (await begin(alice, total=4))["job_id"]
    took = (await push(alice, first, progress=4, state="succeeded"))["took_seconds"]
    second = await get(alice, f"/jobs/{(await begin(alice, total=4))['job_id']}")
    assert (second["last_seconds"], second["took_seconds"]) == (took, None)
    assert second["eta_seconds"] == pytest.approx(took, abs=0.1)
    other = await get(bob, f"/jobs/{(await begin(bob, total=4))['job_id']}")
    assert (other["last_seconds"], other["eta_seconds"]) == (None, None)


async def test_progress_may_be_fractions_and_whole_numbers_stay_whole(alice: Client) -> None:
    job_id = (await begin(alice, total=1.0))["job_id"]
    moved = await push(alice, job_id, progress=0.4)
    assert (moved["progress"], moved["total"], moved["percent"]) == (0.4, 1, 40.0)
    async with alice.get(f"/api/v1/jobs/{job_id}") as response:
        assert '"total":1,' in (await response.text()).replace(" ", "")
    await push(alice, job_id, total=2.7, progress=1.35)
    await until(lambda: is_written_on(alice, f"/jobs/{job_id}/detail", "1.35 of 2.7 steps"))
    done = await push(alice, job_id, state="succeeded")
    assert (done["progress"], done["percent"]) == (2.7, 100.0)


async def is_written_on(client: Client, path: str, text: str) -> bool:
    return text in await text_of(client, path)


async def text_of(client: Client, path: str) -> str:
    async with client.get(path) as response:
        assert response.status == 200
        return await response.text()


async def test_hundred_percent_is_said_when_it_is_done(alice: Client) -> None:
    job_id = (await begin(alice, total=10))["job_id"]
    counted = await push(alice, job_id, progress=10)
    assert (counted["percent"], counted["shown_state"], counted["state_text"], counted["eta_seconds"]) == (
        99.9, "finishing", "Finishing", None,
    )  # fmt: skip
    assert (await push(alice, job_id, state="succeeded"))["percent"] == 100.0


async def test_an_import_that_left_rows_out_is_partial_everywhere(server: Server, alice: Client) -> None:
    columns = [{"name": "day", "type": "date"}, {"name": "amount", "type": "integer"}]
    job = await import_text(
        alice, "day,amount\n2026-01-01,1\n2026-01-02,x\n2026-01-03,3\n", options={"columns": columns}
    )
    assert (job["state"], job["outcome"], job["shown_state"], job["state_text"], job["missing"]) == (
        "succeeded", "partial", "partial", "Done · 1 left out", 1,
    )  # fmt: skip
    listed = await get(alice, "/jobs?kind=data_import")
    assert listed["items"][0]["state_text"] == "Done · 1 left out"
    assert [one["job_id"] for one in (await get(alice, "/jobs?outcome=partial"))["items"]] == [job["job_id"]]
    assert (await get(alice, "/jobs?outcome=complete&kind=data_import"))["items"] == []
    for page in ("/jobs", f"/jobs/{job['job_id']}", "/jobs?state=partial", "/"):
        assert "Done · 1 left out" in await text_of(alice, page), page
    async with live(alice) as socket:
        await socket.send(type="history")
        kept = (await socket.next("history"))["messages"]
    assert [message["state_text"] for message in kept if message.get("job_id") == job["job_id"]][-1] == (
        "Done · 1 left out"
    )
    assert [message["level"] for message in kept if message["type"] == "notification"] == ["warning"]


class TestUploads:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return dataclasses.replace(settings, upload_silence_minutes=0.02)

    async def test_an_upload_whose_sender_is_gone_ends_and_goes_on_when_it_is_back(
        self, alice: Client, settings: Settings
    ) -> None:
        place = await announce(alice, 10)
        assert (await patch(alice, place, 0, b"01234"))[0] == 204
        job_id = (await upload_of(alice, place))["job_id"]
        failed = await until(lambda: job_in(alice, job_id, "failed"))
        assert failed["error"]["code"] == "sender_gone"
        assert failed["progress"] == 5
        assert (await patch(alice, place, 5, b"56789"))[0] == 204
        done = await until(lambda: job_in(alice, job_id, "succeeded"))
        assert (done["progress"], done["attempt"], done["outcome"]) == (10, 2, "complete")


async def job_in(client: Client, job_id: str, state: str) -> dict[str, Any] | None:
    job: dict[str, Any] = await get(client, f"/jobs/{job_id}")
    return job if job["state"] == state else None


async def test_an_upload_says_that_it_waits_for_its_sender_and_that_it_is_paused(
    server: Server, clock: Clock, alice: Client, bob: Client
) -> None:
    async with live(alice) as socket:
        place = await announce(alice, 100)
        job_id = (await upload_of(alice, place))["job_id"]
        await patch(alice, place, 0, b"0" * 40)
        await until(lambda: at_progress(alice, job_id, 40))
        clock.now += 6
        waiting = await socket.next(lambda message: message.get("shown_state") == "waiting_for_sender")
        assert (waiting["type"], waiting["state"], *shown(waiting)) == (
            "file_upload_progress", "running", "waiting_for_sender", "Waiting for the browser",
            None, None, True,
        )  # fmt: skip
        async with bob.post(f"{place}/pause") as response:
            assert response.status == 404
        async with alice.post(f"{place}/pause") as response:
            assert response.status == 204
        paused = await socket.next(lambda message: message.get("shown_state") == "paused")
        assert (paused["state"], paused["state_text"], paused["rate"], paused["eta_seconds"]) == (
            "running", "Paused", None, None,
        )  # fmt: skip
        await patch(alice, place, 40, b"0" * 40)
        moving = await socket.next(lambda message: message.get("progress") == 80)
        assert shown(moving) == ("running", "Running", None, None, False)


async def at_progress(client: Client, job_id: str, progress: int) -> bool:
    return bool((await get(client, f"/jobs/{job_id}"))["progress"] == progress)


async def test_pausing_ends_the_request_that_brings_bytes(alice: Client) -> None:
    place = await announce(alice, len(CONTENT))

    async def half() -> AsyncIterator[bytes]:
        yield CONTENT[:1_500_000]
        await asyncio.Event().wait()

    headers = BYTES | {"Upload-Offset": "0", "Content-Length": str(len(CONTENT))}
    sending = asyncio.create_task(alice.patch(place, headers=headers, data=half()).__aenter__())
    job_id = (await upload_of(alice, place))["job_id"]
    await job_past(alice, job_id, 500_000)
    async with alice.post(f"{place}/pause") as response:
        assert response.status == 204
    sending.cancel()
    await asyncio.wait([sending])
    await until(lambda: is_shown_as(alice, job_id, "paused"))
    here = await position(alice, place)
    assert (await patch(alice, place, here, CONTENT[here:]))[0] == 204
    assert (await until(lambda: job_in(alice, job_id, "succeeded")))["progress"] == len(CONTENT)


async def test_a_paused_upload_is_paused_after_a_restart_and_its_bar_where_it_was(settings: Settings) -> None:
    async with serving(settings) as server, await signed_in(server, "admin") as client:
        place = await announce(client, 100)
        await patch(client, place, 0, b"0" * 40)
        job_id = (await upload_of(client, place))["job_id"]
        await until(lambda: at_progress(client, job_id, 40))
        async with client.post(f"{place}/pause"):
            pass
        await until(lambda: is_shown_as(client, job_id, "paused"))
    async with serving(settings) as server, await signed_in(server, "admin") as client:
        job = await get(client, f"/jobs/{job_id}")
        assert (job["progress"], job["percent"]) == (40, 40.0)
        job = await until(lambda: job_in(client, job_id, "running"))
        assert (job["progress"], job["attempt"], job["shown_state"]) == (40, 2, "paused")
        assert job["message"] == "The server stopped in the middle of the attempt before this one."


async def is_shown_as(client: Client, job_id: str, state: str) -> bool:
    return bool((await get(client, f"/jobs/{job_id}"))["shown_state"] == state)
