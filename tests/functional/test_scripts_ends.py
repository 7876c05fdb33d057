"""However a script ends, forks, sleeps or is refused: what it did is told, or a person is told that it was not."""

from __future__ import annotations

import asyncio
import dataclasses
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from server.clock import utc_now
from server.settings import Settings
from server.storage import tables
from tests.browser.line import Line
from tests.conftest import Server
from tests.functional.command_line import token_of
from tests.functional.scripts import job_where, script
from tests.functional.test_external_jobs import signed_in
from tests.functional.test_jobs_api import get
from tests.process import ServerProcess

Client = aiohttp.ClientSession
Json = dict[str, Any]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return dataclasses.replace(settings, external_updates_per_second=60.0, external_jobs_per_user=100)


@pytest.fixture
async def line(server: Server) -> AsyncIterator[Line]:
    line = Line(server.url)
    await line.open()
    yield line
    await line.close()


async def all_jobs(client: Client) -> list[Json]:
    jobs: list[Json] = []
    query = {"limit": "500"}
    while True:
        page = await get(client, "/jobs", **query)
        jobs += page["items"]
        if not page["next_cursor"]:
            return jobs
        query["cursor"] = page["next_cursor"]


# what it says


async def test_long_texts_in_any_alphabet_are_cut_and_the_end_is_told(server: Server, alice: Client) -> None:
    text = """
import jindu
with jindu.job("长" * 400, total=2, unit="行" * 50, interval_seconds=0.05) as job:
    job.stage("阶" * 100)
    job.message("消息" * 400)
    job.detail(**{f"名{n}": "值" * 3000 for n in range(12)})
    job.advance()
    job.set_result(url="https://example.com/" + "x" * 900, note="果" * 30000)
    job.advance()
"""
    async with script(text, server.url, token_of(alice)) as running:
        assert await running.end() == (0, "", "")
    job = await job_where(alice, state="succeeded", progress=2)
    assert len(job["detail"]) == 12
    assert all(value.endswith("…") for value in job["detail"].values())
    assert job["result"]["url"] == "https://example.com/" + "x" * 900


async def test_what_the_server_refuses_costs_itself_alone_and_is_told_once(server: Server, alice: Client) -> None:
    text = """
import jindu
from jindu import limits
limits.DETAIL_BYTES = 10**6  # a client that believes in other limits than its server
limits.DETAIL_VALUE_CHARACTERS = 9000
limits.ERROR_CHARACTERS = 9000
with jindu.job("Nightly", total=3, interval_seconds=0.05) as job:
    job.detail(much="x" * 8000)
    job.message("Reading")
    job.advance(2)
    raise ValueError("y" * 5000)
"""
    async with script(text, server.url, token_of(alice)) as running:
        status, _, error = await running.end()
    assert status == 1
    assert error.count("did not take “detail”") == error.count("did not take “error”") == 1
    job = await job_where(alice, state="failed")
    assert (job["progress"], job["message"], job["detail"]) == (2, "Reading", {})
    assert job["error"]["message"] == "The script failed."


# many of them

FARM = """
import sys, threading, jindu
def long(number):
    with jindu.job(f"long {number}", total=20, interval_seconds=0.05) as job:
        for _ in range(20):
            job.advance()
            barrier.wait()
def short(number):
    with jindu.job(f"short {number}", total=1, interval_seconds=0.05) as job:
        job.advance()
longs, shorts = int(sys.argv[1]), int(sys.argv[2])
barrier = threading.Barrier(longs)
threads = [threading.Thread(target=long, args=(number,)) for number in range(longs)]
for thread in threads: thread.start()
for number in range(shorts): short(number)
for thread in threads: thread.join()
"""


async def test_a_farm_of_scripts_on_one_token_ends_all_right(server: Server, alice: Client) -> None:
    """More at once and in a second than the server takes; `make bench` has 150 processes and 400 short jobs."""
    processes, longs, shorts = 5, 30, 10
    scripts = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", FARM, str(longs), str(shorts),
            env={"JINDU_URL": server.url, "JINDU_TOKEN": token_of(alice), "PATH": ""},
            stderr=asyncio.subprocess.PIPE,
        )
        for _ in range(processes)
    ]  # fmt: skip
    told = await asyncio.gather(*(each.communicate() for each in scripts))
    assert [each.returncode for each in scripts] == [0] * processes
    assert not any(b"was not told" in error or b"not shown" in error for _, error in told)
    jobs = await all_jobs(alice)
    assert Counter(job["state"] for job in jobs) == {"succeeded": processes * (longs + shorts)}
    assert {job["progress"] for job in jobs if job["title"].startswith("long")} == {20}


# a server that is away


