"""Schedules that import: what is new comes once, what was taken does not, and what cannot come is told."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from server.auth.permissions import Role
from server.errors import InvalidInput, NotFetched, NotFound
from server.operations.schedule_wishes import ScheduleWish
from server.schedules.plans import ImportPlan, ImportResult, ReadAs, RunsWhat, Takes
from server.schedules.schedule import ScheduleRun, StopReason
from server.settings import Settings
from server.uploads.elsewhere import Found, Place
from tests.unit.operations.conftest import House, refused
from tests.unit.operations.test_schedules import Node, told

OCTOBER = datetime(2036, 10, 20, 12, tzinfo=UTC)
FIRST, SECOND = b"id,amount\n1,10\n2,20\n", b"id,amount\n3,30\n"


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    (tmp_path / "inbox").mkdir()
    return tmp_path / "inbox"


@pytest.fixture
def settings(settings: Settings, inbox: Path) -> Settings:
    return replace(settings, import_folders=(f"inbox={inbox}",), import_hosts=("data.example.com",), job_retries=0)


@pytest.fixture
def node(house: House) -> Node:
    return Node(house)


def put(inbox: Path, name: str, content: bytes, *, age: float = 60) -> Path:
    path = inbox / name
    path.write_bytes(content)
    at = time.time() - age
    os.utime(path, (at, at))
    return path


async def planned(node: Node, *, after: dict[str, Any] | None = None, **plan: Any) -> str:
    wanted: dict[str, Any] = {"folder": "inbox", "file": "orders*.csv", "dataset": "orders"} | plan
    wish = ScheduleWish(
        runs=RunsWhat.IMPORT,
        import_=ImportPlan(**wanted),
        time_zone="UTC",
        **(after or {"cron": "0 8 * * *"}),
    )
    return (await node.schedules.create(node.house.alice, wish)).id


async def ran(node: Node, schedule_id: str, place: int) -> ScheduleRun:
    """The run of that place, once its jobs are over: the one that brings the file here, and its import."""
    house = node.house
    async with asyncio.timeout(30):
        while True:
            await node.look()
            runs = await node.runs(schedule_id)
            if len(runs) > place and (job_id := runs[place].job_id) is not None:
                await house.ended(house.admin, await house.todo.jobs.get(house.admin, job_id))
                run = (await node.runs(schedule_id))[place]
                if run.job_id == job_id:
                    return run


async def by_time(node: Node, schedule_id: str) -> ScheduleRun:
    """The next day."""
    before = len(await node.runs(schedule_id))
    node.now = node.now.replace(hour=8, minute=0, second=1) + timedelta(days=1)
    return await ran(node, schedule_id, before)


async def by_hand(node: Node, schedule_id: str) -> ScheduleRun:
    before = len(await node.runs(schedule_id))
    node.now += timedelta(seconds=5)
    await node.schedules.run(node.house.alice, schedule_id)
    return await ran(node, schedule_id, before)


async def rows(house: House, dataset: str = "orders") -> tuple[int, int]:
    """The version, and how many rows it has."""
    found = await house.todo.datasets.get(house.alice, dataset)
    return found.version, found.row_count


async def test_the_newest_file_comes_once(node: Node, house: House, inbox: Path) -> None:
    schedule_id = await planned(node)
    assert (await node.schedules.get(house.alice, schedule_id)).name == "inbox/orders*.csv → orders"
    nothing_there = await by_time(node, schedule_id)
    assert nothing_there.shown_state == "failed"
    assert nothing_there.job_error is not None
    assert "has no file" in nothing_there.job_error.message
    assert len([each for each in await told(house, house.alice) if "failed" in each]) == 1

    put(inbox, "orders-1.csv", FIRST, age=90)
    put(inbox, "orders-2.csv", FIRST)
    taken = await by_time(node, schedule_id)
    assert (taken.shown_state, taken.job_imported, taken.job_rejected) == ("succeeded", 2, 0)
    assert taken.result == ImportResult(file="orders-2.csv")
    assert await rows(house) == (1, 2)

    again = await by_time(node, schedule_id)
    assert again.result == ImportResult(nothing_new=True)
    assert again.shown_state == "succeeded"
    put(inbox, "orders-2.csv", FIRST, age=30)  # touched, or written once more
    same = await by_time(node, schedule_id)
    assert same.result == ImportResult(nothing_new=True, is_same=True)
    assert await rows(house) == (1, 2)
    for name in ("orders-1.csv", "orders-2.csv"):  # whoever keeps the folder puts away what was taken
        os.remove(inbox / name)
    assert (await by_time(node, schedule_id)).result == ImportResult(nothing_new=True)

    put(inbox, "orders-3.csv", SECOND)
    assert (await by_time(node, schedule_id)).job_imported == 1
    assert await rows(house) == (2, 1)
    put(inbox, "orders-4.csv", FIRST)  # as it was before: what is there now is something else
    assert (await by_time(node, schedule_id)).job_imported == 2
    assert [title for _, title, _ in await house.audited("import.start")] == [
        "orders-2.csv",
        "orders-3.csv",
        "orders-4.csv",
    ]


async def test_each_new_file_comes_in_its_order_and_none_twice(
    node: Node, house: House, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As long as a busy machine may need for the first three.
    monkeypatch.setattr(house.parts.uploads.folders, "_settled_seconds", 60.0)
    await house.given(house.alice, FIRST)
    schedule_id = await planned(node, take=Takes.EACH, mode="append")
    put(inbox, "orders-1.csv", b"id,amount\n3,30\n", age=300)
    put(inbox, "orders-2.csv", b"id,amount\n4,oops,5\n", age=200)  # a reject
    put(inbox, "orders-[3].csv", b"id,amount\n5,50\n6,60\n", age=100)
    put(inbox, "orders-4.csv", b"id,amount\n7,70\n", age=0)  # still on its way
    put(inbox, "other.csv", FIRST)
    first = await by_time(node, schedule_id)
    assert first.result == ImportResult(file="orders-1.csv", more=2, growing=1)
    second = await ran(node, schedule_id, 1)
    assert (second.cause, second.shown_state) == ("files", "failed")  # not a single row
    third = await ran(node, schedule_id, 2)
    assert (third.result, third.job_imported) == (ImportResult(file="orders-[3].csv", growing=1), 2)
    await node.look()
    assert len(await node.runs(schedule_id)) == 3
    assert await rows(house) == (3, 5)

    put(inbox, "orders-1.csv", b"id,amount\n3,30\n", age=90)  # touched
    os.rename(inbox / "orders-[3].csv", inbox / "orders-5.csv")
    put(inbox, "orders-4.csv", b"id,amount\n7,70\n", age=80)
    assert (await by_time(node, schedule_id)).result == ImportResult(file="orders-4.csv")
    assert (await by_time(node, schedule_id)).result == ImportResult(nothing_new=True)
    assert await rows(house) == (4, 6)
    # What failed comes again only when somebody asks for it.
    again = await by_hand(node, schedule_id)
    assert (again.result, again.shown_state) == (ImportResult(file="orders-2.csv"), "failed")
    # Where nothing ever fitted the pattern may be wrong: that is no news of nothing.
    mistyped = await by_hand(node, await planned(node, take=Takes.EACH, file="order_*.csv", mode="append"))
    assert (mistyped.shown_state, mistyped.result) == ("failed", None)


async def test_a_batch_comes_after_it_as_after_any_import(node: Node, house: House, inbox: Path) -> None:
    put(inbox, "orders.csv", b"id,region,amount\n1,north,10\n")
    importing = await planned(node)
    await by_hand(node, importing)
    await house.todo.templates.save(
        house.alice,
        "sales",
        "title: Sales\nformats: [html]\nqueries: {a: select * from orders}\nblocks: [{table: {query: a}}]\n",
    )
    real = Node(house, now=datetime.now(UTC))
    wish = ScheduleWish(template="sales", after_import="orders", quiet_seconds=0, time_zone="UTC")
    batch = (await real.schedules.create(house.alice, wish)).id
    put(inbox, "orders.csv", b"id,region,amount\n1,north,20\n", age=20)
    await by_hand(node, importing)
    real.now = datetime.now(UTC) + timedelta(seconds=1)
    run = await ran(real, batch, 0)
    assert (run.cause, run.shown_state) == ("import", "succeeded")
    # What is imported cannot be what begins the import, on no way round.
    with refused(InvalidInput, fields=("after_import",)):
        await node.schedules.change(house.alice, importing, {"after_import": "orders"})
    await house.given(house.alice, FIRST, dataset="copies")
    copies = await planned(node, dataset="copies", after={"after_import": "orders"})
    with refused(InvalidInput, fields=("after_import",)):
        await node.schedules.change(house.alice, importing, {"after_import": "copies"})
    assert (await node.schedules.get(house.alice, copies)).dataset_name == "orders"


async def test_columns_are_read_as_the_last_time_unless_somebody_wants_otherwise(
    node: Node, house: House, inbox: Path
) -> None:
    put(inbox, "orders.csv", b"id,code\n1,A7\n")
    schedule_id = await planned(node)
    await by_hand(node, schedule_id)
    put(inbox, "orders.csv", b"id,code\n1,8\n2,9\n", age=30)
    await by_hand(node, schedule_id)
    assert [each.type for each in (await house.todo.datasets.get(house.alice, "orders")).columns] == ["integer", "text"]
    plan = ImportPlan(folder="inbox", file="orders.csv", dataset="orders", profile=ReadAs.FOUND)
    await node.schedules.change(house.alice, schedule_id, {"import_": plan})
    put(inbox, "orders.csv", b"id,code\n1,8\n2,10\n", age=20)
    await by_hand(node, schedule_id)
    types = [each.type for each in (await house.todo.datasets.get(house.alice, "orders")).columns]
    assert types == ["integer", "integer"]


@pytest.mark.parametrize(
    ("wrong", "fields"),
    [
        ({"folder": "elsewhere"}, ("import.folder",)),
        ({"file": "../secret"}, ("import.file",)),
        ({"url": "https://data.example.com/a.csv"}, ("import.url",)),
        ({"folder": None, "file": None, "url": "https://10.0.0.1/a.csv"}, ("import.url",)),
        ({"folder": None, "file": None, "url": "https://data.example.com/a", "take": Takes.EACH}, ("import.take",)),
        ({"mode": "append"}, ("import.dataset",)),
        ({"mode": "upsert"}, ("import.key",)),
        ({"dataset": "no name!"}, ("import.dataset",)),
    ],
)
async def test_what_is_wrong_is_said_when_it_is_planned(
    node: Node, wrong: dict[str, Any], fields: tuple[str, ...]
) -> None:
    with refused(InvalidInput, fields=fields) if wrong != {"mode": "append"} else pytest.raises(InvalidInput):
        await planned(node, **wrong)


async def test_with_the_rights_of_its_owner_as_they_are_then(node: Node, house: House, inbox: Path) -> None:
    put(inbox, "orders.csv", FIRST)
    schedule_id = await planned(node)
    assert (await node.schedules.list(house.bob)).total == 0
    await house.todo.admin.change_user(house.admin, house.alice.user_id, role=Role.VIEWER)
    await node.look(OCTOBER + timedelta(days=1))
    assert (await node.schedules.get(house.admin, schedule_id)).reason is StopReason.RIGHTS
    # A dataset of somebody else is theirs to give.
    await house.given(house.bob, FIRST, dataset="theirs")
    with refused(NotFound):
        await planned(node, dataset="theirs", owner="bob")
    assert (await house.todo.datasets.get(house.bob, "theirs")).version == 1


class Address:
    """A place on the web: what it says of its file, and what it was asked."""

    def __init__(self) -> None:
        self.content, self.version, self.error = FIRST, "", ""
        self.unless: list[str | None] = []

    def require(self, place: Place) -> None:
        return

    @asynccontextmanager
    async def open(self, place: Place) -> AsyncIterator[Found | None]:
        self.unless.append(place.unless)
        if self.error:
            raise NotFetched(self.error)
        if self.version and place.unless == self.version:
            yield None
            return

        async def chunks() -> AsyncIterator[bytes]:
            yield self.content

        yield Found(name="orders.csv", size=None, media_type="", version=self.version or None, chunks=chunks())


async def test_an_address_is_asked_whether_it_has_something_new(node: Node, house: House) -> None:
    address = Address()
    house.parts.uploads.elsewhere["url"] = address  # type: ignore[index]
    url = "https://data.example.com/orders.csv?token=s3cret"
    schedule_id = await planned(node, folder=None, file=None, url=url)
    assert (await node.schedules.get(house.alice, schedule_id)).name == "data.example.com → orders"
    address.version = 'etag:"a"'
    assert (await by_time(node, schedule_id)).job_imported == 2
    assert (await by_time(node, schedule_id)).result == ImportResult(nothing_new=True)
    assert address.unless == [None, 'etag:"a"']
    address.version = ""  # it says nothing of versions: what it holds is looked at
    assert (await by_time(node, schedule_id)).result == ImportResult(nothing_new=True, is_same=True)
    address.content = SECOND
    assert (await by_time(node, schedule_id)).job_imported == 1
    address.error = "data.example.com cannot be reached."
    away = await by_time(node, schedule_id)
    assert (away.shown_state, away.job_error.message if away.job_error else "") == ("failed", address.error)
    assert await rows(house) == (2, 1)
    assert not [each for each in await told(house, house.alice) if "s3cret" in each]
    assert not [line for line in await house.audited("schedule.create") if "s3cret" in str(line)]
