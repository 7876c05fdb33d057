"""Periods that are not over when a report is made: no reader takes what is counted so far for a fall."""

from __future__ import annotations

import zipfile
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from server.reports.binding import check_template
from server.reports.charts.building import build_chart
from server.reports.charts.chart import Chart, ChartSettings
from server.reports.charts.multiples import alike
from server.reports.formats import Formats
from tests.unit.reports.orders import content, paper_text, render, workbook
from tests.unit.reports.test_charts import rows


def moment(text: str) -> datetime:
    """As clocks of the report's time zone have it."""
    return datetime.fromisoformat(text)


NOW = moment("2026-11-23 08:30")
MONTHS = [date(2026, 9, 1), date(2026, 10, 1), date(2026, 11, 1)]
NOTE = "Nov 2026 is not over yet (as of 23 Nov 2026): what is dashed, hollow or pale will still change."


def drawn(
    at: list[Any], *, now: datetime = NOW, x: str = "at", values: list[Any] | None = None, **settings: Any
) -> Chart:
    data = rows([x, "v"], *zip(at, values or range(1, len(at) + 1), strict=True))
    wanted = ChartSettings(**{"kind": "line", "x": x, "y": ("v",)} | settings)
    return build_chart(wanted, data, title="", value=None, maximum=None, formats=Formats("en"), now=now)


def named(chart: Chart) -> str:
    """The period that the note names; empty for none."""
    return next((note.parameters["period"] for note in chart.notes if note.word in ("not_over", "incomplete")), "")


@pytest.mark.parametrize(
    ("at", "period"),
    [
        (MONTHS, "Nov 2026"),
        (["2026-09", "2026-10", "2026-11"], "Nov 2026"),
        ([date(2026, 9, 30), date(2026, 10, 31), date(2026, 11, 30)], "Nov 2026"),
        (["2026-Q2", "2026-Q3", "2026-Q4"], "Q4 2026"),
        ([date(2024, 1, 1), date(2025, 1, 1), date(2026, 1, 1)], "2026"),
        ([date(2024, 4, 1), date(2025, 4, 1), date(2026, 4, 1)], "Apr 2026 – Mar 2027"),
        ([date(2026, 11, 9), date(2026, 11, 16), date(2026, 11, 23)], "The week from 23 Nov 2026"),
        ([date(2026, 11, 21), date(2026, 11, 22), date(2026, 11, 23)], "23 Nov 2026"),
        ([moment(f"2026-11-23 0{hour}:00") for hour in (6, 7, 8)], "23 Nov 2026, 08:00"),
        # Over, not begun, alone, or standing for nobody knows what:
        (MONTHS[:2], ""),
        ([date(2027, 1, 1), date(2027, 2, 1)], ""),
        (MONTHS[2:], ""),
        ([date(2026, 11, 8), date(2026, 11, 15), date(2026, 11, 22)], ""),
        ([date(2026, 11, 3), date(2026, 11, 8), date(2026, 11, 23)], ""),
        (["Sep", "Oct", "Nov"], ""),
    ],
)
def test_the_period_of_the_reports_moment_is_marked(at: list[Any], period: str) -> None:
    chart = drawn(at)
    assert (named(chart), chart.series[0].incomplete) == (period, len(at) - 1 if period else None)


@pytest.mark.parametrize("years", [[2024, 2025, 2026], [2026, 2025, 2024]])
def test_whole_numbers_that_are_years_are_marked_wherever_they_stand(years: list[int]) -> None:
    chart = drawn(years, x="year", kind="bar")
    assert (named(chart), chart.series[0].incomplete) == ("2026", 2)  # an axis of years has its own order
    assert named(drawn(years, x="orders", kind="bar")) == ""


@pytest.mark.parametrize(
    ("now", "period"),
    [
        (moment("2026-11-30 23:59:58"), "Nov 2026"),
        (moment("2026-11-30 23:59:59"), ""),  # what `as_of: 2026-11-30` stands for
        (moment("2026-12-01 00:00"), ""),
        (moment("2026-11-01 00:00"), "Nov 2026"),
        (moment("2026-10-31 23:59:59"), ""),
    ],
)
def test_a_day_alone_is_over_at_its_end(now: datetime, period: str) -> None:
    assert named(drawn(MONTHS, now=now)) == period


def test_a_series_that_goes_on_is_a_plan() -> None:
    at = [*MONTHS, date(2026, 12, 1)]
    data = rows(["at", "v", "plan"], *zip(at, [5, 6, 2, None], [5, 6, 7, 8], strict=True))
    settings = ChartSettings(kind="combo", x="at", y=("v",), lines=("plan",))
    chart = build_chart(settings, data, title="", value=None, maximum=None, formats=Formats("en"), now=NOW)
    assert [one.incomplete for one in chart.series] == [2, None]


