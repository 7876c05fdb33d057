"""What all nodes share dies and comes back, clocks differ, memory is at its end: nothing is lost, and nothing is twice.

These nodes and workers began at once on an empty database, and the clocks of half of them are ahead.
"""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import aiohttp
import psutil
import psycopg
import pytest

from server.storage.database import Database
from tests import seaweed
from tests.cluster.conftest import HasNodes, People, live, node
from tests.cluster.hopping import every_offset_is_told_once
from tests.cluster.test_workers import count_for, job, stands, who_runs
from tests.cluster.workshop import LEASE_SECONDS, WorkerProcess, Workshop, engines_of
from tests.conftest import PASSWORDS
from tests.functional.batches import ended as batch_ended
from tests.functional.batches import put_template, reports_of
from tests.functional.batches import start as order
from tests.functional.importing import ended, import_text, start, upload
from tests.moved_clock import MovedClock, moved_clock
from tests.postgresql import OwnServer, own_server
from tests.process import ServerProcess
from tests.store_line import StoreState, ThreadedStoreLine, store_line
from tests.valkey import some
from tests.waiting import until

pytestmark = pytest.mark.timeout(300)
AHEAD_SECONDS = 5


@dataclass
class Shop(Workshop):
    postgresql: OwnServer | None = None
    store: ThreadedStoreLine | None = None
    clock: MovedClock | None = None


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str], worker_id: str) -> Iterator[Shop]:
    directory = tmp_path_factory.mktemp("faults")
    with ExitStack() as stack:
        postgresql = stack.enter_context(own_server(f"faults-{worker_id}"))
        (valkey,) = stack.enter_context(some(1))
        place = urlsplit(seaweed.new_place())
        (endpoint,) = parse_qs(place.query)["endpoint"]
        store = stack.enter_context(store_line(urlsplit(endpoint).port or 0))
        shared = environment | engines_of(
            database_url=postgresql.new_database("jindu"),
            broker_url=valkey.url,
            storage_url=f"s3://{place.netloc}{place.path}?endpoint=http://127.0.0.1:{store.port}",
        )
        shared |= {"JINDU_JOB_RETRY_SECONDS": "1"}
        clock = moved_clock(directory)
        if clock is not None:
            clock.move(AHEAD_SECONDS)
        ahead = clock.environ if clock is not None else {}
        made = Shop(
            directory,
            shared,
            east=node(directory, "east", shared, JINDU_ROLE="web"),
            west=node(directory, "west", shared, JINDU_ROLE="web", **ahead),
            postgresql=postgresql,
            store=store,
            clock=clock,
        )
        made.workers = [made.worker("one"), made.worker("two", **ahead)]
        processes = [made.east, made.west, *made.workers]
        for each in processes:
            stack.callback(each.kill)
        with ThreadPoolExecutor() as threads:
            list(threads.map(ServerProcess.start, processes))
        yield made


@pytest.fixture
def served(shop: Shop) -> HasNodes:
    return shop
