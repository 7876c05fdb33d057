"""An S3 store for the tests alone: one SeaweedFS for all pytest workers, made when the first test asks for it."""

from __future__ import annotations

import atexit
import fcntl
import functools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

KEY_ID, SECRET = "jindu", "a-secret-of-tests"
_IDENTITY = {
    "name": "jindu",
    "credentials": [{"accessKey": KEY_ID, "secretKey": SECRET}],
    "actions": ["Admin", "Read", "Write", "List"],
}
_PORTS = ("master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port", "filer.port.grpc")
_START_SECONDS = 60.0
_STARTED: list[subprocess.Popen[bytes]] = []  # it goes on without whoever started it


def new_place() -> str:
    """What the setting `storage_url` has to say for a place that is empty."""
    return f"s3://jindu-tests/{uuid4().hex}?endpoint={quote(running(), safe='')}"


@functools.cache
def running() -> str:
    """Its endpoint. It stops, and its files go, when the last worker ends."""
    own = Path(tempfile.gettempdir()) / f"jindu-seaweed-{os.getuid()}"
    own.mkdir(mode=0o700, exist_ok=True)
    directory = own / os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
    with _locked(own / "lock"):
        directory.mkdir(exist_ok=True)
        users = (directory / "users").open("w")
        fcntl.flock(users, fcntl.LOCK_SH)
        atexit.register(_leave, directory, users)
        address = directory / "endpoint"
        if not address.exists():
            address.write_text(_start(directory))
    return address.read_text()


def _start(directory: Path) -> str:
    (directory / "s3.json").write_text(json.dumps({"identities": [_IDENTITY]}))
    with ExitStack() as stack:
        ports = [stack.enter_context(_free_port()) for _ in range(len(_PORTS) + 2)]
    s3_port = ports.pop()
    command = [
        Path(sys.executable).with_name("weed"), "-logtostderr=true", "server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1",
        f"-dir={directory}", "-master.telemetry=false", "-master.volumeSizeLimitMB=64", "-volume.max=40",
        *(f"-{name}={port}" for name, port in zip(_PORTS, ports, strict=False)), "-filer", "-s3", f"-s3.port={s3_port}",
        f"-s3.port.grpc={ports[-1]}", "-s3.port.iceberg=0", "-s3.port.lance=0", "-s3.iam=false",
        f"-s3.config={directory / 's3.json'}",
    ]  # fmt: skip
    with (directory / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    _STARTED.append(process)
    (directory / "pid").write_text(str(process.pid))
    endpoint = f"http://127.0.0.1:{s3_port}"
    _await(endpoint, directory / "log")
    return endpoint


def _await(endpoint: str, log: Path) -> None:
    """Until it takes objects; the first one makes the bucket."""
    options: dict[str, Any] = {"client_options": {"allow_http": True}, "retry_config": {"max_retries": 0}}
    store = S3Store("jindu-tests", endpoint=endpoint, access_key_id=KEY_ID, secret_access_key=SECRET, **options)
    deadline = time.monotonic() + _START_SECONDS
    while not _takes(store):
        assert time.monotonic() < deadline, f"SeaweedFS does not start:\n{log.read_text()[-2000:]}"
        time.sleep(0.1)


def _takes(store: S3Store) -> bool:
    try:
        obstore.put(store, "begun", b"", use_multipart=False)
    except BaseError:
        return False
    return True


def _leave(directory: Path, users: Any) -> None:
    """Whoever cannot be the only user leaves it to others."""
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    with suppress(ProcessLookupError, FileNotFoundError):
        os.kill(int((directory / "pid").read_text()), signal.SIGKILL)
    shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def _free_port() -> Iterator[int]:
    """Nobody else gets it inside the block."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
