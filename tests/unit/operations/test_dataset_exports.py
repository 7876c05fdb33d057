"""A dataset as one file: whole or what was chosen, without anything left behind."""

from __future__ import annotations

import msgspec
import pytest

from server.auth.permissions import Principal
from server.errors import InvalidInput, NotFound, StorageFull
from server.operations.dataset_exports import ExportOperations
from server.operations.dataset_rows import RowsQuery
from server.storage.blob_store import StoredBlob
from tests.unit.operations.conftest import House, bytes_of, only_looking, refused


@pytest.fixture
async def exports(house: House) -> ExportOperations:
    """Alice has the dataset `orders`."""
    await house.given(house.alice)
    return house.todo.dataset_exports


async def test_the_whole_of_it_in_its_order(exports: ExportOperations, house: House, alice: Principal) -> None:
    for asks in (alice, *only_looking(alice)):
        made = await exports.export(asks, "orders", "csv")
        assert bytes_of(made).decode("utf-8-sig").splitlines() == [
            *("id,region,amount", '1,"north",120', '2,"south",80', '3,"north",40'),
        ]
        assert (made.name, made.media_type) == ("orders.csv", "text/csv")
    assert house.left_in_scratch() == []


async def test_only_what_was_chosen_all_of_it_and_under_a_name_that_says_so(
    exports: ExportOperations, alice: Principal
) -> None:
    chosen = RowsQuery(filters=("region:eq:north",), order=("amount",), limit=1)  # a page has one row, the file both
    made = await exports.export(alice, "orders", "json", selection=chosen)
    assert [row["id"] for row in msgspec.json.decode(bytes_of(made))] == [3, 1]
    assert made.name == "orders-rows.json"
    whole = await exports.export(alice, "orders", "json", selection=RowsQuery(q=" ", limit=1))
    assert (whole.name, len(msgspec.json.decode(bytes_of(whole)))) == ("orders.json", 3)


async def test_parquet_is_sent_as_it_lies_unless_it_lies_in_parts(
    exports: ExportOperations, house: House, alice: Principal
) -> None:
    made = await exports.export(alice, "orders", "parquet")
    assert isinstance(made.content, StoredBlob)
    await house.given(alice, b"id,region,amount\n9,east,1\n", mode="append")
    assert bytes_of(await exports.export(alice, "orders", "parquet"))[:4] == b"PAR1"
    assert (await house.todo.datasets.get(alice, "orders")).row_count == 4


async def test_a_column_that_is_not_there_is_told_before_anything_is_written(
    exports: ExportOperations, house: House, alice: Principal
) -> None:
    with refused(InvalidInput, fields=("order[0]",)):
        await exports.export(alice, "orders", "csv", selection=RowsQuery(order=("price",)))
    assert house.parts.workers.exports.statistics().started == 0


async def test_nobody_takes_what_is_anothers(exports: ExportOperations, house: House) -> None:
    with refused(NotFound):
        await exports.export(house.bob, "orders", "csv")
    with refused(NotFound):
        await exports.export(house.bob, "orders", "parquet", owner="alice")
    assert bytes_of(await exports.export(house.admin, "orders", "xlsx", owner="alice"))[:2] == b"PK"


async def test_without_room_nothing_is_written_and_nothing_left(
    exports: ExportOperations, house: House, alice: Principal
) -> None:
    house.parts.storage.room.min_free_bytes = 2**62
    with refused(StorageFull):
        await exports.export(alice, "orders", "csv")
    assert house.left_in_scratch() == []
    assert isinstance((await exports.export(alice, "orders", "parquet")).content, StoredBlob)  # this needs none
