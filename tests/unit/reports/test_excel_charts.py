"""Charts that Excel draws: those of the PDF, or a sentence where it has none."""

from __future__ import annotations

import re
import zipfile
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from server.reports.drawing.paints import LIGHT, SERIES
from tests.unit.reports.orders import render, workbook

pytestmark = pytest.mark.filterwarnings("ignore:.*extension is not supported:UserWarning")  # openpyxl knows no bars

QUERIES = """\
title: Charts
queries:
  q: "select * from (values ('Q1','A',10),('Q1','B',20),('Q2','A',30),('Q2','B',5),('Q3','A',12)) t(q,s,v)"
  sc: "select * from (values (20.0,12,'A'),(1.5,10,'A'),(3.5,40,'B'),(100.0,42,'B')) t(x,y,s)"
  gap: "select * from (values (date '2026-06-01',40),('2026-02-01',12),('2026-01-01',10),('2026-03-01',14)) t(m,v)"
  two: |
    select date '2026-01-01' + i::int as day, ['even', 'odd'][1 + i % 2] as s, i as v from range(8) t(i)
  hours: "select timestamp '2026-01-01 08:00' + interval (i) hour as t, i as v from range(4) t(i)"
  weeks: "select * from (values (date '2026-01-05', 1), ('2026-01-26', 3), ('2026-01-12', 2)) t(w, v)"
  some_days: "select date '2026-01-15' + (i * 42)::int as d, i as v from range(3) t(i)"
  some_months: "select * from (values (date '2026-01-01', 3), (date '2026-03-01', 5)) t(m, v)"
  quarters: "select * from (values ('2026-Q1', 3), ('2026-Q3', 5)) t(m, v)"
  old: "select * from (values (date '1848-01-01', 1), ('1849-01-01', 2)) t(d, v)"
  pie: "select 'P' || i as n, 100 // (i + 1) as v from range(14) t(i)"
  money: "select * from (values (date '2026-01-01', 1200.5, 0.12), ('2026-02-01', 1500, 0.15)) t(m, revenue, margin)"
  many: "select 'N' || i as n, i as v from range(40) t(i)"
  mixed: "select * from (values ('Sales', 1200000), ('Returns', -20000), ('Fees', -400)) t(n, v)"
  little: "select * from (values ('a', 0.0012), ('b', 2.5), ('c', -0.001::decimal(5, 3))) t(n, v)"
  both: "select 'M' || i as m, s, 1000123.5 * s as v from range(12) t(i), (values (1), (3), (-1)) u(s)"
  wide: "select 'A' as n, 1234567890123.5 as v"
  heat: "select * from (values ('W1', 'H1', 0), ('W2', 'H1', 50), ('W2', 'H2', 100)) t(w, h, v)"
"""


def drawn(block: str, orders: Path, tmp_path: Path) -> tuple[openpyxl.Workbook, Any]:
    """The workbook and the first chart of its summary."""
    source = f"{QUERIES}blocks: [{{chart: {{{block}}}}}]"
    book = workbook(render(source, orders, tmp_path, None, "xlsx"))
    charts = book["Summary"]._charts
    return book, charts[0] if charts else None


def figures(book: openpyxl.Workbook) -> list[list[Any]]:
    """Those of the first chart, with their head."""
    rows = [[cell.value for cell in row] for row in book["Chart data"].iter_rows(min_row=2)]
    return [row for row in rows if any(value is not None for value in row)]


def colors(chart: Any) -> list[str]:
    return [series.spPr.solidFill.srgbClr.lower() for series in chart.ser]


