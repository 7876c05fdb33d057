"""What people who did not know the program made wrong figures or no report with."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import openpyxl
import pypdf
import pypdfium2
import pytest
import yaml

from server.datasets.work import QueryLimits
from server.reports.binding import check_template
from server.reports.bundles import Included, bundled
from tests.unit.reports.orders import content, render, workbook
from tests.unit.reports.test_table_across import cells


def source(query: str, block: str) -> str:
    return f'title: x\nqueries:\n  q: "{query}"\nblocks:\n  - {block}\n'


@pytest.mark.parametrize(
    "columns",
    [
        "{name: v, across: k}",
        "k, {name: v, across: k, total: sum, row_total: true, bar: true, scale: blue}",
        '{name: v, across: k, total: "sum(v) / count(*)"}',
    ],
)
def test_a_pivot_without_rows_has_no_data(orders: Path, tmp_path: Path, columns: str) -> None:
    query = source("select 'x' as k, 1 as v where false", f"table: {{query: q, columns: [{columns}]}}")
    rendered = render(query, orders, tmp_path, {}, "html", "pdf", "xlsx")
    assert "No data" in content(rendered)


@pytest.mark.parametrize(
    ("total", "text", "value"),
    [("average", "1.50", 1.5), ('"sum(v) / 4.0"', "0.75", 0.75), ("sum", "3", 3), ('"max(v)"', "2", 2)],
)
def test_a_total_of_whole_numbers_that_is_none_keeps_its_decimals(
    orders: Path, tmp_path: Path, total: str, text: str, value: float
) -> None:
    query = source("select unnest([1, 2]) as v", f"table: {{query: q, columns: [{{name: v, total: {total}}}]}}")
    rendered = render(query.replace('"', "'", 0), orders, tmp_path, {}, "html", "xlsx")
    assert cells(content(rendered))[-1] == ["Total", text]
    cell: Any = workbook(rendered, reckoned=True)["q"]["B4"]
    assert (cell.value, "0.00" in cell.number_format) == (value, "." in text)


def test_a_pivot_of_a_cut_query_is_whole(orders: Path, tmp_path: Path) -> None:
    query = source(
        "select 'c' || (i // 12) as c, 'k' || (3 - i % 4) as k, 1 as v from range(120) t(i)",
        "table: {query: q, columns: [c, {name: v, across: k, row_total: true, total: sum}]}",
    )
    rendered = render(query, orders, tmp_path, limits=QueryLimits(seconds=10, rows=50))
    rows = cells(content(rendered))
    assert rows[0] == ["c", "k3", "k2", "k1", "k0", "Total"]
    assert [row for row in rows if row[0] in ("c4", "c9")] == [["c4", *"3333", "12"], ["c9", *"3333", "12"]]
    assert (len(rows), rows[-1]) == (12, ["Total", "30", "30", "30", "30", "120"])
    assert rendered.warnings == ()


def test_small_charts_have_the_same_colors_and_places(orders: Path, tmp_path: Path) -> None:
    query = source(
        "select * from (values ('N','p',1,10),('N','q',1,20),('S','q',2,30),('S','p',1,5)) t(r,s,x,y)",
        "chart: {kind: bar, query: q, x: x, y: y, series: s, multiples: r}",
    )
    book = workbook(render(query, orders, tmp_path, {}, "xlsx"))
    heads = [[cell.value for cell in row[:3]] for row in book["Chart data"].iter_rows() if row[1].value in ("p", "q")]
    assert heads == [["x", "p", "q"]] * 2
    assert [row[0].value for row in book["Chart data"].iter_rows() if row[0].value in ("1", "2")] == ["1", "2"] * 2


def test_control_characters_leave_a_workbook_that_opens(orders: Path, tmp_path: Path) -> None:
    query = source("select 'a' || chr(1) || chr(65535) as n, 1 as v", "chart: {kind: bar, query: q, x: n, y: v}")
    query = query.replace("title: x", "title: \"A{{ '\\x01' }}{{ q.n }}\"")
    query += '  - table: {query: q, title: "T{{ q.n }}"}\n'
    rendered = render(query, orders, tmp_path, {}, "html", "pdf", "xlsx")
    assert openpyxl.load_workbook(io.BytesIO(rendered.artifacts[2].path.read_bytes())).sheetnames[1] == "Ta"


def test_a_list_may_have_offers_and_a_default() -> None:
    text = "title: x\nparameters: {a: {type: list, options: [a, b], default: [a]}}\nblocks: [{text: '{{ a }}'}]\n"
    assert check_template(text, {}) == []
    [issue] = check_template(text.replace("default: [a]", "default: [c]"), {})
    assert "“c” is not one of: a, b" in issue.text


TABLE = "title: x\nqueries: {q: select 1 as a}\nblocks: [{table: {query: q}}]\n"


def test_two_included_templates_do_not_share_the_name_of_a_query() -> None:
    text = "title: x\nblocks: [{include: fa}, {include: fb}]\n"
    parts = [Included(name=name, version=1, source=TABLE.replace("1", str(number)))
             for number, name in enumerate(("fa", "fb"))]  # fmt: skip
    [issue] = check_template(bundled(text, parts), {})
    assert "“fb” has another query “q”" in issue.text
    assert check_template(bundled(text, [parts[0], Included(name="fb", version=1, source=parts[0].source)]), {}) == []


def test_contents_take_their_depth_within_or_beside_and_nothing_else() -> None:
    assert check_template("title: x\nblocks: [{contents: {depth: 1}}]\n", {}) == []
    [issue] = check_template("title: x\nblocks: [{contents: {dephth: 1}}]\n", {})
    assert "has no “dephth”" in issue.text


def test_a_cell_longer_than_a_page_goes_on_where_its_table_has_a_total(orders: Path, tmp_path: Path) -> None:
    query = source(
        "select repeat('word ', 400) as t, 7 as v",
        "table: {query: q, columns: [{name: t, width: 15}, {name: v, total: sum}]}",
    )
    paper = pypdf.PdfReader(io.BytesIO(render(query, orders, tmp_path, {}, "pdf").artifacts[0].path.read_bytes()))
    seen = [0]

    def visit(text: str, cm: list[float], tm: list[float], _font: Any, _size: float) -> None:
        seen[0] += len(re.findall("word", text)) if tm[5] * cm[3] + cm[5] > 40 else 0

    for page in paper.pages:
        page.extract_text(visitor_text=visit)
    assert seen[0] == 400


def test_two_axes_have_one_zero_in_excel_too(orders: Path, tmp_path: Path) -> None:
    query = source(
        "select * from (values ('a', -100, 0.5), ('b', 50, 1.2), ('c', null, -0.1)) v(x, b, l)",
        "chart: {kind: combo, query: q, x: x, y: b, lines: l}",
    )
    book: Any = workbook(render(query, orders, tmp_path, {}, "xlsx"))
    bars = book.worksheets[0]._charts[0]
    axes = {axis.axId: axis for chart in (bars, *bars._charts) for axis in (chart.y_axis,)}
    shares = [-axis.scaling.min / (axis.scaling.max - axis.scaling.min) for axis in axes.values()]
    assert len(shares) == 2
    assert shares[0] == pytest.approx(shares[1])


def test_a_duration_below_zero_is_a_text_in_excel(orders: Path, tmp_path: Path) -> None:
    query = source(
        "select unnest([-12, 90]) as d", "table: {query: q, columns: [{name: d, format: duration, total: sum}]}"
    )
    sheet: Any = workbook(render(query, orders, tmp_path, {}, "xlsx"), reckoned=True)["q"]
    assert sheet["B2"].value == "-0:00:12"
    assert str(sheet["B4"].value) == "0:01:18" or sheet["B4"].value * 86_400 == pytest.approx(78)


def test_several_values_and_a_range_are_written_as_people_do(orders: Path, tmp_path: Path) -> None:
    text = """\
