"""Under a service manager: it is told how the server is, and sockets that it holds are open while nobody serves."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from tests.conftest import PASSWORDS
from tests.functional.command_line import run
from tests.functional.event_stream import EventStream
from tests.process import ROOT, START_SECONDS, ServerProcess
from tests.waiting import until

# As systemd does between fork and exec: the socket becomes the first that is handed on, for this process alone.
_HAND_ON = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1"}
os.execv(sys.executable, [sys.executable, "run.py", *sys.argv[2:]])
"""


class Listening:
    """The socket at which a service manager is told."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind(str(path))
        self.path = path
        self.told: list[str] = []

    async def until(self, line: str, *, seconds: float = 30.0) -> dict[str, str]:
        """The datagram that has such a line."""
        async with asyncio.timeout(seconds):
            while True:
                lines = (await asyncio.get_running_loop().sock_recv(self._socket, 4096)).decode().splitlines()
                self.told += lines
                if line in lines:
                    return dict(each.split("=", 1) for each in lines)

    async def silence(self, *, seconds: float) -> None:
        """Once what was on its way has come."""
        with contextlib.suppress(TimeoutError):
            while True:
                await self.until("WATCHDOG=1", seconds=seconds)

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Listening]:
    with contextlib.closing(Listening(tmp_path / "notify")) as listening:
        yield listening


async def test_the_manager_is_told_of_start_life_and_stop_and_nothing_while_we_stand_still(
    manager: Listening, tmp_path: Path
) -> None:
    environ = {"NOTIFY_SOCKET": str(manager.path), "WATCHDOG_USEC": "600000"}
    process = ServerProcess(tmp_path / "data", environ=environ)
    starting = asyncio.create_task(asyncio.to_thread(process.start))
    try:
        ready = await manager.until("READY=1", seconds=60)
        await starting
        assert any(line.startswith("EXTEND_TIMEOUT_USEC=") for line in manager.told)  # before it was ready
        assert ready["STATUS"] == f"ready on {process.url}"
        for _ in range(3):
            assert (await manager.until("WATCHDOG=1"))["STATUS"] == "0 live connections"
        process.signal(signal.SIGSTOP)
        await manager.silence(seconds=1.0)
        process.signal(signal.SIGCONT)
        await manager.until("WATCHDOG=1")
        process.signal(signal.SIGTERM)
        stopping = await manager.until("STOPPING=1")
        assert int(stopping["EXTEND_TIMEOUT_USEC"]) > 15_000_000
        assert await asyncio.to_thread(process.wait) == 0, process.log
    finally:
        await asyncio.to_thread(process.kill)


@asynccontextmanager
async def held_socket() -> AsyncIterator[socket.socket]:
    """As a `.socket` unit has it, whether somebody serves or not."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(1024)
        listening.set_inheritable(True)
        yield listening


@asynccontextmanager
async def handed(listening: socket.socket, data: Path) -> AsyncIterator[None]:
    """A server at that socket, ready; stopped in good order at the end."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("JINDU_")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _HAND_ON, str(listening.fileno()), "serve", "--data", str(data)),
        cwd=ROOT,
        env=clean
        | {
            "JINDU_ADMIN_USER": "admin",
            "JINDU_ADMIN_PASSWORD": PASSWORDS["admin"],
            "JINDU_DRAIN_NOTICE_SECONDS": "0.2",
            "JINDU_WORKERS": "1",
            "JINDU_DATABASE_URL": os.environ.get("TEST_DATABASE_URL", ""),
        },
        pass_fds=[listening.fileno()],
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    log = b""
    try:
        async with asyncio.timeout(START_SECONDS):
            while b"ready on" not in log:
                line = await process.stderr.readline()
                assert line, log.decode()
                log += line
        draining = asyncio.create_task(process.stderr.read())
        yield
        process.terminate()
        assert await process.wait() == 0, (log + await draining).decode()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_a_restart_under_a_socket_that_is_held_refuses_nobody(tmp_path: Path) -> None:
    data = tmp_path / "data"
    answers: list[int] = []
    is_over = asyncio.Event()

    async def hammer(url: str, connector: aiohttp.TCPConnector) -> None:
        """Each request of a connection of its own, or over one that is kept."""
        async with aiohttp.ClientSession(url, connector=connector) as client:
            while not is_over.is_set():
                async with client.get("/healthz") as response:
                    answers.append(response.status)

    async with held_socket() as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        async with asyncio.TaskGroup() as hammers:
            async with handed(listening, data):
                for number in range(8):
                    hammers.create_task(hammer(url, aiohttp.TCPConnector(force_close=number % 2 == 0)))
                await until(lambda: len(answers) > 200)
            before = len(answers)
            async with handed(listening, data):
                await until(lambda: len(answers) > before + 200)
                is_over.set()
    assert set(answers) == {200}


async def test_a_unix_socket_is_for_user_and_group_and_goes_with_the_server(tmp_path: Path) -> None:
    path = tmp_path / "jindu.sock"
    data = tmp_path / "data"
    for end in (ServerProcess.kill, ServerProcess.stop):  # what a killed one leaves is in nobody's way
        process = ServerProcess(data, environ={"JINDU_HOST": f"127.0.0.1,unix:{path}", "JINDU_WORKERS": "1"})
        await asyncio.to_thread(process.start)
        try:
            assert path.stat().st_mode & 0o777 == 0o660
            connector = aiohttp.UnixConnector(str(path))
            async with aiohttp.ClientSession("http://reports.example.com", connector=connector) as client:
                wanted = {"username": "admin", "password": PASSWORDS["admin"], "name": "tests"}
                async with client.post("/api/v1/tokens", json=wanted) as response:
                    assert response.status == 201
                    client.headers["Authorization"] = f"Bearer {(await response.json())['token']}"
                async with client.get("/events?client_id=tab") as response:
                    assert response.status == 200
                    for asked in ((), ("--alive",)):
                        assert (await run("health", *asked, JINDU_HOST=f"unix:{path}")).status == 0
                    assert (await EventStream(response).next("connection"))["type"] == "connection"
        finally:
            await asyncio.to_thread(end, process)
    assert not path.exists()
    answer = await run("health", "--json", JINDU_HOST=f"unix:{path}")
    assert (answer.status, json.loads(answer.out)) == (
        1,
        {"ready": False, "status": None, "address": f"unix:{path}"},
    )
