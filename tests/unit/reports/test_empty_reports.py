"""Which reports show no row: what deliveries leave out that are only for reports with rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.reports.orders import render

QUERIES = """\
title: Orders
queries:
  late: select region, amount from orders where amount < 0
  few: select region, amount from orders where region = 'East' limit 3
  regions: select distinct region from orders
  of_region: select amount from orders where region = $row_region and amount < 0
  nothing: select sum(amount) as amount, count(*) as orders from orders where amount < 0
  in_all: select sum(amount) as amount from orders where amount < 0 having count(*) > 0
  blank: select null::integer as amount
blocks:
"""
TABLE = "table: {query: late}"
CHART = "chart: {kind: bar, query: late, x: region, y: amount}"
PIVOT = "table: {query: late, columns: [region, {name: amount, across: region}]}"
KPIS = "kpis: [{label: Revenue, value: nothing.amount}, {label: Orders, value: nothing.orders}]"
GAUGE = "chart: {kind: gauge, value: nothing.orders, max: 10}"


@pytest.mark.parametrize(
    ("blocks", "is_empty"),
    [
        ([TABLE], True),
        ([CHART], True),
        ([PIVOT], True),
        ([TABLE, CHART, "text: Words", "heading: Orders"], True),
        ([TABLE, "table: {query: few}"], False),
        ([TABLE, "chart: {kind: bar, query: few, x: region, y: amount}"], False),
        (["chart: {kind: bar, query: blank, x: amount, y: amount}"], False),  # a row without a value is one
        (["table: {query: nothing}"], False),
        (["table: {query: in_all}"], True),
        (["text: Words"], False),
        ([KPIS], True),
        ([GAUGE, "text: Words"], True),
        ([KPIS, "kpis: [{label: Best, value: few.region}]"], False),
        ([KPIS, "chart: {kind: gauge, value: 3, max: 10}"], False),
        (["kpis: [{label: All, value: 5}]", TABLE], True),  # its rows count, where there are to be some
        ([KPIS, "table: {query: few}"], False),
        (["section: {blocks: [{columns: [[{table: {query: late}}], [{text: Words}]]}]}"], True),
        (["repeat: late\n    blocks: [{text: Words}]"], True),
        (["repeat: few\n    blocks: [{text: Words}]"], False),
        (["repeat: regions\n    blocks: [{heading: '{{ row.region }}'}, {table: {query: of_region}}]"], True),
        (["when: late | length\n    blocks: [{table: {query: late}}]\n    else: [{text: Nothing this month}]"], True),
        (["when: false\n    blocks: [{table: {query: few}}]\n    else: [{text: Words}]"], False),
    ],
)
def test_a_report_is_empty_where_it_shows_no_row(
    orders: Path, tmp_path: Path, blocks: list[str], is_empty: bool
) -> None:
    source = QUERIES + "".join(f"  - {block}\n" for block in blocks)
    assert render(source, orders, tmp_path, {}, "html").is_empty is is_empty
