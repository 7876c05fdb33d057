"""Added rows that are written otherwise than those of their dataset are never put beside them without a word."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from server.datasets.appending import merged_columns
from server.datasets.difference import difference
from server.datasets.schema import Column, ColumnType, FileWarning
from server.errors import InvalidInput
from tests.unit.datasets.imported import Importer

TIMES = ["2026-01-05 10:00", "2026-01-06 11:30"]
IN_UTC = ["2026-01-05T10:00:00Z", "2026-01-06T11:30:00Z"]
IN_BERLIN = ["2026-01-05T10:00:00+01:00", "2026-01-06T11:30:00+01:00"]


@pytest.fixture
def imported(tmp_path: Path) -> Importer:
    return Importer(tmp_path)


def table(cells: list[str]) -> str:
    return "v,p\n" + "".join(f'"{cell}",x\n' for cell in cells)


def codes(warnings: list[FileWarning]) -> list[str]:
    return [warning.code for warning in warnings]


def typed(kind: ColumnType | None) -> dict[str, Any]:
    return {} if kind is None else {"columns": [{"name": "v", "type": kind}, {"name": "p"}]}


@pytest.mark.parametrize(
    ("cells", "kind", "notations"),
    [
        (["12%", "5%"], None, ["%"]),
        (["12", "5%"], None, ["", "%"]),
        (["0", "5%", "0.00"], None, ["%"]),  # nothing is nothing in every notation
        (["0"] * 30 + ["5%"], None, ["%"]),
        (["0"] * 30 + ["5"], None, [""]),
        (["0.00"] * 30, "decimal", []),
        (["$12", "USD 5"], None, ["$"]),
        (["12", "€5.20"], None, ["", "€"]),
        (["1", "2"], None, [""]),
        (["12%"], "float", ["%"]),
        (TIMES, None, [""]),
        (TIMES + IN_UTC, "datetime", ["", "Z"]),
        (IN_BERLIN, "datetime", ["+"]),
        (IN_BERLIN, None, None),
        (["2026-01-05", "2026-01-06"], None, None),
        (["a", "b"], None, None),
        (["", ""], "integer", []),
    ],
    ids=lambda value: str(value)[:24],
)
def test_a_dataset_knows_how_its_columns_are_written(
    imported: Importer, cells: list[str], kind: ColumnType | None, notations: list[str] | None
) -> None:
    assert imported(table(cells), **typed(kind)).converted.columns[0].notations == notations


@pytest.mark.parametrize(
    ("before", "added", "kind", "warnings"),
    [
        (["12%", "5%"], ["12", "5"], None, ["mixed_percent"]),
        (["12", "5.5"], ["12%", "5%"], None, ["mixed_percent"]),
        (["12%", "5"], ["12", "5"], None, []),  # nothing new: that the first file was mixed was told
        (["12%", "5%"], ["5%"], None, []),
        (["$12", "$5"], ["$7"], None, []),
        (["$12", "$5"], ["7", "8"], None, []),  # as within one file
        (["7", "8"], ["$12"], None, []),
        (["$12.10", "$5"], ["€12", "€5"], "decimal", ["mixed_currencies"]),
        (["", ""], ["12%", "5%"], None, []),
        (TIMES, TIMES, None, []),
        (TIMES, IN_BERLIN, "datetime", ["mixed_offsets"]),
        (TIMES, TIMES + IN_BERLIN, "datetime", ["mixed_offsets"]),
        (TIMES, IN_UTC, "datetime", ["mixed_offsets"]),
    ],
    ids=lambda value: str(value)[:24],
)
def test_what_differs_from_the_dataset_is_told(
    imported: Importer, before: list[str], added: list[str], kind: ColumnType | None, warnings: list[str]
) -> None:
    first_kind = kind or ("decimal" if before == ["", ""] else None)
    existing = imported(table(before), **typed(first_kind)).converted.columns
    assert codes(imported(table(added), existing=existing, **typed(kind)).converted.warnings) == warnings


@pytest.mark.parametrize(
    ("before", "added", "said"),
    [
        (["$12.10", "$5"], ["€12", "€5"], "The amounts in “v” are in $ in the dataset and in € in the file."),
        (TIMES, IN_BERLIN, "The times in “v” have offsets from UTC, those in the dataset have none."),
        (TIMES, IN_UTC, "The times in “v” have offsets from UTC, those in the dataset have none."),
    ],
    ids=["currency", "offset", "UTC"],
)
def test_what_would_be_texts_in_one_file_is_not_added_unless_somebody_says_its_type(
    imported: Importer, before: list[str], added: list[str], said: str
) -> None:
    existing = imported(table(before)).converted.columns
    with pytest.raises(InvalidInput) as caught:
        imported(table(added), existing=existing)
    assert caught.value.specific_code == "columns_do_not_fit"
    assert caught.value.errors[0].text.startswith(said)


def test_what_comes_after_the_sample_is_told_as_well(imported: Importer) -> None:
    existing = imported(table(["$12", "$5"])).converted.columns
    late = [f"${number}" for number in range(60_000)]
    late[40_000] = "€7"
    assert codes(imported(table(late), existing=existing).converted.warnings) == ["mixed_currencies"]
    times = [
        f"2026-01-05 {minute // 60:02}:{minute % 60:02}:{second:02}" for minute in range(1000) for second in range(60)
    ]
    times[40_000] += "+01:00"
    result = imported(table(times), **typed("datetime"))
    assert codes(result.converted.warnings) == ["mixed_offsets"]
    assert result.converted.columns[0].notations == ["", "+"]


def test_times_that_are_wanted_without_a_zone_are_in_utc_and_told(imported: Importer) -> None:
    result = imported(table(IN_BERLIN[:1]), **typed("datetime"))
    assert result.column("v") == [datetime(2026, 1, 5, 9)]  # noqa: DTZ001
    assert codes(result.converted.warnings) == ["times_in_utc"]
    assert codes(imported(table(IN_UTC), **typed("datetime")).converted.warnings) == []


def test_a_dataset_that_nobody_looked_at_takes_rows_as_before(imported: Importer) -> None:
    existing = [Column(name="v", type="decimal"), Column(name="p", type="text")]
    result = imported(table(["12%", "€5"]), existing=existing)
    assert "mixed_currencies" not in codes(result.converted.warnings)
    assert merged_columns(existing, result.converted.columns)[0].notations is None


def test_numbers_of_json_are_plain_beside_percentages(imported: Importer) -> None:
    existing = imported(table(["12%", "5%"])).converted.columns
    lines = "".join(json.dumps({"v": number, "p": "x"}) + "\n" for number in (0.5, 12))
    assert codes(imported(lines, name="more.jsonl", existing=existing).converted.warnings) == ["mixed_percent"]


@pytest.mark.parametrize(("number_format", "told"), [("0%", []), ("General", ["mixed_percent"])])
def test_formats_of_a_sheet_count_as_what_is_seen(
    imported: Importer, tmp_path: Path, number_format: str, told: list[str]
) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    existing = imported(table(["12%", "5%"])).converted.columns
    book = openpyxl.Workbook()
    book.active.append(["v", "p"])
    for value in (0.25, 0.5):
        book.active.append([value, "x"])
        book.active.cell(book.active.max_row, 1).number_format = number_format
    book.save(tmp_path / "more.xlsx")
    result = imported(tmp_path / "more.xlsx", name="more.xlsx", existing=existing)
    assert codes(result.converted.warnings) == told
    assert result.converted.notations["v"] == (["%"] if not told else [""])


def test_a_preview_says_how_the_file_differs_from_the_dataset(imported: Importer) -> None:
    existing = imported(table(["12%", "5%"])).converted.columns
    found = difference(existing, imported.preview(table(["12", "5"])).columns)
    assert [(each.name, each.dataset, each.file) for each in found.notations] == [("v", ["%"], [""])]
    assert not difference(existing, imported.preview(table(["12%", "5%"])).columns)


def test_a_preview_beside_a_dataset_reads_and_warns_as_adding_to_it_would(imported: Importer) -> None:
    existing = imported("day,v\n01/25/2026,12%\n02/03/2026,5%\n").converted.columns
    more = "DAY,v\n01/02/2026,12\n03/04/2026,5\n"
    alone, beside = imported.preview(more), imported.preview(more, beside=existing)
    assert (alone.columns[0].format, codes(alone.warnings)) == ("DD/MM/YYYY", ["ambiguous_dates"])
    assert (beside.columns[0].format, codes(beside.warnings)) == ("MM/DD/YYYY", ["mixed_percent"])
    unlike = imported.preview("v\n2026-01-05 10:00\n", beside=existing)
    assert codes(unlike.warnings) == []


def test_numbers_that_could_be_read_in_two_ways_are_read_as_the_dataset_has_them(imported: Importer) -> None:
    added = "v;p\n1.234;x\n5.678;x\n"
    for before, value, told in (
        ("1.5", 1.234, ["ambiguous_numbers"]),
        ("12%", 1234, ["ambiguous_numbers", "mixed_percent"]),
    ):
        existing = imported(table([before, before])).converted.columns
        result = imported(added, existing=existing)
        assert (float(result.column("v")[0]), codes(result.converted.warnings)) == (value, told)
    whole = imported(table(["1", "2"])).converted.columns
    euros = imported(
        'v;p\n"1,50";x\n"2,25";x\n', existing=[replace(whole[0], type="decimal"), whole[1]]
    ).converted.columns
    assert merged_columns([replace(whole[0], type="decimal"), whole[1]], euros)[0].format == "1.234,5"


def test_a_column_has_the_notations_and_the_gaps_of_both_parts(imported: Importer) -> None:
    first, more = (imported(table(cells)).converted.columns for cells in (["12%", "5%"], ["12", "", "3"]))
    merged = merged_columns(first, more)[0]
    assert (merged.notations, merged.nullable) == (["", "%"], True)


def test_rows_that_do_not_fit_a_type_that_somebody_said_are_rejects_also_of_added_files(imported: Importer) -> None:
    existing = imported("id,amt\n1,5.5\n").converted.columns
    columns = [{"name": "id"}, {"name": "amt", "type": "decimal"}]
    added = imported("id,amt\n5,x\n6,6\n7,y\n", existing=existing, columns=columns)
    assert (added.column("id"), added.reasons) == (
        [6], [(2, "amt", "not_a_number"), (4, "amt", "not_a_number")],
    )  # fmt: skip