def test_an_author_knows_better() -> None:
    assert named(drawn(MONTHS, incomplete="never")) == ""
    chart = drawn(["Sep", "Oct", "Nov"], incomplete="last", kind="bar")
    assert (named(chart), chart.series[0].incomplete) == ("“Nov”", 2)
    assert named(drawn(["Sep", "Oct"], incomplete="last", values=[1, None])) == ""


TEMPLATE = """
title: x
queries:
  q: "select date '2026-09-01' + to_months(i::int) as m, s, 10 - 4 * i as v
      from range(3) t(i), (values ('A'), ('B')) x(s)"
blocks:
  - chart: {kind: KIND, query: q, x: m, y: v, series: s}
"""


@pytest.mark.parametrize("kind", ["line", "bar", "stacked_bar", "area"])
def test_every_format_says_so(kind: str, orders: Path, tmp_path: Path) -> None:
    rendered = render(TEMPLATE.replace("KIND", kind), orders, tmp_path, {}, "html", "pdf", "xlsx")
    assert NOTE in content(rendered)
    assert NOTE in paper_text(rendered)
    assert NOTE in [cell.value for row in workbook(rendered)["Summary"].iter_rows() for cell in row]
    assert rendered.warnings == ()  # nothing is wrong with it
    drawing = zipfile.ZipFile(rendered.artifacts[-1].path).read("xl/charts/chart1.xml").decode()
    marked = {"line": '<c:symbol val="circle"/>', "area": ""}.get(kind, '<a:pattFill prst="pct20">')
    assert drawing.count('<c:dPt><c:idx val="2"/>') == (0 if kind == "area" else 2)
    assert marked in drawing
    assert 'fill-opacity="0.25"' in content(rendered) or 'stroke-dasharray="1 5"' in content(rendered)


def test_a_report_of_whole_months_has_no_note(orders: Path, tmp_path: Path) -> None:
    whole = TEMPLATE.replace("KIND", "line").replace("2026-09-01", "2026-08-01")
    assert "not over" not in content(render(whole, orders, tmp_path))


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("kind: pie, incomplete: last", "Only these charts have “incomplete”"),
        ("kind: bar, incomplete: false", "use one of: auto, last, never"),
    ],
)
def test_a_wrong_key_is_told(more: str, message: str) -> None:
    source = f"title: x\nqueries: {{q: select 1 as a}}\nblocks:\n  - chart: {{{more}, query: q, x: a, y: a}}\n"
    [issue] = check_template(source, {})
    assert message in issue.text
    assert issue.line == 4


def test_small_charts_keep_their_mark_where_names_move() -> None:
    parts = [
        drawn([2024, 2025, 2026], x="year", kind="bar"),
        drawn([2026, 2027], x="year", kind="bar", values=[1, None]),
    ]
    places = [
        (chart.labels[one.incomplete], one.incomplete)
        for chart in alike(parts)
        for one in chart.series
        if one.incomplete is not None
    ]
    assert places == [("2026", 2), ("2026", 2)]


def test_durations_are_drawn_and_added_up(orders: Path, tmp_path: Path) -> None:
    source = """
title: x
queries:
  q: "select * from (values ('a', interval 90 minute, date '2026-01-05', true),
      ('b', interval 30 minute, date '2025-01-05', false)) t(n, d, day, b)"
blocks:
  - table: {query: q, columns: [n, {name: d, total: sum}, {name: d, label: avg, total: average},
      {name: day, total: max}, {name: b, total: sum}]}
  - chart: {kind: bar, query: q, x: n, y: d}
  - chart: {kind: bar, query: q, x: n, y: b}
  - kpis: [{label: t, value: q.d, compare: q[1].d}]
"""
    rendered = render(source.replace("q[1].d", "(q | last).d"), orders, tmp_path, {}, "html", "pdf", "xlsx")
    page, paper = content(rendered), paper_text(rendered)
    for text in ("2:00:00", "1:00:00", "5 Jan 2026", "+200.0%"):
        assert text in page
        assert text in paper
    assert ">1:30:00</text>" in page  # a mark of the axis
    book = workbook(rendered, reckoned=True)
    total = [cell.value for cell in book["q"][4]]
    assert total[:4] == ["Total", timedelta(hours=2), timedelta(hours=1), moment("2026-01-05 00:00")]
    assert [row[1].value for row in book["Chart data"].iter_rows(max_row=4)][-2:] == [
        timedelta(minutes=90), timedelta(minutes=30),
    ]  # fmt: skip
    assert set(rendered.warnings) == {"“b” has values that are no numbers; they are neither drawn nor added up."}
