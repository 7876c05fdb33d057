"""`jindu.job`, `track` and `tqdm` in real scripts against a real server: what people see, and what scripts bear."""

from __future__ import annotations

import asyncio
import dataclasses
import signal
import time
from pathlib import Path

import aiohttp
import pytest

import jindu
from server.settings import Settings
from tests.conftest import Server
from tests.functional.command_line import token_of
from tests.functional.scripts import job_where, script
from tests.functional.test_external_jobs import signed_in
from tests.functional.test_jobs_api import get, post
from tests.process import ServerProcess

Client = aiohttp.ClientSession


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return dataclasses.replace(settings, external_job_silence_seconds=3.0)


STEP_BY_STEP = """
import jindu
with jindu.job("Nightly ETL", total=4, unit="rows", interval_seconds=0.05) as job:
    job.stage("reading")
    job.message("Reading orders")
    job.detail(rejected=2)
    job.advance(2)
    print("half"); input()
    job.set_result(url="https://example.com/result")
    job.advance(2)
"""
ENDLESS = """
import time, jindu
with jindu.job("Endless", unit="rows", interval_seconds=0.05) as job:
    print("begun")
    while True:
        job.advance()
        time.sleep(0.01)
"""


async def test_a_script_is_seen_by_its_owner_alone_as_it_moves(server: Server, alice: Client, bob: Client) -> None:
    async with script(STEP_BY_STEP, server.url, token_of(alice)) as running:
        assert await running.line() == "half"
        job = await job_where(alice, progress=2, state="running", message="Reading orders")
        assert (job["title"], job["unit"], job["total"], job["stage"]) == ("Nightly ETL", "rows", 4, "reading")
        assert job["detail"] == {"rejected": 2}
        assert (await get(bob, "/jobs"))["total"] == 0
        await running.go_on()
        assert await running.end() == (0, "", "")
    done = await job_where(alice, state="succeeded")
    assert (done["progress"], done["percent"], done["result"]) == (4, 100, {"url": "https://example.com/result"})


async def test_an_exception_fails_the_job_with_its_text_and_goes_on_its_way(server: Server, alice: Client) -> None:
    text = """
import jindu
with jindu.job("Broken", total=9) as job:
    job.advance(3)
    raise ValueError("no such region")
"""
    async with script(text, server.url, token_of(alice)) as running:
        status, _, error = await running.end()
    assert status == 1
    assert "ValueError: no such region" in error
    job = await job_where(alice, state="failed")
    assert (job["progress"], job["total"]) == (3, 9)
    assert job["error"] == {"code": "script_failed", "message": "ValueError: no such region"}


async def test_ctrl_c_cancels_the_job(server: Server, alice: Client) -> None:
    # Whoever started the tests in the background has Ctrl-C ignored, and children inherit that.
    listening = f"import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n{ENDLESS}"
    async with script(listening, server.url, token_of(alice)) as running:
        await running.line()
        await job_where(alice, state="running")
        running.send(signal.SIGINT)
        assert (await running.end())[0] != 0
    await job_where(alice, state="cancelled")


async def test_a_script_that_is_killed_fails_for_its_silence(server: Server, alice: Client) -> None:
    async with script(ENDLESS, server.url, token_of(alice)) as running:
        await running.line()
        await job_where(alice, state="running")
        running.send(signal.SIGKILL)
        await running.end()
    job = await job_where(alice, state="failed")
    assert job["error"]["code"] == "silent"


async def test_a_quiet_script_lives_longer_than_the_silence_that_is_borne(server: Server, alice: Client) -> None:
    text = "import jindu\nwith jindu.job('Quiet', interval_seconds=0.05):\n    print('begun'); input()"
    async with script(text, server.url, token_of(alice)) as running:
        await running.line()
        other = "import jindu\nj = jindu.job('Dies', interval_seconds=0.05).start()\nprint(); input()"
        async with script(other, server.url, token_of(alice)) as dying:
            await dying.line()
            await job_where(alice, title="Dies")
            dying.send(signal.SIGKILL)
        await job_where(alice, title="Dies", state="failed")  # so long the quiet one was quiet too
        await running.go_on()
        assert (await running.end())[0] == 0
    jobs = (await get(alice, "/jobs"))["items"]
    assert {job["title"]: job["state"] for job in jobs} == {"Quiet": "succeeded", "Dies": "failed"}


async def test_cancel_on_the_page_stops_the_script(server: Server, alice: Client) -> None:
    async with script(ENDLESS, server.url, token_of(alice)) as running:
        await running.line()
        job = await job_where(alice, state="running")
        await post(alice, f"/jobs/{job['job_id']}/cancel")
        status, _, error = await running.end()
    assert status == 1
    assert "jindu.errors.Cancelled: “Endless” was cancelled." in error
    assert (await get(alice, f"/jobs/{job['job_id']}"))["state"] == "cancelled"


