"""The server as its own process, as `make run` starts it: for crashes, restarts and measurements."""

from __future__ import annotations

import os
import re
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from server.app.engines import open_database
from server.settings import Settings
from server.storage.database import Database
from tests.beginnings import Begun, begin
from tests.static_cache import STATIC_CACHE

_RUN_PY = (sys.executable, "run.py")
ROOT = Path(__file__).parent.parent
_READY = re.compile(r"ready on (https?://[^\s\"]+)")
ENGINES = (
    "TEST_DATABASE_URL",
    "TEST_STORAGE_URL",
    "TEST_STORAGE_KEY_ID",
    "TEST_STORAGE_SECRET",
    "TEST_BROKER_URL",
    "TEST_SECRET_KEY",
)
START_SECONDS = 100.0  # of a machine that others use as well


class ServerProcess:
    """`run.py serve` on one data directory; it can be killed and started again on the same port and data."""

    def __init__(
        self,
        data: Path,
        *,
        environ: dict[str, str] | None = None,
        max_open_files: int | None = None,
        command: Sequence[str] = _RUN_PY,
        cwd: Path = ROOT,
    ) -> None:
        self.data = data
        self.command = command
        # What a Python reads when it starts, or how many files it may open, is told to one that starts for it alone.
        self._is_ordinary = (
            tuple(command) == _RUN_PY
            and cwd == ROOT
            and max_open_files is None
            and all(name.startswith("JINDU_") for name in environ or ())
        )
        self._cwd = cwd
        self._max_open_files = max_open_files  # as many as the test may have, unless it says
        self.url = ""
        self.start_seconds = 0.0  # from launch to `ready`
        self.environ = {
            **{key: value for key, value in os.environ.items() if not key.startswith("JINDU_")},
            "JINDU_ADMIN_USER": "admin",
            "JINDU_ADMIN_PASSWORD": "correct-horse-admin",
            "JINDU_DRAIN_NOTICE_SECONDS": "0",
            "JINDU_RESERVE_BYTES": "0",
            "JINDU_WORKER_NICENESS": "0",
            "JINDU_STATIC_CACHE": str(STATIC_CACHE),
            # As tests/conftest.py has them:
            **{name.replace("TEST", "JINDU", 1): os.environ.get(name, "") for name in ENGINES},
            **(environ or {}),
        }
        self._process: subprocess.Popen[str] | Begun | None = None
        self.log: list[str] = []

    def database(self) -> Database:
        """What the process has, or had when it was killed. To be closed."""
        return open_database(Settings(data=self.data, database_url=self.environ["JINDU_DATABASE_URL"]))

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def arguments(self, port: str) -> list[str]:
        return ["serve", "--port", port, "--data", str(self.data)]

    def start(self) -> None:
        """Returns when the server says that it is ready; raises with its log when it doesn't."""
        port = self.url.rpartition(":")[2] or "0"
        began = time.monotonic()
        self._process = self._begun(self.arguments(port))
        if self._max_open_files is not None:
            resource.prlimit(self._process.pid, resource.RLIMIT_NOFILE, (self._max_open_files,) * 2)
        ready = threading.Event()
        threading.Thread(target=self._read_log, args=(self._process, ready), daemon=True).start()
        if not ready.wait(START_SECONDS) or not self.url:
            self.kill()
            raise RuntimeError("the server did not start:\n" + "\n".join(self.log[-40:]))
        self.start_seconds = time.monotonic() - began

    def _begun(self, arguments: Sequence[str]) -> subprocess.Popen[str] | Begun:
        if self._is_ordinary:
            return begin(arguments, self.environ)
        return subprocess.Popen(
            [*self.command, *arguments],
            cwd=self._cwd,
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def signal(self, number: int) -> None:
        """Send a signal and do not wait."""
        assert self._process is not None
        self._process.send_signal(number)

    def wait(self) -> int:
        """Until it has ended; answers the exit status."""
        return self._wait()

    def kill(self) -> None:
        """As a power cut does: no chance to tidy up."""
        if self._process and self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL)
        self._wait()

    def stop(self) -> int:
        """As systemd does; answers the exit status."""
        if self._process and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        return self._wait()

    def _wait(self) -> int:
        if self._process is None:
            return 0  # it was never started
        return self._process.wait(timeout=60)

    def _read_log(self, process: subprocess.Popen[str] | Begun, ready: threading.Event) -> None:
        assert process.stdout is not None
        with process.stdout as stream:
            for line in stream:
                self.log.append(line.rstrip())
                if found := _READY.search(line):
                    self.url = found.group(1)
                    ready.set()
        ready.set()  # it ended: whoever waits should look
