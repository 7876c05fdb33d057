"""Templates: what is wrong is told with its line and column, and with what was probably meant."""

from __future__ import annotations

import pytest

from server.errors import TemplateProblem
from server.reports.binding import check_template
from server.reports.template import parse_template
from tests.unit.reports.orders import COLUMNS

GOOD = """\
title: "{{ region }} sales"
parameters:
  region: {type: text, each: select distinct region from orders}
  month: {type: month, default: last_month}
queries:
  totals: |
    select sum(amount) as revenue, count(*) as orders
    from orders where region = $region and date_trunc('month', ordered_at) = $month
  top: select product, sum(amount) as revenue from orders group by 1
blocks:
  - kpis:
      - {label: Revenue, value: totals.revenue, format: currency, currency: CNY}
  - text: |
      {{ region }} sold for {{ totals.revenue | currency("CNY") }}.
  - chart: {kind: bar, query: top, x: product, y: revenue}
  - table: {query: top, columns: [product, {name: revenue, total: sum}]}
"""


def issues(source: str) -> list[tuple[int, int, str]]:
    return [(issue.line, issue.column, issue.text) for issue in check_template(source, {"orders": COLUMNS})]


def test_a_good_template_has_no_issues() -> None:
    assert issues(GOOD) == []


@pytest.mark.parametrize(
    ("right", "wrong", "line", "column", "message"),
    [
        ("sum(amount) as revenue, count", "sum(amont) as revenue, count", 7, 16, "Did you mean “amount”?"),
        ("group by 1\n", "gruop by 1\n", 9, 65, "syntax error"),
        ("from orders group", "from order group", 9, 52, "syntax error"),
        ("select distinct region from orders", "select distinct region from oders", 3, 58, "Did you mean “orders”?"),
        ("value: totals.revenue", "value: totals.revenu", 12, 33, "Did you mean “revenue”?"),
        ('| currency("CNY")', '| curency("CNY")', 14, 49, "Did you mean “currency”?"),
        ("x: product", "x: produkt", 15, 12, "Did you mean “product”?"),
        ("{name: revenue, total", "{name: revenu, total", 16, 44, "Did you mean “revenue”?"),
        ("kind: bar", "kind: bars", 15, 19, "Did you mean “bar”?"),
        ("format: currency", "fromat: currency", 12, 49, "Did you mean “format”?"),
        ("  - kpis:", "  - kpi:", 11, 5, "Did you mean “kpis”?"),
        ("currency: CNY}", "currency: XQX}", 12, 77, "is no currency"),
        ("type: month", "type: moth", 4, 17, "Did you mean “month”?"),
        ("default: last_month", "default: last_moth", 4, 33, "Did you mean “last_month”?"),
        ("query: top, x", "query: topp, x", 15, 31, "Did you mean “top”?"),
        ("{{ region }} sold", "{{ regoin }} sold", 14, 10, "Did you mean “region”?"),
        ("blocks:\n", "blocks:\n  - text: '{% if region %}'\n", 11, 12, "“{% if %}” is never closed"),
        ("title: ", "title: x\ntitle: ", 2, 1, "stands here twice"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(right: str, wrong: str, line: int, column: int, message: str) -> None:
    assert right in GOOD
    found = issues(GOOD.replace(right, wrong, 1))
    assert any(place[:2] == (line, column) and message in place[2] for place in found), found


def test_a_query_that_nothing_uses_is_a_warning() -> None:
    found = check_template(GOOD.replace("blocks:", "  spare: select 1 as one\nblocks:"), {"orders": COLUMNS})
    assert [(issue.severity, issue.text) for issue in found] == [("warning", "Nothing uses the query “spare”.")]


def test_a_wrong_template_is_refused_with_fields_of_line_and_column() -> None:
    with pytest.raises(TemplateProblem) as caught:
        parse_template(GOOD.replace("kind: bar", "kind: bars"))
    assert caught.value.errors[0].field == "15:19"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("", "empty"),
        ("title: [", "not valid YAML"),
        ("\ttitle: x", "a tab stands here; indent with spaces"),
        ("title: a: b", "a colon is followed by a space"),
        ("title: @x", "unless it stands in quotes"),
        ("title: [a, b}", "a bracket that was opened is not closed"),
        ("title: 'it's'", "begins in the same column"),
        ('title: "a\\d"', "a backslash has a meaning"),
        ("a: &a [x]\nb: [*a, *a]", "Anchors and aliases"),
        ("title: " + "[" * 60, "nested too deeply"),
        ("title: x\n" + "#" * 300_000, "256 KiB"),
        ("title: x\nblocks: []\x00", "delete it"),
        ("- a list", "key: value"),
        ("title: {{ region }}\nblocks: []", "in quotes"),
        ("title: x\nblocks:\n  - image: {upload: x}", "file"),
        ("title: x\nblocks:\n  - image: ''", "Name the picture's file"),
        ("title: x\nblocks:\n  - image: [a]", "key: value"),
        ("title: x\nblocks:\n  - text: '{% include \"/etc/passwd\" %}'", "cannot include others"),
    ],
)
def test_what_cannot_be_read_is_told(source: str, message: str) -> None:
    assert any(message in issue.text for issue in check_template(source, {}))


def test_an_open_quotation_mark_is_told_where_it_begins() -> None:
    [issue] = check_template('description: x\ntitle: "x\nblocks: []\n', {})
    assert (issue.line, issue.column) == (2, 8)
    assert "is never closed" in issue.text


@pytest.mark.parametrize(
    "option",
    [
        "{series: [{type: bar, label: {formatter: 'function (p) { return p }'}}]}",
        "{title: {text: x, link: 'http://example.com'}}",
        "{series: [{type: scatter, symbol: 'image://http://example.com/a.png'}]}",
        "{tooltip: {formatter: '<img src=x onerror=alert(1)>'}}",
        "{toolbox: {feature: {dataView: {}}}}",
    ],
)
def test_chart_options_that_run_code_or_open_addresses_are_refused(option: str) -> None:
    source = f"title: x\nqueries: {{q: select 1 as a}}\nblocks:\n  - chart: {{query: q, option: {option}}}\n"
    assert any("cannot be used" in issue.text for issue in check_template(source, {}))


@pytest.mark.parametrize(
    ("chart", "message"),
    [
        ("kind: bar, x: a, y: a, colors: {a: red}", "“red” is no color"),
        ("kind: bar, x: a, y: a, shares: true", "needs a stacked_bar chart"),
        ("kind: area, x: a, y: a, shares: true", "needs a stacked_bar chart"),
        ("kind: pie, x: a, y: a, targets: [{value: 1}]", "Only charts with axes have “targets”"),
        ("kind: bar, x: a, y: a, targets: [{label: Plan}]", "needs “value”"),
        ("kind: bar, x: a, y: a, targets: [{value: nothing.n}]", "nothing"),
        ("kind: bar, x: a, y: a, targets: [{value: 1, lable: Plan}]", "no “lable”"),
        ("kind: bar, x: a, y: a, data_labels: maybe", "data_labels"),
    ],
)
def test_what_a_chart_cannot_have_is_told_with_its_place(chart: str, message: str) -> None:
    source = f"title: x\nqueries: {{q: select 1 as a}}\nblocks:\n  - chart: {{query: q, {chart}}}\n"
    (issue,) = check_template(source, {})
    assert message in issue.text
    assert issue.line == 4


def test_a_repeated_row_is_bound_in_queries() -> None:
    source = """\
title: x
queries:
  regions: select distinct region from orders
  top: select product from orders where region = $area_region
blocks:
  - repeat: regions
    as: area
    blocks:
      - heading: "{{ area.region }}"
      - table: {query: top}
"""
    assert issues(source) == []
    assert issues(source.replace("$area_region", "$area_regoin"))[0][:2] == (4, 8)


def test_a_text_inside_a_text_is_told_in_words() -> None:
    source = GOOD.replace("default: last_month", "default: 5")
    with pytest.raises(TemplateProblem) as caught:
        parse_template(source)
    texts = [caught.value.text, *(error.text for error in caught.value.errors)]
    texts += [issue.text for issue in check_template(source, {"orders": COLUMNS})]
    assert texts
    assert not any("phrase" in text or "{" in text for text in texts), texts
