"""What batches are called."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from server.reports.formats import Formats
from server.reports.naming import batch_name, report_name
from server.reports.template import parse_template

SOURCE = """\
title: "{{ region }} · {{ month | month }} sales"
parameters:
  region: {type: text, label: Region, each: [North, South]}
  month: {type: month, label: Month, default: last_month}
  year: {type: integer, required: false}
blocks: [{text: "{{ region }}"}]
"""
NAMED = "name: Region sales\n" + SOURCE


@pytest.mark.parametrize(
    ("source", "asked", "name"),
    [
        (NAMED, None, "Region sales · October 2026"),
        (NAMED, [{"month": "2026-03"}], "Region sales · March 2026"),
        (NAMED, [{"region": "North", "year": 2026}], "Region sales · North · October 2026 · 2026"),
        (NAMED, [{"region": "North"}, {"region": "South"}], "Region sales · October 2026"),
        (NAMED, [{"month": "2026-03"}, {"month": "2026-04"}], "Region sales"),
        (NAMED, [{"month": "2026-03"}, {}], "Region sales"),
        (NAMED, {"query": "select '2026-01' as month"}, "Region sales"),
        (SOURCE, None, "Region · October 2026 sales"),
        (SOURCE, [{"region": "North", "month": "2026-03"}], "North · March 2026 sales"),
        (SOURCE, {"query": "select 1"}, "Region · Month sales"),
    ],
)
def test_a_batch_is_called_by_its_template_and_what_its_reports_share(source: str, asked: Any, name: str) -> None:
    assert batch_name(parse_template(source), asked, Formats("en"), date(2026, 11, 26)) == name


def test_a_limit_as_the_template_has_it_is_not_in_the_name_and_another_one_is() -> None:
    source = NAMED.replace("  year:", "  most: {type: integer, default: 10}\n  year:")
    today = date(2026, 11, 26)
    assert batch_name(parse_template(source), None, Formats("en"), today) == "Region sales · October 2026"
    asked = [{"most": 20}]
    assert batch_name(parse_template(source), asked, Formats("en"), today) == "Region sales · October 2026 · 20"


def test_values_are_written_in_the_language_of_the_reports() -> None:
    chinese = NAMED.replace("Region sales", "区域销售")
    assert batch_name(parse_template(chinese), None, Formats("zh-CN"), date(2026, 11, 26)) == "区域销售 · 2026年10月"


EACH = """\
title: "Main {{ period.from | date }}"
parameters:
  period: {type: range, default: last_quarter}
  city: {type: text, each: [Berlin, Paris]}
  limit: {type: integer, required: false}
blocks: [{text: "x"}]
"""
ROWS = EACH.replace("{type: text, each: [Berlin, Paris]}", "{type: text}") + "each_row: select 'Berlin' as city\n"
BY_CITY = ROWS.replace("Main", "Main {{ city }}")
BERLIN = {"city": "Berlin", "period": {"from": date(2026, 1, 1), "to": date(2026, 3, 31)}, "limit": 5}


@pytest.mark.parametrize(
    ("source", "title", "asked", "name"),
    [
        (EACH, "Main 1 Jan 2026", None, "Main 1 Jan 2026 · Berlin"),
        (EACH, "Main 1 Jan 2026", [{"city": "Berlin"}, {"city": "Paris"}], "Main 1 Jan 2026 · Berlin"),
        (EACH, "Main 1 Jan 2026", [{"city": "Berlin"}], "Main 1 Jan 2026"),
        (EACH, "Main of Berlin", None, "Main of Berlin"),  # by way of a query
        (EACH, "Main", [{"city": "Berlin", "limit": 5}, {"city": "Berlin", "limit": 6}], "Main · 5"),
        (EACH, "Main", {"query": "select 'Berlin' as city"}, "Main · Berlin"),
        (ROWS, "Main", None, "Main · Berlin"),
        (BY_CITY, "Main Berlin 1 Jan", None, "Main Berlin 1 Jan"),
        (BY_CITY, "Main Berlin 1 Jan", [{"city": "Berlin", "limit": 5}, {"city": "Berlin"}], "Main Berlin 1 Jan · 5"),
    ],
)
def test_a_report_is_called_so_that_it_is_told_from_others_of_its_batch(
    source: str, title: str, asked: Any, name: str
) -> None:
    template = parse_template(source)
    assert report_name(template, title, BERLIN, asked, Formats("en")) == name
