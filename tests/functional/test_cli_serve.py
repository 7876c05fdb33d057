"""`serve` as somebody sees it who starts and stops it: where it listens, what it makes, what it prints."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
from pathlib import Path

import aiohttp
import pytest

import server
from server.http.listening_sockets import hosts_of
from tests.conftest import PASSWORDS
from tests.functional.command_line import begin, ended, run
from tests.functional.importing import import_text
from tests.process import ROOT, ServerProcess


async def test_version_says_which() -> None:
    assert (await run("--version")).out == f"jindu {server.__version__}\n"


@pytest.mark.parametrize(
    ("setting", "hosts"),
    [
        ("::", ["::", "0.0.0.0"]),
        ("0.0.0.0, ::", ["0.0.0.0", "::"]),
        ("127.0.0.1,::1", ["127.0.0.1", "::1"]),
        ("", [""]),
    ],
)
def test_a_setting_names_one_address_or_several(setting: str, hosts: list[str]) -> None:
    assert hosts_of(setting) == hosts


async def test_a_server_on_every_address_says_a_right_one_and_takes_both_protocols(tmp_path: Path) -> None:
    """And it says which directory it made, and prints nothing but its log, also at the end."""
    process = ServerProcess(tmp_path / "data", environ={"JINDU_HOST": "::", "JINDU_WORKERS": "1"})
    await asyncio.to_thread(process.start)
    try:
        port = int(process.url.rpartition(":")[2])
        assert process.url == f"http://[::]:{port}"
        assert any(f"made the data directory {tmp_path / 'data'}" in line for line in process.log)
        for address in (f"http://127.0.0.1:{port}", f"http://[::1]:{port}"):
            async with aiohttp.ClientSession(address) as person, person.get("/healthz") as response:
                assert response.status == 200
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as person:
            credentials = {"username": "admin", "password": PASSWORDS["admin"], "name": "tests"}
            async with person.post("/api/v1/tokens", json=credentials) as response:
                person.headers["Authorization"] = f"Bearer {(await response.json())['token']}"
            await import_text(person)  # what a worker has open is what it may complain of
            async with person.post("/api/v1/queries", json={"sql": "select 1 as one"}) as response:
                assert response.status == 200, await response.text()
    finally:
        assert await asyncio.to_thread(process.stop) == 0
    assert [line for line in process.log if line and not line.startswith(tuple("0123456789"))] == []


async def test_ctrl_c_in_a_terminal_stops_it_without_a_trace_and_its_log_can_be_json(tmp_path: Path) -> None:
    """A terminal signals the whole group, workers included."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("JINDU_")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "run.py", "serve", "--json", "--port", "0", "--data", str(tmp_path / "data")),
        cwd=ROOT,
        env=clean
        | {
            "JINDU_ADMIN_USER": "admin",
            "JINDU_ADMIN_PASSWORD": PASSWORDS["admin"],
            "JINDU_DRAIN_NOTICE_SECONDS": "0",
            "JINDU_DATABASE_URL": os.environ.get("TEST_DATABASE_URL", ""),
        },
        start_new_session=True,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    lines: list[dict[str, str]] = []
    async with asyncio.timeout(60):
        while not lines or not lines[-1]["message"].startswith("ready on"):
            lines.append(json.loads(await process.stderr.readline()))
        os.killpg(process.pid, signal.SIGINT)
        rest = await process.stderr.read()
        assert await process.wait() == 0
    lines += map(json.loads, rest.splitlines())  # nothing else but log lines
    assert all({"at", "level", "logger", "message"} <= line.keys() for line in lines)
    assert not [line for line in lines if line["level"] in ("ERROR", "CRITICAL")]


async def test_host_may_be_given_again_and_again(tmp_path: Path) -> None:
    given = (
        *("--host", "127.0.0.1"),
        *("--host", "::1,127.0.0.2"),
        *("--port", "0"),
        *("--data", str(tmp_path / "data")),
    )
    process = await begin("serve", *given, JINDU_DRAIN_NOTICE_SECONDS="0")
    assert process.stderr is not None
    async with asyncio.timeout(60):
        while b"ready on" not in (line := await process.stderr.readline()):
            assert line
    process.terminate()
    await ended(process)
    assert re.search(r"http://127\.0\.0\.1:(\d+) and http://\[::1\]:\1 and http://127\.0\.0\.2:\1", line.decode()), line
