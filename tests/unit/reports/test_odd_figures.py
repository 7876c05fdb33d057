"""What is no finite number, all zero, too long for Excel or too much for a preview is said, in every format alike."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from server.reports.work import Rendered
from tests.unit.reports.orders import content, paper_text, render, workbook

NUMBERS = """
title: Odd
queries:
  q: "select * from (values ('North', 1200.5), ('South', 'nan'::double), ('East', '-infinity'::double)) t(region, v)"
  one: "select 'infinity'::double as v"
blocks:
  - kpis: [{label: Found, value: one.v}, {label: Reckoned, value: "1e308 * 10"}]
  - table: {query: q, title: Regions, columns: [region, {name: v, total: sum}]}
"""
ZEROS = """
title: Odd
queries: {q: "select * from (values ('North', 0), ('South', 0)) t(region, v)"}
blocks: [{chart: {kind: pie, query: q, x: region, y: v, title: Shares}}]
"""
LONG = """
title: Odd
queries: {q: "select * from (values (99999999999999999999.25::decimal(38,2)), (1.75)) t(v)"}
blocks: [{table: {query: q, title: Amounts, columns: [{name: v, total: sum}]}}]
"""
MANY = """
title: Odd
queries: {q: "select i as v from range(6000) t(i)"}
blocks: [{table: {query: q, title: Rows, columns: [{name: v, total: sum}]}}]
"""


def made(source: str, orders: Path, directory: Path, **more: Any) -> Rendered:
    return render(source, orders, directory, {}, "html", "pdf", "xlsx", **more)


def test_what_is_no_finite_number_says_so_and_is_in_no_total(orders: Path, tmp_path: Path) -> None:
    report = made(NUMBERS, orders, tmp_path / "made")
    told = "“v” has values that are no finite numbers (NaN, -∞, 2): tables show them so, totals and charts leave"
    assert any(warning.startswith(told) for warning in report.warnings)
    for text in (content(report), paper_text(report)):
        assert told in text
        assert all(mark in text for mark in ("NaN", "-∞", "∞", "1,200.50"))
    book = workbook(report)
    assert [row[1].value for row in book["Regions"].iter_rows(min_row=2, max_row=4)] == [1200.5, "NaN", "-∞"]
    assert workbook(report, reckoned=True)["Regions"]["B5"].value == 1200.5
    assert [row[1].value for row in book["Summary"].iter_rows() if row[0].value in ("Found", "Reckoned")] == ["∞", "∞"]


def test_a_pie_of_zeros_says_that_all_are_zero(orders: Path, tmp_path: Path) -> None:
    report = made(ZEROS, orders, tmp_path / "made")
    told = "All values are zero, so there are no slices: North, South."
    cells = [str(cell.value) for row in workbook(report)["Summary"].iter_rows() for cell in row if cell.value]
    for text in (content(report), paper_text(report), " ".join(cells)):
        assert text.count(told) == 1
        assert "No data" not in text


def test_a_total_that_excel_cannot_hold_is_a_text_and_tells_so(orders: Path, tmp_path: Path) -> None:
    report = made(LONG, orders, tmp_path / "made")
    cell = workbook(report)["Amounts"]["B4"]
    assert cell.value == "100000000000000000001.00"
    assert cell.comment is not None
    assert "more digits than Excel keeps" in cell.comment.text
    assert any(warning.startswith("Amounts, B4: This total has more digits") for warning in report.warnings)


def test_a_preview_shows_the_first_rows_of_a_long_table_with_totals_of_all(orders: Path, tmp_path: Path) -> None:
    preview = made(MANY, orders, tmp_path / "preview", is_preview=True)
    book = workbook(preview, reckoned=True)["Rows"]
    assert book["B5002"].value == 17_997_000
    assert book["B5001"].value == 4_999
    notes = " ".join(str(cell.value) for row in book.iter_rows(min_row=5003) for cell in row if cell.value)
    assert "Preview: the first 5,000 of 6,000 rows. The report has all of them." in notes
    for text in (content(preview), paper_text(preview)):
        assert "of 6,000 rows. The report has all of them." in text
        assert "17,997,000" in text
    whole = workbook(render(MANY, orders, tmp_path / "whole", {}, "xlsx"), reckoned=True)["Rows"]
    assert whole["B6002"].value == 17_997_000
