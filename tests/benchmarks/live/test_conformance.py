"""The WebSocket conformance cases of kosoku (Autobahn's), on our sockets and on plain aiohttp's. `make bench`."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.benchmarks.live import contestants, processes, tables

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(600)]


def test_our_sockets_conform_as_plain_aiohttp_does() -> None:
    python, problem = contestants.peers_python()
    if python is None:
        pytest.skip(f"kosoku cannot be had: {problem}")
    command = [sys.executable, "-m", "tests.benchmarks.live.conformance_server"]
    server = processes.Process(command, core=processes.SERVER_CORE, directory=processes.ROOT, environ=os.environ)
    port = server.answer()["port"]
    found = {}
    for name in ("ours", "aiohttp"):
        script = processes.HERE / "peers" / "conformance.py"
        url = f"ws://127.0.0.1:{port}/{name}"
        result = subprocess.run([python, script, url], stdout=subprocess.PIPE, text=True, check=True)
        found[name] = json.loads(result.stdout)
    server.stop()
    rows = [
        (name, f"{each['count'] - len(each['failed'])} of {each['count']}", len(each["not_strict"]))
        for name, each in found.items()
    ]
    tables.show("WebSocket conformance, groups 1 to 11 (kosoku)", ("", "passed", "of them not strict"), rows)
    for name, each in found.items():
        for case, why in each["failed"].items():
            print(f"{name} {case}: {why}")
    assert set(found["ours"]["failed"]) <= set(found["aiohttp"]["failed"])