@pytest.mark.parametrize(
    ("block", "kind", "grouping", "lying"),
    [
        ("kind: bar, query: q, x: q, y: v, series: s", "BarChart", "clustered", "col"),
        ("kind: stacked_bar, query: q, x: q, y: v, series: s", "BarChart", "stacked", "col"),
        ("kind: stacked_bar, query: q, x: q, y: v, series: s, shares: true", "BarChart", "percentStacked", "col"),
        ("kind: bar, query: q, x: q, y: v, series: s, horizontal: true", "BarChart", "clustered", "bar"),
        ("kind: bar, query: many, x: n, y: v", "BarChart", "clustered", "bar"),  # names need rows
        ("kind: area, query: q, x: q, y: v, series: s", "AreaChart", "stacked", None),
        ("kind: area, query: q, x: q, y: v, series: s, shares: true", "AreaChart", "percentStacked", None),
        ("kind: area, query: gap, x: m, y: v", "LineChart", "standard", None),  # areas would fall to zero
        ("kind: line, query: q, x: q, y: v, series: s", "LineChart", "standard", None),
        ("kind: line, query: hours, x: t, y: v", "ScatterChart", None, None),  # axes of dates know no hours
        ("kind: scatter, query: sc, x: x, y: y", "ScatterChart", None, None),
        ("kind: pie, query: pie, x: n, y: v", "DoughnutChart", None, None),
        ("kind: funnel, query: pie, x: n, y: v", "BarChart", "clustered", "bar"),
    ],
)
def test_each_kind_is_drawn_as_on_paper(
    orders: Path, tmp_path: Path, block: str, kind: str, grouping: str | None, lying: str | None
) -> None:
    _book, chart = drawn(block, orders, tmp_path)
    assert type(chart).__name__ == kind
    assert getattr(chart, "grouping", None) == grouping
    assert getattr(chart, "barDir", None) == lying
    if lying == "bar":  # from above, as people read
        assert chart.x_axis.scaling.orientation == "maxMin"
    if grouping in ("stacked", "percentStacked"):
        assert colors(chart) == [SERIES[0].lstrip("#"), SERIES[1].lstrip("#")]


def test_points_have_their_own_x_and_series_stay_apart(orders: Path, tmp_path: Path) -> None:
    book, chart = drawn("kind: scatter, query: sc, x: x, y: y, series: s", orders, tmp_path)
    assert figures(book) == [["x", "A", "B"], [1.5, 10, None], [3.5, None, 40], [20, 12, None], [100, None, 42]]
    assert [one.xVal.numRef.f for one in chart.ser] == ["'Chart data'!$A$3:$A$6"] * 2
    assert [one.yVal.numRef.f for one in chart.ser] == ["'Chart data'!$B$3:$B$6", "'Chart data'!$C$3:$C$6"]
    assert chart.ser[0].marker.symbol == "circle"


def test_months_are_dates_in_their_order_and_a_gap_is_a_gap(orders: Path, tmp_path: Path) -> None:
    book, chart = drawn("kind: line, query: gap, x: m, y: v, targets: [{value: 20, label: Plan}]", orders, tmp_path)
    rows = figures(book)
    assert rows[0] == ["m", "v", "Plan"]
    assert [(row[0].month, row[1], row[2]) for row in rows[1:]] == [
        (1, 10, 20), (2, 12, 20), (3, 14, 20), (4, None, 20), (6, 40, 20),
    ]  # fmt: skip
    assert type(chart.x_axis).__name__ == "DateAxis"
    assert chart.x_axis.number_format.formatCode == "yyyy-mm"
    assert chart.display_blanks == "gap"
    assert [one.spPr.ln.solidFill.srgbClr.lower() for one in chart.ser] == [
        SERIES[0].lstrip("#"), LIGHT["target"].lstrip("#"),
    ]  # fmt: skip


def test_a_line_goes_on_where_only_another_has_a_value(orders: Path, tmp_path: Path) -> None:
    _book, chart = drawn("kind: line, query: two, x: day, y: v, series: s", orders, tmp_path)
    assert chart.display_blanks == "span"


def test_bars_of_weeks_are_as_wide_as_weeks_and_one_without_values_is_there(orders: Path, tmp_path: Path) -> None:
    book, chart = drawn("kind: bar, query: weeks, x: w, y: v", orders, tmp_path)
    assert type(chart.x_axis).__name__ == "TextAxis"
    assert [(row[0].day, row[1]) for row in figures(book)[1:]] == [(5, 1), (12, 2), (19, None), (26, 3)]
    assert [one.cat.numRef.f for one in chart.ser] == ["'Chart data'!$A$3:$A$6"]


