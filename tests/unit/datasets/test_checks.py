"""Checks of columns: what each takes and rejects, which cannot be, and when too many rejects end an import."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from server.datasets.file_work import ReferenceFiles
from server.datasets.rejects import EARLY_RECORDS, RejectReason, RejectWriter
from server.errors import FileProblem, InvalidInput
from tests.unit.datasets.imported import Importer

CODES = "id,code\n1,AB-12\n2,ab-12\n3,AB-123\n4,\n5,Ä\n"


@pytest.fixture
def imported(tmp_path: Path) -> Importer:
    return Importer(tmp_path)


@pytest.mark.parametrize(
    ("check", "wrong"),
    [
        ({"min_length": 2}, {5: ("too_short", {"value": "Ä", "limit": "2"})}),
        ({"max_length": 5}, {3: ("too_long", {"value": "AB-123", "limit": "5"})}),
        (
            {"pattern": "[A-Z]{2}-[0-9]{2}|Ä"},
            {
                2: ("pattern_mismatch", {"value": "ab-12", "limit": "[A-Z]{2}-[0-9]{2}|Ä"}),
                3: ("pattern_mismatch", {"value": "AB-123", "limit": "[A-Z]{2}-[0-9]{2}|Ä"}),
            },
        ),
        (
            {"one_of": ["AB-12", "AB-123", "Ä"]},
            {2: ("not_one_of", {"value": "ab-12", "limit": "AB-12, AB-123, Ä"})},
        ),
    ],
    ids=["min_length", "max_length", "pattern", "one_of"],
)
def test_a_check_names_value_and_rule_and_lets_empty_cells_pass(
    imported: Importer, check: dict[str, Any], wrong: dict[int, tuple[str, dict[str, str]]]
) -> None:
    result = imported(CODES, columns=[{"name": "id"}, {"name": "code", "type": "text", **check}])
    assert {each["line"] - 1: (each["code"], each["parameters"]) for each in result.rejects} == wrong
    assert [row[0] for row in result.rows] == [number for number in range(1, 6) if number not in wrong]


@pytest.mark.parametrize(
    ("check", "told"),
    [
        ({"type": "text", "pattern": "(?=a)b"}, "RE2"),
        ({"type": "text", "pattern": r"(a)\1"}, "RE2"),
        ({"type": "text", "pattern": "a)(b"}, "RE2"),
        ({"type": "text", "min_length": 3, "max_length": 2}, "below the least"),
        ({"type": "integer", "pattern": "[0-9]+"}, "only texts"),
        ({"type": "integer", "max_length": 2}, "only texts"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_check_that_cannot_be_is_refused_at_its_column(imported: Importer, check: dict[str, Any], told: str) -> None:
    for look in (imported, imported.preview):
        with pytest.raises(InvalidInput, match=told) as refused:
            look("id,code\n1,2\n", columns=[{"name": "id"}, {"name": "code", **check}])
        assert refused.value.errors[0].field.startswith("options.columns[1].")


def test_a_pattern_that_would_hang_elsewhere_is_tried_at_once(imported: Importer) -> None:
    text = "a" * 5_000
    rows = "code\n" + f"{text}b\n" * 200 + f"{text}\n"
    result = imported(rows, columns=[{"name": "code", "type": "text", "pattern": "(a+)+"}])
    assert (result.converted.row_count, result.converted.rejected_count) == (1, 200)


def test_values_must_occur_in_the_other_dataset(imported: Importer, tmp_path: Path) -> None:
    parts = (tmp_path / "one.parquet", tmp_path / "two.parquet")
    pq.write_table(pa.table({"id": ["a", "b"]}), parts[0])
    pq.write_table(pa.table({"id": ["c", None]}), parts[1])
    customers = ReferenceFiles(dataset="customers", column="id", type="text", paths=parts)
    text = "order,customer\n1,a\n1,x\n2,c\n3,\n3,b\n4,y\n"
    columns = [{"name": "order", "unique": True}, {"name": "customer", "type": "text"}]
    result = imported(text, columns=columns, references={"customer": customers})
    assert result.rows == [[1, "a"], [2, "c"], [3, None]]
    assert result.reasons == [
        (3, "customer", "not_in_reference"),
        (6, "order", "not_unique"),
        (7, "customer", "not_in_reference"),
    ]
    assert result.rejects[0]["parameters"] == {"value": "x", "dataset": "customers", "column": "id"}
    assert result.rejects[0]["raw"] == "1,x"


def test_a_row_left_out_for_its_reference_makes_no_other_a_repetition(imported: Importer, tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": [7]}), tmp_path / "one.parquet")
    numbers = ReferenceFiles(dataset="numbers", column="id", type="decimal", paths=(tmp_path / "one.parquet",))
    columns = [{"name": "id", "unique": True}, {"name": "number"}]
    result = imported("id,number\n1,8\n1,7\n", columns=columns, references={"number": numbers})
    assert (result.rows, result.reasons) == ([[1, 7]], [(2, "number", "not_in_reference")])


def test_columns_of_different_types_refer_to_nothing(imported: Importer, tmp_path: Path) -> None:
    other = ReferenceFiles(dataset="customers", column="id", type="text", paths=())
    with pytest.raises(InvalidInput, match="has the type integer, but “id” of the dataset “customers”"):
        imported("id\n1\n2\n", references={"id": other})


@pytest.mark.parametrize(("share", "bad", "stops"), [(0.05, 5, False), (0.05, 6, True), (0.0, 1, True)])
def test_a_share_of_rejects_is_judged_at_the_end(imported: Importer, share: float, bad: int, stops: bool) -> None:
    text = "id,amount\n" + "2,x\n" * bad + "3,3\n" * (100 - bad)
    columns = [{"name": "id"}, {"name": "amount", "type": "integer"}]
    if not stops:
        assert imported(text, columns=columns, reject_share=share).converted.rejected_count == bad
        return
    with pytest.raises(FileProblem) as stopped:
        imported(text, columns=columns, reject_share=share)
    assert stopped.value.specific_code == "too_many_rejects"
    assert f"{bad} of 100 rows" in str(stopped.value)
    assert len((imported.directory / "rejects.jsonl").read_bytes().splitlines()) == bad


@pytest.mark.parametrize(
    ("rows", "bad", "stops"),
    [(EARLY_RECORDS - 1, EARLY_RECORDS - 1, False), (EARLY_RECORDS, 2_000, False), (EARLY_RECORDS, 2_001, True)],
    ids=["too few to say", "twice the share", "more"],
)
def test_in_the_middle_of_a_file_twice_the_share_must_be_wrong(
    tmp_path: Path, rows: int, bad: int, stops: bool
) -> None:
    with RejectWriter(tmp_path / "rejects", limit=100_000, share=0.1) as rejects:
        for line in range(bad):
            rejects.add_row([RejectReason(line=line, code="required", column="id")])
        if stops:
            with pytest.raises(FileProblem, match="more than 10 %"):
                rejects.judge(rows - bad, is_end=False)
        else:
            rejects.judge(rows - bad, is_end=False)
