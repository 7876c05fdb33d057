"""Waterfalls, box plots and small multiples: where their marks stand, and what Excel and words make of them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import openpyxl

from server.datasets.work import QueryResult
from server.reports.binding import check_template
from server.reports.charts.building import build_chart
from server.reports.charts.chart import Chart, ChartSettings
from server.reports.charts.telling import told
from server.reports.formats import Formats, ValueFormat
from server.reports.rows import Rows
from tests.unit.reports.orders import content, render, workbook


def rows(names: list[str], *values: tuple[Any, ...]) -> Rows:
    result = QueryResult(columns=[(name, "VARCHAR") for name in names], rows=list(values))
    return Rows("q", result, lambda: None)


def chart(settings: ChartSettings, data: Rows) -> Chart:
    return build_chart(settings, data, title="", value=None, maximum=None, formats=Formats("en"))


STEPS = rows(
    ["line", "amount", "sum"],
    ("Sales", 100, True), ("Cost", -60, False), ("Gift", None, False), ("Gross", 40, True), ("Tax", -0.1, False),
    ("Tax 2", -0.2, False), ("Net", None, True),
)  # fmt: skip


def test_a_bar_of_a_waterfall_begins_where_the_one_before_ended() -> None:
    drawn = chart(ChartSettings(kind="waterfall", x="line", y=("amount",), totals="sum"), STEPS)
    assert drawn.bases == [0, 100, 40, 0, 40, 39.9, 0]
    assert [(one.name, one.values) for one in drawn.series] == [
        ("Increase", [None] * 7),
        ("Decrease", [None, -60, None, None, -0.1, -0.2, None]),
        ("Total", [100, None, None, 40, None, None, 39.7]),
    ]
    assert drawn.notes == ()


def test_a_waterfall_without_totals_ends_in_one_and_a_wrong_one_is_named() -> None:
    settings = ChartSettings(kind="waterfall", x="line", y=("amount",), format=ValueFormat(kind="integer"))
    drawn = chart(settings, rows(["line", "amount"], ("a", 5), ("b", -7), ("c", 4)))
    assert (drawn.labels, drawn.series[2].values[-1], drawn.bases) == (["a", "b", "c", "Total"], 2, [0, 5, -2, 0])
    assert told(drawn, Formats("en")) == "waterfall chart: a 5; b -7; c 4; Total 2."
    wrong = rows(["line", "amount", "sum"], ("a", 5, False), ("Sum", 6, True))
    drawn = chart(ChartSettings(kind="waterfall", x="line", y=("amount",), totals="sum"), wrong)
    assert [(note.word, note.parameters) for note in drawn.notes] == [("waterfall_off", {"names": "Sum"})]
    assert drawn.series[2].values == [None, 6]


def test_a_box_is_the_middle_half_and_its_whiskers_end_at_values() -> None:
    values = [("a", value) for value in (1, 2, 3, 4, 5, 6, 7, 8, 9, 100)] + [("b", 7), ("a", None)]
    drawn = chart(ChartSettings(kind="box", x="g", y=("v",)), rows(["g", "v"], *values))
    # As QUARTILE.INC has them.
    assert [one.values for one in drawn.series] == [[1, 7], [3.25, 7], [5.5, 7], [7.75, 7], [9, 7]]
    assert drawn.outside == [[100], []]
    assert "a: median 5.50, half of all from 3.25 to 7.75, 1.00 to 9.00 without outliers" in told(drawn, Formats("en"))


def test_boxes_without_a_number_are_none_and_too_many_are_told() -> None:
    settings = ChartSettings(kind="box", x="g", y=("v",))
    assert chart(settings, rows(["g", "v"], ("a", None))).is_empty
    drawn = chart(settings, rows(["g", "v"], *((f"g{number}", number) for number in range(41))))
    assert len(drawn.labels) == 40
    assert drawn.notes[0].parameters == {"shown": 40, "count": 41}


MULTIPLES = """\
title: x
queries:
  q: |
    select * from (values ('N', 'a', 10), ('N', 'b', 20), ('S', 'a', 900), ('S', 'b', -100)) v(region, x, y)
