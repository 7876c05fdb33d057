"""Values side by side in a table: each figure is of the rows it stands for, in every format."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from server.datasets.work import QueryLimits
from server.reports.binding import check_template
from tests.unit.reports.orders import content, paper_text, render, workbook

SOLD = """\
title: x
queries:
  sold: |
    select * from (values
      ('North', 'Tea', '2026-02', 10.0, 1), ('North', 'Tea', '2026-01', 20.0, 4), ('North', 'Tea', '2026-01', 40.0, 1),
      ('South', 'Cup', '2026-02', -5.0, 5)) as v(region, product, month, amount, pieces)
blocks:
  - table:
      query: sold
      COLUMNS
"""


def sold(columns: str, *, more: str = "") -> str:
    return SOLD.replace("COLUMNS", f"columns: [{columns}]" + "".join(f"\n      {line}" for line in more.splitlines()))


def cells(page: str) -> list[list[str]]:
    rows = re.findall(r"<tr[^>]*>(.*?)</tr>", page)
    return [[re.sub("<[^>]*>", "", cell) for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row)] for row in rows]


def test_rows_of_one_cell_are_added_up_and_what_is_missing_is_no_zero(orders: Path, tmp_path: Path) -> None:
    columns = "region, {name: amount, across: month, row_total: true, total: sum, format: integer}"
    assert cells(content(render(sold(columns), orders, tmp_path))) == [
        ["region", "2026-02", "2026-01", "Total"],
        ["North", "10", "60", "70"],
        ["South", "-5", "–", "-5"],
        ["Total", "5", "60", "65"],
    ]


def test_an_average_is_of_rows_and_not_of_averages(orders: Path, tmp_path: Path) -> None:
    columns = "region, {name: amount, across: month, row_total: true, total: average, format: decimal, decimals: 1}"
    rendered = render(sold(columns), orders, tmp_path, {}, "html", "xlsx")
    rows = cells(content(rendered))
    assert rows[1] == ["North", "10.0", "30.0", "23.3"]
    assert rows[3] == ["Total", "2.5", "30.0", "16.3"]
    sheet = workbook(rendered, reckoned=True)["sold"]
    assert [round(cell.value, 1) for cell in sheet[4][1:]] == [2.5, 30.0, 16.2]


def test_totals_by_expression_come_from_the_rows_of_each_cell(orders: Path, tmp_path: Path) -> None:
    total = 'total: "sum(amount) / sum(pieces)", format: decimal'
    columns = f"region, {{name: amount, across: month, row_total: true, {total}}}"
    assert cells(content(render(sold(columns), orders, tmp_path)))[1:] == [
        ["North", "10.00", "12.00", "11.67"],
        ["South", "-1.00", "–", "-1.00"],
        ["Total", "0.83", "12.00", "5.91"],
    ]


def test_several_figures_take_turns_below_each_value_and_groups_have_their_own_totals(
    orders: Path, tmp_path: Path
) -> None:
    columns = (
        "product, {name: amount, label: Sales, across: month, total: sum, format: integer}, "
        "{name: pieces, across: month, total: max}"
    )
    rows = cells(content(render(sold(columns, more="group: region"), orders, tmp_path)))
    assert rows[0] == ["product", "2026-02 · Sales", "2026-02 · pieces", "2026-01 · Sales", "2026-01 · pieces"]
    assert rows[1:4] == [["North"], ["Tea", "10", "1", "60", "4"], ["Subtotal North", "10", "1", "60", "4"]]
    assert rows[-1] == ["Total", "5", "5", "60", "4"]


def test_dates_and_numbers_stand_in_their_own_order_and_are_written_as_asked(orders: Path, tmp_path: Path) -> None:
    source = """\
title: x
queries:
  q: select * from (values ('a', date '2026-03-01', 1), ('b', date '2026-01-01', 2)) v(name, month, n)
blocks:
  - table: {query: q, columns: [name, {name: n, across: month, across_format: month}]}
"""
    assert cells(content(render(source, orders, tmp_path)))[0] == ["name", "January 2026", "March 2026"]


def test_figures_are_of_all_rows_when_the_query_gave_more_than_the_limit(orders: Path, tmp_path: Path) -> None:
    source = """\
title: x
queries:
  q: select 'a' as name, i % 2 as side, 1 as n from range(100) t(i)
blocks:
  - table: {query: q, columns: [name, {name: n, across: side, total: sum, row_total: true}]}
"""
    limits = QueryLimits(seconds=10, rows=10)
    assert cells(content(render(source, orders, tmp_path, limits=limits)))[1] == ["a", "50", "50", "100"]


def test_totals_say_what_they_are_where_each_column_has_one(orders: Path, tmp_path: Path) -> None:
    source = """\
title: x
queries: {q: "select 'g' || i % 2 as g, 'k' || i as k, i as v from range(2) t(i)"}
blocks:
  - table: {query: q, columns: [{name: v, across: k, total: sum, row_total: true}]}
  - table: {query: q, group: g, columns: [{name: v, total: sum}]}
"""
    rendered = render(source, orders, tmp_path, {}, "html", "xlsx", "pdf")
    rows = cells(content(rendered))
    assert rows[:3] == [["", "k0", "k1", "Total"], ["", "0", "1", "1"], ["Total", "0", "1", "1"]]
    assert rows[3:] == [
        ["", "v"], ["g0"], ["", "0"], ["Subtotal g0", "0"], ["g1"], ["", "1"], ["Subtotal g1", "1"], ["Total", "1"],
    ]  # fmt: skip
    assert "Subtotal g1 1 Total 1" in paper_text(rendered)


def test_values_that_read_alike_share_a_column_or_are_told(orders: Path, tmp_path: Path) -> None:
    column = "{name: n, across: d, across_format: month, total: TOTAL, row_total: true}"
    source = f"""\
title: x
queries:
  q: "select 'a' as name, date '2026-01-01' + i::int as d, 2 as n from range(90) t(i)"
blocks:
  - table: {{query: q, columns: [name, {column}]}}
"""
    rendered = render(source.replace("TOTAL", "average"), orders, tmp_path)
    assert cells(content(rendered))[:2] == [
        ["name", "January 2026", "February 2026", "March 2026", "Total"], ["a", *["2.00"] * 4],
    ]  # fmt: skip
    assert rendered.warnings == ()
    by_sql = render(source.replace("TOTAL", '"sum(n)"').replace("range(90)", "range(32)"), orders, tmp_path)
    assert by_sql.warnings == ("Several columns of “d” read alike: January 2026. Group them in the query.",)


@pytest.mark.parametrize(
    ("column", "told"),
    [
        ("{name: amount, across: moonth}", "moonth"),
        ("{name: amount, row_total: true}", "it needs “across”"),
        ("{name: amount, scale: pink}", "one color or two"),
        ("{name: amount, scale: [red, green, blue]}", "one color or two"),
        ("{name: amount, spark: pie}", "“pie” is not known"),
        ("{name: amount, width: 0}", "whole number from 1 to 90"),
        ("{name: amount, negative: red}", "“red” is not known"),
    ],
)
def test_what_does_not_fit_is_told_when_the_template_is_saved(column: str, told: str) -> None:
    found = check_template(sold(column), {})
    assert any(told in issue.text for issue in found), found
