"""Figures of reports from exact decimals: as plain numbers while they are short, with all digits when they are not."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from server.datasets.schema import Column
from server.reports.binding import check_template
from tests.unit.reports.orders import content, render, workbook

TEMPLATE = """
title: Amounts
queries:
  rows: select name, short, long from orders
  totals: select sum(short) as short, sum(long) as long from orders
blocks:
  - text: "short {{ totals.short }}, long {{ totals.long * 1.5 - 0.5 }}, {{ totals.long | number }}."
  - kpis:
      - {label: Long, value: totals.long, compare: totals.short, format: decimal}
  - table:
      query: rows
      columns: [{name: name}, {name: short, total: sum, bar: true}, {name: long, total: sum}]
  - chart: {kind: bar, query: rows, x: name, y: long}
"""


@pytest.fixture
def amounts(tmp_path: Path) -> Path:
    path = tmp_path / "orders.parquet"
    duckdb.sql(
        "select * from (values ('a', 0.10::decimal(18, 2), 12345678901234567.89::decimal(20, 2)), "
        "('b', 0.20, 0.11)) t(name, short, long)"
    ).write_parquet(str(path))
    return path


def test_long_decimals_keep_their_digits_among_numbers(amounts: Path, tmp_path: Path) -> None:
    page = content(render(TEMPLATE, amounts, tmp_path / "html"))
    assert "short 0.3, long 18518518351851851.500, 12,345,678,901,234,568.00." in page
    assert "12,345,678,901,234,567.89" in page
    assert ">0.30<" in page


def test_a_cell_of_excel_that_would_round_is_a_text(amounts: Path, tmp_path: Path) -> None:
    template = TEMPLATE.replace(", bar: true", "")  # which openpyxl warns of
    sheet = workbook(render(template, amounts, tmp_path / "xlsx", None, "xlsx"))["rows"]
    assert [[cell.value for cell in row] for row in sheet.iter_rows(min_row=2, max_row=4)] == [
        ["a", 0.1, "12345678901234567.89"], ["b", 0.2, 0.11],
        ["Total", "=SUBTOTAL(109,B2:B3)", "12345678901234568.00"],  # no formula comes to the other figure
    ]  # fmt: skip
    assert "more digits than Excel keeps" in sheet["A6"].value


def test_templates_are_checked_against_exact_columns() -> None:
    columns = (
        Column(name="name", type="text"), Column(name="short", type="decimal", precision=18, scale=2),
        Column(name="long", type="decimal", precision=38, scale=2), Column(name="at", type="timestamp"),
    )  # fmt: skip
    assert check_template(TEMPLATE, {"orders": columns}, ("orders",)) == []
