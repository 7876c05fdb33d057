"""How a file differs from the dataset that it is added to."""

from __future__ import annotations

import pytest

from server.datasets.difference import Difference, Renamed, Retyped, difference
from server.datasets.file_work import PreviewColumn
from server.datasets.schema import Column, ColumnType


def columns(**types: ColumnType) -> list[Column]:
    return [Column(name=name, type=kind) for name, kind in types.items()]


def found(**types: ColumnType) -> list[PreviewColumn]:
    return [PreviewColumn(name=name, source=name, type=kind) for name, kind in types.items()]


def test_the_same_columns_in_another_order_and_case_are_no_difference() -> None:
    assert not difference(columns(id="integer", name="text"), found(Name="text", ID="integer"))


def test_what_is_written_otherwise_is_the_same_column_and_what_is_not_is_lost_and_added() -> None:
    told = difference(
        columns(customer_name="text", amount="decimal", region="text"),
        found(**{"Customer Name": "text", "amont": "decimal", "discount": "decimal"}),
    )
    assert told == Difference(
        lost=["region"],
        added=["discount"],
        renamed=[
            Renamed(dataset="customer_name", file="Customer Name"),
            Renamed(dataset="amount", file="amont"),
        ],
    )
    assert told.names == {"Customer Name": "customer_name", "amont": "amount"}


def test_no_column_is_taken_for_two() -> None:
    told = difference(columns(amount_1="decimal"), found(amount_2="decimal", amount_3="decimal"))
    assert (len(told.renamed), len(told.added)) == (1, 1)


@pytest.mark.parametrize(
    ("dataset", "file", "is_told"),
    [
        ("decimal", "integer", False),
        ("float", "decimal", False),
        ("text", "date", False),
        ("datetime", "date", False),
        ("integer", "decimal", True),
        ("date", "text", True),
    ],
)
def test_a_type_is_told_where_its_values_do_not_fit(dataset: ColumnType, file: ColumnType, is_told: bool) -> None:
    told = difference(columns(a=dataset), found(a=file))
    assert told.types == ([Retyped(name="a", dataset=dataset, file=file)] if is_told else [])
