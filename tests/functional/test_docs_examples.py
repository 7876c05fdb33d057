"""The examples of the docs do what the docs say, against a real server."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sys
from pathlib import Path

import aiohttp
import pytest

from tests.conftest import Server
from tests.functional.command_line import token_of
from tests.functional.scripts import job_where, script
from tests.functional.test_jobs_api import get, post
from tests.process import ROOT

Client = aiohttp.ClientSession
PACKAGES = ROOT / "tests" / "clients" / "python"


def blocks(page: str, language: str) -> list[str]:
    text = (ROOT / page).read_text("utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


PYTHON_BLOCKS = blocks("docs/python-client.md", "python")


async def bash(text: str, server: Server, client: Client) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        "bash",
        "-c",
        text,
        env=os.environ | {"JINDU_URL": server.url, "JINDU_TOKEN": token_of(client)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(30):
        out, _ = await process.communicate()
    return process.returncode or 0, out.decode()


@pytest.mark.skipif(shutil.which("curl") is None, reason="the example uses curl")
async def test_the_curl_example_shows_its_work(server: Server, alice: Client) -> None:
    (example,) = blocks("docs/external-jobs.md", "sh")
    assert await bash(example, server, alice) == (0, "")
    job = await job_where(alice, state="succeeded")
    assert (job["title"], job["progress"], job["total"], job["unit"]) == ("Nightly backup", 3, 3, "files")
    assert job["result"] == {"url": "https://backups.example.com/today"}
    log = (await get(alice, f"/jobs/{job['job_id']}/log"))["items"]
    assert [line["message"] for line in log] == ["customers saved", "orders saved", "stock saved"]


@pytest.mark.skipif(shutil.which("curl") is None, reason="the example uses curl")
async def test_the_curl_example_fails_and_stops_as_a_script_should(server: Server, alice: Client) -> None:
    (example,) = blocks("docs/external-jobs.md", "sh")
    status, _ = await bash(example.replace("sleep 0.1", "false"), server, alice)
    assert status == 1
    assert (await job_where(alice, state="failed"))["error"]["message"] == "the script ended early"
    running = asyncio.create_task(bash(example.replace("sleep 0.1", "sleep 1"), server, alice))
    job = await job_where(alice, state="running")
    await post(alice, f"/jobs/{job['job_id']}/cancel")
    status, out = await running
    assert status == 1
    assert "job_cancelled" in out


@pytest.mark.parametrize("number", range(len(PYTHON_BLOCKS)))
async def test_the_python_examples_run(server: Server, alice: Client, number: int) -> None:
    assert (PACKAGES / "installed").is_file(), "make clients"
    async with script(PYTHON_BLOCKS[number], server.url, token_of(alice), PYTHONPATH=str(PACKAGES)) as running:
        status, _, error = await running.end()
    assert status == 0, error
    assert "Progress is not shown" not in error
    states = {job["state"] for job in (await get(alice, "/jobs"))["items"]}
    assert states <= {"succeeded"}


async def test_the_example_script_runs(server: Server, alice: Client) -> None:
    environ = os.environ | {"JINDU_URL": server.url, "JINDU_TOKEN": token_of(alice)}
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(Path("examples") / "nightly_etl.py"), "200", cwd=ROOT, env=environ
    )
    async with asyncio.timeout(30):
        assert await process.wait() == 0
    job = await job_where(alice, state="succeeded")
    assert (job["title"], job["progress"], job["unit"]) == ("Nightly ETL", 200, "rows")
