"""What is remembered of how a file was read, and offered when one of the same shape comes."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.datasets.corrections import FileCorrections, stem_of
from server.datasets.schema import ColumnSpec, ReadOptions
from tests.unit.datasets.imported import Importer

SALES = "Report of March\nid;amount;code\n1;2,5;007\n2;3,5;008\n"


def corrected(directory: Path, text: str, options: ReadOptions) -> FileCorrections:
    given = {name: getattr(options, name) for name in options.__struct_fields__ if getattr(options, name) is not None}
    return Importer(directory)(text, **given).converted.corrections


def test_what_looking_finds_is_no_correction_also_when_it_is_said(tmp_path: Path) -> None:
    found = Importer(tmp_path)(SALES).converted
    assert found.corrections.count == 0
    assert corrected(tmp_path, SALES, found.options).count == 0


def test_what_a_person_said_otherwise_is_remembered_and_nothing_else(tmp_path: Path) -> None:
    columns = [
        ColumnSpec(name="id", source="id", type="text"),
        ColumnSpec(name="amount", source="amount"),
    ]
    told = corrected(tmp_path, SALES, ReadOptions(delimiter=";", columns=columns))
    assert told.reading == {}
    assert [(column.source, column.type) for column in told.columns] == [("id", "text")]
    assert told.left_out == ["code"]


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("Orders 2026-03 (final).csv", "orders final"),
        ("orders_2026-04_final.CSV", "orders final"),
        ("销售_2026年3月.xlsx", "销售 年 月"),
        ("20260301.csv", ""),
    ],
)
def test_names_of_months_have_one_stem(name: str, stem: str) -> None:
    assert stem_of(name) == stem
