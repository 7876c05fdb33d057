"""Rows that were left out: read, taken along, corrected once, and by their owner alone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

import msgspec
import pytest

from server.auth.permissions import Principal
from server.datasets.reject_file_names import file_facts
from server.datasets.reject_lists import Reject
from server.datasets.reject_rows import Cells
from server.datasets.version_rows import rejects_key
from server.errors import Conflict, Forbidden, Gone, InvalidInput, NotFound
from server.jobs.job import Job, State
from server.operations.rejects import RejectOperations
from tests.unit.operations.conftest import DIRTY, House, bytes_of, only_looking, refused

RIGHT: dict[int, Cells] = {3: ["2", "south", "80"], 5: ["4", "south", "5"]}


@pytest.fixture
def rejects(house: House) -> RejectOperations:
    return house.todo.rejects


@pytest.fixture
async def job(house: House) -> Job:
    """Alice's import, which left out the lines 3 and 5."""
    return await house.imported(house.alice, DIRTY)


def message(reject: Reject) -> str:
    return reject.code


async def test_nobody_else_reads_or_corrects_them(
    rejects: RejectOperations, house: House, job: Job, bob: Principal
) -> None:
    questions: list[Awaitable[object]] = [
        rejects.list(bob, job.id),
        rejects.left(bob, job.id),
        rejects.rows(bob, job.id),
        rejects.rows_at(bob, job.id, [3]),
        rejects.correct(bob, job.id, RIGHT),
        rejects.own_layout(bob, job.id, str),
        rejects.correct(house.admin, job.id, RIGHT),  # who sees them does not say what is right
    ]
    for question in questions:
        with refused(NotFound):
            await question
    with refused(NotFound):
        async with rejects.all(bob, job.id, "csv", message):
            pass
    assert (await house.todo.datasets.get(house.alice, "orders")).version == 1


async def test_who_may_only_look_reads_and_corrects_nothing(
    rejects: RejectOperations, job: Job, alice: Principal
) -> None:
    for asks in only_looking(alice):
        assert [reject.line for reject in (await rejects.list(asks, job.id)).items] == [3, 5]
        with refused(Forbidden):
            await rejects.correct(asks, job.id, RIGHT)


async def test_they_come_page_by_page_and_a_cursor_is_one_of_ours(
    rejects: RejectOperations, job: Job, alice: Principal
) -> None:
    first = await rejects.list(alice, job.id, limit=1)
    rest = await rejects.list(alice, job.id, limit=1, cursor=str(first.next_offset))
    assert [reject.line for reject in (*first.items, *rest.items)] == [3, 5]
    for cursor in ("x", "1", "-1", "99999"):
        with refused(InvalidInput):
            await rejects.list(alice, job.id, cursor=cursor)
    rows = await rejects.rows(alice, job.id, limit=1)
    more = await rejects.rows(alice, job.id, limit=1, cursor=rows.next_cursor)
    assert [row.line for row in (*rows.page.items, *more.page.items)] == [3, 5]
    for cursor in ("1", "2.0", "1.1", "x.0"):
        with refused(InvalidInput):
            await rejects.rows(alice, job.id, cursor=cursor)
    assert [row.line for row in (await rejects.rows(alice, job.id, from_line=4)).page.items] == [5]


async def test_the_whole_list_is_taken_along(rejects: RejectOperations, job: Job, alice: Principal) -> None:
    async with rejects.all(alice, job.id, "json", message) as pieces:
        told = msgspec.json.decode(b"".join([piece async for piece in pieces]))
    async with rejects.all(alice, job.id, "csv", message) as pieces:
        lines = b"".join([piece async for piece in pieces]).splitlines()
    assert (len(told), len(lines)) == (2, 3)


async def test_what_fits_is_added_once_and_the_rest_stays_in_the_list(
    rejects: RejectOperations, house: House, job: Job, alice: Principal
) -> None:
    some: dict[int, Cells] = {3: RIGHT[3], 5: ["four", "south", "5"]}
    corrected = await house.ended(alice, await rejects.correct(alice, job.id, some))
    assert corrected.state is State.SUCCEEDED
    assert (await house.todo.datasets.get(alice, "orders")).row_count == 3
    left = await rejects.rows(alice, job.id)
    assert [row.line for row in left.page.items] == [5]
    assert list((await rejects.rows_at(alice, job.id, [3, 5]))[1]) == [5]
    tried = await rejects.tried(alice, job.id, corrected.id)
    assert (dict(tried.cells), tried.taken) == (some, {})
    again = await house.ended(alice, await rejects.correct(alice, job.id, {3: RIGHT[3]}))
    assert (again.state, again.error and again.error.code) == (State.FAILED, "already_corrected")
    assert (await rejects.tried(alice, job.id, again.id)).taken == {3: RIGHT[3]}
    assert (await house.todo.datasets.get(alice, "orders")).row_count == 3
    assert [detail["rows"] for _, _, detail in await house.audited("import.correct")] == [2, 1]


async def test_of_two_tabs_that_correct_the_same_row_one_adds_it(
    rejects: RejectOperations, house: House, job: Job, alice: Principal
) -> None:
    started = await asyncio.gather(*(rejects.correct(alice, job.id, RIGHT) for _ in range(2)))
    ended = [await house.ended(alice, each) for each in started]
    assert sorted(each.state for each in ended) == [State.FAILED, State.SUCCEEDED]
    assert (await house.todo.datasets.get(alice, "orders")).row_count == 4
    with refused(NotFound):
        await rejects.own_layout(alice, job.id, str)  # nothing is left out any more


