"""Looks of cells and rows: brackets, colors of a scale, small charts, links, widths, styles; alike in every format."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path

import pypdf
import pytest

from server.errors import InvalidInput
from tests.unit.reports.orders import content, render, workbook


def table(query: str, columns: str, more: str = "") -> str:
    return f"title: x\nqueries:\n  q: |\n    {query}\nblocks:\n  - table: {{query: q, columns: [{columns}]{more}}}\n"


def test_brackets_are_the_same_on_page_and_paper(orders: Path, tmp_path: Path) -> None:
    source = table("select * from (values (-1500.0), (20.0)) v(a)", "{name: a, negative: brackets, total: sum}")
    rendered = render(source, orders, tmp_path, {}, "html", "pdf")
    paper = pypdf.PdfReader(io.BytesIO(rendered.artifacts[1].path.read_bytes())).pages[0].extract_text()
    assert "(1,500.00)" in content(rendered)
    assert "(1,500.00)" in paper
    assert "(1,480.00)" in paper


def test_a_scale_of_one_color_grows_and_one_of_two_turns_at_its_middle(orders: Path, tmp_path: Path) -> None:
    values = "select * from (values (-10), (0), (5), (null)) v(a)"
    page = content(render(table(values, "{name: a, scale: blue}, {name: a, scale: [red, green]}"), orders, tmp_path))
    assert re.findall(r"heat (\w+)\" style=\"--heat: ([\d.]+)%", page) == [
        ("blue", "0.0"), ("red", "45.0"), ("blue", "30.0"), ("red", "0.0"), ("blue", "45.0"), ("green", "22.5"),
    ]  # fmt: skip
    page = content(render(table(values, "{name: a, scale: [red, green], middle: 5}"), orders, tmp_path))
    assert [color for color, _ in re.findall(r"heat (\w+)\" style=\"--heat: ([\d.]+)%", page)] == ["red"] * 3


@pytest.mark.filterwarnings("ignore:.*extension is not supported:UserWarning")  # openpyxl knows no small charts
def test_a_list_of_numbers_is_a_small_chart_that_is_told_too(orders: Path, tmp_path: Path) -> None:
    source = table("select 'a' as n, [3, null, 1.5, -2] as l union all select 'b', null", "n, {name: l, spark: bar}")
    rendered = render(source, orders, tmp_path, {}, "html", "pdf", "xlsx")
    page = content(rendered)
    assert 'aria-label="3 values from -2.00 to 3.00, the last -2.00"' in page
    assert page.count("<rect x=") == 3
    book = workbook(rendered)
    assert [cell.value for cell in book["Chart data"][2]] == [3, None, 1.5, -2]
    assert book["q"]["B2"].value is None
    paper = rendered.artifacts[1].path.read_bytes()
    assert len(pypdf.PdfReader(io.BytesIO(paper)).pages) == 1


@pytest.mark.parametrize("value", ["'x'", "1"])
def test_what_no_small_chart_can_draw_is_an_error_that_says_so(orders: Path, tmp_path: Path, value: str) -> None:
    with pytest.raises(InvalidInput, match="“spark” draws"):
        render(table(f"select {value} as l", "{name: l, spark: line}"), orders, tmp_path)


def test_a_list_without_numbers_is_an_empty_cell_and_a_warning(orders: Path, tmp_path: Path) -> None:
    source = table("select unnest([['a'], [], null]) as l", "{name: l, spark: line}")
    rendered = render(source, orders, tmp_path, {}, "html", "xlsx")
    assert rendered.warnings == ("“l” has lists without a number; their cells are empty.",)
    assert [row[0].value for row in workbook(rendered)["q"].iter_rows(min_row=2)] in ([], [None] * 3)


def test_links_that_a_sheet_has_no_room_for_are_a_warning(
    orders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.reports.blocks.table_excel._MOST_LINKS", 1)
    source = table("select unnest([1, 2]) as a", '{name: a, link: "https://x.example/{{ value }}"}')
    [warning] = render(source, orders, tmp_path, {}, "xlsx").warnings
    assert warning == "q: Excel takes 1 links in a sheet; rows below have none."


def test_links_lead_to_the_web_and_nowhere_else(orders: Path, tmp_path: Path) -> None:
    addresses = ("https://a.example/?q=1&r=<2>", "https://a.example/华南?a=%20", "javascript:alert(1)",
                 "MAILTO:a@b.example",
                 "file:///etc/passwd", "https://a.example/ \n x", "")  # fmt: skip
    rows = ", ".join(f"({number}, '{address}')" for number, address in enumerate(addresses))
    source = table(f"select * from (values {rows}) v(n, url)".replace("\n", " "), "{name: n, link: '{{ row.url }}'}")
    rendered = render(source, orders, tmp_path, {}, "html", "pdf", "xlsx")
    led = ["https://a.example/%E5%8D%8E%E5%8D%97?a=%20", "mailto:a@b.example"]
    assert re.findall(r'<a href="([^"]*)"', content(rendered)) == led
    assert {warning.split("”")[0] for warning in map(str, rendered.warnings)} == {
        "“https://a.example/?q=1&r=<2>", "“javascript:alert(1)", "“file:///etc/passwd", "“https://a.example/   x",
    }  # fmt: skip
    sheet = workbook(rendered)["q"]
    assert [cell.hyperlink.target for cell in sheet["A"] if cell.hyperlink] == led
    assert [cell.value for cell in sheet["A"][1:]] == list(range(len(addresses)))
    page = pypdf.PdfReader(io.BytesIO(rendered.artifacts[1].path.read_bytes())).pages[0]
    assert [note["/A"]["/URI"] for note in page["/Annots"]] == led  # type: ignore[index,union-attr,attr-defined]


def test_rows_have_styles_and_a_table_may_hide_its_head(orders: Path, tmp_path: Path) -> None:
    values = "select * from (values ('Sales', 5), ('of these abroad', 2), ('Profit', 1)) v(line, amount)"
    styles = (
        ", head: false, styles: [{when: row.line == 'Profit', style: total}, {when: row.amount == 2, style: indent}]"
    )
    rendered = render(
        table(values, "{name: line, width: 60}, amount", styles), orders, tmp_path, {}, "html", "pdf", "xlsx"
    )
    page = content(rendered)
    assert re.findall(r'<tr class="(row[^"]*)"', page) == ["row", "row as-indent", "row as-total"]
    assert '<thead class="unseen"><tr><th scope="col" class="left">line' in page  # for those who hear the table
    assert '<col style="width: 60%"><col>' in page
    sheet = workbook(rendered)["q"]
    assert (sheet["A4"].font.b, sheet["A4"].border.top.style, sheet["A3"].alignment.indent) == (True, "thin", 2)
    assert sheet["A1"].value == "line"
    paper = pypdf.PdfReader(io.BytesIO(rendered.artifacts[1].path.read_bytes())).pages[0].extract_text()
    assert "Profit" in paper
    assert "amount" not in paper


def test_days_and_names_are_never_broken_while_sentences_are(orders: Path, tmp_path: Path) -> None:
    """“25 May 2026” has as many letters as “11 Jul 2026”, and is wider."""
    days = "select date '2026-05-25' as day union all select date '2026-07-11' + i::int from range(9) t(i)"
    query = f"select day, 'Cast iron pot' as name, repeat('words of a sentence ', 30) as text from ({days})"
    rendered = render(table(query, "day, name, text"), orders, tmp_path, {}, "html", "pdf")
    page = content(rendered)
    assert page.count('<td class="left wide">words') == page.count('<td class="left">Cast iron pot') == 10
    paper = pypdf.PdfReader(io.BytesIO(rendered.artifacts[1].path.read_bytes())).pages[0].extract_text()
    assert "25 May 2026" in paper


def test_small_bars_in_excel_begin_at_zero_as_they_do_on_paper(orders: Path, tmp_path: Path) -> None:
    columns = "n, {name: up, spark: bar}, {name: both, spark: bar}"
    rendered = render(table("select 'a' as n, [3, 2] as up, [3, -2] as both", columns), orders, tmp_path, {}, "xlsx")
    with zipfile.ZipFile(rendered.artifacts[0].path) as book:
        sheets = "".join(book.read(name).decode() for name in book.namelist() if name.startswith("xl/worksheets/sheet"))
    groups = re.findall(r"<x14:sparklineGroup [^>]*>", sheets)
    assert len(groups) == 2
    assert ['manualMin="0"' in group for group in groups].count(True) == 1
