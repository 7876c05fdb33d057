"""Values of people's data stand in every format as they are, whatever language they look like."""

from __future__ import annotations

import html
import re
from pathlib import Path

import openpyxl
import pypdf
import pytest

from server.errors import InvalidInput
from tests.unit.reports.orders import render

SOURCE = """\
title: "T {{ p }}"
formats: [pdf, xlsx, html]
parameters:
  p: {type: text, label: P}
queries:
  rows: select $p as p, 1 as n
blocks:
  - heading: "H {{ p }}"
  - text: "X {{ p }} Y"
  - kpis: [{label: "{{ p }}", value: rows.p}]
  - table: {query: rows, title: "{{ p }}", columns: [{name: p, label: "L {{ p }}"}]}
  - chart: {kind: bar, query: rows, x: p, y: n, title: "{{ p }}"}
"""
VALUES = r"""
#eval("1+1")
#import "/etc/passwd"
#read("/etc/passwd")
#include "x.typ"
#let x = 1
#sys.inputs
#panic("x")
#{ 1 + 1 }
$ sum_(i=1)^n i $
*bold* _it_ `raw`
= Heading
- list
<label> @ref
\u{41}
// comment
/* comment */
[content]
#image("x.png")
#link("http://x")[y]
{{ 7 * 7 }}
{% for %}
<script>alert(1)</script>
<img src=x onerror=alert(1)>
&lt;b&gt;
javascript:alert(1)
=1+1
@SUM(1)
'=1
http://example.com
**x** [a](b)
]]>
-- drop table orders
""".strip().splitlines()


def squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


def test_values_that_look_like_code_are_literal_in_every_format(orders: Path, tmp_path: Path) -> None:
    for number, value in enumerate(VALUES):
        place = tmp_path / str(number)
        place.mkdir()
        rendered = render(SOURCE, orders, place, {"p": value}, "pdf", "xlsx", "html")
        pdf = squeezed("".join(page.extract_text() for page in pypdf.PdfReader(rendered.artifacts[0].path).pages))
        assert squeezed(f"H {value}") in pdf, value
        web = rendered.artifacts[2].path.read_text("utf-8")
        page = html.unescape(web)
        assert value in page, value
        assert "<script>alert" not in web, value
        book = openpyxl.load_workbook(rendered.artifacts[1].path)
        cells = [cell for sheet in book for row in sheet for cell in row if cell.value is not None]
        assert f"H {value}" in [cell.value for cell in cells], value
        assert not [cell.value for cell in cells if cell.data_type == "f"]
        assert not [cell.value for cell in cells if cell.hyperlink and cell.hyperlink.target]  # to other sheets only


def test_texts_longer_than_a_cell_of_excel_are_whole_in_a_report_too(orders: Path, tmp_path: Path) -> None:
    source = SOURCE.replace("select $p as p", "select repeat('x', 70000) || 'end' as p").replace(
        "[pdf, xlsx, html]", "[xlsx]"
    )
    rendered = render(source, orders, tmp_path, {"p": "x"}, "xlsx")
    book = openpyxl.load_workbook(rendered.artifacts[0].path)
    parts = list(book["Long texts"].iter_rows(min_row=2, values_only=True))
    whole = "".join(str(part[4]) for part in parts if part[:3] == parts[0][:3])
    assert whole == "x" * 70_000 + "end"
    assert all(len(str(cell.value)) <= 32_767 for sheet in book for row in sheet for cell in row)


@pytest.mark.parametrize(
    "expression",
    ["1|decimal(100000000)", "1|currency('CNY', 100000000)", "[1]|batch(1000000000)|list", "p.replace('', 'x' * 9)"],
)
def test_an_expression_that_asks_for_too_much_names_its_place(orders: Path, tmp_path: Path, expression: str) -> None:
    source = SOURCE.replace('"H {{ p }}"', f'"{{{{ {expression} }}}}"')
    with pytest.raises(InvalidInput) as caught:
        render(source, orders, tmp_path, {"p": "x"})
    assert "line 8" in caught.value.text or "decimals" in caught.value.text


BLOCKS = {
    "title": 'title: "{0}"\nblocks: [{{text: x}}]',
    "text": 'title: t\nblocks: [{{text: "{0}"}}]',
    "heading": 'title: t\nblocks: [{{heading: "{0}"}}]',
    "kpi": 'title: t\nblocks: [{{kpis: [{{label: l, value: "{0}"}}]}}]',
    "label": 'title: t\nblocks: [{{kpis: [{{label: "{0}", value: "1"}}]}}]',
    "table": "title: t\nqueries: {{q: select 1 as n}}\nblocks: "
    '[{{table: {{query: q, title: "{0}", columns: [{{name: n, label: "{0}"}}]}}}}]',
    "chart": "title: t\nqueries: {{q: select 1 as n}}\nblocks: "
    '[{{chart: {{kind: bar, query: q, x: n, y: n, title: "{0}"}}}}]',
}


@pytest.mark.parametrize("place", BLOCKS)
@pytest.mark.parametrize("expression", ["'\\\\ud800'", "'a' ~ '\\\\udc12'", "range", "[1]|map('string')"])
def test_what_no_file_can_hold_is_an_error_of_the_template(
    orders: Path, tmp_path: Path, place: str, expression: str
) -> None:
    source = BLOCKS[place].format("{{ " + expression + " }}")
    for form in ("html", "pdf", "xlsx"):
        with pytest.raises(InvalidInput) as caught:
            render(source, orders, tmp_path, {}, form)  # type: ignore[arg-type]
        assert "line " in caught.value.text
        assert "0x" not in caught.value.text
        caught.value.text.encode()
