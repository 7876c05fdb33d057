"""Blocks: a kind is one module and its place in one list, and the list decides what templates may hold."""

from __future__ import annotations

from pathlib import Path

import pypdf
import pytest

from server.reports.binding import check_template
from server.reports.blocks import kinds
from tests.unit.reports import quote_block
from tests.unit.reports.orders import COLUMNS, content, render, workbook

QUOTED = """\
title: x
queries:
  regions: select distinct region from orders order by 1 limit 1
blocks:
  - quote: regions
    words: region
"""


def test_a_made_up_kind_is_read_checked_and_drawn_in_every_format(
    orders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kinds, "KINDS", (*kinds.KINDS, quote_block.KIND))
    rendered = render(QUOTED, orders, tmp_path, {}, "html", "pdf", "xlsx")
    assert "<blockquote>East</blockquote>" in content(rendered)
    assert "East" in pypdf.PdfReader(rendered.artifacts[1].path).pages[0].extract_text()
    assert "East" in [cell.value for cell in workbook(rendered)["Summary"]["A"]]
    issues = check_template(QUOTED.replace("words: region", "words: regoin"), {"orders": COLUMNS})
    assert [issue.text for issue in issues] == [
        "The query “regions” has no column “regoin”. Did you mean “region”?",
    ]


def test_a_kind_that_is_not_in_the_list_is_no_block() -> None:
    issues = check_template(QUOTED, {"orders": COLUMNS})
    assert issues[-1].text == (
        "This is no block; begin it with one of: "
        "heading, text, kpis, chart, table, image, page_break, columns, section, contents, include, when, repeat."
    )


def test_only_a_kind_that_needs_nothing_may_stand_alone() -> None:
    assert check_template("title: x\nblocks: [page_break, {page_break: }]\n", {}) == []
    (issue,) = check_template("title: x\nblocks: [heading]\n", {})
    assert issue.text.startswith("This is no block")


def test_blocks_within_others_are_checked_with_their_place() -> None:
    source = """\
title: x
queries:
  by_day: select ordered_at as day, amount from orders
blocks:
  - when: by_day.amount > 1
    blocks:
      - columns:
          - table: {query: by_day, columns: [dya]}
    else:
      - repeat: by_day
        blocks:
          - chart: {kind: line, query: by_day, x: day, y: amuont}
"""
    found = [(issue.line, issue.text) for issue in check_template(source, {"orders": COLUMNS})]
    assert found == [
        (8, "The query “by_day” has no column “dya”. Did you mean “day”?"),
        (12, "The query “by_day” has no column “amuont”. Did you mean “amount”?"),
    ]