title: "{{ regions }}, {{ period }}, {{ regions | length }}"
parameters: {regions: {type: list}, period: {type: range}}
queries: {q: "select count(*) as n from orders where region in $regions"}
blocks: [{text: "{{ q.n }} {{ period.from }}"}]
"""
    given = {"regions": ["East", "Empty"], "period": {"from": "2026-10-01", "to": "2026-10-31"}}
    page = content(render(text, orders, tmp_path, given))
    assert "<title>East, Empty, October 2026, 2</title>" in page
    assert "1,000 2026-10-01" in page or "1000 2026-10-01" in page


def test_long_words_in_heads_stay_on_the_page(orders: Path, tmp_path: Path) -> None:
    query = source(
        "select 'g' || repeat('W', 600) as g, repeat('M', 300) as k, 1 as v",
        "table: {query: q, group: g, columns: [{name: v, across: k, total: sum}]}",
    )
    paper = pypdf.PdfReader(io.BytesIO(render(query, orders, tmp_path, {}, "pdf").artifacts[0].path.read_bytes()))
    beyond: list[str] = []

    def visit(text: str, cm: list[float], tm: list[float], _font: Any, _size: float) -> None:
        if len(text.strip()) > 90:
            beyond.append(text)

    paper.pages[0].extract_text(visitor_text=visit)
    assert beyond == []


def right_edges(pdf: Path) -> tuple[float, float]:
    """Of the letter that stands farthest to the right, and of the page, in points."""
    page = pypdfium2.PdfDocument(pdf)[0]
    text = page.get_textpage()
    return max(text.get_charbox(place)[2] for place in range(text.count_chars())), page.get_width()


def test_long_words_and_wide_tables_of_texts_stay_on_the_page(orders: Path, tmp_path: Path) -> None:
    word = "abcdefghij" * 12
    table = "| " + " | ".join("abcdefghijkl") + " |\n|" + "--:|" * 12 + "\n|" + " 1234567.89 EUR |" * 12
    blocks = [
        {"heading": word},
        {"kpis": [{"label": word, "value": "1"}, {"label": "x", "value": f"'{word}'"}]},
        {"text": f"{word} and `{word}`\n\n```\n{word}\n```\n\n{table}"},
    ]
    template = yaml.safe_dump({"title": word, "blocks": blocks})
    rendered = render(template, orders, tmp_path, {}, "pdf")
    letter, page = right_edges(rendered.artifacts[0].path)
    assert letter < page - 40
    words = "".join(pypdf.PdfReader(rendered.artifacts[0].path).pages[0].extract_text().split())
    assert words.count(word) >= 6  # nothing is added where a word is broken


def test_bold_ends_beside_chinese_without_a_space(orders: Path, tmp_path: Path) -> None:
    page = content(render(source("select 1 as v", 'text: "**粗体：**后面 and **a** * b*c"'), orders, tmp_path))
    assert "<strong>粗体：</strong>后面 and <strong>a</strong> * b*c" in page
