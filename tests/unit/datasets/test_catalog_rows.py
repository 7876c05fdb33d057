"""Rows of a dataset as the worker reads them: order, filters, search, odd names and values."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from server.datasets.answers import plain
from server.datasets.profile import profile_columns
from server.datasets.row_filters import check_request
from server.datasets.rows import read_rows
from server.datasets.schema import Column
from server.datasets.work import ProfileRequest, QueryLimits, RowsPage, RowsRequest
from server.errors import InvalidInput

COLUMNS: tuple[Column, ...] = (
    Column(name="id", type="integer"),
    Column(name='re"gi:on', type="text"),
    Column(name="金额", type="decimal"),
    Column(name="day", type="date"),
    Column(name="paid", type="boolean"),
)
ROWS = [
    (3, "North", Decimal("10.50"), date(2026, 1, 3), True),
    (1, "south", Decimal("2.00"), date(2026, 1, 1), False),
    (2, None, None, date(2026, 1, 2), None),
    (4, "100% cotton", Decimal("10.50"), None, True),
]


def report(_value: object) -> None:
    """Nobody listens."""


@pytest.fixture
def paths(tmp_path: Path) -> tuple[Path, ...]:
    """Two parts, as after an append; the second has its columns in another order."""
    schema = pa.schema(
        [
            ("id", pa.int64()),
            ('re"gi:on', pa.string()),
            ("金额", pa.decimal128(12, 2)),
            ("day", pa.date32()),
            ("paid", pa.bool_()),
        ]
    )
    names = schema.names
    parts = []
    for number, rows in enumerate((ROWS[:2], ROWS[2:])):
        table = pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in rows], schema=schema)
        path = tmp_path / f"{number}.parquet"
        pq.write_table(table.select(names if number == 0 else list(reversed(names))), path)
        parts.append(path)
    return tuple(parts)


def read(paths: tuple[Path, ...], **given: Any) -> RowsPage:
    return read_rows(RowsRequest(paths=paths, columns=COLUMNS, row_count=4, limits=QueryLimits(), **given), report)


def ids(page: RowsPage) -> list[int]:
    return [row[0] for row in page.rows]


def test_rows_come_in_file_order(paths: tuple[Path, ...]) -> None:
    page = read(paths)
    assert [tuple(row) for row in page.rows] == ROWS
    assert page.total == 4


def test_pages_do_not_overlap(paths: tuple[Path, ...]) -> None:
    assert ids(read(paths, limit=2)) == [3, 1]
    assert ids(read(paths, limit=2, offset=2)) == [2, 4]


def test_order_up_and_down_keeps_nulls_last_and_ties_in_file_order(paths: tuple[Path, ...]) -> None:
    assert ids(read(paths, order=("金额",))) == [1, 3, 4, 2]
    assert ids(read(paths, order=("-金额",))) == [3, 4, 1, 2]
    assert ids(read(paths, order=("-金额", "-id"))) == [4, 3, 1, 2]


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        (('re"gi:on:eq:North',), [3]),
        (('re"gi:on:ne:North',), [1, 2, 4]),
        (('re"gi:on:contains:OUTH',), [1]),
        (('re"gi:on:contains:100%',), [4]),
        (('re"gi:on:null',), [2]),
        (('re"gi:on:null:false',), [3, 1, 4]),
        (("金额:ge:10.5",), [3, 4]),
        (("id:gt:1.5", "id:lt:4"), [3, 2]),
        (("day:le:2026-01-02",), [1, 2]),
        (("paid:eq:true",), [3, 4]),
    ],
)
def test_filters(paths: tuple[Path, ...], filters: tuple[str, ...], found: list[int]) -> None:
    page = read(paths, filters=filters)
    assert ids(page) == found
    assert page.total == len(found)


def test_a_value_is_never_part_of_the_statement(paths: tuple[Path, ...]) -> None:
    assert ids(read(paths, filters=("re\"gi:on:eq:' or 1=1 --",))) == []


def test_search_looks_into_every_column(paths: tuple[Path, ...]) -> None:
    assert ids(read(paths, q="SOUTH")) == [1]
    assert ids(read(paths, q="2026-01-03")) == [3]
    assert ids(read(paths, q="%")) == [4]


@pytest.mark.parametrize(
    ("filters", "order", "field"),
    [
        (("id",), (), "filter[0]"),
        (("id:like:1",), (), "filter[0]"),
        (("nothing:eq:1",), (), "filter[0]"),
        (("id:eq:1", "id:eq:one"), (), "filter[1]"),
        (("金额:eq:NaN",), (), "filter[0]"),
        (("day:eq:yesterday",), (), "filter[0]"),
        (("paid:eq:maybe",), (), "filter[0]"),
        ((), ("nothing",), "order[0]"),
    ],
)
def test_a_wrong_filter_or_order_is_named(filters: tuple[str, ...], order: tuple[str, ...], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_request(filters, order, COLUMNS)
    assert caught.value.errors[0].field == field


def test_values_that_json_cannot_carry_become_text() -> None:
    assert plain(2**70) == str(2**70)
    assert plain([1, {"a": b"x"}]) == [1, {"a": "78"}]
    assert plain(True) is True


def test_a_profile_counts_what_stands_in_each_column(paths: tuple[Path, ...]) -> None:
    profiles = {
        profile.name: profile
        for profile in profile_columns(ProfileRequest(paths=paths, columns=COLUMNS, limits=QueryLimits()), report)
    }
    assert (profiles["id"].min, profiles["id"].max, profiles["id"].nulls, profiles["id"].distinct) == (1, 4, 0, 4)
    assert sum(profiles["id"].histogram) == 4
    assert profiles["day"].nulls == 1
    assert sum(profiles["day"].histogram) == 3
    assert [(top.value, top.share) for top in profiles["paid"].top] == [("true", 2 / 3), ("false", 1 / 3)]


def test_a_profile_of_nothing_has_no_shapes(tmp_path: Path) -> None:
    path = tmp_path / "empty.parquet"
    pq.write_table(pa.table({"a": pa.array([], pa.int64())}), path)
    request = ProfileRequest(paths=(path,), columns=(Column(name="a", type="integer"),), limits=QueryLimits())
    [profile] = profile_columns(request, report)
    assert (profile.nulls, profile.histogram, profile.top) == (0, [], [])
