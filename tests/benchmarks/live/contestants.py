"""Who is measured: ours, the floor, and the peers that can be had here. What is missing is said, not hidden."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.benchmarks.live import processes
from tests.benchmarks.live.processes import HERE, ROOT, Process

OURS, FLOOR, FASTAPI = "Jindu", "C floor", "FastAPI on uvicorn"
_SOCKET_IO = "python-socketio"
_PYTHON_PEERS = (
    (FASTAPI, "fastapi_server.py"),
    ("aiohttp, pre-built frames", "aiohttp_server.py", "prebuilt"),
    ("aiohttp, gathered send_str", "aiohttp_server.py", "gather"),
    ("websockets, its broadcast", "websockets_server.py"),
    (_SOCKET_IO, "socketio_server.py"),
)
_WS_VERSION = "8.18.3"
_HOME = ROOT / ".bench"  # kept between runs; `make clean` removes it


@dataclass(slots=True)
class Contestant:
    """A server under measurement and the load on it."""

    name: str
    server: Process
    load: Process
    connections: int = 0
    figures: dict[str, list[float]] = field(default_factory=dict)

    def open(self, connections: int) -> None:
        """Have so many connections."""
        answer = self.load.ask("open", connections - self.connections, 0)
        assert answer["open"] == connections, (self.name, answer)
        self.connections = connections

    def stop(self) -> None:
        self.load.stop()
        self.server.stop()


Start = Callable[[], Contestant]


@dataclass(frozen=True, slots=True)
class Peers:
    """How to start what was found here, by name, and a line for each of what was not."""

    starts: dict[str, Start]
    missing: list[str]


def ours(programs: Path, data: Path, *options: str, event: str = "") -> Contestant:
    """With an `event`, all its clients subscribe to that."""
    server, port = processes.jindu(data, *options)
    hello = json.dumps({"type": "subscribe", "events": [event]}, separators=(",", ":")) if event else "-"
    load = processes.load(programs, port, cookies=data / "cookies", pings_by_text=True, hello=hello)
    return Contestant(OURS, server, load)


def floor(programs: Path) -> Contestant:
    server, port = processes.floor(programs)
    return Contestant(FLOOR, server, processes.load(programs, port))


def peers(programs: Path) -> Peers:
    """Installs them at the first time, which takes a minute."""
    starts: dict[str, Start] = {}
    missing: list[str] = []
    python, problem = peers_python()
    if python is None:
        missing.append(f"FastAPI, aiohttp, websockets and python-socketio are left out: {problem}")
    else:
        for name, script, *options in _PYTHON_PEERS:
            starts[name] = _start(name, programs, [python, script, *options])
    script, problem = _node()
    if script is None:
        missing.append(f"Node with ws is left out: {problem}")
    else:
        starts["Node, ws"] = _start("Node, ws", programs, ["node", script])
    return Peers(starts, missing)


def _start(name: str, programs: Path, command: list[str | Path]) -> Start:
    def start() -> Contestant:
        server, port = processes.peer(command)
        if name == _SOCKET_IO:
            path = "/socket.io/?EIO=4&transport=websocket"
            return Contestant(name, server, processes.load(programs, port, path=path, hello="40"))
        return Contestant(name, server, processes.load(programs, port))

    return start


def peers_python(wanted: Path = HERE / "peers.txt") -> tuple[Path | None, str]:
    """The interpreter of the peers' environment, or why there is none."""
    home = _HOME / f"python-{hashlib.sha256(wanted.read_bytes()).hexdigest()[:12]}"
    python = home / "bin" / "python"
    done = home / "complete"
    if not done.exists():
        problem = _ran([sys.executable, "-m", "venv", str(home)]) or _ran(
            [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", str(wanted)]
        )
        if problem:
            return None, problem
        done.touch()
    return python, ""


def _node() -> tuple[Path | None, str]:
    """The script beside an installed `ws`, where Node looks for it; or why there is none."""
    if not shutil.which("node") or not shutil.which("npm"):
        return None, "there is no node or no npm."
    home = _HOME / f"node-ws-{_WS_VERSION}"
    script = home / "ws_server.mjs"
    home.mkdir(parents=True, exist_ok=True)
    if not (home / "node_modules" / "ws").exists():
        problem = _ran(
            ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(home), f"ws@{_WS_VERSION}"]
        )
        if problem:
            return None, problem
    shutil.copy(HERE / "peers" / "ws_server.mjs", script)
    return script, ""


def _ran(command: list[str]) -> str:
    """What went wrong, in one line; empty when nothing did."""
    result = subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ))
    if result.returncode == 0:
        return ""
    lines = (result.stderr or result.stdout).strip().splitlines()
    return f"`{' '.join(command[:4])} …` failed: {lines[-1] if lines else result.returncode}"