async def test_the_end_waits_for_a_server_that_is_away_as_long_as_it_may_then_says_what_was_not_told(
    tmp_path: Path,
) -> None:
    process = ServerProcess(tmp_path / "data")
    await asyncio.to_thread(process.start)
    text = """
import jindu
job = jindu.job("%s", total=1, interval_seconds=0.05).start()
job.advance()
print("begun"); input()
job.finish()
print("goes on")
"""
    try:
        async with await signed_in(process) as client:
            for title, patience, is_back in (("Monday", "0.2", False), ("Tuesday", "60", True)):
                environ = {"JINDU_CLOSE_SECONDS": patience}
                async with script(text % title, process.url, token_of(client), **environ) as running:
                    assert await running.line() == "begun"
                    job = await job_where(client, progress=1, title=title, state="running")
                    await asyncio.to_thread(process.kill)
                    await running.go_on()
                    assert await running.line() == "goes on"
                    if is_back:
                        await asyncio.to_thread(process.start)
                    status, _, error = await running.end()
                assert status == 0
                lost = f"The server was not told how “{title}” (succeeded) ended."
                assert (lost in error) is not is_back, error
                if not is_back:
                    await asyncio.to_thread(process.start)
                after = await get(client, f"/jobs/{job['job_id']}")
                assert after["state"] == ("succeeded" if is_back else "running")
    finally:
        await asyncio.to_thread(process.kill)


async def test_a_server_that_accepts_and_never_answers_is_told_about() -> None:
    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()  # until the script is gone
        writer.close()

    mute = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    port = mute.sockets[0].getsockname()[1]
    text = "import jindu\nwith jindu.job('Nightly', close_seconds=0.3) as job:\n    job.advance()\nprint('done')"
    async with script(text, f"http://127.0.0.1:{port}", "jindu_x") as running:
        status, out, error = await running.end()
    assert (status, out) == (0, "done\n")
    assert error == "The server was not told how “Nightly” (succeeded) ended.\n"
    mute.close()
    await mute.wait_closed()


# signals

WORKING = """
import signal, sys, time, jindu
{prepare}
with jindu.job("Works", interval_seconds=0.05) as job:
    print("begun")
    while True:
        job.advance()
        time.sleep(0.01)
"""


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGHUP])
async def test_a_script_that_is_ended_tells_so_and_ends_as_it_would_have(
    server: Server, alice: Client, sent: signal.Signals
) -> None:
    async with script(WORKING.format(prepare=""), server.url, token_of(alice)) as running:
        await running.line()
        await job_where(alice, state="running")
        running.send(sent)
        status, _, error = await running.end()
    assert (status, error) == (-sent, "")
    job = await job_where(alice, state="failed")
    assert job["error"]["message"] == f"The script was ended by {sent.name}."


async def test_a_script_with_its_own_idea_of_sigterm_keeps_it(server: Server, alice: Client) -> None:
    for prepare, status, state in (
        ("signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))", 0, "succeeded"),
        ("signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))", 7, "failed"),
    ):
        async with script(WORKING.format(prepare=prepare), server.url, token_of(alice)) as running:
            await running.line()
            await job_where(alice, state="running")
            running.send(signal.SIGTERM)
            assert (await running.end())[0] == status
        await job_where(alice, state=state)


async def test_an_asynchronous_script_that_is_ended_tells_so(server: Server, alice: Client) -> None:
    text = """
import asyncio, jindu
async def main():
    async with jindu.Client() as client, client.job("Crawl", interval_seconds=0.05) as job:
        job.advance()
        print("begun")
        await asyncio.sleep(60)
asyncio.run(main())
"""
    async with script(text, server.url, token_of(alice)) as running:
        await running.line()
        await job_where(alice, state="running", progress=1)
        running.send(signal.SIGTERM)
        assert (await running.end())[0] == -signal.SIGTERM
    assert (await job_where(alice, state="failed"))["error"]["message"] == "The script was ended by SIGTERM."


# exceptions in loops


async def test_a_loop_of_track_says_how_it_was_left(server: Server, alice: Client) -> None:
    text = """
import threading
from jindu import track
def fails(x):
    if x == 3: raise ValueError(f"row {x}")
def attempt(work):
    try: work()
    except ValueError: pass
def caught():
    for x in track(range(9), "caught"): fails(x)
def source():
    for x in track(map(fails, range(9)), "source", total=9): pass
def broken():
    for x in track(range(9), "break"):
        if x == 3: break
def returned():
    for x in track(range(9), "return"):
        if x == 3: return x
def part():
    for x, _ in zip(track(range(9), "zip"), range(3)): pass
def first():
    assert any(x == 2 for x in track(range(9), "any"))
for work in (caught, source, broken, returned, part, first): attempt(work)
for x in track(range(9), "dies"):
    fails(x)
"""
    async with script(text, server.url, token_of(alice)) as running:
        status, _, error = await running.end()
    assert status == 1
    assert "ValueError: row 3" in error
    jobs = (await get(alice, "/jobs"))["items"]
    assert {job["title"]: (job["state"], (job["error"] or {}).get("message")) for job in jobs} == {
        "caught": ("failed", "An exception ended the loop; the script's own output says more."),
        "source": ("failed", "ValueError: row 3"),
        "break": ("cancelled", None),
        "return": ("cancelled", None),
        "zip": ("cancelled", None),
        "any": ("cancelled", None),
        "dies": ("failed", "ValueError: row 3"),
    }