@pytest.mark.parametrize(
    ("block", "unit", "along"),
    [
        ("kind: line, query: some_days, x: d, y: v", "days", ["2026-01-15", "2026-02-26", "2026-04-09"]),
        ("kind: bar, query: some_months, x: m, y: v", "months", ["2026-01-01", "2026-03-01"]),
        ("kind: bar, query: quarters, x: m, y: v", "", ["Q1 2026", "Q2 2026", "Q3 2026"]),
    ],
)
def test_an_axis_of_days_counts_days_and_one_of_months_or_quarters_those(
    orders: Path, tmp_path: Path, block: str, unit: str, along: list[str]
) -> None:
    book, chart = drawn(block, orders, tmp_path)
    assert getattr(chart.x_axis, "baseTimeUnit", None) == (unit or None)
    assert [str(row[0])[:10] for row in figures(book)[1:]] == along


def test_charts_of_columns_lie_beside_each_other(orders: Path, tmp_path: Path) -> None:
    chart = "{chart: {kind: stacked_bar, query: q, x: q, y: v, series: s}}"
    source = f"{QUERIES}blocks:\n  - columns: [[{chart}], [{chart}]]\n  - columns: [[{chart}], [{{text: x}}]]\n"
    charts = workbook(render(source, orders, tmp_path, None, "xlsx"))["Summary"]._charts
    places = [(one.anchor._from.row, one.anchor._from.col) for one in charts]
    assert places[0][0] == places[1][0] < places[2][0]
    assert places[0][1] == places[2][1] == 0 < places[1][1]


def test_marks_of_stacks_have_the_unit_of_what_they_reach(orders: Path, tmp_path: Path) -> None:
    source = f"{QUERIES}  big: \"select 'a' as x, unnest([600000, 700000]) as v, unnest(['p', 'q']) as s\"\n"
    source += "blocks: [{chart: {kind: stacked_bar, query: big, x: x, y: v, series: s}}]"
    chart = workbook(render(source, orders, tmp_path, None, "xlsx"))["Summary"]._charts[0]
    assert chart.y_axis.number_format.formatCode.startswith('[>=999950]0.0,,"M"')


def test_days_before_those_of_excel_are_names(orders: Path, tmp_path: Path) -> None:
    book, chart = drawn("kind: bar, query: old, x: d, y: v", orders, tmp_path)
    assert type(chart.x_axis).__name__ == "TextAxis"
    assert [row[1] for row in figures(book)[1:]] == [1, 2]


def test_bars_and_lines_have_an_axis_each_and_the_formats_of_the_report(orders: Path, tmp_path: Path) -> None:
    block = (
        "kind: combo, query: money, x: m, y: revenue, lines: margin, format: currency, currency: CNY, "
        "line_format: percent, y_title: Money, data_labels: true"
    )
    book, chart = drawn(block, orders, tmp_path)
    bars, lines = chart._charts
    assert (type(bars).__name__, type(lines).__name__) == ("BarChart", "LineChart")
    assert bars.y_axis.axId != lines.y_axis.axId
    assert bars.y_axis.number_format.formatCode == '[>=1000]"¥"0.0,"K";"¥"#,##0'
    assert lines.y_axis.number_format.formatCode == "#,##0%"
    assert bars.ser[0].dLbls.numFmt == '"¥"#,##0.00;[Red]-"¥"#,##0.00'
    assert bars.y_axis.title.tx.rich.p[0].r[0].t == "Money"
    assert [cell.number_format for cell in book["Chart data"][3]][1:] == [
        '"¥"#,##0.00;[Red]-"¥"#,##0.00', "#,##0.0%",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("query", "format_", "told"),
    [("mixed", "format: compact", ["-20K", "-400"]), ("little", "format: decimal", ["0.0012", "-0.001"]),
     ("little", "format: decimal, decimals: 2", ["0.00"])],
)  # fmt: skip
def test_labels_that_no_number_format_writes_are_texts(
    orders: Path, tmp_path: Path, query: str, format_: str, told: list[str]
) -> None:
    """A loss of 20,000 beside a million was labelled -0.0M, 0.0012 was 0.00, and -0.001 with two decimals -0.00."""
    block = f"kind: bar, query: {query}, x: n, y: v, data_labels: true, {format_}"
    rendered = render(f"{QUERIES}blocks: [{{chart: {{{block}}}}}]", orders, tmp_path, None, "xlsx")
    with zipfile.ZipFile(rendered.artifacts[0].path) as archive:
        written = archive.read("xl/charts/chart1.xml").decode()
    assert re.findall(r"<c:dLbl>.*?<a:t>(.*?)</a:t>.*?</c:dLbl>", written) == told