async def test_cancel_is_no_exception_that_a_loop_swallows_and_can_be_only_asked_for(
    server: Server, alice: Client
) -> None:
    swallowing = """
import time, jindu
try:
    with jindu.job("Swallows", interval_seconds=0.05) as job:
        while True:
            try:
                job.advance()
            except Exception:
                pass
            time.sleep(0.01)
except jindu.Cancelled:
    print("stopped")
"""
    asking = """
import time, jindu
with jindu.job("Asks", interval_seconds=0.05, raise_on_cancel=False) as job:
    while not job.cancelled:
        job.advance()
        time.sleep(0.01)
print("stopped")
"""
    for text in (swallowing, asking):
        async with script(text, server.url, token_of(alice)) as running:
            job = await job_where(alice, state="running")
            await post(alice, f"/jobs/{job['job_id']}/cancel")
            assert await running.end() == (0, "stopped\n", "")


async def test_a_script_goes_on_through_a_killed_server(tmp_path: Path) -> None:
    process = ServerProcess(tmp_path / "data")
    await asyncio.to_thread(process.start)
    text = """
import time, jindu
with jindu.job("Survivor", total=2, interval_seconds=0.05, close_seconds=60) as job:
    job.advance()
    print("half"); input()
    job.advance()
"""
    try:
        async with await signed_in(process) as client, script(text, process.url, token_of(client)) as running:
            await running.line()
            job = await job_where(client, progress=1)
            await asyncio.to_thread(process.kill)
            await running.go_on()  # the end comes while nobody is there to hear it
            await asyncio.to_thread(process.start)
            status, _, error = await running.end(seconds=60)
            assert status == 0
            assert error == "" or "cannot be reached" in error
            after = await get(client, f"/jobs/{job['job_id']}")
            assert (after["state"], after["progress"], after["attempt"]) == ("succeeded", 2, 1)
            assert (await get(client, "/jobs"))["total"] == 1
    finally:
        await asyncio.to_thread(process.kill)


async def test_a_server_that_is_away_is_told_once_and_slows_nothing() -> None:
    text = """
import time, jindu
began = time.monotonic()
for _ in range(20):
    with jindu.job("Alone", total=1000, interval_seconds=0.01) as job:
        for _ in range(1000):
            job.advance()
print(sum(jindu.track(range(10))))
"""
    async with script(text, "http://127.0.0.1:9", "jindu_x") as running:
        status, out, error = await running.end()
    assert (status, out) == (0, "45\n")
    assert error.count("cannot be reached") == 1
    assert "The script goes on." in error


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({"JINDU_TOKEN": ""}, "Give a token in JINDU_TOKEN"),
        ({"JINDU_URL": "ftp://somewhere"}, "no address of a server"),
        ({"JINDU_TOKEN": "wrong"}, "This token is not known here"),
    ],
)
async def test_wrong_settings_break_no_script_unless_it_is_strict(
    server: Server, environ: dict[str, str], told: str
) -> None:
    lax = "import jindu\nwith jindu.job('x') as job:\n    job.advance()\nprint('done')"
    async with script(lax, server.url, "t", **environ) as running:
        status, out, error = await running.end()
    assert (status, out) == (0, "done\n")
    assert told in error
    strict = """
import jindu
try:
    with jindu.job("x", strict=True):
        print("it began")
except jindu.ClientError as error:
    print(error)
"""
    async with script(strict, server.url, "t", **environ) as running:
        status, out, error = await running.end()
    assert (status, error) == (0, "")
    assert told in out
    assert "it began" not in out


async def test_viewers_scripts_run_but_are_not_shown(server: Server, admin: Client, alice: Client) -> None:
    async with alice.post("/api/v1/tokens", json={"name": "reader", "scopes": ["read"]}) as response:
        token = (await response.json())["token"]
    text = "import jindu\nwith jindu.job('x') as job:\n    job.advance()\nprint('done')"
    async with script(text, server.url, token) as running:
        status, out, error = await running.end()
    assert (status, out) == (0, "done\n")
    assert "make one with the scope “write”" in error
    assert (await get(alice, "/jobs"))["total"] == 0