blocks:
  - chart: {kind: bar, query: q, x: x, y: y, multiples: region, title: Regions}
"""


def test_small_charts_share_one_scale_in_every_format(orders: Path, tmp_path: Path) -> None:
    rendered = render(MULTIPLES, orders, tmp_path, {}, "html", "xlsx")
    page = content(rendered)
    assert re.findall(r'aria-label="(\w) \(bar chart\)', page) == ["N", "S"]
    assert page.count(">1K</text>") == 2  # the highest mark of both
    charts = workbook(rendered).worksheets[0]._charts  # type: ignore[attr-defined]
    assert [(each.y_axis.scaling.min, each.y_axis.scaling.max) for each in charts] == [(-250, 1000)] * 2


def test_only_charts_with_axes_are_compared() -> None:
    source = (
        "title: x\nqueries: {q: 'select i as x, 1 as y from range(25) t(i)'}\n"
        "blocks: [{chart: {kind: bar, query: q, x: x, y: y, multiples: x}}]"
    )
    [issue] = check_template(source.replace("kind: bar", "kind: pie"), {})
    assert "Only these charts have “multiples”" in issue.text


def test_a_waterfall_is_bars_on_unseen_bars_in_excel_and_below_zero_figures(orders: Path, tmp_path: Path) -> None:
    source = """\
title: x
queries:
  up: select * from (values ('a', 5), ('b', -2)) v(x, y)
  down: select * from (values ('a', -5), ('b', 2)) v(x, y)
blocks:
  - chart: {kind: waterfall, query: up, x: x, y: y, title: Up, data_labels: true}
  - chart: {kind: waterfall, query: down, x: x, y: y, title: Down}
  - chart: {kind: box, query: down, x: x, y: y, title: Box}
"""
    book = workbook(render(source, orders, tmp_path, {}, "xlsx"))
    summary: Any = book.worksheets[0]
    assert len(summary._charts) == 1
    texts = [str(cell.value) for row in summary.iter_rows() for cell in row if cell.value]
    fall = summary._charts[0].series[2]
    assert (fall.tx.strRef.f, fall.val.numRef.f) == ("'Chart data'!$D$2", "'Chart data'!$F$3:$F$5")
    assert fall.dLbls.numFmt == "-#,##0;-#,##0"
    assert sum("Excel has no drawing of this kind" in text for text in texts) == 2
    assert figures(book)[:4] == [
        ["Up"], ["x", "–", "Increase", "Decrease", "Total", "–"], ["a", 0, 5], ["b", 3, None, -2, None, 2],
    ]  # fmt: skip


def test_a_box_tells_its_values_and_those_far_outside_in_every_form(orders: Path, tmp_path: Path) -> None:
    values = "('a', 1), ('a', 2), ('a', 3), ('a', 4), ('a', 100), ('b', 5)"
    source = (
        f'title: t\nqueries: {{q: "select * from (values {values}) v(x, y)"}}\nblocks:\n'
        "  - chart: {kind: box, query: q, x: x, y: y, format: integer}\n"
    )
    rendered = render(source, orders, tmp_path, {}, "html", "xlsx")
    page = content(rendered)
    assert '<th class="right" scope="col">Far outside</th>' in page
    assert re.findall(r'<td class="right">([^<]*)</td>', page)[-14:] == [*"12344", "5", "100", *"55555", "1", ""]
    assert [row[6:] for row in figures(workbook(rendered))[1:4]] == [["Values", "Far outside"], [5, 100], [1]]


def test_every_box_of_a_small_drawing_has_its_name(orders: Path, tmp_path: Path) -> None:
    source = (
        "title: t\nqueries: {q: \"select 'N' || (i % 40) as x, i as y from range(80) t(i)\"}\nblocks:\n"
        "  - columns: [[{chart: {kind: box, query: q, x: x, y: y}}], [], [], []]\n"
    )
    names = re.findall(r">(N\d+)</text>", content(render(source, orders, tmp_path)))
    assert sorted(names) == sorted([f"N{number}" for number in range(40)] * 2)  # for windows, and for telephones


def figures(book: openpyxl.Workbook) -> list[list[Any]]:
    found = []
    for row in book["Chart data"].iter_rows(values_only=True):
        cells = list(row)
        while cells and cells[-1] is None:
            cells.pop()
        found.append(cells)
    return found


def test_a_total_that_is_what_all_changes_come_to_is_right_after_a_wrong_one() -> None:
    data = rows(
        ["line", "amount", "sum"],
        ("Start", 100, True), ("a", -150, False), ("b", 30, False), ("Mid", -10, True), ("c", 0.5, False),
        ("End", -19.5, True),
    )  # fmt: skip
    drawn = chart(ChartSettings(kind="waterfall", x="line", y=("amount",), totals="sum"), data)
    assert [note.parameters for note in drawn.notes] == [{"names": "Mid"}]


def test_lines_of_a_combo_are_measured_as_its_bars_are_where_that_is_asked_for() -> None:
    data = rows(["month", "revenue", "plan"], ("a", 100, 400), ("b", 120, 410))
    settings = ChartSettings(kind="combo", x="month", y=("revenue",), lines=("plan",))
    assert [one.second_axis for one in chart(settings, data).series] == [False, True]
    alike = ChartSettings(kind="combo", x="month", y=("revenue",), lines=("plan",), one_axis=True)
    assert [one.second_axis for one in chart(alike, data).series] == [False, False]


def test_a_heat_map_writes_the_decimals_that_it_is_asked_for(orders: Path, tmp_path: Path) -> None:
    source = (
        "title: t\nqueries: {q: \"select 'a' as x, 'b' as y, 0.95283 as v\"}\nblocks:\n"
        "  - chart: {kind: heatmap, query: q, x: x, y: y, value: v, format: percent, decimals: 0}\n"
    )
    assert ">95%<" in content(render(source, orders, tmp_path))
    assert ">95.28%<" in content(render(source.replace(", decimals: 0", ""), orders, tmp_path))


def test_what_is_not_drawn_is_told_in_every_form(orders: Path, tmp_path: Path) -> None:
    source = """\
