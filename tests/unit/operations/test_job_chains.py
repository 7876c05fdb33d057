"""A file and what is made of it are one chain of jobs, for whoever may see them."""

from __future__ import annotations

from dataclasses import replace

from server.auth.permissions import Principal, Role
from server.datasets.import_orders import ImportRequest
from server.operations.job_chains import MOST_AFTER, NO_CHAIN, JobChain, LinkState
from server.operations.uploads import NewUpload
from server.uploads.files import Upload
from tests.unit.operations.conftest import DIRTY, ORDERS, House


async def chain(house: House, asks: Principal, job_id: str) -> JobChain:
    job = await house.todo.jobs.get(house.admin, job_id)
    return (await house.todo.job_chains.of(asks, [job])).get(job_id, NO_CHAIN)


async def job_of(house: House, upload: Upload) -> str:
    found = await house.todo.uploads.find(house.admin, upload.id)
    assert found.job_id
    return found.job_id


async def test_an_import_says_which_upload_it_came_from(house: House, alice: Principal) -> None:
    job = await house.imported(alice)
    upload = await house.todo.uploads.find(alice, job.parameters["upload_id"])
    before = (await chain(house, alice, job.id)).before
    assert before is not None
    assert (before.kind, before.name, before.state, before.size_bytes) == (
        "file_upload",
        "orders.csv",
        LinkState.SUCCEEDED,
        len(ORDERS),
    )
    assert (before.job_id, before.at) == (upload.job_id, upload.completed_at)


async def test_an_upload_says_its_newest_imports_in_their_order(house: House, alice: Principal, bob: Principal) -> None:
    await house.imported(bob, dataset="of_bob")
    upload = await house.upload(alice, DIRTY)
    for number in range(MOST_AFTER + 1):
        request = ImportRequest(upload_id=upload.id, dataset=f"d{number}", dry_run=number == MOST_AFTER)
        await house.ended(alice, await house.todo.imports.start(alice, request))
    after = (await chain(house, alice, await job_of(house, upload))).after
    assert [(part.name, part.kind) for part in after] == [
        *((f"d{number}", "data_import") for number in range(1, MOST_AFTER)),
        (f"d{MOST_AFTER}", "import_check"),
    ]
    assert all(part.job_id and part.at for part in after)


async def test_an_upload_under_way_says_what_its_sender_will_do_with_it(house: House, alice: Principal) -> None:
    wanted = NewUpload(name="orders.csv", size=len(ORDERS), metadata={"filename": "orders.csv", "dataset": "orders"})
    upload = await house.todo.uploads.create(alice, wanted, idempotency_key="k")
    (planned,) = (await chain(house, alice, await job_of(house, upload))).after
    assert (planned.name, planned.state, planned.job_id) == ("orders", LinkState.PLANNED, None)
    # The same file for another dataset is the same upload: what becomes of it is no part of what it is.
    other = replace(wanted, metadata={"filename": "orders.csv", "dataset": "others"})
    assert (await house.todo.uploads.create(alice, other, idempotency_key="k")).id == upload.id
    job = await house.todo.jobs.cancel(alice, await job_of(house, upload))
    assert (await house.todo.job_chains.of(alice, [job]))[job.id] == NO_CHAIN


async def test_what_is_left_of_a_file_that_was_removed_is_what_its_import_knows(house: House, alice: Principal) -> None:
    job = await house.imported(alice)
    await house.todo.uploads.delete(alice, job.parameters["upload_id"])
    before = (await chain(house, alice, job.id)).before
    assert before is not None
    assert (before.name, before.state, before.size_bytes, before.job_id) == (
        "orders.csv",
        LinkState.REMOVED,
        len(ORDERS),
        None,
    )


async def test_who_may_not_see_a_file_any_more_is_told_no_more_than_their_own_job_says(
    house: House, alice: Principal, admin: Principal
) -> None:
    upload = await house.upload(alice)
    request = ImportRequest(upload_id=upload.id, dataset="mine")
    job = await house.ended(admin, await house.todo.imports.start(admin, request))
    before = (await chain(house, admin, job.id)).before
    assert before is not None
    assert before.job_id
    before = (await chain(house, replace(admin, role=Role.EDITOR), job.id)).before
    assert before is not None
    assert (before.job_id, before.upload_id, before.at) == (None, None, None)


async def test_jobs_without_a_file_have_no_chain(house: House, alice: Principal) -> None:
    job = await house.todo.jobs.demonstrate(alice, seconds=0, total=1, fail_at=None, idempotency_key=None)
    assert await house.todo.job_chains.of(alice, [job]) == {}
