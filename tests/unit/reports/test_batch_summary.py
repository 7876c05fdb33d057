"""What a template says about itself, and which datasets its queries read."""

from __future__ import annotations

import pytest

from server.datasets.dataset import mentioned
from server.reports.checking import datasets_in, summary_of

SOURCE = """\
title: "{{ region }} · {{ month | month }} sales"
description: One region
formats: [html, pdf]
parameters:
  region: {type: text, label: Region, each: "select distinct region from orders"}
  month: {type: month, label: Month, default: last_month}
  kind: {type: choice, options: [a, b]}
queries:
  rows: with recent as (select * from orders) select * from recent join customers using (region)
blocks:
  - table: {query: rows}
"""


def test_a_template_tells_its_parameters_formats_and_datasets() -> None:
    summary = summary_of(SOURCE)
    assert summary.plain_title == "Region · Month sales"
    assert summary.formats == ["pdf", "html"]
    assert [(p.name, p.each, p.required and not p.has_default) for p in summary.parameters] == [
        ("region", True, True),
        ("month", False, False),
        ("kind", False, True),
    ]
    assert summary.parameters[2].options == ["a", "b"]
    assert summary.datasets == ["customers", "orders"]


def test_an_unreadable_source_has_an_empty_summary() -> None:
    assert summary_of("a: [").title == ""
    assert summary_of("").parameters == []


@pytest.mark.parametrize(
    ("sql", "names"),
    [
        ("select 1", []),
        ("select * from a, b join c on true", ["a", "c"]),
        ("SELECT * FROM 订单", ["订单"]),
        ("select * from range(10)", []),
        ('select * from "orders" o', ["orders"]),
        ("with x as (select 1), y as materialized (select 2) select * from x join y on true", []),
    ],
)
def test_datasets_are_found_in_queries(sql: str, names: list[str]) -> None:
    assert datasets_in([sql]) == names


def test_mentioned_never_misses_a_dataset() -> None:
    names = ["a", "b", "订单", "unused"]
    assert mentioned(["select * from A, b where x in (from 订单)"], names) == ["a", "b", "订单"]
