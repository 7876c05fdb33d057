"""Sections on pages of their own, and the table of contents."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pypdf
import pytest

from server.reports.binding import check_template
from tests.unit.reports.orders import content, render

SOURCE = """\
title: Year
queries: {q: select 1 as n}
blocks:
  - contents
  - heading: First <b>
  - section:
      blocks:
        - heading: Wide
        - table: {query: q}
  - heading: Deep
    level: 4
  - columns: [[{heading: Beside, level: 3}], [{text: x}]]
"""


def test_contents_lead_to_each_heading_on_page_and_paper(orders: Path, tmp_path: Path) -> None:
    rendered = render(SOURCE, orders, tmp_path, {}, "html", "pdf")
    page = content(rendered)
    assert re.findall(r'<a href="#(\w+)">([^<]*)</a>', page) == [
        ("s1", "First &lt;b&gt;"), ("s2", "Wide"), ("s4", "Beside"),
    ]  # fmt: skip
    assert '<h2 id="s2">Wide</h2>' in page
    paper = pypdf.PdfReader(io.BytesIO(rendered.artifacts[1].path.read_bytes()))
    lines = [line for line in paper.pages[0].extract_text().splitlines() if "...." in line.replace(" ", "")]
    assert [re.sub(r"[ .]+", " ", line) for line in lines] == ["First <b> 1", "Wide 2", "Beside 3"]


def test_a_section_lies_on_its_side_between_upright_pages(orders: Path, tmp_path: Path) -> None:
    rendered = render(SOURCE, orders, tmp_path, {}, "html", "pdf")
    paper = pypdf.PdfReader(io.BytesIO(rendered.artifacts[1].path.read_bytes()))
    assert [page.mediabox.width > page.mediabox.height for page in paper.pages] == [False, True, False]
    assert '<section class="landscape">' in content(rendered)


@pytest.mark.parametrize(
    "block",
    [
        "section: {blocks: [{text: Text}]}",
        "table: {query: wide}",
        "table: {query: wide, columns: [a1, {name: a2, width: 80}, {name: a3, width: 50}]}",
    ],
    ids=["section", "wide table", "widths"],
)
def test_what_lies_on_its_side_at_the_beginning_follows_no_empty_page(orders: Path, tmp_path: Path, block: str) -> None:
    wide = ", ".join(f"123456789.25 as a{number}" for number in range(1, 13))
    source = f"title: Year\nqueries: {{wide: 'select {wide}'}}\nblocks:\n  - {block}\n"
    source += "  - section: {blocks: [{when: 'false', blocks: [{text: x}]}]}\n"
    paper = pypdf.PdfReader(render(source, orders, tmp_path, {}, "pdf").artifacts[0].path)
    assert len(paper.pages) == 1
    assert "Year" in paper.pages[0].extract_text()
    assert (paper.pages[0].mediabox.width > paper.pages[0].mediabox.height) == ("width" not in block)


@pytest.mark.parametrize("outer", ["columns: [[SECTION]]", "section: {blocks: [SECTION]}"])
def test_a_section_stands_in_no_column_and_no_section(outer: str) -> None:
    source = f"title: x\nblocks:\n  - {outer}\n".replace("SECTION", "{section: {blocks: [{text: x}]}}")
    [issue] = check_template(source, {})
    assert "cannot stand within columns or another section" in issue.text


def test_the_time_zone_is_named(orders: Path, tmp_path: Path) -> None:
    assert "Made 23 Nov 2026, 16:30 (Asia/Shanghai)" in content(
        render("title: x\nblocks: [{text: x}]", orders, tmp_path, time_zone="Asia/Shanghai")
    )
