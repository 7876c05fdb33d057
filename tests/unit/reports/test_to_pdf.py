"""What other programs find in our PDFs."""

from __future__ import annotations

from pathlib import Path

import pikepdf
import pypdf
import pytest

from tests.unit.reports.orders import paper_text, render

SOURCE = """\
title: "Sales · 销售"
language: en
formats: [pdf]
queries:
  top: select product, sum(amount) as revenue, sum(quantity) as pieces from orders group by 1 order by 2 desc
  by_region: select region, product, sum(amount) as revenue from orders group by 1, 2 order by 1, 2
blocks:
  - heading: First
  - kpis: [{label: Revenue, value: top.revenue}]
  - text: "*Some* **text**, [a link](https://example.com) and a list:\\n\\n- one\\n- two"
  - chart: {kind: bar, query: top, x: product, y: revenue, title: Best}
  - table: {query: by_region, group: region, columns: [product, {name: revenue, total: sum, bar: true}]}
"""


@pytest.fixture(scope="module")
def pdf(orders: Path, tmp_path_factory: pytest.TempPathFactory) -> pikepdf.Pdf:
    rendered = render(SOURCE, orders, tmp_path_factory.mktemp("pdf"), {}, "pdf")
    assert rendered.warnings == ()
    return pikepdf.open(rendered.artifacts[0].path)


def test_qpdf_finds_nothing_wrong(pdf: pikepdf.Pdf) -> None:
    assert pdf.check_pdf_syntax() == []


def test_it_is_an_archive_file_that_can_be_read_aloud(pdf: pikepdf.Pdf) -> None:
    with pdf.open_metadata() as metadata:
        assert (metadata["pdfaid:part"], metadata["pdfaid:conformance"]) == ("2", "A")
    assert bool(pdf.Root.MarkInfo.Marked)
    assert str(pdf.Root.Lang).startswith("en")
    tags = set(tags_in(pdf.Root.StructTreeRoot))
    assert {"/H1", "/P", "/L", "/Figure", "/Table", "/TH", "/TD"} <= tags, tags


def test_charts_tell_what_they_show(pdf: pikepdf.Pdf) -> None:
    [figure] = [node for node in nodes_in(pdf.Root.StructTreeRoot) if str(node.get("/S", "")) == "/Figure"]
    assert "Best" in str(figure.Alt)


def tags_in(root: pikepdf.Object) -> list[str]:
    return [str(node["/S"]) for node in nodes_in(root) if "/S" in node]


def nodes_in(root: pikepdf.Object) -> list[pikepdf.Dictionary]:
    """Every element of the tree of tags."""
    found, left = [], [root]
    while left:
        node = left.pop()
        if isinstance(node, pikepdf.Array):
            left.extend(node)
        elif isinstance(node, pikepdf.Dictionary):
            found.append(node)
            if "/K" in node:
                left.append(node["/K"])
    return found


def test_a_long_title_is_cut_with_a_word_and_takes_one_line_above_other_pages(orders: Path, tmp_path: Path) -> None:
    template = """\
title: "{{ long.title }}"
queries: {q: select * from range(90), long: "select repeat('长', 40000) as title"}
blocks: [{table: {query: q}}]
"""
    rendered = render(template, orders, tmp_path, None, "pdf")
    assert rendered.warnings == ("The title has 40,000 characters; the first 300 of them are shown.",)
    assert rendered.title == "长" * 299 + "…"
    second = pypdf.PdfReader(rendered.artifacts[0].path).pages[1].extract_text()
    assert 20 < second.count("长") < 50
    assert "…" in second


def test_a_byte_order_mark_in_data_costs_no_pdf(orders: Path, tmp_path: Path) -> None:
    source = """\
title: x
queries: {q: "select chr(65279) || 'No' || chr(0) || 'rth' || chr(92) || 'u0000' as region, 1 as n"}
blocks:
  - heading: "{{ q.region }}"
  - table: {query: q}
  - chart: {kind: pie, query: q, x: region, y: n}
"""
    rendered = render(source, orders, tmp_path, {}, "pdf")
    assert rendered.warnings == ()
    assert paper_text(rendered).count("North\\u0000") >= 2
