"""The processes of a live benchmark: compiled, pinned to a core each, driven by lines and answering in JSON."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
SERVER_CORE, CLIENT_CORE = min(os.sched_getaffinity(0)), max(os.sched_getaffinity(0))
_STOP_SECONDS = 30

Answer = dict[str, Any]


def compiler() -> str | None:
    return shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")


def compiled(source: str, directory: Path) -> Path:
    """A program from one C file of this directory."""
    program = directory / Path(source).stem
    if not program.exists():
        command = [compiler() or "cc", "-O2", "-Wall", "-Wextra", "-o", str(program), str(HERE / source)]
        subprocess.run(command, check=True)
    return program


class Process:
    """One program on one core. `ask` sends a line and waits for the line that answers it."""

    def __init__(
        self, command: Sequence[str | Path], *, core: int, directory: Path, environ: Mapping[str, str]
    ) -> None:
        self._process = subprocess.Popen(
            list(map(str, command)),
            cwd=directory,
            env=dict(environ),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: _settle(core),
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, *words: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(" ".join(map(str, words)) + "\n")
        self._process.stdin.flush()

    def answer(self) -> Answer:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("{"):  # a server may print more than its answers
                found: Answer = json.loads(line)
                return found
        raise RuntimeError(f"{self._process.args!r} ended with {self._process.wait()}")

    def ask(self, *words: object) -> Answer:
        self.send(*words)
        return self.answer()

    def rss_bytes(self) -> int:
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise RuntimeError("no VmRSS")

    def cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self) -> None:
        """By the end of its input, which all of these programs obey."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()


def jindu(data: Path, *options: str) -> tuple[Process, int]:
    """The real server and its port."""
    data.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "tests.benchmarks.live.jindu_server", data, *options]
    return _listening(Process(command, core=SERVER_CORE, directory=ROOT, environ=os.environ))


def floor(programs: Path) -> tuple[Process, int]:
    command = [compiled("floor.c", programs), "0"]
    return _listening(Process(command, core=SERVER_CORE, directory=ROOT, environ=os.environ))


def peer(command: Sequence[str | Path], environ: Mapping[str, str] | None = None) -> tuple[Process, int]:
    whole = {**os.environ, **(environ or {})}
    return _listening(Process(command, core=SERVER_CORE, directory=HERE / "peers", environ=whole))


def load(
    programs: Path,
    port: int,
    *,
    path: str = "/ws/%d",
    cookies: Path | None = None,
    pings_by_text: bool = False,
    hello: str = "-",
) -> Process:
    """The load generator, on the other core; see `load.c` for what it can be told."""
    sources = 8
    command = [
        compiled("load.c", programs), "127.0.0.1", port, path, cookies or "-", sources, int(pings_by_text), hello
    ]  # fmt: skip
    return Process(list(map(str, command)), core=CLIENT_CORE, directory=ROOT, environ=os.environ)


def _listening(process: Process) -> tuple[Process, int]:
    return process, int(process.answer()["port"])


def _settle(core: int) -> None:
    os.sched_setaffinity(0, {core})
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