def test_stacks_on_both_sides_of_zero_are_whole(orders: Path, tmp_path: Path) -> None:
    """LibreOffice ends the axis at what a stack comes to with its losses. Labels are no wider than bars."""
    _book, chart = drawn(
        "kind: stacked_bar, query: both, x: m, y: v, series: s, format: decimal, data_labels: true", orders, tmp_path
    )
    assert chart.y_axis.scaling.max >= 4_000_494
    assert chart.y_axis.scaling.min <= -1_000_123.5
    assert [series.dLbls.numFmt.split(";")[0] for series in chart.ser] == [
        '[>=999950]0.0,,"M"', '[>=999950]0.0,,"M"', '0.0,,"M"',
    ]  # fmt: skip


def test_figures_behind_charts_have_room(orders: Path, tmp_path: Path) -> None:
    book, _chart = drawn("kind: bar, query: wide, x: n, y: v, format: currency, currency: EUR", orders, tmp_path)
    assert book["Chart data"].column_dimensions["B"].width >= len("€1,234,567,890,123.50")


def test_slices_have_their_colours_and_the_rest_its_name(orders: Path, tmp_path: Path) -> None:
    book, chart = drawn("kind: pie, query: pie, x: n, y: v, colors: {P1: '#123456'}", orders, tmp_path)
    rows = figures(book)
    assert rows[10] == ["Other (5)", 41]
    points = chart.ser[0].dPt
    fills = [point.spPr.solidFill.srgbClr.lower() if point.spPr.solidFill else None for point in points]
    assert fills[:3] == [SERIES[0].lstrip("#"), "123456", SERIES[2].lstrip("#")]
    assert fills[9] == LIGHT["rest"].lstrip("#")
    assert points[6].spPr.pattFill.fgClr.srgbClr.lower() == SERIES[6].lstrip("#")  # not told apart by colour alone
    assert chart.ser[0].dLbls.numFmt == "0.0%"
    assert "“Other (5)” are the 5 smallest together." in [row[0].value for row in book["Summary"].iter_rows()]


def test_a_heat_map_is_cells_on_its_colours(orders: Path, tmp_path: Path) -> None:
    book, chart = drawn("kind: heatmap, title: Busy, query: heat, x: w, y: h, value: v", orders, tmp_path)
    assert chart is None
    sheet = book["Busy"]
    assert [[cell.value for cell in row] for row in sheet.iter_rows()] == [
        ["v", "W1", "W2"], ["H1", 0, 50], ["H2", None, 100],
    ]  # fmt: skip
    [area] = sheet.conditional_formatting
    assert str(area.sqref) == "B2:C3"
    assert area.rules[0].type == "containsBlanks"
    steps = [(float(rule.formula[0]), rule.dxf.fill.bgColor.rgb[2:].lower()) for rule in area.rules[1:]]
    assert steps[-1] == (0, LIGHT["h0"].lstrip("#"))
    assert steps[0] == (pytest.approx(600 / 7), LIGHT["h6"].lstrip("#"))


def test_a_gauge_is_a_bar_in_a_cell(orders: Path, tmp_path: Path) -> None:
    source = f"{QUERIES}blocks: [{{chart: {{kind: gauge, title: Goal, value: 0.7, format: percent}}}}]"
    rendered = render(source, orders, tmp_path, None, "xlsx")
    sheet = workbook(rendered)["Summary"]
    [row] = [row for row in sheet.iter_rows(values_only=True) if row[0] == "Goal"]
    assert row[1:3] == (0.7, "70.0% of 100.0%")
    xml = zipfile.ZipFile(rendered.artifacts[0].path).read("xl/worksheets/sheet1.xml").decode()
    assert '<cfvo type="num" val="0"/><cfvo type="num" val="1"/>' in xml


