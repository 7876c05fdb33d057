"""Lists of reports with 100,000 of them in 2,000 batches: each page, count and offer of values. `make bench`."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from server.auth.access import BATCHES, Whose, listed
from server.auth.permissions import SCOPES_OF_ROLE, Principal, Role
from server.jobs.job import Completeness, State
from server.reports.batch_filter import BatchFilter
from server.reports.batch_lists import BatchLists
from server.reports.report_values import rows_of, words_in
from server.storage.database import Database
from server.storage.tables import batch_words, batches, grants, jobs, report_values, reports, users
from tests.databases import EmptyDatabase, opened_in

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(600)]
BATCHES_MADE, REPORTS_OF_EACH = 2_000, 50
MOST_SECONDS = 0.1
NOW = datetime(2026, 11, 1, tzinfo=UTC)
FILE = {
    "file": "north-2026-10.pdf",
    "format": "pdf",
    "type": "application/pdf",
    "size": 105_000,
    "sha256": "0" * 64,
    "blob": "reports/x",
}
OWNERS = ["anna", "ben", "cleo", "dan"]


@pytest.fixture
async def database(tmp_path: Path, empty_database: EmptyDatabase) -> AsyncIterator[Database]:
    database = opened_in(tmp_path, empty_database)
    yield database
    await database.close()


async def filled(database: Database) -> None:
    """Of four owners; a quarter is anna's, and every tenth of the others is shared with her."""
    async with database.write() as connection:
        for name in OWNERS:
            row = {"id": name.ljust(26, "0"), "name": name, "name_key": name, "password_hash": "x", "role": "editor"}
            await connection.execute(sa.insert(users).values(created_at=NOW, **row))
        for start in range(0, BATCHES_MADE, 100):
            numbers = range(start, start + 100)
            await connection.execute(sa.insert(jobs), [job(number) for number in numbers])
            await connection.execute(sa.insert(batches), [batch(number) for number in numbers])
            rows = [report(number, place) for number in numbers for place in range(REPORTS_OF_EACH)]
            await connection.execute(sa.insert(reports), rows)
            await connection.execute(sa.insert(report_values), [value for row in rows for value in rows_of(row)])
            await connection.execute(sa.insert(batch_words), [words(number) for number in numbers])
            given = [number for number in numbers if number % 10 == 1]
            await connection.execute(sa.insert(grants), [grant(number) for number in given])
        analyse = "ANALYZE" if connection.dialect.name == "postgresql" else "SELECT 1"
        await connection.execute(sa.text(analyse))


def owner_of(number: int) -> str:
    return OWNERS[number % len(OWNERS)].ljust(26, "0")


def job(number: int) -> dict[str, object]:
    return {
        "id": f"j{number:025}",
        "sequence": number + 1,
        "kind": "batch_report",
        "owner_id": owner_of(number),
        "title": f"Region sales {number}",
        "state": State.SUCCEEDED,
        "outcome": Completeness.PARTIAL if number % 7 == 0 else Completeness.COMPLETE,
        "unit": "reports",
        "created_at": NOW - timedelta(hours=number),
    }


def batch(number: int) -> dict[str, object]:
    return {
        "id": f"b{number:025}",
        "sequence": BATCHES_MADE - number,
        "owner_id": owner_of(number),
        "job_id": f"j{number:025}",
        "name": f"Region sales · {month(number)}",
        "template_name": f"sales_{number % 12}",
        "template_version": 1,
        "template_source": "title: x\n" * 200,
        "clock": NOW,
        "dataset_versions": {},
        "language": "en",
        "time_zone": "UTC",
        "report_count": REPORTS_OF_EACH,
        "created_at": NOW - timedelta(hours=number),
    }


def month(number: int) -> str:
    return f"{2024 + number % 3}-{number % 12 + 1:02}"


def report(number: int, place: int) -> dict[str, object]:
    return {
        "id": f"r{number * REPORTS_OF_EACH + place:025}",
        "batch_id": f"b{number:025}",
        "owner_id": owner_of(number),
        "position": place + 1,
        "title": f"Region {place} in {month(number)}",
        "words": f"region {place} in {month(number)}",
        "parameters": {"region": f"Region {place}", "month": month(number)},
        "state": State.FAILED if number % 7 == 0 and place == 3 else State.SUCCEEDED,
        "artifacts": [FILE, FILE, FILE],
    }


def words(number: int) -> dict[str, object]:
    texts = (f"{row['title']} {row['parameters']}" for place in range(50) for row in [report(number, place)])
    return {"batch_id": f"b{number:025}", "words": words_in([f"Region sales sales_{number % 12}", *texts])}


def grant(number: int) -> dict[str, object]:
    row = {"id": f"g{number:025}", "batch_id": f"b{number:025}", "user_id": OWNERS[0].ljust(26, "0")}
    return {**row, "may": "view", "created_at": NOW}


FILTERS = {
    "all": BatchFilter(),
    "a month": BatchFilter(since=NOW - timedelta(days=30)),
    "a value": BatchFilter(values=[("region", "Region 7")]),
    "two values": BatchFilter(values=[("region", "Region 7"), ("month", "2025-08")]),
    "words": BatchFilter(text="region 2025-08"),
    "words that all have": BatchFilter(text="region 17"),
    "nothing": BatchFilter(text="nowhere"),
    "failed": BatchFilter(report_states=[State.FAILED]),
    "a template and partial": BatchFilter(templates=["sales_7"], outcomes=[Completeness.PARTIAL]),
}


async def test_each_page_of_a_hundred_thousand_reports_comes_within_a_tenth_of_a_second(database: Database) -> None:
    await filled(database)
    lists = BatchLists(database)
    slow = {}
    for name, role in (("anna", Role.EDITOR), ("admin", Role.ADMIN)):
        principal = Principal(
            user_id=name.ljust(26, "0"), user_name=name, role=role, language="en", scopes=SCOPES_OF_ROLE[role]
        )
        which = listed(principal, BATCHES, Whose.ALL if role is Role.ADMIN else Whose.MINE_AND_SHARED)
        for said, wanted in FILTERS.items():

            async def page(wanted: BatchFilter = wanted, which: sa.ColumnElement[bool] = which) -> None:
                found = await lists.batches(which, wanted, limit=30)
                if wanted.chooses_reports:
                    await lists.chosen([each.id for each in found.items], wanted)

            asked: dict[str, Callable[[], Awaitable[object]]] = {
                "batches": page,
                "reports": lambda wanted=wanted, which=which: lists.reports(which, wanted, limit=50),  # type: ignore[misc]
                "values": lambda wanted=wanted, which=which: lists.values(which, wanted),  # type: ignore[misc]
                "find": lambda wanted=wanted, which=which: lists.values(which, wanted, find="2025"),  # type: ignore[misc]
            }
            took = {what: await seconds(ask) for what, ask in asked.items()}
            print(f"{name:6} {said:24}", "  ".join(f"{what} {1000 * each:6.1f} ms" for what, each in took.items()))
            slow |= {(name, said, what): each for what, each in took.items() if each > MOST_SECONDS}
    assert slow == {}


async def seconds(ask: Callable[[], Awaitable[object]]) -> float:
    """The better of two: the first one fills the caches."""
    took = []
    for _ in range(3):
        began = time.perf_counter()
        await ask()
        took.append(time.perf_counter() - began)
    return min(took)
