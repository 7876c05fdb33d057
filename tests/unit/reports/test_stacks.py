"""What a stack cannot show is said: a layer has no gap, and its share has no sign."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.reports.work import Rendered
from tests.unit.reports.orders import content, paper_text, render, workbook

SOURCE = """
title: Stacks
queries: {{q: "select * from (values {rows}) t(m, s, v)"}}
blocks: [{{chart: {{kind: {kind}, query: q, x: m, y: v, series: s}}}}]
"""
GAP = (
    "('2026-01','A',5),('2026-02','A',5),('2026-03','A',5),"
    "('2026-01','B',5),('2026-02','B',null),('2026-03','B',5)"
)  # fmt: skip
TOLD = "1 missing value of B is drawn as nothing: what is stacked there is without it."


def made(kind: str, rows: str, orders: Path, directory: Path) -> Rendered:
    return render(SOURCE.format(kind=kind, rows=rows), orders, directory, {}, "html", "pdf", "xlsx")


@pytest.mark.parametrize("kind", ["area", "stacked_bar, shares: true"])
def test_a_missing_value_in_a_stack_is_told_in_every_format(kind: str, orders: Path, tmp_path: Path) -> None:
    report = made(kind, GAP, orders, tmp_path / "made")
    cells = " ".join(str(cell.value) for row in workbook(report)["Summary"].iter_rows() for cell in row if cell.value)
    for text in (content(report), paper_text(report), cells):
        assert text.count(TOLD) == 1
    assert report.warnings == (TOLD,)


@pytest.mark.parametrize(
    "rows",
    [
        GAP.replace(",('2026-02','B',null)", ""),  # what has no row is not there, as orders of a month without any
        "('2026-01','A',5),('2026-02','A',null),('2026-03','A',5)",  # a gap of all is seen
    ],
)
def test_nothing_is_said_where_no_value_is_missing_or_all_are(rows: str, orders: Path, tmp_path: Path) -> None:
    report = render(SOURCE.format(kind="area", rows=rows), orders, tmp_path / "made")
    assert "drawn as nothing" not in content(report)
    assert report.warnings == ()


def test_several_missing_values_are_counted_with_their_names(orders: Path, tmp_path: Path) -> None:
    rows = GAP + ",('2026-01','C',null),('2026-02','C',1),('2026-03','C',null)"
    report = render(SOURCE.format(kind="stacked_bar", rows=rows), orders, tmp_path / "made")
    assert report.warnings == ("3 missing values of B, C are drawn as nothing: what is stacked there is without them.",)


def test_shares_of_what_is_below_zero_say_what_they_are_of(orders: Path, tmp_path: Path) -> None:
    rows = GAP.replace("null", "-5")
    told = (
        "Below zero: B (-5). The shares are of what all values come to without their signs; those below zero go down."
    )
    report = render(SOURCE.format(kind="stacked_bar, shares: true", rows=rows), orders, tmp_path / "shares")
    assert report.warnings == (told,)
    assert told in content(report)
    assert not render(SOURCE.format(kind="stacked_bar", rows=rows), orders, tmp_path / "values").warnings