def test_what_excel_cannot_draw_is_said_and_its_data_are_there(orders: Path, tmp_path: Path) -> None:
    book, chart = drawn("title: Own, query: q, option: {series: [{type: sankey}]}", orders, tmp_path)
    assert chart is None
    texts = [row[0].value for row in book["Summary"].iter_rows()]
    assert "Own: Excel has no drawing of this kind; its data are in the sheet “Chart data” from row 1." in texts
    assert figures(book)[:2] == [["q", "s", "v"], ["Q1", "A", 10]]


@pytest.mark.parametrize(
    ("option", "kinds"),
    [
        ("series: [{type: bar}, {type: line, name: Share}]", ["BarChart", "LineChart"]),
        ("xAxis: {type: category}, yAxis: {}, series: {type: line}", ["LineChart"]),
        ("series: [{type: bar, stack: all}]", []),
        ("xAxis: {type: value}, series: [{type: line}]", []),
        ("yAxis: {type: log}, series: [{type: line}]", []),
        ("xAxis: {}, polar: {}, series: [{type: bar}]", []),
        ("series: [{type: line}, {type: line}, {type: line}]", []),
    ],
)
def test_an_option_is_drawn_where_excel_draws_the_same(
    orders: Path, tmp_path: Path, option: str, kinds: list[str]
) -> None:
    _book, chart = drawn(f"query: money, option: {{{option}}}", orders, tmp_path)
    assert [type(one).__name__ for one in (chart._charts if chart else ())] == kinds


def test_targets_of_lying_bars_are_said(orders: Path, tmp_path: Path) -> None:
    block = "kind: bar, query: q, x: q, y: v, series: s, horizontal: true, targets: [{value: 15, label: Plan}]"
    book, _chart = drawn(block, orders, tmp_path)
    assert "Targets: Plan 15.00." in [row[0].value for row in book["Summary"].iter_rows()]


@pytest.mark.parametrize("title", ["=1+1", "Wow!A1", "=cmd|' /C calc'!A0"])
def test_titles_that_look_like_formulas_are_titles(orders: Path, tmp_path: Path, title: str) -> None:
    quoted = title.replace("'", "''")
    block = f"kind: bar, title: '{quoted}', query: q, x: q, y: v, series: s, x_title: '{quoted}'"
    book, chart = drawn(block, orders, tmp_path)
    assert book["Chart data"]["A1"].value == title
    assert book["Chart data"]["A1"].data_type == "s"
    assert chart.title.tx.strRef.f == "'Chart data'!$A$1"
    assert chart.x_axis.title.tx.strRef is None


def test_whoever_does_not_see_a_chart_is_told_its_figures(orders: Path, tmp_path: Path) -> None:
    source = f"{QUERIES}blocks: [{{chart: {{kind: line, title: Sold, query: gap, x: m, y: v}}}}]"
    rendered = render(source, orders, tmp_path, None, "xlsx")
    xml = zipfile.ZipFile(rendered.artifacts[0].path).read("xl/drawings/drawing1.xml").decode()
    assert 'descr="Sold (line chart): v from 10 to 40, highest in Jun."' in xml


def test_durations_and_hours_have_marks_such_as_clocks_have(orders: Path, tmp_path: Path) -> None:
    source = """\
title: x
queries:
  d: "select * from (values ('a', 'N', interval 90 minute), ('b', 'N', interval 30 minute)) t(p, r, v)"
  h: "select timestamp '2026-01-01 00:00' + interval (i * 30) minute as t, i as v from range(48) t(i)"
blocks:
  - chart: {kind: bar, query: d, x: p, y: v}
  - chart: {kind: bar, query: d, x: p, y: v, multiples: r}
  - chart: {kind: line, query: h, x: t, y: v}
"""
    book: Any = workbook(render(source, orders, tmp_path, {}, "xlsx"))
    plain, small, hours = book.worksheets[0]._charts
    minutes = [
        [round(value * 24 * 60) for value in (axis.scaling.min, axis.scaling.max, axis.majorUnit)]
        for axis in (plain.y_axis, small.y_axis)
    ]
    assert minutes == [[0, 90, 30]] * 2
    day = (date(2026, 1, 1) - date(1899, 12, 30)).days
    along = hours.x_axis
    assert (along.scaling.min, along.scaling.max, along.majorUnit) == (day, day + 1, 0.25)
