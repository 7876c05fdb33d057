"""Figures that strangers found to be wrong without a word: the right value, in every form."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from server.datasets.work import QueryLimits
from server.errors import InvalidInput
from server.reports.binding import check_template
from server.reports.parameter_values import CONVERTERS, Wrong
from tests.unit.reports.orders import content, expand, paper_text, render, workbook
from tests.unit.reports.test_table_across import cells

LIMIT = QueryLimits(seconds=10, rows=1_000)
BEYOND = "The query gave more rows than the limit of 1,000; the rest is left out."


def source(query: str, *blocks: str) -> str:
    return f'title: x\nqueries: {{q: "{query}"}}\nblocks:\n' + "".join(f" - {block}\n" for block in blocks)


def kpis(**values: str) -> str:
    return "kpis: [" + ", ".join(f'{{label: {name}, value: "{value}"}}' for name, value in values.items()) + "]"


def figures(page: str) -> list[str]:
    return re.findall(r'<span class="value">(.*?)</span>', page)


def sheet(rendered: Any, name: str = "q") -> list[list[Any]]:
    return [[cell.value for cell in row] for row in workbook(rendered)[name].iter_rows()]


def test_columns_of_one_name_keep_their_values(orders: Path, tmp_path: Path) -> None:
    table = 'table: {query: q, columns: [{name: a, total: sum}, {name: a_2, total: "sum(a_2)"}]}'
    template = source("select 1 as a, 2 as a", table, kpis(first="q.a", second="q.a_2"), "table: {query: q}")
    assert check_template(template, {}) == []
    rendered = render(template, orders, tmp_path, {}, "html", "xlsx")
    assert cells(content(rendered))[:3] == [["", "a", "a 2"], ["", "1", "2"], ["Total", "1", "2"]]
    assert cells(content(rendered))[3:] == [["a", "a 2"], ["1", "2"]]
    assert figures(content(rendered)) == ["1", "2"]
    assert sheet(rendered)[1][-2:] == [1, 2]


@pytest.mark.parametrize("text", ["1,5", "3,25", "1.234,5", "1,234", "0,123.5", "12,34,567", "1_5"])
@pytest.mark.parametrize("kind", ["decimal", "integer"])
def test_numbers_that_can_be_read_in_several_ways_are_refused(text: str, kind: str) -> None:
    with pytest.raises(Wrong, match=r"like 1\.5"):
        CONVERTERS[kind](text)


def test_defaults_and_each_are_read_as_orders_are(orders: Path) -> None:
    number = source("select $n as n", "table: {query: q}").replace(
        "queries", "parameters: {n: {type: decimal}}\nqueries"
    )
    with pytest.raises(InvalidInput, match=r"like 1\.5"):
        expand(number, orders, [{"n": "1,5"}])
    with pytest.raises(InvalidInput, match=r"like 1\.5"):
        expand(number.replace("decimal}", 'decimal, each: ["3,25"]}'), orders)
    (issue,) = check_template(number.replace("decimal}", 'decimal, default: "1,5"}'), {})
    assert issue.severity == "error"
    assert "like 1.5" in str(issue.parameters["reason"])


@pytest.mark.parametrize(("text", "number"), [("1,234.5", 1234.5), ("-1,234,567", -1234567), ("1.5", 1.5)])
def test_numbers_that_can_be_read_in_one_way_are_taken(text: str, number: float) -> None:
    assert CONVERTERS["decimal"](text) == number


GROUPS = "select case when i < 3 or i = 1200 then 'a' else 'b' end as g, 10 as v from range(1500) t(i)"


def test_subtotals_and_notes_of_a_cut_query_are_of_all_rows(orders: Path, tmp_path: Path) -> None:
    columns = '[{name: v, total: sum}, {name: v, total: "sum(v)"}]'
    template = source(GROUPS, f"table: {{query: q, max_rows: 20, group: g, columns: {columns}}}")
    rendered = render(template, orders, tmp_path, {}, "html", "pdf", "xlsx", limits=LIMIT)
    page = content(rendered)
    assert ["Subtotal a", "40", "40"] in cells(page)
    assert ["Total", "15,000", "15,000"] in cells(page)
    note = "20 of 1,500 rows; the Excel file has the first 1,000."
    assert note in page
    assert note in paper_text(rendered)
    assert "Subtotal a 40 40" in paper_text(rendered)
    rows = sheet(rendered)
    assert ["Subtotal a", 40, 40] in rows
    assert ["Subtotal b", 14_960, 14_960] in rows
    assert str(rows[-1][0]).startswith("The first 1,000 of 1,500 rows: the query gave more than the limit.")


@pytest.mark.parametrize(
    ("expression", "figure"),
    [
        ("2.5 | round", "3"),
        ("-2.5 | round", "-3"),
        ("2.675 | round(2)", "2.68"),
        ("1.1 | round(1, 'ceil')", "1.1"),
        ("1.2 | round(0, 'ceil')", "2"),
        ("-1.2 | round(method='floor')", "-2"),
        ("1250 | round(-2)", "1300"),
        ("7 | round(2)", "7"),
        ("1e300 | round(2)", "1e+300"),
    ],
)
def test_round_is_what_people_write(orders: Path, tmp_path: Path, expression: str, figure: str) -> None:
    rendered = render(source("select 1 as a", f'text: "={{{{ {expression} }}}}="'), orders, tmp_path)
    assert f"={figure}=" in content(rendered).replace("\\", "")


def test_a_funnel_tells_what_has_no_width(orders: Path, tmp_path: Path) -> None:
    values = "select * from (values (1, 'A', 10), (2, 'B', null), (3, 'C', -5), (4, 'D', 4)) t(o, n, v) order by o"
    template = source(values, "chart: {kind: funnel, query: q, x: n, y: v}")
    rendered = render(template, orders, tmp_path, {}, "html", "pdf", "xlsx")
    page = content(rendered)
    assert cells(page)[1:] == [["A", "10"], ["B", "–"], ["C", "-5"], ["D", "4"]]
    assert "Below zero, so without a width: C (-5)." in page
    assert page.count('fill="none"') >= 2
    assert "without a width" in paper_text(rendered)
    assert [row[1] for row in sheet(rendered, "Chart data")[2:]] == [10, None, -5, 4]


def test_whole_numbers_of_databases_have_all_their_digits(orders: Path, tmp_path: Path) -> None:
    template = source("select 123456900000000000000000000::hugeint as a", "table: {query: q}", kpis(a="-q.a"))
    page = content(render(template, orders, tmp_path))
    assert cells(page) == [["a"], ["123,456,900,000,000,000,000,000,000"]]
    assert figures(page) == ["-123,456,900,000,000,000,000,000,000"]


PIVOT = "select * from (values ('A', 'x', 10, 2), ('A', 'y', 5, 2), ('B', 'x', 1, 7)) t(k, m, v, n)"


def test_excel_totals_of_pivots_are_formulas_where_these_mean_the_same(orders: Path, tmp_path: Path) -> None:
    def totals(columns: str) -> list[Any]:
        template = source(PIVOT, f"table: {{query: q, columns: [{columns}]}}")
        return sheet(render(template, orders, tmp_path, {}, "xlsx"))[-1][1:]

    of_cells = ["=SUBTOTAL(109,B2:B3)", "=SUBTOTAL(109,C2:C3)", "=SUBTOTAL(109,D2:D3)"]
    assert totals("k, {name: v, across: m, total: count, row_total: true}") == of_cells
    assert totals("k, {name: v, across: m, total: average}") == [5.5, 5]
    assert totals("k, {name: v, across: m, total: max}") == ["=SUBTOTAL(104,B2:B3)", "=SUBTOTAL(104,C2:C3)"]
    assert totals("k, {name: v, across: m}, {name: n, total: sum}")[-1] == "=SUBTOTAL(109,D2:D3)"


@pytest.mark.parametrize("rows", [1_000, 3])
def test_a_figure_beside_a_pivot_is_one_of_its_line(orders: Path, tmp_path: Path, rows: int) -> None:
    columns = '[k, {name: v, across: m, total: sum}, {name: n, total: sum}, {name: n, total: "max(n)"}]'
    template = source(f"{PIVOT} union all select 'B', 'x', 0, 0", f"table: {{query: q, columns: {columns}}}")
    page = content(render(template, orders, tmp_path, limits=QueryLimits(seconds=10, rows=rows)))
    assert [row[0::3] + row[4:] for row in cells(page)[1:]] == [["A", "4", "2"], ["B", "7", "7"], ["Total", "11", "7"]]


def test_truths_are_written_as_such_whatever_their_format(orders: Path, tmp_path: Path) -> None:
    kinds = ("integer", "decimal", "currency", "percent", "compact", "date", "month", "datetime", "duration")
    columns = ", ".join(f"{{name: a, format: {kind}}}" for kind in kinds)
    items = ", ".join(f"{{label: {kind}, value: q.a, format: {kind}}}" for kind in kinds)
    template = source("select true as a", f"table: {{query: q, columns: [{columns}]}}", f"kpis: [{items}]")
    rendered = render(template, orders, tmp_path, {}, "html", "pdf", "xlsx")
    assert cells(content(rendered))[1] == figures(content(rendered)) == ["yes"] * len(kinds)
    assert sheet(rendered)[1] == [True] * len(kinds)


def test_a_number_too_large_for_a_figure_names_its_block(orders: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as found:
        render(source("select 1 as a", kpis(a="10 ** 400")), orders, tmp_path)
    assert "blocks[0] (kpis)" in found.value.text
    assert "a number became too long" in found.value.text


def test_figures_of_the_first_rows_alone_say_so_in_the_report(orders: Path, tmp_path: Path) -> None:
    some = kpis(mapped="q | map(attribute='v') | list | length", last="(q | last).v", minus="q[-1].v")
    whole = kpis(rows="q | length", most="q | max(attribute='v')", first="(q | first).v")
    template = source("select i as v from range(1500) t(i)", some, whole)
    rendered = render(template, orders, tmp_path, {}, "html", "pdf", "xlsx", limits=LIMIT)
    page = content(rendered)
    assert figures(page) == ["1,000", "999", "999", "1,500", "1,499", "0"]
    assert page.count(BEYOND) == paper_text(rendered).count(BEYOND) == 1
    assert page.index(">minus<") < page.index(BEYOND) < page.index(">rows<")
    assert [BEYOND] in [row[:1] for row in sheet(rendered, "Summary")]


@pytest.mark.parametrize("rows", [1_000, 2])
def test_the_extremes_of_a_column_are_its_values(orders: Path, tmp_path: Path, rows: int) -> None:
    template = source(
        "select unnest([3, null, 5, 4]) as v",
        kpis(most="q | max(attribute='v')", least="q | min(attribute='v')"),
        kpis(some="q | selectattr('v') | max(attribute='v')"),
    )
    page = content(render(template, orders, tmp_path, limits=QueryLimits(seconds=10, rows=rows)))
    assert figures(page)[:2] == ["5", "3"]
    assert figures(page)[2] in ("5", "3")


def test_a_row_without_a_value_fails_its_own_report(orders: Path, tmp_path: Path) -> None:
    template = source("select $r as r", "table: {query: q}").replace(
        "queries", "parameters: {r: {label: Region}, n: {type: integer, default: 2}}\n"
        "each_row: \"select unnest(['a', null, 'b']) as r\"\nqueries"
    )  # fmt: skip
    found = expand(template, orders)
    assert found == [{"r": "a", "n": 2}, {"r": None, "n": 2}, {"r": "b", "n": 2}]
    with pytest.raises(InvalidInput) as error:
        render(template, orders, tmp_path, found[1])
    assert "“Region” needs a value." in error.value.text
    assert render(template, orders, tmp_path, found[2]).title == "x"


def test_texts_in_place_of_numbers_are_told(orders: Path, tmp_path: Path) -> None:
    template = source(
        "select 'a' as k, '12' as v",
        "table: {query: q, columns: [k, {name: v, total: sum}]}",
        "chart: {kind: bar, query: q, x: k, y: v}",
        "table: {query: q, columns: [{name: k, total: count}]}",
    )
    issues = check_template(template, {})
    assert [(issue.severity, issue.line, issue.parameters["name"]) for issue in issues] == [
        ("warning", 4, "v"),
        ("warning", 5, "v"),
    ]
    rendered = render(template, orders, tmp_path, {}, "html", "pdf", "xlsx")
    note = "“v” has texts where numbers belong; they are neither drawn nor added up."
    assert [warning.startswith(note) for warning in rendered.warnings] == [True]
    assert content(rendered).count(note) == paper_text(rendered).count(note) == 2
    assert str(sheet(rendered)[-1][0]).startswith(note)


@pytest.mark.parametrize(
    "query",
    [
        "select i as v from range(1500) t(i) order by random() limit 10",
        "select i as v from range(1500) t(i) using sample 12",
        "select i as v, i as v from range(1500) t(i) where random() < 0.9",
    ],
)
def test_totals_of_rows_drawn_at_random_are_of_these_rows(orders: Path, tmp_path: Path, query: str) -> None:
    template = source(
        query,
        'table: {query: q, columns: [{name: v, total: sum}, {name: v, total: "sum(v)"}]}',
        kpis(sum="q | sum(attribute='v')", rows="q | length"),
    )
    for _again in range(2):  # the session is kept
        page = content(render(template, orders, tmp_path, limits=LIMIT))
        *rows, total = cells(page)[1:]
        assert total[1:] == [figures(page)[0]] * 2
        if "where" not in query:
            assert sum(int(row[1].replace(",", "")) for row in rows) == int(total[1].replace(",", ""))


@pytest.mark.parametrize(
    ("block", "named"),
    [
        ('heading: "{{ q.v }}"', "heading “xxx"),
        ('table: {query: q, title: "{{ q.v }}", columns: [n]}', "table “xxx"),
        ("chart: {kind: bar, query: q, x: v, y: n}", "chart “bar chart"),
    ],
)
def test_a_text_too_long_for_a_pdf_names_its_block(orders: Path, tmp_path: Path, block: str, named: str) -> None:
    template = source("select repeat('x', 40000) as v, 1 as n", block)
    with pytest.raises(InvalidInput) as found:
        render(template, orders, tmp_path, {}, "pdf")
    assert f"The PDF cannot be laid out: {named}" in found.value.text
    assert "has 400" in found.value.text
    assert "left(…, 200)" in found.value.text


@pytest.mark.parametrize("day", ["date '2026-{:02}-01'", "last_day(date '2026-{:02}-01')"])
def test_a_heat_map_goes_in_the_order_of_time_with_its_gaps(orders: Path, tmp_path: Path, day: str) -> None:
    days = [day.format(month) for month in (3, 1, 2, 6)]
    values = ", ".join(f"({each}, 'a', {n})" for n, each in enumerate(days))
    template = source(
        f"select * from (values {values}) t(d, k, v)", "chart: {kind: heatmap, query: q, x: d, y: k, value: v}"
    )
    page = content(render(template, orders, tmp_path, {}, "html"))
    assert cells(page)[1:] == [
        ["Jan 2026", "1"], ["Feb 2026", "2"], ["Mar 2026", "0"],
        ["Apr 2026", "–"], ["May 2026", "–"], ["Jun 2026", "3"],
    ]  # fmt: skip


def test_rows_that_are_in_no_file_are_told_to_whoever_ordered_the_report(orders: Path, tmp_path: Path) -> None:
    template = source("select i as n from range(700) r(i)", "table: {query: q}")
    assert render(template, orders, tmp_path, {}, "pdf", "html").warnings == ("q: 500 of 700 rows.",)
    assert render(template, orders, tmp_path, {}, "html", "xlsx").warnings == ()  # the workbook has them


def test_a_bar_in_a_cell_lies_behind_its_number(orders: Path, tmp_path: Path) -> None:
    """On a narrow page it covered the first digits: €12,345,678,901,234.55 read 8,901,234.55."""
    table = "table: {query: q, columns: [{name: v, bar: true}]}"
    page = content(render(source("select 12345678901234.5 as v", table), orders, tmp_path, {}, "html"))
    assert re.search(r"\.bar ?\{[^}]*z-index: ?0", page)
    assert re.search(r"\.bar::before ?\{[^}]*z-index: ?-1", page)
