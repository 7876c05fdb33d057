"""How long a search takes among 100,000 reports, through the API, and what the words cost whoever writes.

`pytest -m benchmark -s tests/benchmarks/test_search.py`, and with `--database postgresql` for the other engine.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from typing import Any

import aiohttp
import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.clock import new_id, utc_now
from server.settings import Settings
from server.storage import findable
from server.storage.database import Database
from server.storage.tables import batches, datasets, grants, reports, users
from tests.conftest import new_user, running, signed_in

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(1800)]
PEOPLE, BATCHES, REPORTS, DATASETS, GIVEN = 50, 1_000, 100, 500, 3
REGIONS = ("Europe", "Overseas", "North America", "Asia", "欧洲", "海外", "北美", "华东")
WORDS = (
    "月", "欧", "十月", "北美", "十月 欧洲", "s", "mo", "sales", "October Europe", "2026-10 Overseas", "customer 5",
    "monthly sal", "slaes", "orders_7", "nothing",
)  # fmt: skip
TIMES = 20
Row = dict[str, Any]


async def test_a_search_among_100_000_reports(settings: Settings) -> None:
    async with (
        running(settings) as server,
        await signed_in(server, "admin") as admin,
        await new_user(server, admin, "alice") as few,
    ):
        database = server.parts.storage.database
        began = time.perf_counter()
        await fill(database)
        told(f"{BATCHES * REPORTS:,} reports were stored in {time.perf_counter() - began:.0f} s")
        told("ms: median / the longest / CPU of client and server, but not of PostgreSQL (hits)")
        told("an administrator, and somebody with 300 of them")
        for q in WORDS:
            told(f"{q:<18} {await measured(admin, q)}   {await measured(few, q)}")
        await what_words_cost(database)


async def measured(client: aiohttp.ClientSession, q: str) -> str:
    seconds, found = [], 0
    for _ in range(2):  # the first of a kind is compiled
        await ask(client, q)
    began = time.process_time()
    for _ in range(TIMES):
        asked = time.perf_counter()
        found = await ask(client, q)
        seconds.append(time.perf_counter() - asked)
    cpu = (time.process_time() - began) / TIMES
    return f"{1000 * statistics.median(seconds):6.1f} / {1000 * max(seconds):6.1f} / {1000 * cpu:5.1f} ({found:2})"


async def ask(client: aiohttp.ClientSession, q: str) -> int:
    async with client.get("/api/v1/search", params={"q": q}) as response:
        assert response.status == 200
        return len((await response.json())["items"])


async def what_words_cost(database: Database) -> None:
    """1,000 reports of a batch in one transaction, without their words and with them."""
    plain, findable_too = [], []
    for turn in range(10):
        async with database.write() as connection:
            batch = await add_batch(connection, turn + BATCHES, await any_owner(connection))
            rows = [report_of(batch, number, REGIONS[number % 8]) for number in range(1_000)]
            began = time.perf_counter()
            await connection.execute(sa.insert(reports), rows)
            between = time.perf_counter()
            await findable.put(connection, [words_of(batch, row) for row in rows])
        plain.append(between - began)
        findable_too.append(time.perf_counter() - between)
    told(
        f"1,000 reports of a batch: {1000 * statistics.median(plain):.0f} ms, and their words "
        f"{1000 * statistics.median(findable_too):.0f} ms with the commit"
    )


async def fill(database: Database) -> None:
    now = utc_now()
    async with database.write() as connection:
        people = [new_id() for _ in range(PEOPLE)]
        known = {"password_hash": "", "role": "editor", "notifications": {}, "created_at": now}
        named = [(each, f"person {number}") for number, each in enumerate(people)]
        rows = [known | {"id": each, "name": name, "name_key": name} for each, name in named]
        await connection.execute(sa.insert(users), rows)
        alice = await connection.scalar(sa.select(users.c.id).where(users.c.name == "alice"))
        for number in range(BATCHES):
            batch = await add_batch(connection, number, people[number % PEOPLE])
            rows = [report_of(batch, place, REGIONS[(number + place) % 8]) for place in range(REPORTS)]
            await connection.execute(sa.insert(reports), rows)
            await findable.put(connection, [words_of(batch, row) for row in rows])
            if number % (BATCHES // GIVEN) == 0 and number // (BATCHES // GIVEN) < GIVEN:
                given = {"id": new_id(), "batch_id": batch["id"], "user_id": alice, "everyone": False, "may": "view"}
                await connection.execute(sa.insert(grants).values(given | {"created_at": now}))
        await add_datasets(connection, people)
    if not database.place.endswith(".db"):
        async with database.write() as connection:
            await connection.exec_driver_sql("ANALYZE")  # as autovacuum does within a minute


async def add_batch(connection: AsyncConnection, number: int, owner_id: str) -> Row:
    month = f"{2020 + number % 7}-{1 + number % 12:02}"
    row = {"id": new_id(), "owner_id": owner_id, "job_id": new_id(), "name": f"Monthly sales {month}"}
    more = {"template_name": "monthly-sales", "template_version": 1, "template_source": "", "clock": utc_now()}
    given = row | more | {"language": "en", "time_zone": "UTC", "created_at": utc_now(), "sequence": number + 1}
    await connection.execute(sa.insert(batches).values(given))
    await findable.put(connection, [findable.of_batch(row["id"], owner_id, row["name"], ["monthly-sales"])])
    return row | {"month": month}


def report_of(batch: Row, number: int, region: str) -> Row:
    parameters = {
        "month": batch["month"],
        "region": region,
        "customer": f"customer {hash((batch['id'], number)) % 99_999}",
    }
    row = {"id": new_id(), "batch_id": batch["id"], "owner_id": batch["owner_id"], "position": number}
    title = f"月报 Monthly sales report, {region} {batch['month']}"
    return row | {"title": title, "parameters": parameters, "state": "succeeded"}


def words_of(batch: Row, row: Row) -> Row:
    ids = row["id"], row["batch_id"], row["owner_id"]
    return findable.of_report(*ids, row["title"], row["parameters"], (batch["name"], "monthly-sales"))


async def add_datasets(connection: AsyncConnection, people: Sequence[str]) -> None:
    known = {"version": 1, "created_at": utc_now(), "updated_at": utc_now()}
    rows = [known | {"id": new_id(), "owner_id": people[n % PEOPLE], "name": f"orders_{n}"} for n in range(DATASETS)]
    await connection.execute(sa.insert(datasets), rows)
    for row in rows:
        ids = row["id"], row["owner_id"]
        columns = [
            findable.of_column(*ids, f"{name}_{ids[0][-1]}", ()) for name in ("region", "amount", "sales", "金额")
        ]
        await findable.put(connection, [findable.of_dataset(*ids, row["name"], ["orders of shops"]), *columns])


async def any_owner(connection: AsyncConnection) -> str:
    return str(await connection.scalar(sa.select(users.c.id).where(users.c.name == "person 1")))


def told(line: str) -> None:
    print(line, flush=True)
