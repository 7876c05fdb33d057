"""Tables: totals, groups, colours, and what is left out where."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.reports.blocks.table import total_of
from tests.unit.reports.orders import content, render, workbook

GROUPED = """\
title: x
queries:
  sold: |
    select * from (values ('B', 'Tea', 1), ('A', 'Tea', 2), ('B', 'Cup', 3)) as v(city, product, sold)
blocks:
  - table:
      query: sold
      group: city
      columns: [product, {name: sold, total: sum, bar: true, colors: [{when: value > 2, color: red}]}]
"""


def test_totals_are_of_numbers_only() -> None:
    assert total_of("sum", [1, None, "x", 2.5, True]) == 3.5
    assert total_of("average", [1, 3]) == 2
    assert total_of("count", ["x", None, 3]) == 2
    assert total_of("max", [None]) is None
    assert total_of("", [1]) is None


@pytest.mark.filterwarnings("ignore:.*extension is not supported:UserWarning")  # openpyxl knows no data bars
def test_groups_stand_together_with_their_subtotals(orders: Path, tmp_path: Path) -> None:
    rendered = render(GROUPED, orders, tmp_path, {}, "html", "xlsx")
    sheet = workbook(rendered)["sold"]
    values = [[cell.value for cell in row] for row in sheet.iter_rows()]
    assert values == [
        ["product", "sold"],
        ["B", None],
        ["Tea", 1],
        ["Cup", 3],
        ["", 4],
        ["A", None],
        ["Tea", 2],
        ["", 2],
        ["Total", 6],
    ]
    assert '<span class="tone red">3</span>' in content(rendered)
    assert '--share: 0.3333">1<' in content(rendered)


def test_sheets_are_told_apart_and_named_as_excel_allows(orders: Path, tmp_path: Path) -> None:
    titles = ("History", "a/b", "A b", "x" * 40)
    blocks = "".join(f"  - table: {{query: q, title: '{title}'}}\n" for title in titles)
    source = f"title: x\nqueries: {{q: select 1 as a}}\nblocks:\n{blocks}"
    book = workbook(render(source, orders, tmp_path, {}, "xlsx"))
    assert book.sheetnames == ["Summary", "History 1", "a b", "A b 2", "x" * 28]


@pytest.mark.filterwarnings("ignore:.*extension is not supported:UserWarning")  # openpyxl knows no data bars
def test_a_column_shown_twice_has_two_labels_and_two_ways_to_be_written(orders: Path, tmp_path: Path) -> None:
    source = """\
title: x
queries: {q: "select 'North' as region, 12500 as a"}
blocks:
  - table:
      query: q
      columns:
        - region
        - {name: a, label: Amount, format: currency, currency: CNY, bar: true}
        - {name: a, label: In thousands, format: compact}
        - a
"""
    rendered = render(source, orders, tmp_path, {}, "html", "xlsx")
    page = content(rendered)
    for text in ("Amount", "In thousands", "¥12,500.00", "12.5K"):
        assert text in page, text
    head = [cell.value for cell in next(workbook(rendered)["q"].iter_rows())]
    assert head == ["region", "Amount", "In thousands", "a"]