# other processes


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
async def test_what_child_processes_count_reaches_the_job(
    server: Server, alice: Client, bob: Client, tmp_path: Path, method: str
) -> None:
    module = tmp_path / "children.py"
    module.write_text(f"""
import multiprocessing, os, tempfile
import jindu

def count(job):
    for _ in range(1000):
        job.advance(0.5)
    job.message("in the child")

if __name__ == "__main__":
    context = multiprocessing.get_context({method!r})
    with jindu.job("Parent", total=2001, interval_seconds=0.05) as job:
        children = [context.Process(target=count, args=(job,)) for _ in range(4)]
        for child in children: child.start()
        for child in children: child.join()
        job.advance()
    print([name for name in os.listdir(tempfile.gettempdir()) if job._report.key in name])
""")
    text = f"import runpy; runpy.run_path({str(module)!r}, run_name='__main__')"
    if method != "fork":
        text = f"import subprocess, sys; sys.exit(subprocess.call([sys.executable, {str(module)!r}]))"
    async with script(text, server.url, token_of(alice), PYTHONPATH=".") as running:
        status, out, error = await running.end()
    assert (status, out) == (0, "[]\n"), error
    assert error.count("say the rest in its parent") == 4
    job = await job_where(alice, title="Parent")
    assert (job["state"], job["progress"], job["message"]) == ("succeeded", 2001, "")
    assert (await get(bob, "/jobs"))["total"] == 0


async def test_children_that_are_killed_or_terminated_end_nothing_and_their_count_stays(
    server: Server, alice: Client
) -> None:
    text = """
import multiprocessing, os, signal, time, jindu
from jindu import tqdm
with jindu.job("Parent", total=30, interval_seconds=0.05) as job, tqdm(total=30, desc="Bar", leave=True) as bar:
    for number in (signal.SIGKILL, signal.SIGTERM, None):
        child = os.fork()
        if child == 0:
            job.advance(10)
            bar.update(10)
            if number is None:
                raise SystemExit(0)  # leaves both blocks, and runs what stands at the exit
            os.kill(os.getpid(), number)
            time.sleep(60)
        os.waitpid(child, 0)
"""
    async with script(text, server.url, token_of(alice)) as running:
        assert (await running.end())[0] == 0
    jobs = {job["title"]: (job["state"], job["progress"]) for job in (await get(alice, "/jobs"))["items"]}
    assert jobs == {"Parent": ("succeeded", 30), "Bar": ("succeeded", 30)}


# tokens


async def test_a_token_that_is_refused_is_told_for_what_it_is(server: Server, alice: Client, admin: Client) -> None:
    async def told(token: str) -> str:
        text = "import jindu\nwith jindu.job('x', strict=True): pass"
        async with script(text, server.url, token) as running:
            status, _, error = await running.end()
        assert status == 1
        return error.strip().rpartition("\n")[2].removeprefix("jindu.errors.Problem: ")

    async def made(**fields: Any) -> Json:
        async with alice.post("/api/v1/tokens", json={"name": "script", **fields}) as response:
            assert response.status == 201, await response.text()
            answer: Json = await response.json()
            return answer

    assert "This token is not known here" in await told("jindu_wrong")
    assert "This token may not change anything" in await told((await made(scopes=["read"]))["token"])
    revoked = await made()
    async with alice.delete(f"/api/v1/tokens/{revoked['id']}") as response:
        assert response.status == 204
    assert await told(revoked["token"]) == "This token was deleted. Make a new one on your account page."
    expired = await made(expires_in_days=1)
    async with server.parts.storage.database.write() as connection:
        yesterday = utc_now() - timedelta(days=1)
        statement = tables.tokens.update().where(tables.tokens.c.id == expired["id"]).values(expires_at=yesterday)
        await connection.execute(statement)
    assert await told(expired["token"]) == "This token has expired. Make a new one on your account page."
    await server.parts.auth.authenticator.tokens.end_expired()
    assert await told(expired["token"]) == "This token has expired. Make a new one on your account page."
    own = await made()
    users = (await get(admin, "/admin/users"))["items"]
    alice_id = next(user["id"] for user in users if user["name"] == "alice")
    async with admin.patch(f"/api/v1/admin/users/{alice_id}", json={"disabled": True}) as response:
        assert response.status == 200
    assert "was disabled" in await told(own["token"])


async def test_a_script_that_slept_goes_on_when_it_wakes(line: Line, alice: Client) -> None:
    text = """
import time, jindu
with jindu.job("Sleeper", total=2, interval_seconds=0.05) as job:
    job.advance()
    print("asleep"); input()
    job.advance()
"""
    async with script(text, line.url, token_of(alice)) as running:
        await running.line()
        await job_where(alice, progress=1)
        running.send(signal.SIGSTOP)
        line.cut()  # what stands idle is closed by routers, and by the server
        line.mend()
        running.send(signal.SIGCONT)
        await running.go_on()
        assert await running.end() == (0, "", "")
    await job_where(alice, state="succeeded", progress=2)