async def test_track_and_tqdm_show_loops(server: Server, alice: Client) -> None:
    text = """
from jindu import tqdm, track
list(track(range(7), "Tracked"))
for outer in tqdm(range(2), desc="Outer", unit="regions"):
    for inner in tqdm(range(3), desc="Inner", leave=False):
        pass
with tqdm(total=10, desc="By hand", unit="rows") as bar:
    bar.update(4)
    bar.set_postfix(loss=0.25)
for item in track(range(10), "Left"):
    if item == 3:
        break
bar = tqdm(total=5, desc="Forgotten")
bar.update(2)
"""
    async with script(text, server.url, token_of(alice)) as running:
        status, out, error = await running.end()
    assert (status, out) == (0, "")
    assert [line.partition(":")[0] for line in error.splitlines()] == ["Outer", "By hand"]  # what a log shows of them
    jobs = {job["title"]: job for job in (await get(alice, "/jobs"))["items"]}
    shown = {name: (job["state"], job["progress"], job["total"], job["unit"]) for name, job in jobs.items()}
    assert shown == {
        "Tracked": ("succeeded", 7, 7, "items"),
        "Outer": ("succeeded", 2, 2, "regions"),
        "By hand": ("succeeded", 4, 4, "rows"),
        "Left": ("cancelled", 3, 10, "items"),
        "Forgotten": ("failed", 2, 5, "it"),
    }
    assert jobs["By hand"]["detail"] == {"loss": 0.25}
    assert "without saying how this went" in jobs["Forgotten"]["error"]["message"]


async def test_a_job_left_open_by_a_crash_says_what_crashed(server: Server, alice: Client) -> None:
    text = "import jindu\njob = jindu.job('Left open').start()\nraise RuntimeError('disk full')"
    async with script(text, server.url, token_of(alice)) as running:
        assert (await running.end())[0] == 1
    job = await job_where(alice, state="failed")
    assert job["error"]["message"] == "RuntimeError: disk full"


async def test_leaving_by_sys_exit_is_success_only_with_status_0(server: Server, alice: Client) -> None:
    for code, state in ((0, "succeeded"), (3, "failed")):
        text = f"import jindu, sys\nwith jindu.job('x'):\n    sys.exit({code})"
        async with script(text, server.url, token_of(alice)) as running:
            assert (await running.end())[0] == code
        await job_where(alice, state=state)


async def test_many_threads_count_right(server: Server, alice: Client) -> None:
    text = """
import threading, jindu
with jindu.job("Threads", total=40000) as job:
    threads = [threading.Thread(target=lambda: [job.advance() for _ in range(10000)]) for _ in range(4)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
"""
    async with script(text, server.url, token_of(alice)) as running:
        assert (await running.end())[0] == 0
    assert (await job_where(alice, state="succeeded"))["progress"] == 40000


async def test_a_forked_child_ends_nothing(server: Server, alice: Client) -> None:
    text = """
import os, jindu
with jindu.job("Parent", total=2, interval_seconds=0.05) as job:
    if os.fork() == 0:
        job.finish(RuntimeError("the child"))
        os._exit(0)
    os.wait()
    job.advance(2)
"""
    async with script(text, server.url, token_of(alice)) as running:
        assert (await running.end())[0] == 0
    assert (await job_where(alice, title="Parent"))["state"] == "succeeded"


async def test_an_asynchronous_script_does_the_same(server: Server, alice: Client) -> None:
    async with jindu.Client(server.url, token_of(alice)) as client:
        async with client.job("Async", total=3, unit="rows", interval_seconds=0.02) as job:
            job.advance(2)
            await job_where(alice, progress=2)
            job.advance()
        await job_where(alice, state="succeeded", progress=3)
        with pytest.raises(ZeroDivisionError):
            async with client.job("Broken", interval_seconds=0.02):
                raise ZeroDivisionError("by zero")
        assert (await job_where(alice, state="failed"))["error"]["message"] == "ZeroDivisionError: by zero"
        with pytest.raises(jindu.Cancelled):
            await work_until_cancelled(client, alice)
        working = asyncio.create_task(work_until_cancelled(client, None))
        await job_where(alice, state="running")
        working.cancel()
        await asyncio.wait({working})
        await job_where(alice, state="cancelled")


async def work_until_cancelled(client: jindu.Client, canceller: Client | None) -> None:
    async with client.job("Works", interval_seconds=0.02) as job, asyncio.timeout(20):
        while True:
            job.advance()
            await asyncio.sleep(0.01)
            if job.id and canceller is not None:
                await client.cancel(job.id)


async def test_a_strict_asynchronous_script_is_told(server: Server) -> None:
    async with jindu.Client(server.url, "wrong") as client:
        with pytest.raises(jindu.Problem, match="not known here"):
            async with client.job("x", strict=True):
                pytest.fail("it began")
    async with jindu.Client("http://127.0.0.1:9", "t") as client:
        began = time.monotonic()
        async with client.job("x", interval_seconds=0.01) as job:
            job.advance()
        assert time.monotonic() - began < 30
