"""Two versions row by row: what was added, removed and changed, whatever the key, and in the order of the later one."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from server.datasets.answers import AnswerPlace
from server.datasets.dataset import Version
from server.datasets.differences import read_differences, write_differences
from server.datasets.row_keys import default_key, require_key
from server.datasets.schema import Column
from server.datasets.work import (
    ComparedVersion,
    DifferencesAnswerRequest,
    DifferencesPage,
    DifferencesRequest,
    QueryLimits,
)
from server.errors import InvalidInput

Table = dict[str, list[Any]]
BEFORE: Table = {"id": [1, 2, 3, 4], "region": ["N", "S", None, "华东"], "amount": [1.5, 2.0, 3.0, None]}
AFTER: Table = {"id": [0, 1, 2, 4], "region": ["new", "N", "South", "华东"], "amount": [9.0, 1.5, 2.25, None]}


def compared(place: Path, table: Table | pa.Table, *, parts: int = 1) -> ComparedVersion:
    whole = table if isinstance(table, pa.Table) else pa.table(table)
    paths = []
    for part in range(parts):
        paths.append(place.with_suffix(f".{part}.parquet"))
        share = -(-whole.num_rows // parts)
        pq.write_table(whole.slice(part * share, share), paths[-1])
    columns = tuple(Column(name=name, type="text") for name in whole.column_names)
    return ComparedVersion(paths=tuple(paths), columns=columns, row_count=whole.num_rows)


def request(tmp_path: Path, before: Any, after: Any, *key: str, parts: int = 1, **given: Any) -> DifferencesRequest:
    return DifferencesRequest(
        before=compared(tmp_path / "before", before, parts=parts),
        after=compared(tmp_path / "after", after, parts=parts),
        key=key,
        limits=QueryLimits(),
        **given,
    )


def differences(tmp_path: Path, before: Any, after: Any, *key: str, **given: Any) -> DifferencesPage:
    return read_differences(request(tmp_path, before, after, *key, **given), lambda _: None)


def told(page: DifferencesPage) -> list[tuple[str, Any, Any, list[str]]]:
    return [(row.change, row.before, row.after, [page.names[place] for place in row.cells]) for row in page.rows]


@pytest.mark.parametrize("parts", [1, 3])
def test_rows_of_one_key_are_compared_cell_by_cell(tmp_path: Path, parts: int) -> None:
    page = differences(tmp_path, BEFORE, AFTER, "id", parts=parts)
    assert told(page) == [
        ("added", None, [0, "new", 9.0], []),
        ("removed", [3, None, 3.0], None, []),
        ("changed", [2, "S", 2.0], [2, "South", 2.25], ["region", "amount"]),
    ]
    assert (page.changed, page.added, page.removed, page.same) == (1, 1, 1, 2)
    assert page.cells == {"region": 1, "amount": 1}


@pytest.mark.parametrize(("change", "count"), [("changed", 1), ("added", 1), ("removed", 1), ("", 3)])
def test_one_kind_of_change_is_paged_alone(tmp_path: Path, change: Any, count: int) -> None:
    page = differences(tmp_path, BEFORE, AFTER, "id", change=change)
    assert (page.total, len(page.rows)) == (count, count)
    assert {row.change for row in page.rows} == ({change} if change else {"changed", "added", "removed"})


def test_pages_join_without_a_row_twice(tmp_path: Path) -> None:
    before, after = {"id": list(range(40))}, {"id": list(range(20, 60))}
    pages = [differences(tmp_path, before, after, "id", limit=7, offset=offset) for offset in range(0, 42, 7)]
    rows = [tuple(row.before or row.after or ()) for page in pages for row in page.rows]
    assert sorted(rows) == [(number,) for number in (*range(20), *range(40, 60))]


def test_without_a_key_whole_rows_are_counted_with_their_repetitions(tmp_path: Path) -> None:
    page = differences(tmp_path, {"a": ["x", "x", "x", None]}, {"a": ["x", "y", None, None]})
    assert told(page) == [
        ("removed", ["x"], None, []),
        ("added", None, ["y"], []),
        ("removed", ["x"], None, []),
        ("added", None, [None], []),
    ]
    assert page.same == 2


def test_rows_of_a_repeated_key_are_paired_in_their_order_and_counted(tmp_path: Path) -> None:
    before, after = {"k": [1, 1, None, None], "v": list("abcd")}, {"k": [1, 1, None], "v": list("axc")}
    page = differences(tmp_path, before, after, "k")
    assert told(page) == [("changed", [1, "b"], [1, "x"], ["v"]), ("removed", [None, "d"], None, [])]
    assert (page.repeated_before, page.repeated_after) == (2, 1)


def test_several_columns_make_a_key(tmp_path: Path) -> None:
    before = {"region": ["N", "N", "S"], "month": [1, 2, 1], "v": [1, 2, 3]}
    page = differences(tmp_path, before, before | {"v": [1, 5, 3]}, "region", "month")
    assert told(page) == [("changed", ["N", 2, 2], ["N", 2, 5], ["v"])]


def test_columns_that_only_one_version_has_are_shown_and_change_no_row(tmp_path: Path) -> None:
    page = differences(tmp_path, {"id": [1], "old": ["o"]}, {"id": [1, 2], "new": [7, 8]}, "id")
    assert page.names == ["id", "new", "old"]
    assert told(page) == [("added", None, [2, 8, None], [])]
    assert page.same == 1


def test_one_value_in_two_types_is_the_same(tmp_path: Path) -> None:
    before = pa.table({"id": pa.array([1, 2, 3]), "v": pa.array(["1.50", "2", "3"]).cast(pa.decimal128(9, 2))})
    after = pa.table({"id": pa.array(["1", "2", "3"]), "v": pa.array([1.5, 2.0, 3.5])})
    page = differences(tmp_path, before, after, "id")
    assert (page.changed, page.added, page.removed) == (1, 0, 0)
    assert told(page)[0][3] == ["v"]


def test_types_that_have_nothing_in_common_are_compared_as_texts(tmp_path: Path) -> None:
    before = pa.table({"id": [1, 2], "v": [True, False]})
    page = differences(tmp_path, before, {"id": [1, 2], "v": [date(2026, 1, 1), date(2026, 1, 2)]}, "id")
    assert (page.changed, page.cells) == (2, {"v": 2})


def test_what_is_no_number_equals_itself(tmp_path: Path) -> None:
    table = {"id": [1, 2], "v": [float("nan"), float("inf")]}
    assert differences(tmp_path, table, table, "id").rows == []


def test_names_of_columns_are_any_text(tmp_path: Path) -> None:
    names = ['a"b', "place", "b", "select", "h", "中文 名", "n", "c0"]
    before: Table = {name: [1, 2] for name in names}
    page = differences(tmp_path, before, before | {"place": [1, 3], "h": [1, 4]}, 'a"b', "c0", "b")
    assert told(page)[0][3] == ["place", "h"]


def test_programs_get_every_value_whole(tmp_path: Path) -> None:
    wanted = request(tmp_path, {"id": [1, 2], "v": ["x" * 5000, "y"]}, {"id": [1, 2], "v": ["z", "y" * 5000]}, "id")
    place = AnswerPlace(path=tmp_path / "answer.json", max_bytes=10**6)
    answer = write_differences(
        DifferencesAnswerRequest(
            differences=msgspec.structs.replace(wanted, limit=1), head={"from": 1, "to": 2}, place=place
        ),
        lambda _: None,
    )
    document = msgspec.json.decode(answer.content)
    assert (document["from"], document["total"], document["next_cursor"]) == (1, 2, "1.2.1")
    assert document["items"] == [
        {
            "change": "changed",
            "key": {"id": 1},
            "cells": ["v"],
            "before": {"id": 1, "v": "x" * 5000},
            "after": {"id": 1, "v": "z"},
        }
    ]


def version(*columns: Column, row_count: int = 100, **statistics: Any) -> Version:
    return Version(
        dataset_id="d",
        dataset="orders",
        owner_id="alice",
        number=1,
        mode="replace",
        job_id=None,
        files=[],
        row_count=row_count,
        rejected_count=0,
        bytes=0,
        columns=list(columns),
        statistics=statistics,
        source={},
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


def named(*names: str, unique: tuple[str, ...] = ()) -> list[Column]:
    return [Column(name=name, type="text", unique=name in unique) for name in names]


@pytest.mark.parametrize(
    ("columns", "statistics", "key"),
    [
        (named("region", "email", unique=("email",)), {}, ["email"]),
        (named("region", "order_id"), {}, ["order_id"]),
        (named("paid", "orderId"), {}, ["orderId"]),
        (named("地区", "订单号"), {}, ["订单号"]),
        (named("地区", "编号"), {}, ["编号"]),
        (named("region_code", "order no"), {"region_code": {"distinct": 4}}, ["order no"]),
        (named("id", "sku"), {"id": {"nulls": 1}}, ["sku"]),
        (named("paid", "grid", "video", "amount"), {}, []),
    ],
)
def test_the_key_is_what_is_unique_or_named_like_an_identifier(
    columns: list[Column], statistics: dict[str, Any], key: list[str]
) -> None:
    both = version(*columns, **statistics)
    assert default_key(both, both) == key


def test_a_key_is_of_columns_that_both_versions_have() -> None:
    before, after = version(*named("old_id", "a")), version(*named("a", "new_id"))
    assert default_key(before, after) == []
    assert require_key(["a", "a"], before, after) == ["a"]
    with pytest.raises(InvalidInput):
        require_key(["new_id"], before, after)
