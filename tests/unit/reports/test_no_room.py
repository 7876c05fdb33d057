"""A block that a report has no room for is a box with the reason; the rest of the report stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.datasets.work import QueryLimits
from tests.unit.reports.orders import content, paper_text, render, workbook
from tests.unit.reports.test_tried_by_strangers import source


@pytest.mark.parametrize(
    ("query", "block", "told"),
    [
        (
            "select i as x, 1 as y from range(25) t(i)",
            "chart: {title: T, kind: bar, query: q, x: x, y: y, multiples: x}",
            "“x” has 25 values; at most 24 small charts can be compared",
        ),
        (
            "select i, 1 as n from range(61) t(i)",
            "table: {title: T, query: q, columns: [{name: n, across: i}]}",
            "“i” has 61 values; at most 60 stand side by side",
        ),
        (
            "select range(401) as l",
            "table: {title: T, query: q, columns: [{name: l, spark: line}]}",
            "a cell draws up to 400 numbers, not 401",
        ),
        (
            "select i // 2 as c, i % 2 as k, 1 as v from range(120) t(i)",
            "table: {title: T, query: q, columns: [c, {name: v, across: k}]}",
            "totals are made of up to 70 groups",
        ),
    ],
    ids=["small charts", "across", "spark", "groups"],
)
def test_a_block_without_room_is_a_box_and_the_rest_stands(
    orders: Path, tmp_path: Path, query: str, block: str, told: str
) -> None:
    template = source(query, block) + f"  - columns: [[{{text: The rest}}], [{{{block}}}]]\n"
    limits = QueryLimits(seconds=10, rows=70)
    rendered = render(template, orders, tmp_path, {}, "html", "pdf", "xlsx", limits=limits)
    page = content(rendered)
    [warning] = [warning for warning in rendered.warnings if "limit of" not in warning]
    assert warning.startswith(f"T: This cannot be shown: {told}")
    cells = [str(cell.value) for row in workbook(rendered).worksheets[0].iter_rows() for cell in row]
    for text in (page, paper_text(rendered), "\n".join(cells)):
        assert text.count(told) == 2, text
        assert "The rest" in text
    [warning] = render(template, orders, tmp_path, limits=limits, language="zh-CN").warnings[-1:]
    assert warning.startswith("T: 此处无法显示：")
