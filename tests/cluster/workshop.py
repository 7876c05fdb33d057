"""Nodes that serve people, and workers beside them, on one PostgreSQL, one Valkey and one S3 store."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from server.clock import new_id
from tests import postgresql, seaweed
from tests.cluster.conftest import node
from tests.ports import free_port
from tests.process import ServerProcess
from tests.valkey import ValkeyProcess

LEASE_SECONDS = 3.0


class WorkerProcess(ServerProcess):
    """`run.py worker`, with a port of its own."""

    def arguments(self, port: str) -> list[str]:
        return ["worker", "--worker-port", port if port != "0" else str(free_port()), "--data", str(self.data)]


@dataclass
class Workshop:
    """`east` and `west` serve people; workers come and go."""

    directory: Path
    environment: dict[str, str]
    east: ServerProcess
    west: ServerProcess
    workers: list[WorkerProcess] = field(default_factory=list)

    @property
    def home(self) -> ServerProcess:
        return self.east

    @property
    def nodes(self) -> tuple[ServerProcess, ...]:
        return (self.east, self.east, self.west)

    @contextmanager
    def working(self, *names: str, **more: str) -> Iterator[list[WorkerProcess]]:
        """Workers of these names; they are gone after the block."""
        began = [self.worker(name, **more) for name in names]
        self.workers += began
        try:
            with ThreadPoolExecutor() as threads:
                list(threads.map(ServerProcess.start, began))
            yield began
        finally:
            for worker in began:
                worker.kill()

    def worker(self, name: str, **more: str) -> WorkerProcess:
        data = self.directory / name
        data.mkdir(exist_ok=True)
        return WorkerProcess(data, environ={**self.environment, "JINDU_NODE": name, **more})


def engines_of(*, database_url: str, broker_url: str, storage_url: str) -> dict[str, str]:
    """What all nodes and workers of a workshop have in common."""
    return {
        "JINDU_DATABASE_URL": database_url,
        "JINDU_BROKER_URL": broker_url,
        "JINDU_STORAGE_URL": storage_url,
        "JINDU_STORAGE_KEY_ID": seaweed.KEY_ID,
        "JINDU_STORAGE_SECRET": seaweed.SECRET,
        "JINDU_LEASE_SECONDS": str(LEASE_SECONDS),
        "JINDU_JOB_ATTEMPTS": "3",
        "JINDU_METRICS_ADDRESSES": "127.0.0.1",
        "JINDU_EXTERNAL_JOB_SILENCE_SECONDS": "3",
    }


@contextmanager
def workshop(directory: Path, environment: dict[str, str]) -> Iterator[Workshop]:
    valkey = ValkeyProcess()
    valkey.start()
    environment = environment | engines_of(
        # Of its own: nodes of other tests live on beside it, and take whatever job they find in theirs.
        database_url=postgresql.new_database(f"workshop_{new_id()}"),
        broker_url=valkey.url,
        storage_url=seaweed.new_place(),
    )
    made = Workshop(
        directory,
        environment,
        east=node(directory, "east", environment, JINDU_ROLE="web"),
        west=node(directory, "west", environment, JINDU_ROLE="web"),
    )
    try:
        for each in (made.east, made.west):  # the first makes the tables and the administrator
            each.start()
        yield made
    finally:
        for process in (made.east, made.west, *made.workers):
            process.kill()
        valkey.kill()
