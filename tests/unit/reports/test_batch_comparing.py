"""Which figures moved most between two batches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from server.reports.batch_comparing import Figure, ReportFigures, compare
from tests.unit.reports.orders import render


def report(number: int, parameters: dict[str, Any], **figures: float) -> ReportFigures:
    made = [Figure(label=label, value=value, text=str(value)) for label, value in figures.items()]
    return ReportFigures(id=str(number), title=f"r{number}", parameters=parameters, figures=made)


def test_reports_belong_together_but_for_their_time_and_the_largest_change_comes_first() -> None:
    now = [
        report(1, {"region": "N", "month": "2026-10"}, sales=110.0, orders=5, late=3),
        report(2, {"region": "S", "month": "2026-10"}, sales=50.0, orders=4),
        report(3, {"region": "new", "month": "2026-10"}, sales=1.0),
    ]
    before = [
        report(7, {"region": "S", "month": "2026-09"}, sales=100.0, orders=4, gone=1),
        report(8, {"month": "2026-09", "region": "N"}, sales=100.0, orders=5, late=0),
        report(9, {"region": "old", "month": "2026-09"}, sales=1.0),
    ]
    found = compare(now, before)
    assert [(move.report_id, move.label, move.change) for move in found.moved] == [
        ("2", "sales", -0.5), ("1", "sales", 0.1), ("1", "late", None),
    ]  # fmt: skip
    assert (found.compared, found.only_now, found.only_before) == (2, 1, 1)
    assert found.unpaired == 1  # what is gone is not passed over


def test_a_report_that_failed_now_is_not_said_to_be_gone() -> None:
    before = [report(number, {"region": name, "month": "2026-09"}) for number, name in enumerate("NSW")]
    now = [report(7, {"region": "N", "month": "2026-10"})]
    failed = [{"region": "S", "month": "2026-10"}, {"region": "new", "month": "2026-10"}]
    found = compare(now, before, not_made=failed)
    assert (found.compared, found.only_now, found.only_before, found.not_made) == (1, 0, 1, 1)


def test_what_was_below_zero_and_rose_is_a_rise() -> None:
    [move] = compare([report(1, {}, result=50.0)], [report(2, {}, result=-100.0)]).moved
    assert move.change == 1.5


def test_figures_of_one_name_are_told_apart_by_their_rows_and_headings() -> None:
    def told(value: float, *, row: str = "", heading: str = "") -> Figure:
        return Figure(label="Revenue", value=value, text="", row=row, heading=heading)

    def moves(now: list[Figure], before: list[Figure]) -> tuple[list[tuple[str, float | None]], int]:
        reports = [ReportFigures(id="1", title="r", parameters={}, figures=each) for each in (now, before)]
        found = compare(*[[each] for each in reports])
        return [(move.place, move.change) for move in found.moved], found.unpaired

    east, west = told(10, row="East"), told(20, row="West")
    assert moves([told(30, row="West"), east], [east, west]) == ([("West", 0.5)], 0)
    assert moves([told(30, row="North")], [east]) == ([], 1)
    assert moves([told(20), told(10)], [told(10), told(20)]) == ([], 2)
    assert moves([told(2, heading="May")], [told(1, heading="April")]) == ([("May", 1.0)], 0)
    now = [told(1, row="East", heading="In East"), told(2, row="East", heading="Web")]
    before = [told(2, row="East", heading="In East"), told(4, row="East", heading="Shops")]
    assert moves(now, before) == ([("In East", -0.5)], 1)


def test_reports_that_differ_in_their_time_alone_are_nobodys_counterpart() -> None:
    months = [report(number, {"month": f"2026-0{number}"}, sales=number) for number in (1, 2)]
    found = compare(months, months)
    assert (found.moved, found.compared, found.only_now) == ([], 0, 2)
    spans = [report(1, {"days": {"from": "2026-01-01", "to": "2026-01-31"}}, sales=2.0)]
    others = [report(2, {"days": {"from": "2025-01-01", "to": "2025-01-31"}}, sales=1.0)]
    assert compare(spans, others).compared == 1


def test_a_report_tells_where_each_of_its_figures_stands(orders: Path, tmp_path: Path) -> None:
    text = """\
title: x
queries: {r: "select unnest(['East', 'West']) as region"}
blocks:
  - {heading: All, level: 2}
  - repeat: r
    blocks: [{heading: "In {{ row.region }}", level: 3}, {columns: [[{kpis: [{label: Revenue, value: "1"}]}]]}]
  - {heading: End, level: 2}
  - kpis: [{label: Revenue, value: "2"}]
"""
    found = [(figure.row, figure.heading) for figure in render(text, orders, tmp_path).figures]
    assert found == [("East", "All · In East"), ("West", "All · In West"), ("", "End")]
