"""The catalogue on a real database: versions are immutable, publishing is all or nothing, owners see only their own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import ColumnElement, insert

from server.auth.permissions import Principal, Role
from server.clock import new_id, utc_now
from server.datasets import like_files
from server.datasets.catalog import Catalog
from server.datasets.dataset import DatasetChange, Version, is_dataset_name, suggested_name
from server.datasets.schema import Column
from server.datasets.version_rows import data_key
from server.engines.local_files import LocalFiles
from server.errors import Conflict, InvalidInput, Locked, NotFound
from server.storage.database import Database
from server.storage.scratch import Scratch
from server.storage.tables import batches, datasets, jobs, users
from tests.databases import EmptyDatabase, opened_in

ALICE, BOB = "alice", "bob"


def of(owner: str) -> ColumnElement[bool]:
    return datasets.c.owner_id == owner


def person(name: str) -> Principal:
    return Principal(user_id=name, user_name=name, role=Role.EDITOR, language="en")


COLUMNS = [Column(name="region", type="text"), Column(name="金额", type="decimal")]


@dataclass
class House:
    """A catalogue, what lies under it, and what it announced."""

    catalog: Catalog
    database: Database
    blobs: LocalFiles
    scratch: Scratch
    announced: list[tuple[str, dict[str, Any], str | None]] = field(default_factory=list)

    async def publish(self, *, owner: str = ALICE, name: str = "orders", mode: Any = "create", **given: Any) -> Version:
        job_id = given.pop("job_id", None) or new_id()
        partial = self.scratch.path()
        partial.write_bytes(b"rows")
        await self.blobs.publish(partial, data_key(job_id))
        values: dict[str, Any] = {
            "files": [data_key(job_id)],
            "row_count": 10,
            "rejected_count": 1,
            "bytes": 4,
            "own_bytes": 4,
            "columns": COLUMNS,
            "statistics": {"region": {"nulls": 1, "min": "a", "max": "k"}, "金额": {"nulls": 0, "distinct": 9}},
            "source": {"name": "orders.csv"},
        }
        async with self.database.write() as connection:
            return await self.catalog.publish(
                connection, owner_id=owner, name=name, mode=mode, job_id=job_id, **(values | given)
            )


@pytest.fixture
async def house(tmp_path: Path, empty_database: EmptyDatabase) -> AsyncIterator[House]:
    database = opened_in(tmp_path, empty_database)
    async with database.write() as connection:
        for name in (ALICE, BOB):
            await connection.execute(
                insert(users).values(
                    id=name, name=name, name_key=name, password_hash="", role="editor", created_at=utc_now()
                )
            )
    blobs, scratch = LocalFiles(tmp_path / "blobs"), Scratch(tmp_path / "blobs" / "partial")
    announced: list[tuple[str, dict[str, Any], str | None]] = []
    catalog = Catalog(database, blobs, announce=lambda *call: announced.append(call))
    yield House(catalog, database, blobs, scratch, announced)
    await database.close()


async def test_a_published_version_is_the_current_one(house: House) -> None:
    await house.publish()
    dataset = await house.catalog.get(ALICE, "orders")
    assert (dataset.version, dataset.row_count, dataset.columns) == (1, 10, COLUMNS)


async def test_another_owner_does_not_see_it(house: House) -> None:
    await house.publish()
    with pytest.raises(NotFound):
        await house.catalog.get(BOB, "orders")
    assert (await house.catalog.list(of(BOB))).items == []
    assert await house.catalog.names_of(BOB) == []


async def test_what_a_file_is_like_is_found_among_any_number_of_datasets(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(like_files, "_FILES_AT_ONCE", 1)
    monkeypatch.setattr(like_files, "_NAMES_AT_ONCE", 1)
    renamed = [Column(name="area", source="region", type="text"), COLUMNS[1]]
    for name, columns in (("a", COLUMNS[:1]), ("b", renamed), ("c", [*COLUMNS, *COLUMNS[:1]]), ("d", COLUMNS[1:])):
        await house.publish(name=name, columns=columns, source={"name": f"{name}-2026-10.csv"})

    async def like(owner: str, stem: str, *columns: str) -> tuple[str, str] | None:
        found = await house.catalog.like(owner, columns=set(columns), stem=stem)
        return found and (found[0].name, found[1])

    assert await like(ALICE, "d", "region", "金额") == ("b", "columns")
    assert await like(ALICE, "a", "region", "other") == ("a", "name")
    assert await like(ALICE, "", "region", "other") is None
    assert await like(BOB, "a", "region") is None


async def test_two_owners_may_use_the_same_name(house: House) -> None:
    await house.publish()
    await house.publish(owner=BOB, row_count=3)
    assert (await house.catalog.get(ALICE, "orders")).row_count == 10
    assert (await house.catalog.get(BOB, "orders")).row_count == 3


async def test_a_job_that_runs_again_publishes_once(house: House) -> None:
    first = await house.publish(job_id="j1")
    again = await house.publish(job_id="j1")
    assert again == first
    assert (await house.catalog.versions(await house.catalog.get(ALICE, "orders"))).total == 1


async def test_creating_what_exists_says_what_to_use_instead(house: House) -> None:
    await house.publish()
    with pytest.raises(Conflict, match="“replace” or “append”"):
        await house.publish()


async def test_replacing_keeps_the_version_before(house: House) -> None:
    first = await house.publish()
    await house.publish(mode="replace", row_count=7)
    versions = (await house.catalog.versions(await house.catalog.get(ALICE, "orders"))).items
    assert [(version.number, version.row_count) for version in versions] == [(2, 7), (1, 10)]
    assert versions[1] == first


async def test_appending_adds_files_rows_and_what_is_known_of_them(house: House) -> None:
    first = await house.publish()
    second = await house.publish(
        mode="append",
        row_count=5,
        statistics={"region": {"nulls": 2, "min": "c", "max": "z"}, "金额": {"nulls": 1, "distinct": 5}},
    )
    assert second.files[0] == first.files[0]
    assert len(second.files) == 2
    assert second.row_count == 15
    assert second.statistics == {"region": {"nulls": 3, "min": "a", "max": "z"}, "金额": {"nulls": 1}}


async def test_appending_to_nothing_is_refused(house: House) -> None:
    with pytest.raises(InvalidInput, match="no dataset named “orders” to append to"):
        await house.publish(mode="append")


async def test_replacing_nothing_creates(house: House) -> None:
    assert (await house.publish(mode="replace")).number == 1


async def test_restoring_makes_a_new_version_with_the_old_files(house: House) -> None:
    first = await house.publish()
    await house.publish(mode="replace", row_count=7)
    async with house.database.write() as connection:
        restored = await house.catalog.restore(connection, first)
    assert (restored.number, restored.mode, restored.row_count, restored.files) == (3, "restore", 10, first.files)
    assert restored.source["restored_from"] == 1
    assert (await house.catalog.get(ALICE, "orders")).version == 3


async def test_an_unknown_version_is_not_found(house: House) -> None:
    await house.publish()
    with pytest.raises(NotFound, match="no version 9"):
        await house.catalog.version(ALICE, "orders", 9)


async def test_deleting_removes_rows_then_files(house: House) -> None:
    await house.publish()
    last = await house.publish(mode="append")
    async with house.catalog.fetched(last.files) as paths:
        assert len(paths) == 2
    async with house.database.write() as connection:
        keys = await house.catalog.delete(connection, await house.catalog.get(ALICE, "orders"))
    await house.catalog.remove_files(keys)
    assert [path.exists() for path in paths] == [False, False]
    with pytest.raises(NotFound):
        await house.catalog.get(ALICE, "orders")


async def test_a_dataset_is_not_deleted_under_running_reports(house: House) -> None:
    version = await house.publish()
    await _start_batch(house, version)
    async with house.database.write() as connection:
        dataset = await house.catalog.get(ALICE, "orders")
        with pytest.raises(Locked, match="“Monthly”"):
            await house.catalog.delete(connection, dataset)


async def test_renaming_refuses_a_taken_name(house: House) -> None:
    await house.publish()
    await house.publish(name="returns")
    dataset = await house.catalog.get(ALICE, "orders")
    async with house.database.write() as connection:
        with pytest.raises(Conflict, match="“returns”"):
            await house.catalog.describe(connection, dataset, DatasetChange(name="returns"))
        await house.catalog.describe(connection, dataset, DatasetChange(name="订单", description="All of them"))
    renamed = await house.catalog.get(ALICE, "订单")
    assert (renamed.id, renamed.description, renamed.version) == (dataset.id, "All of them", 1)


async def test_lists_are_paged_and_searched_over_everything(house: House) -> None:
    for name in ("beta", "alpha", "订单"):
        await house.publish(name=name, source={"name": f"{name}.csv"})
    first = await house.catalog.list(of(ALICE), limit=2)
    assert ([item.name for item in first.items], first.total) == (["alpha", "beta"], 3)
    rest = await house.catalog.list(of(ALICE), limit=2, cursor=first.next_cursor)
    assert ([item.name for item in rest.items], rest.next_cursor) == (["订单"], None)
    assert (await house.catalog.list(of(ALICE), q="金额")).total == 3
    assert [item.name for item in (await house.catalog.list(of(ALICE), q="ALPHA.csv")).items] == ["alpha"]


async def test_a_search_follows_a_dataset_through_its_changes(house: House) -> None:
    await house.publish(source={"name": "January.csv"})
    dataset = await house.catalog.get(ALICE, "orders")
    async with house.database.write() as connection:
        await house.catalog.describe(connection, dataset, DatasetChange(name="sales", description="Straße 100%"))
    await house.publish(name="other", job_id="j9")

    async def found(q: str) -> list[str]:
        return [item.name for item in (await house.catalog.list(of(ALICE), q=q)).items]

    assert await found("STRASSE 100%") == await found("january") == await found("sale csv") == ["sales"]
    assert await found("100_") == await found("sales orders january february") == []
    assert (await house.catalog.list(of(BOB), q="sales")).total == 0


async def test_wide_datasets_make_short_pages_and_none_is_left_out(house: House) -> None:
    columns = [Column(name=f"column {number} {'x' * 900}", type="text") for number in range(300)]
    for number in range(8):
        await house.publish(name=f"wide{number}", job_id=f"wide{number}", columns=columns)
    names: list[str] = []
    pages, cursor = 0, None
    while pages == 0 or cursor is not None:
        page = await house.catalog.list(of(ALICE), limit=500, cursor=cursor)
        names += [item.name for item in page.items]
        pages, cursor = pages + 1, page.next_cursor
        assert page.total == 8
    assert names == [f"wide{number}" for number in range(8)]
    assert pages > 2


async def test_versions_are_paged_newest_first(house: House) -> None:
    await house.publish()
    for number in range(4):
        await house.publish(mode="replace", job_id=f"again{number}")
    first = await house.catalog.versions(await house.catalog.get(ALICE, "orders"), limit=3)
    assert ([version.number for version in first.items], first.total) == ([5, 4, 3], 5)
    rest = await house.catalog.versions(
        await house.catalog.get(ALICE, "orders"), limit=3, before=int(first.next_cursor or 0)
    )
    assert ([version.number for version in rest.items], rest.next_cursor) == ([2, 1], None)
    assert (await house.catalog.version(ALICE, "orders", 2)).number == 2
    with pytest.raises(NotFound):
        await house.catalog.version(ALICE, "orders", 6)


async def test_files_of_an_owner_name_every_part(house: House) -> None:
    await house.publish()
    await house.publish(mode="append")
    version = (await house.catalog.mentioned(await house.catalog.readable(person(ALICE)), ["select * from orders"]))[
        "orders"
    ]
    assert version.number == 2
    async with house.catalog.fetched(version.files) as paths:
        assert [path.is_file() for path in paths] == [True, True]


async def test_a_change_is_announced_to_its_owner(house: House) -> None:
    house.catalog.announce_change(await house.publish())
    event, data, owner = house.announced[0]
    assert (event, owner, data["version"], data["row_count"]) == ("dataset:orders", ALICE, 1, 10)


@pytest.mark.parametrize("name", ["orders", "_x", "订单_2026", "a" * 63])
def test_good_dataset_names(name: str) -> None:
    assert is_dataset_name(name)


@pytest.mark.parametrize("name", ["", "Orders", "1st", "a-b", "a b", 'a"; drop', "a" * 64, "../x", "orders\n"])
def test_bad_dataset_names(name: str) -> None:
    assert not is_dataset_name(name)


@pytest.mark.parametrize(
    ("file_name", "name"),
    [
        ("Sales 2026 (final).xlsx", "sales_2026_final"),
        ("2026.csv", "data_2026"),
        ("订单明细.csv", "订单明细"),
        ("???.csv", "data"),
        ("noending", "noending"),
        ("../../etc/passwd", "passwd"),
        ("x" * 200 + ".csv", "x" * 63),
    ],
)
def test_a_file_name_suggests_a_dataset_name(file_name: str, name: str) -> None:
    assert suggested_name(file_name) == name
    assert is_dataset_name(name)


async def _start_batch(house: House, version: Version) -> None:
    job_id, now = new_id(), utc_now()
    async with house.database.write() as connection:
        await connection.execute(
            insert(jobs).values(
                id=job_id,
                kind="batch_report",
                owner_id=ALICE,
                title="x",
                state="running",
                unit="reports",
                created_at=now,
            )
        )
        await connection.execute(
            insert(batches).values(
                id=new_id(),
                job_id=job_id,
                owner_id=ALICE,
                name="Monthly",
                template_name="t",
                template_version=1,
                template_source="",
                clock=now,
                language="en",
                time_zone="UTC",
                dataset_versions={"orders": {"dataset_id": version.dataset_id, "version": 1, "files": version.files}},
                created_at=now,
            )
        )