title: x
queries:
  many: select 'ab'[1 + i % 2] as n, 1 as v from range(12000) r(i)
  days: select * from (values (date '2026-01-05', 1), (date '2026-01-06', 2), (null, 3)) t(d, v)
  spread: select 'a' as n, i as v from range(1000) r(i) union all select 'a', 9000 + i from range(250) r(i)
    union all select 'b', null
  steps: select * from (values ('a', 5), ('b', 0)) t(n, v)
blocks:
  - chart: {kind: pie, query: many, x: n, y: v}
  - chart: {kind: line, query: days, x: d, y: v}
  - chart: {kind: box, query: spread, x: n, y: v, format: currency, currency: CNY}
  - chart: {kind: funnel, query: steps, x: n, y: v}
"""
    rendered = render(source, orders, tmp_path, {}, "html", "xlsx")
    assert rendered.warnings == (
        "Rows with the same n are added up (11,998 more than there are points).",
        "One row without d is not drawn.",
        "Without a number, so without a box: b.",
        "Of values far outside, the lowest and the highest are drawn, 200 for each box; 50 are not drawn.",
    )
    page, [pie, days, box, _steps] = content(rendered), content(rendered).split('<figure class="chart">')[1:]
    assert all(warning in page for warning in rendered.warnings)
    assert re.findall(r'<td class="right">([^<]*)</td>', pie) == ["6,000", "6,000"]
    assert re.findall(r'<th scope="row">([^<]*)</th>', days) == ["5 Jan 2026", "6 Jan 2026"]
    assert re.findall(r'<td class="right">([^<]*)</td>', box)[5] == "1,250"
    book = workbook(rendered)
    texts = [str(cell.value) for row in book.worksheets[0].iter_rows() for cell in row]
    assert all(any(warning in text for text in texts) for warning in rendered.warnings)
    cells = {cell.value: cell.number_format for row in book["Chart data"].iter_rows() for cell in row}
    assert cells[6_000] == "#,##0"
    assert cells[1_250] == "#,##0"  # values of a box, whose figures are money
