"""Imports as they are ordered: what is refused before a file is read, what is asked twice, what is known again."""

from __future__ import annotations

from collections.abc import Awaitable

import pytest

from server.auth.permissions import Principal
from server.datasets.import_orders import ImportOrder, ImportRequest
from server.datasets.schema import ColumnSpec, ReadOptions, Reference
from server.errors import Conflict, Forbidden, InvalidInput, NotFound
from server.jobs.job import Priority, State
from server.operations.imports import ImportOperations
from server.operations.uploads import NewUpload
from tests.unit.operations.conftest import DIRTY, ORDERS, House, only_looking, refused


@pytest.fixture
def imports(house: House) -> ImportOperations:
    return house.todo.imports


async def test_a_file_of_another_is_not_there(
    imports: ImportOperations, house: House, alice: Principal, bob: Principal
) -> None:
    job = await house.imported(alice)
    request = ImportRequest(upload_id=job.parameters["upload_id"], dataset="mine")
    questions: list[Awaitable[object]] = [
        imports.upload(bob, request.upload_id),
        imports.preview(bob, request.upload_id),
        imports.start(bob, request),
        imports.get(bob, job.id),
        imports.start_checked(bob, job.id),
    ]
    for question in questions:
        with refused(NotFound):
            await question
    assert (await house.todo.datasets.list(bob)).items == []


async def test_who_may_only_look_previews_and_imports_nothing(
    imports: ImportOperations, house: House, alice: Principal
) -> None:
    upload = await house.upload(alice)
    for asks in only_looking(alice):
        preview = await imports.preview(asks, upload.id)
        assert [column.name for column in preview.columns] == ["id", "region", "amount"]
        changes: list[Awaitable[object]] = [
            imports.check(asks, ImportOrder(dataset="orders")),
            imports.start(asks, ImportRequest(upload_id=upload.id, dataset="orders")),
        ]
        for change in changes:
            with refused(Forbidden):
                await change


@pytest.mark.parametrize(
    ("order", "fields"),
    [
        (ImportOrder(dataset="Not A Name"), ("dataset",)),
        (ImportOrder(dataset="orders", mode="upsert"), ("key",)),
        (ImportOrder(dataset="orders", key=["id"]), ("key",)),
        (ImportOrder(dataset="orders", reject_limit=-1), ("reject_limit",)),
        (ImportOrder(dataset="orders", reject_limit=10**9), ("reject_limit",)),
    ],
    ids=["name", "no key", "a key for nothing", "below zero", "beyond the server's"],
)
async def test_what_is_wrong_without_the_file_is_told_without_it(
    imports: ImportOperations, house: House, alice: Principal, order: ImportOrder, fields: tuple[str, ...]
) -> None:
    with refused(InvalidInput, fields=fields):
        await imports.check(alice, order)
    upload = await house.upload(alice)
    request = ImportRequest(
        upload_id=upload.id, dataset=order.dataset, mode=order.mode, key=order.key, reject_limit=order.reject_limit
    )
    with refused(InvalidInput, fields=fields):
        await imports.start(alice, request)


async def test_an_encoding_or_a_reference_that_is_not_there_is_told_as_well(
    imports: ImportOperations, alice: Principal
) -> None:
    with pytest.raises(InvalidInput):
        await imports.check(alice, ImportOrder(dataset="orders", options=ReadOptions(encoding="klingon")))
    refers = ReadOptions(columns=[ColumnSpec(name="region", reference=Reference(dataset="regions", column="name"))])
    with pytest.raises(InvalidInput):
        await imports.check(alice, ImportOrder(dataset="orders", options=refers))


async def test_half_a_file_is_not_imported(imports: ImportOperations, house: House, alice: Principal) -> None:
    upload = await house.todo.uploads.create(alice, NewUpload(name="orders.csv", size=len(ORDERS)))
    with refused(Conflict, "upload_incomplete"):
        await imports.start(alice, ImportRequest(upload_id=upload.id, dataset="orders"))
    with refused(Conflict, "upload_incomplete"):
        await imports.preview(alice, upload.id)
    with refused(NotFound):
        await imports.start(alice, ImportRequest(upload_id="gone", dataset="orders"))


async def test_what_exists_is_not_created_again_and_what_does_not_is_not_added_to(
    imports: ImportOperations, house: House, alice: Principal
) -> None:
    await house.imported(alice)
    upload = await house.upload(alice)
    for order in (ImportOrder(dataset="orders"), ImportOrder(dataset="returns", mode="append")):
        with pytest.raises((Conflict, InvalidInput)):
            await imports.check(alice, order)
        with pytest.raises((Conflict, InvalidInput)):
            await imports.start(alice, ImportRequest(upload_id=upload.id, dataset=order.dataset, mode=order.mode))
    assert len(await house.audited("import.start")) == 1
    assert (await house.imported(house.bob)).state is State.SUCCEEDED  # the name is taken among hers alone


