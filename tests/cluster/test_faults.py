"""What all nodes share dies and comes back, clocks differ, memory is at its end: nothing is lost, and nothing is twice.

These nodes and workers began at once on an empty database, and the clocks of half of them are ahead.
"""

from __future__ import annotations

import asyncio
import resource
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import aiohttp
import psutil
import pytest

from server.realtime.close_codes import CloseCode
from server.storage.database import Database
from tests import seaweed
from tests.cluster.conftest import HasNodes, People, live, node
from tests.cluster.hopping import every_offset_is_told_once
from tests.cluster.test_workers import count_for, job, stands
from tests.cluster.workshop import LEASE_SECONDS, Workshop, engines_of
from tests.conftest import PASSWORDS
from tests.functional.batches import RIGHT, put_template, reports_of
from tests.functional.batches import ended as batch_ended
from tests.functional.batches import start as order
from tests.functional.importing import ORDERS, ended, import_text, start, upload
from tests.moved_clock import NO_COMPILER, MovedClock, moved_clock
from tests.postgresql import OwnServer, own_server
from tests.process import ServerProcess
from tests.store_line import StoreState, ThreadedStoreLine, store_line
from tests.valkey import some
from tests.waiting import until

pytestmark = pytest.mark.timeout(300)
AHEAD_SECONDS = 5


@dataclass(kw_only=True)
class Shop(Workshop):
    postgresql: OwnServer
    store: ThreadedStoreLine
    clock: MovedClock | None


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
        shared |= {"JINDU_JOB_RETRY_SECONDS": "0.3"}
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


async def ready(shop: Shop) -> bool:
    for each in (shop.east, shop.west, *shop.workers):
        async with aiohttp.ClientSession(each.url) as client, client.get("/readyz") as response:
            if (await response.json()).get("status") != "ready":
                return False
    return True


async def test_all_that_began_at_once_are_ready_on_the_same_tables_with_one_administrator(
    shop: Shop, admin: People
) -> None:
    await until(lambda: ready(shop))
    ids = set()
    for client in (admin.east, admin.west):
        async with client.get("/api/v1/admin/users") as response:
            ids |= {each["id"] for each in (await response.json())["items"] if each["name"] == "admin"}
    assert len(ids) == 1


async def test_clients_that_hop_see_every_offset_once_while_postgresql_is_killed_and_starts_again(
    shop: Shop, database: Database, alice: People, bob: People
) -> None:
    async def faults(step: int) -> None:
        if step == 40:
            await asyncio.to_thread(shop.postgresql.kill)
            await until(lambda: is_away(alice))
            await asyncio.to_thread(shop.postgresql.start)
            await until(lambda: ready(shop))

    await every_offset_is_told_once(database, alice, bob, faults)


async def is_away(people: People) -> bool:
    async with people.west.get("/readyz") as response:
        return response.status == 503


async def test_work_under_way_waits_for_a_store_that_is_away_and_then_too_busy(shop: Shop, alice: People) -> None:
    await import_text(alice.east)
    await put_template(alice.west)
    uploaded = await upload(alice.west, ORDERS + "West,1,2026-01-04,yes\n")
    shop.store.be(StoreState.AWAY)
    try:
        batch = await order(alice.east)
        imported = await start(alice.west, uploaded, mode="append")
        form = aiohttp.FormData()
        form.add_field("file", ORDERS, filename="later.csv")
        async with alice.east.post("/api/v1/uploads", data=form) as response:
            assert (response.status, (await response.json())["code"]) == (503, "storage_away")
        for client, state in ((alice.east, StoreState.AWAY), (alice.west, StoreState.BUSY)):
            shop.store.be(state)
            for job_id in (batch["job_id"], imported):
                await until(lambda: waits(client, job_id), seconds=60)  # noqa: B023
    finally:
        shop.store.be(StoreState.THERE)
    assert (await batch_ended(alice.west, batch["batch_id"]))["state"] == "succeeded"
    assert Counter(each["state"] for each in await reports_of(alice.east, batch["batch_id"])) == {"succeeded": 3}
    assert (await ended(alice.east, imported))["row_count"] == 3 + 4
    await until(lambda: ready(shop))


async def waits(client: aiohttp.ClientSession, job_id: str) -> bool:
    found = await job(client, job_id)
    return found["state"] == "queued" and "store of files" in (found["waiting_for"] or "")


async def tried(client: aiohttp.ClientSession, job_id: str, attempts: int) -> bool:
    """So often in vain, and it begins again."""
    found = await job(client, job_id)
    in_vain = found["attempt"] - (found["state"] == "running")
    return bool(found["state"] in ("queued", "running") and in_vain >= attempts)


async def test_work_of_workers_whose_memory_is_at_its_end_is_done_once_they_have_some(
    shop: Shop, alice: People
) -> None:
    """Neither gets one byte more; what of it they can still do is a matter of chance."""
    await import_text(alice.east, mode="create", dataset="remembered")
    await put_template(alice.west, "remembered", RIGHT.replace("orders", "remembered"))
    uploaded = await upload(alice.west, ORDERS)
    with ExitStack() as exhausted:
        for worker in shop.workers:
            exhausted.enter_context(without_memory(worker))
        batch = await order(alice.east, "remembered")
        imported = await start(alice.west, uploaded, dataset="remembered", mode="append")
        with suppress(AssertionError):
            await until(lambda: tried(alice.east, imported, 1), seconds=2)
    for worker in shop.workers:
        if worker.has_ended:
            await asyncio.to_thread(worker.start)
    assert (await batch_ended(alice.west, batch["batch_id"]))["state"] == "succeeded"
    assert Counter(each["state"] for each in await reports_of(alice.east, batch["batch_id"])) == {"succeeded": 3}
    assert (await ended(alice.east, imported))["row_count"] == 6


@contextmanager
def without_memory(process: ServerProcess) -> Iterator[None]:
    before = resource.prlimit(process.pid, resource.RLIMIT_AS)
    resource.prlimit(process.pid, resource.RLIMIT_AS, (psutil.Process(process.pid).memory_info().vms, before[1]))
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            resource.prlimit(process.pid, resource.RLIMIT_AS, before)


async def test_clocks_that_differ_by_more_than_a_lease_take_no_job_from_anybody_and_end_no_connection(
    shop: Shop, alice: People
) -> None:
    if shop.clock is None:
        pytest.skip(NO_COMPILER)
    long = [await count_for(client, LEASE_SECONDS + 1) for client in (alice.east, alice.west)]
    credentials = {"username": "alice", "password": PASSWORDS["alice"], "name": "of the other clock"}
    async with alice.west.post("/api/v1/tokens", json=credentials) as response:
        token = (await response.json())["token"]
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(shop.east.url, headers=headers) as east, live(alice.west) as older:
        await older.next("connection")
        async with live(east) as newer:
            await newer.next("connection")
            assert await older.closed_with(seconds=20) == CloseCode.REPLACED
            for job_id in long:
                done = await newer.next(lambda each: each.get("job_id") == job_id and each["state"] == "succeeded")  # noqa: B023
                assert done["progress"] == 50
                assert await stands(alice.west, job_id, "succeeded", attempt=1)
