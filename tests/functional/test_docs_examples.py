"""The examples of the docs do what the docs say, against a real server."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import sys
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from server.clock import utc_now
from server.delivery.channels.asking import Telling
from server.delivery.channels.webhook import SignedWebhook
from server.delivery.messages import ChannelMessage, ChannelTarget, ChannelVia
from server.settings import Settings
from tests.chat_doubles import SECRET
from tests.conftest import Server, serving, signed_in
from tests.functional.command_line import token_of
from tests.functional.scripts import job_where, script
from tests.functional.test_jobs_api import get, post
from tests.ports import free_port
from tests.process import ROOT
from tests.waiting import until

Client = aiohttp.ClientSession
CLIENTS = ROOT / "tests" / "clients"
PACKAGES = CLIENTS / "python"
_MODULE = ("--experimental-websocket", "--no-warnings", "--input-type=module", "--eval")  # it needs the first up to 20


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


def signed_headers(secret: str, at: datetime) -> dict[str, str]:
    """As a webhook has them."""
    target = ChannelTarget(via=ChannelVia.WEBHOOK, url="https://hooks.example.com/", secret=secret)
    telling = Telling(
        message=ChannelMessage(title="十月"), delivery_id="01d", event_id="01e", at=at, translate=lambda text: text
    )
    request = SignedWebhook().written(target, telling)
    return {"body": request.body.decode(), **request.headers}


CASES = ("genuine", "plain secret", "another secret", "another body", "old")


def webhook_case(name: str) -> tuple[str, dict[str, str], str]:
    """A secret, headers and a body."""
    secret = "plain words" if name == "plain secret" else SECRET
    at = utc_now() - timedelta(minutes=6 if name == "old" else 0)
    headers = signed_headers("of somebody else" if name == "another secret" else secret, at)
    body = headers.pop("body")
    return secret, headers, body + " " if name == "another body" else body


def test_the_python_example_tells_genuine_webhooks() -> None:
    (example,) = blocks("docs/webhooks.md", "python")
    names: dict[str, Any] = {}
    exec(example, names)
    for name in CASES:
        secret, headers, body = webhook_case(name)
        assert names["is_genuine"](secret, headers, body.encode()) is (name in ("genuine", "plain secret")), name


@pytest.mark.skipif(shutil.which("node") is None, reason="the example is for Node")
async def test_the_javascript_example_tells_genuine_webhooks(tmp_path: Path) -> None:
    (example,) = blocks("docs/webhooks.md", "js")
    ask = "for (const [s, h, b] of JSON.parse(process.argv[2])) console.log(isGenuine(s, h, Buffer.from(b)))"
    (tmp_path / "check.mjs").write_text(f"{example}\n{ask}\n", "utf-8")
    asked = json.dumps([webhook_case(name) for name in CASES])
    process = await asyncio.create_subprocess_exec(
        "node", tmp_path / "check.mjs", asked, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    out, _ = await process.communicate()
    assert out.decode().split() == ["true", "true", "false", "false", "false"]


_LANGUAGES = pytest.mark.parametrize(
    ("language", "command"), [("python", (sys.executable, "-c")), ("js", ("node", *_MODULE))]
)


@_LANGUAGES
async def test_the_graphql_clients_follow_a_job(settings: Settings, language: str, command: tuple[str, ...]) -> None:
    (example,) = blocks("docs/graphql.md", language)
    packages = {"PYTHONPATH": str(PACKAGES)}
    await _follows_a_job(replace(settings, graphql=True), "Demonstration SUCCEEDED 100", *command, example, **packages)


@_LANGUAGES
async def test_the_grpc_clients_follow_a_job(settings: Settings, language: str, command: tuple[str, ...]) -> None:
    (example,) = blocks("docs/grpc.md", language)
    port, protos = free_port(), str(ROOT / "server" / "transports" / "grpc" / "proto")
    places = {"GRPC_ADDRESS": f"127.0.0.1:{port}", "PROTOS": protos, "PYTHONPATH": protos}
    wanted = "Demonstration JOB_STATE_SUCCEEDED 100"
    await _follows_a_job(replace(settings, grpc_port=port), wanted, *command, example, **places)


async def test_the_graphql_client_waits_for_a_server_that_is_away(settings: Settings) -> None:
    (example,) = blocks("docs/graphql.md", "js")
    settings, came = replace(settings, graphql=True, port=free_port()), asyncio.Event()
    async with serving(settings) as server, await signed_in(server, "admin") as admin:
        environ = {"JINDU_URL": server.url, "JINDU_TOKEN": token_of(admin)}
    process = await asyncio.create_subprocess_exec(
        "node", *_MODULE, example, cwd=CLIENTS, env=os.environ | environ, stdout=asyncio.subprocess.PIPE
    )

    async def nobody(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.set()
        writer.close()

    try:
        async with await asyncio.start_server(nobody, "127.0.0.1", settings.port), asyncio.timeout(30):
            await came.wait()
        async with serving(settings) as server, await signed_in(server, "admin") as admin:
            await until(lambda: server.parts.realtime.manager.statistics().connections == 1, seconds=30)
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _follows_a_job(settings: Settings, wanted: str, *command: str, **environ: str) -> None:
    """What the program prints of a job ends with `wanted`."""
    assert (CLIENTS / "node_modules").is_dir(), "make clients"
    async with serving(settings) as server, await signed_in(server, "admin") as admin:
        own = {"JINDU_URL": server.url, "JINDU_TOKEN": token_of(admin)}
        process = await asyncio.create_subprocess_exec(
            *command, cwd=CLIENTS, env=os.environ | own | environ, stdout=asyncio.subprocess.PIPE
        )
        assert process.stdout is not None
        try:
            await until(lambda: server.parts.realtime.manager.statistics().connections == 1, seconds=30)
            async with admin.post("/api/v1/jobs/demonstration", json={"seconds": 0.1, "total": 10}) as response:
                assert response.status == 202
            async with asyncio.timeout(30):
                while not (line := (await process.stdout.readline()).decode()).startswith(wanted):
                    assert line.startswith("Demonstration "), line
        finally:
            process.kill()
            await process.wait()
