"""A year is no amount."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.reports.years import is_year
from tests.unit.reports.orders import content, render, workbook

TEMPLATE = """\
title: Years
formats: [html, xlsx]
queries:
  y: "select 2015 + i as year, 1500 + i as pieces, 0.0007 * (i + 1) as share from range(4) t(i)"
blocks:
  - chart: {kind: bar, query: y, x: year, y: pieces, title: Bars}
  - chart: {kind: scatter, query: y, x: year, y: pieces, title: Points}
  - table: {query: y}
"""


@pytest.mark.parametrize(
    ("value", "column", "is_one"),
    [
        (2026, "year", True),
        (2026, "Order_Year", True),
        (2026, "下单年份", True),
        (2026, "Jahr", True),
        (2026, "sales per year", False),
        (2026, "years", False),
        (12_345, "year", False),
        (2026, "amount", False),
    ],
)
def test_what_is_a_year(value: int, column: str, is_one: bool) -> None:
    assert is_year(value, column) is is_one


def test_years_have_no_mark_between_thousands_and_little_shares_do_not_look_like_nothing(
    orders: Path, tmp_path: Path
) -> None:
    page = content(render(TEMPLATE, orders, tmp_path))
    assert "2,01" not in page
    assert "2.01" not in page  # the marks of points
    assert "1,503" in page
    assert "0.0007" in page
    table = workbook(render(TEMPLATE, orders, tmp_path, None, "xlsx"))["y"]
    cells = {cell.value: cell.number_format for row in table.iter_rows() for cell in row}
    assert (cells[2015], cells[1500], cells[0.0007]) == ("0", "#,##0", "#,##0.0000")


def test_a_date_is_written_as_its_year_where_the_template_says_so(orders: Path, tmp_path: Path) -> None:
    template = """\
title: Days
formats: [html, xlsx]
queries: {d: "select date '2024-05-06' as d"}
blocks: [{table: {query: d, columns: [{name: d, format: year}]}}]
"""
    assert ">2024<" in content(render(template, orders, tmp_path))
    sheet = workbook(render(template, orders, tmp_path, None, "xlsx"))["d"]
    (cell,) = [cell for row in sheet.iter_rows() for cell in row if hasattr(cell.value, "year")]
    assert cell.number_format == "yyyy"