async def test_the_same_key_is_the_same_import_also_once_its_dataset_exists(
    imports: ImportOperations, house: House, alice: Principal
) -> None:
    upload = await house.upload(alice)
    request = ImportRequest(upload_id=upload.id, dataset="orders")
    job = await house.ended(alice, await imports.start(alice, request, idempotency_key="k"))
    assert (await imports.start(alice, request, idempotency_key="k")).id == job.id
    with refused(Conflict, "key_reused"):
        await imports.start(alice, ImportRequest(upload_id=upload.id, dataset="others"), idempotency_key="k")
    assert (await house.todo.datasets.get(alice, "orders")).version == 1


async def test_a_check_changes_nothing_and_is_imported_as_it_was_read_once(
    imports: ImportOperations, house: House, alice: Principal
) -> None:
    checked = await house.imported(alice, DIRTY, dry_run=True, reject_limit="60%", priority=Priority.HIGH)
    state = await imports.get(alice, checked.id)
    assert (state.is_check, state.version, state.rejected_count) == (True, None, 2)
    with refused(NotFound):
        await house.todo.datasets.get(alice, "orders")
    first, again = await imports.start_checked(alice, checked.id), await imports.start_checked(alice, checked.id)
    assert first.id == again.id
    assert (await house.ended(alice, first)).state is State.SUCCEEDED
    ordered = (await imports.get(alice, first.id)).order
    assert (ordered.reject_limit, ordered.priority) == ("60%", Priority.HIGH)
    assert [who for who, _, _ in await house.audited("import.check")] == ["alice"]


async def test_only_what_was_checked_to_its_end_is_imported_from_there_and_only_by_its_owner(
    imports: ImportOperations, house: House, alice: Principal
) -> None:
    imported = await house.imported(alice)
    with refused(Conflict, "not_checked"):
        await imports.start_checked(alice, imported.id)
    failed = await house.imported(alice, DIRTY, dataset="strict", dry_run=True, reject_limit=0)
    assert failed.state is State.FAILED
    with refused(Conflict, "not_checked"):
        await imports.start_checked(alice, failed.id)
    checked = await house.imported(alice, dataset="others", dry_run=True)
    with refused(NotFound):  # an administrator sees it, and it is not theirs to import
        await imports.start_checked(house.admin, checked.id)


async def test_an_import_with_too_many_rejects_changes_nothing_and_keeps_its_list(
    imports: ImportOperations, house: House, alice: Principal
) -> None:
    job = await house.imported(alice, DIRTY, reject_limit=1)
    assert job.state is State.FAILED
    state = await imports.get(alice, job.id)
    assert (state.version, state.has_reject_list, state.is_check) == (None, True, False)
    with refused(NotFound):
        await house.todo.datasets.get(alice, "orders")
    with refused(NotFound):
        await imports.get(alice, str((await imports.upload(alice, state.upload_id)).job_id))  # no import


async def test_a_file_like_an_earlier_one_is_known_by_its_columns_or_else_by_its_name(
    imports: ImportOperations, house: House, alice: Principal
) -> None:
    await house.imported(alice, name="orders-2026-09.csv")
    same_columns = await house.upload(alice, ORDERS, name="other.csv")
    known = await imports.known(alice, same_columns, await imports.preview(alice, same_columns.id))
    assert known is not None
    assert (known.dataset, known.why, known.file) == ("orders", "columns", "orders-2026-09.csv")
    same_name = await house.upload(alice, b"code,name\nx,y\n", name="orders-2026-10.csv")
    known = await imports.known(alice, same_name, await imports.preview(alice, same_name.id))
    assert known is not None
    assert known.why == "name"
    his = await house.upload(house.bob, ORDERS, name="orders-2026-09.csv")
    assert await imports.known(house.bob, his, await imports.preview(house.bob, his.id)) is None


async def test_how_a_file_differs_is_told_of_ones_own_dataset_alone(
    imports: ImportOperations, house: House, alice: Principal
) -> None:
    await house.imported(alice)
    upload = await house.upload(alice, b"id,amount,note\n1,2,x\n")
    preview = await imports.preview(alice, upload.id, beside="orders")
    difference = await imports.difference(alice, "orders", preview.columns)
    assert difference is not None
    assert await imports.difference(house.bob, "orders", preview.columns) is None
    assert await imports.difference(alice, "nothing", preview.columns) is None
