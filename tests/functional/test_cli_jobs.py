"""`jobs` and `watch` on the command line, and what happens to commands when somebody stops them or stops reading."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import aiohttp

from jindu import Client
from server.cli.jobs import whole_log
from tests.conftest import Server
from tests.functional.command_line import ORDERS, TEMPLATE, as_user, begin, ended, run
from tests.functional.test_uploads import announce, upload_of
from tests.process import ROOT


async def unfinished(client: aiohttp.ClientSession) -> str:
    """A job that does not end by itself: an upload nobody sends."""
    job_id: str = (await upload_of(client, await announce(client, 5)))["job_id"]
    return job_id


async def failed(client: aiohttp.ClientSession) -> str:
    async with client.post("/api/v1/jobs/demonstration", json={"seconds": 0, "total": 3, "fail_at": 2}) as response:
        job_id: str = (await response.json())["job_id"]
    return job_id


async def test_jobs_are_listed_by_filters_cancelled_and_tried_again(
    server: Server, alice: aiohttp.ClientSession, bob: aiohttp.ClientSession
) -> None:
    user = as_user(server, alice)
    wrong, waiting, other = await failed(alice), await unfinished(alice), await unfinished(bob)
    await run("watch", wrong, **user)

    listed = await run("jobs", "list", **user)
    assert [line.split()[:2] for line in listed.out.splitlines()] == [[waiting, "running"], [wrong, "failed"]]
    listed = await run("jobs", "list", "--state", "failed", "--since", "2020-01-01", "--json", **user)
    assert [json.loads(line)["job_id"] for line in listed.out.splitlines()] == [wrong]
    assert (await run("jobs", "list", "--until", "2020-01-01T08:00", **user)).out == ""

    log = await run("jobs", "log", wrong, "--json", **user)
    assert log.status == 0, log
    assert all({"at", "level", "message"} <= json.loads(line).keys() for line in log.out.splitlines())

    async with Client(user["JINDU_URL"], user["JINDU_TOKEN"]) as client:
        lines = await whole_log(client, wrong, page_lines=1)
    assert lines == [json.loads(line) for line in log.out.splitlines()]
    assert len(lines) > 1

    cancelled = await run("jobs", "cancel", "--state", "running", "--json", **user)
    assert [json.loads(line)["job_id"] for line in cancelled.out.splitlines()] == [waiting]
    retried = await run("jobs", "retry", "-", given=f"{wrong}  failed …\n".encode(), **user)
    assert retried.status == 0, retried
    assert wrong in retried.out

    for none in ("0", "-1", "many"):
        assert (await run("jobs", "list", "--limit", none, **user)).status == 2, none
    assert (await run("jobs", "cancel", **user)).status == 2  # not everything, because nothing was said
    theirs = await run("jobs", "cancel", other, **user)
    assert theirs.status == 1
    assert other not in (await run("jobs", "list", "--json", **user)).out
    async with bob.get(f"/api/v1/jobs/{other}") as response:
        assert (await response.json())["state"] == "running"


async def test_watch_tells_each_state_as_json(server: Server, alice: aiohttp.ClientSession) -> None:
    outcome = await run("watch", await failed(alice), "--json", **as_user(server, alice))
    assert outcome.status == 1
    states = [json.loads(line) for line in outcome.out.splitlines()]
    assert states[-1]["state"] == "failed"
    assert [state["revision"] for state in states] == sorted({state["revision"] for state in states})


async def test_ctrl_c_leaves_the_job_alone_and_says_so(server: Server, alice: aiohttp.ClientSession) -> None:
    job_id = await unfinished(alice)
    process = await begin("watch", job_id, **as_user(server, alice))
    assert process.stdout is not None
    await process.stdout.readline()  # it shows the job
    process.send_signal(signal.SIGINT)
    outcome = await ended(process)
    assert outcome.status == 130
    assert outcome.error == "jindu: stopped watching; what was started goes on on the server\n"
    async with alice.get(f"/api/v1/jobs/{job_id}") as response:
        assert (await response.json())["state"] == "running"


async def test_a_reader_that_goes_away_loses_no_report(
    server: Server, alice: aiohttp.ClientSession, tmp_path: Path
) -> None:
    user = as_user(server, alice)
    source = tmp_path / "orders.csv"
    source.write_text(ORDERS, "utf-8")
    await run("import", str(source), "--dataset", "orders", **user)
    headers = {"Content-Type": "application/yaml"}
    async with alice.put("/api/v1/templates/sales", data=TEMPLATE, headers=headers) as response:
        assert response.status in (200, 201), await response.text()
    reading, writing = os.pipe()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "run.py", "report", "sales", "--output", str(tmp_path / "out")),
        cwd=ROOT,
        env=os.environ | user,
        stdout=writing,
        stderr=asyncio.subprocess.PIPE,
    )
    os.close(writing)
    os.close(reading)  # as `| head` does, before the first line even
    outcome = await ended_quietly(process)
    assert outcome == (0, "")
    assert len(os.listdir(tmp_path / "out")) == 2


async def ended_quietly(process: asyncio.subprocess.Process) -> tuple[int | None, str]:
    async with asyncio.timeout(60):
        _, error = await process.communicate()
    return process.returncode, error.decode()


async def test_an_output_that_cannot_be_written_is_told_before_the_order(
    server: Server, alice: aiohttp.ClientSession, tmp_path: Path
) -> None:
    user = as_user(server, alice)
    place = tmp_path / "place"
    place.mkdir()
    file = place / "file"
    file.touch()
    for output in (file, place / "no" / "such"):
        outcome = await run("report", "sales", "--output", str(output), **user)
        assert outcome.status == 2
        assert "--output" in outcome.error
    refused = await run("report", "sales", "--output", str(place / "new"), **user)
    assert refused.status == 2  # there is no such template
    assert os.listdir(place) == ["file"]
    assert (await run("jobs", "list", "--kind", "batch_report", **user)).out == ""