async def test_a_correction_is_one_under_one_key(
    rejects: RejectOperations, house: House, job: Job, alice: Principal
) -> None:
    first = await rejects.correct(alice, job.id, RIGHT, idempotency_key="k")
    assert (await rejects.correct(alice, job.id, RIGHT, idempotency_key="k")).id == first.id
    with refused(Conflict, "key_reused"):
        await rejects.correct(alice, job.id, {3: RIGHT[3]}, idempotency_key="k")
    await house.ended(alice, first)


async def test_what_fits_nowhere_adds_nothing_and_says_what_is_wrong_still(
    rejects: RejectOperations, house: House, job: Job, alice: Principal
) -> None:
    wrong: dict[int, Cells] = {3: ["two", "south", "80"]}
    failed = await house.ended(alice, await rejects.correct(alice, job.id, wrong))
    assert failed.error is not None
    assert failed.error.code == "none_corrected"
    tried = await rejects.tried(alice, job.id, failed.id)
    assert list(tried.wrong) == [3]
    assert (await house.todo.datasets.get(alice, "orders")).version == 1
    with refused(NotFound):
        await rejects.tried(alice, job.id, job.id)  # the import is no correction of itself


async def test_rows_have_a_cell_for_each_column_and_are_not_too_many(
    rejects: RejectOperations, job: Job, alice: Principal
) -> None:
    with refused(InvalidInput, fields=("rows[1].cells",)):
        await rejects.correct(alice, job.id, {3: RIGHT[3], 5: ["4"]})
    with refused(InvalidInput, fields=("rows",)):
        await rejects.correct(alice, job.id, {})
    with refused(InvalidInput, fields=("rows",)):
        await rejects.correct(alice, job.id, dict.fromkeys(range(201), RIGHT[3]))


async def test_once_the_dataset_was_replaced_nothing_is_added_to_it(
    rejects: RejectOperations, house: House, job: Job, alice: Principal
) -> None:
    await house.given(alice, mode="replace")
    with refused(Conflict, "dataset_replaced"):
        await rejects.correct(alice, job.id, RIGHT)
    assert [reject.line for reject in (await rejects.list(alice, job.id)).items] == [3, 5]  # it can still be read


async def test_of_an_import_that_failed_nothing_is_corrected(
    rejects: RejectOperations, house: House, alice: Principal
) -> None:
    failed = await house.imported(alice, DIRTY, reject_limit=0)
    assert failed.state is State.FAILED
    with refused(Conflict, "nothing_imported"):
        await rejects.correct(alice, failed.id, RIGHT)


async def test_a_list_that_went_for_its_age_says_so(
    rejects: RejectOperations, house: House, job: Job, alice: Principal
) -> None:
    await house.parts.storage.blobs.delete(rejects_key(job.id))
    with refused(Gone, "rejects_removed"):
        await rejects.list(alice, job.id)
    with refused(Gone, "rejects_removed"):
        await rejects.rows(alice, job.id)


async def test_what_is_left_is_a_file_like_the_one_that_came(
    rejects: RejectOperations, house: House, job: Job, alice: Principal
) -> None:
    made = await rejects.own_layout(alice, job.id, str)
    assert (made.name, made.media_type) == ("orders-rejects.csv", "text/csv; charset=utf-8")
    lines = bytes_of(made).decode("utf-8-sig").splitlines()
    assert lines[0].startswith("id,region,amount,")
    assert len(lines) == 3
    assert house.left_in_scratch() == []


async def test_once_all_are_added_nothing_is_left_to_read_or_to_take_along(
    rejects: RejectOperations, house: House, job: Job, alice: Principal
) -> None:
    corrected = await house.ended(alice, await rejects.correct(alice, job.id, RIGHT))
    assert corrected.state is State.SUCCEEDED
    for asked in (job.id, corrected.id):  # a correction speaks of the import that it corrects
        left = await rejects.left(alice, asked)
        assert (left.count, left.corrected, left.of_import.job_id) == (0, 2, job.id)
    assert (await rejects.rows(alice, job.id)).page.items == []
    assert (await rejects.rows_at(alice, job.id, [3]))[1] == {}
    assert (await house.todo.imports.get(alice, corrected.id)).corrects == job.id
    assert (await house.todo.imports.get(alice, job.id)).corrects is None


@pytest.mark.parametrize(
    ("name", "content", "made"),
    [
        ("Bestellungen.TSV", "id\tname\n1\tJörg\n2\n".encode("cp1252"), ("Bestellungen-rejects.tsv", "windows-1252")),
        ("orders.csv", "id,name\n1,Jörg\n2\n".encode("utf-16"), ("orders-rejects.csv", "utf-16")),
        ("orders.jsonl", b'{"id": 1}\n{"id": 2}\nno json\n', ("orders-rejects.jsonl", "jsonl")),
    ],
    ids=["tsv", "utf-16", "json lines"],
)
async def test_what_is_left_is_called_and_encoded_like_its_file(
    rejects: RejectOperations, house: House, alice: Principal, name: str, content: bytes, made: tuple[str, str]
) -> None:
    job = await house.imported(alice, content, name=name)
    file_name, media_type = file_facts(await rejects.left(alice, job.id))
    assert file_name == made[0]
    assert media_type.endswith(made[1])
