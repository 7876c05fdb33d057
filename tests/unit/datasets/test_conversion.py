"""Converting a whole file: chosen columns, checks, appending, progress, statistics, and a disk that is full."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from server.datasets.schema import Column
from server.errors import InvalidInput, StorageFull
from tests.unit.datasets.imported import Importer

ORDERS = Path(__file__).parents[3] / "examples" / "orders.csv"
PEOPLE = "id,name,age,joined\n1,Anna,30,2026-03-01\n2,Paul,17,2026-03-02\n3,,45,2026-03-03\n1,Eva,200,2026-03-04\n"


@pytest.fixture
def imported(tmp_path: Path) -> Importer:
    return Importer(tmp_path)


def test_the_sample_orders_import_all_but_the_120_bad_rows(imported: Importer) -> None:
    result = imported(ORDERS, name="orders.csv")
    assert (result.converted.row_count, result.converted.rejected_count) == (49_880, 120)
    assert result.types | {} == {
        "order_id": "text", "ordered_at": "datetime", "region": "text", "city": "text", "channel": "text",
        "customer": "text", "product": "text", "category": "text", "quantity": "integer", "unit_price": "decimal",
        "discount": "decimal", "amount": "decimal", "paid": "boolean", "note": "text",
    }  # fmt: skip
    assert {reject["code"] for reject in result.rejects} == {
        "not_a_number", "not_a_datetime", "too_few_cells", "too_many_cells", "stray_quote", "bad_encoding",
        "nul_character",
    }  # fmt: skip
    lines = ORDERS.read_bytes().split(b"\n")
    for reject in result.rejects:
        first_line = reject["raw"].split("\n")[0].encode()
        assert lines[reject["line"] - 1].startswith(first_line[:30])
    assert result.converted.statistics["region"]["distinct"] == 7
    assert sum(row[8] for row in result.rows if row[2] == "Overseas 海外") == 0


def test_columns_can_be_chosen_renamed_and_typed(imported: Importer) -> None:
    columns = [{"name": "年龄", "source": "age", "type": "decimal"}, {"name": "id", "type": "text"}]
    result = imported(PEOPLE, columns=columns)
    assert (result.columns, result.rows[0]) == (["年龄", "id"], [30.0, "1"])
    assert result.converted.columns[0] == Column(
        name="年龄", type="decimal", precision=18, scale=0, source="age", format="1,234.5", nullable=False,
        notations=[""],
    )  # fmt: skip


def test_a_column_that_is_not_there_is_named(imported: Importer) -> None:
    with pytest.raises(InvalidInput) as caught:
        imported(PEOPLE, columns=[{"name": "id"}, {"name": "salary"}])
    assert [(error.field, error.text) for error in caught.value.errors] == [
        ("options.columns[1].source", "The file has no column “salary”.")
    ]


def test_required_minimum_maximum_and_one_of(imported: Importer) -> None:
    columns: list[dict[str, Any]] = [
        {"name": "name", "required": True, "one_of": ["Anna", "Paul", "Eva"]},
        {"name": "age", "min": 18, "max": 120},
        {"name": "joined", "max": "2026-03-03"},
    ]
    result = imported(PEOPLE, columns=columns)
    assert result.rows == [["Anna", 30, date(2026, 3, 1)]]
    assert result.reasons == [
        (3, "age", "below_minimum"), (4, "name", "required"), (5, "age", "above_maximum"),
        (5, "joined", "above_maximum"),
    ]  # fmt: skip
    assert result.rejects[0]["parameters"] == {"value": "17", "limit": "18"}
    assert result.rejects[0]["message"].format(**result.rejects[0]["parameters"]) == "“17” is below the minimum, 18."


def test_a_limit_that_is_no_value_of_its_column_is_refused(imported: Importer) -> None:
    with pytest.raises(InvalidInput) as caught:
        imported(PEOPLE, columns=[{"name": "joined", "min": "yesterday"}])
    assert caught.value.errors[0].field == "options.columns[0].min"


def test_the_first_of_rows_with_the_same_unique_value_stays(imported: Importer) -> None:
    result = imported(PEOPLE, columns=[{"name": "id", "unique": True}, {"name": "name"}])
    assert result.rows == [[1, "Anna"], [2, "Paul"], [3, None]]
    assert result.reasons == [(5, "id", "not_unique")]
    assert result.rejects[0]["raw"] == "1,Eva,200,2026-03-04"
    assert result.columns == ["id", "name"]


def test_unique_values_are_compared_across_the_whole_file(imported: Importer) -> None:
    lines = [f"{number},x" for number in range(300_000)]
    lines[299_999] = "7,y"
    result = imported("id,name\n" + "\n".join(lines) + "\n", columns=[{"name": "id", "unique": True}])
    assert result.converted.row_count == 299_999
    assert result.reasons == [(300_001, "id", "not_unique")]
    assert [path.name for path in imported.directory.glob("*.staged*")] == []


def test_appended_rows_take_the_types_and_order_of_the_dataset(imported: Importer) -> None:
    first = imported(PEOPLE)
    more = imported("joined,AGE,id,name\n2026-04-01,33,9,007\n", existing=first.converted.columns)
    assert more.columns == ["id", "name", "age", "joined"]
    assert more.rows == [[9, "007", 33, date(2026, 4, 1)]]
    assert more.types == first.types


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("id,name,age\n1,a,2\n", "The file has no column “joined”, which the dataset has."),
        ("id,name,age,joined,extra\n1,a,2,2026-01-01,x\n", "The dataset has no column “extra”; leave it out."),
        ("id,name,age,joined\n1,a,old,2026-01-01\n2,b,new,2026-01-01\n", "The values of “age” are not of"),
    ],
)  # fmt: skip
def test_a_file_unlike_the_dataset_is_not_appended(imported: Importer, content: str, message: str) -> None:
    existing = imported(PEOPLE).converted.columns
    with pytest.raises(InvalidInput) as caught:
        imported(content, existing=existing)
    assert caught.value.errors[0].text.startswith(message)


def test_progress_moves_in_rows_towards_an_estimate_that_comes_true(imported: Importer) -> None:
    result = imported("id,name\n" + "".join(f"{number},name {number}\n" for number in range(600_000)))
    stages = list(dict.fromkeys(report["stage"] for report in result.reports))
    assert stages == ["detecting", "reading", "measuring"]
    reading = [report for report in result.reports if report["stage"] == "reading"]
    assert all(400_000 < report["total"] < 800_000 for report in reading)
    assert [report["rows"] for report in reading] == sorted(report["rows"] for report in reading)
    last = result.reports[-1]
    assert (last["rows"], last["rejected"], last["bytes"]) == (600_000, 0, last["bytes_total"])


def test_statistics_of_each_column(imported: Importer) -> None:
    statistics = imported(PEOPLE).converted.statistics
    assert statistics["age"] == {
        "count": 4, "nulls": 0, "distinct": 4, "min": 17, "max": 200, "sum": 292, "mean": 73.0,
    }  # fmt: skip
    assert statistics["name"] == {"count": 3, "nulls": 1, "distinct": 3, "min": "Anna", "max": "Paul"}
    assert statistics["joined"]["max"] == "2026-03-04"


def test_the_part_is_ordered_as_the_file(imported: Importer) -> None:
    imported("id,q\n" + "".join(f'{number},"a,b"\n' if number % 3 else f"{number},ab\n" for number in range(250_000)))
    ids = pq.read_table(imported.directory / "data.parquet")["id"].to_pylist()
    assert ids == list(range(250_000))


def test_a_full_disk_is_named_and_nothing_is_left(imported: Importer) -> None:
    content = imported.place(
        "id,name\n" + "".join(f"{number},{pow(7919, number, 2**61 - 1)}\n" for number in range(100_000))
    )
    with file_size_limit(200_000), pytest.raises(StorageFull, match="disk is full"):
        imported(content)
    assert [path.name for path in imported.directory.iterdir()] == ["upload"]


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
