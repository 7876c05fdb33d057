"""Reports: expansion, the three formats, and errors that say where and what to do."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pypdf
import pytest

from server.datasets.schema import Column
from server.datasets.work import QueryLimits
from server.errors import InvalidInput
from server.reports.work import DatasetSource
from tests.unit.reports.orders import content, expand, render, workbook

REGION = """\
title: "{{ region }} · {{ month | month }}"
formats: [pdf, xlsx, html]
parameters:
  region: {label: Region, each: select distinct region from orders order by 1}
  month: {type: month, label: Month, default: last_month}
queries:
  totals: select sum(amount) as revenue, sum(quantity) as pieces, count(*) as orders from orders where region = $region
  top: select product, sum(amount) as revenue, max(ordered_at) as latest from orders where region = $region group by 1
  nothing: select product, amount from orders where false
blocks:
  - heading: "About {{ region }}"
  - kpis:
      - {label: Revenue, value: totals.revenue, format: currency, currency: CNY, compare: totals.revenue / 2}
      - {label: Per piece, value: totals.revenue / totals.pieces, format: decimal}
  - text: |
      **{{ totals.orders }}** orders. [link](https://example.com) [bad](javascript:alert(1)) <script>alert(1)</script>
      {% for row in top %}{{ row.product }}; {% endfor %}
  - chart: {kind: bar, query: top, x: product, y: revenue, title: Best, format: currency, currency: CNY}
  - chart: {kind: pie, query: nothing, x: product, y: amount, title: Nothing}
  - table:
      query: top
      max_rows: 2
      columns: [product, {name: revenue, format: currency, currency: CNY, total: sum, bar: true}, latest]
  - table: {query: nothing, title: No rows}
"""


def test_each_makes_one_set_per_row_with_defaults(orders: Path) -> None:
    assert expand(REGION, orders) == [
        {"region": "East", "month": "2026-10"},
        {"region": "Empty", "month": "2026-10"},
        {"region": "华南", "month": "2026-10"},
    ]


def test_several_each_give_their_product_and_given_values_narrow_it(orders: Path) -> None:
    source = REGION.replace("default: last_month", "each: ['2026-08', '2026-09']")
    assert len(expand(source, orders)) == 6
    assert [one["month"] for one in expand(source, orders, [{"region": "East"}])] == ["2026-08", "2026-09"]


def test_each_row_gives_the_rows_of_one_query(orders: Path) -> None:
    source = REGION.replace("queries:", "each_row: select distinct region, '2026-09' as month from orders\nqueries:")
    assert sorted(one["region"] for one in expand(source, orders)) == ["East", "Empty", "华南"]
    assert expand(source, orders, [{"region": "East"}]) == [{"region": "East", "month": "2026-09"}]


def test_a_query_may_give_the_sets(orders: Path) -> None:
    query = "select distinct region from orders where region <> 'Empty' order by 1"
    assert [one["region"] for one in expand(REGION, orders, {"query": query})] == ["East", "华南"]


def test_wrong_parameters_name_their_field(orders: Path) -> None:
    with pytest.raises(InvalidInput) as caught:
        expand(REGION, orders, [{"region": "East"}, {"region": "East", "month": "October"}])
    assert [error.field for error in caught.value.errors] == ["parameters[1].month"]
    assert "write it like 2026-10" in caught.value.errors[0].text
    with pytest.raises(InvalidInput, match="Did you mean “region”"):
        expand(REGION, orders, [{"regoin": "East"}])


def test_figures_are_made_of_all_rows_also_where_only_the_first_are_listed(orders: Path, tmp_path: Path) -> None:
    source = """\
title: "{{ q | length }}"
queries: {q: "select i, if(i % 2 = 0, null, i::decimal(12, 2) / 100) as v from range(1000) t(i); -- all"}
blocks:
  - kpis:
      - {label: Rows, value: q | length, format: integer}
      - {label: Sum, value: "q | sum(attribute='v')", format: decimal, decimals: 2}
      - {label: Least, value: "q | min(attribute='v')", format: decimal, decimals: 2}
      - {label: Most, value: "q | max(attribute='v') + 0", format: decimal, decimals: 2}
  - table: {query: q, columns: [i, {name: v, total: sum, format: decimal, decimals: 2}, {name: v, total: count}]}
"""
    made = render(source, orders, tmp_path, None, "xlsx", limits=QueryLimits(seconds=10, rows=100))
    assert made.title == "1000"
    summary, table = workbook(made).worksheets[:2]
    figures = {row[0].value: row[1].value for row in summary.iter_rows() if row[0].value}
    assert [figures[name] for name in ("Rows", "Sum", "Least", "Most")] == [1000, 2500, 0.01, 9.99]
    assert 2500 in [cell.value for row in table.iter_rows() for cell in row]
    assert len(made.warnings) == 1  # of the table, which lists the first
    assert "limit of 100" in made.warnings[0]


def test_a_text_that_goes_through_cut_rows_is_told(orders: Path, tmp_path: Path) -> None:
    source = """\
title: Numbers
queries: {q: "select i from range(1000) t(i)"}
blocks: [{text: "{% for row in q %}{{ row.i }} {% endfor %}"}, {text: "{{ q | map(attribute='i') | sum }}"}]
"""
    [warning] = render(source, orders, tmp_path, limits=QueryLimits(seconds=10, rows=10)).warnings
    assert "limit of 10" in warning


def test_too_many_reports_are_refused(orders: Path) -> None:
    with pytest.raises(InvalidInput, match="more than 2 reports") as caught:
        expand(REGION, orders, max_reports=2)
    assert caught.value.specific_code == "too_many_reports"


def test_the_same_request_gives_the_same_bytes(orders: Path, tmp_path: Path) -> None:
    first = render(REGION, orders, tmp_path / "a", {"region": "华南"}, "pdf", "xlsx", "html")
    render(REGION, orders, tmp_path / "other", {"region": "East"}, "pdf", "html")  # another one in between
    second = render(REGION, orders, tmp_path / "b", {"region": "华南"}, "pdf", "xlsx", "html")
    assert [artifact.sha256 for artifact in first.artifacts] == [artifact.sha256 for artifact in second.artifacts]
    assert [artifact.file for artifact in first.artifacts] == [
        "华南 · October 2026.pdf",
        "华南 · October 2026.xlsx",
        "华南 · October 2026.html",
    ]


def test_html_stands_alone_and_escapes_what_it_shows(orders: Path, tmp_path: Path) -> None:
    html = content(render(REGION, orders, tmp_path, {"region": "East"}))
    page = html.split("<script>")[0]
    assert "&lt;b&gt;Cup&lt;/b&gt; &amp; &quot;pot&quot;" in page
    assert "<b>Cup" not in page
    assert "<script>alert" not in page
    assert 'href="javascript' not in page
    assert 'href="https://example.com"' in page
    assert "No data" in page
    assert "src=" not in page.replace("img-src", "")
    assert "2 of 4 rows." in page


def test_the_footer_names_the_datasets_that_were_read(orders: Path, tmp_path: Path) -> None:
    source = "title: an odd order\nqueries: {q: select count(*) as n from s, unused: select 1 from odd}\n"
    source += 'blocks: [{table: {query: q}}, {text: "orders of the south"}]\n'
    datasets = {name: DatasetSource(version=2, paths=(orders,)) for name in ("s", "orders", "odd", "an")}
    html = content(render(source, orders, tmp_path, datasets=datasets))
    assert "Data: s (version 2)" in html


def test_what_a_chart_does_not_show_stands_below_it_in_every_form(orders: Path, tmp_path: Path) -> None:
    source = """\
title: x
queries: {q: "select * from (values ('Jan','A',10),('Jan','A',5),('Feb','A',7)) t(m,s,v)"}
blocks: [{chart: {kind: bar, query: q, x: m, y: v, series: s, title: Sales}}]
"""
    note = "Rows with the same m and s are added up (1 more than there are points)."
    rendered = render(source, orders, tmp_path, {}, "html", "pdf", "xlsx")
    assert rendered.warnings == (f"Sales: {note}",)
    assert note in content(rendered)
    assert note in pypdf.PdfReader(rendered.artifacts[1].path).pages[0].extract_text().replace("\n", " ")
    cells = [cell.value for row in workbook(rendered)["Summary"].iter_rows() for cell in row]
    assert note in cells


@pytest.mark.parametrize("text", ["\ue000", "a \ufffd", "𐀀"], ids=["private", "replacement", "linear b"])
def test_characters_without_a_shape_are_boxes_and_a_warning_and_no_reason_to_fail(
    orders: Path, tmp_path: Path, text: str
) -> None:
    source = f"title: x\nqueries: {{q: \"select '{text}' as customer, 1 as n\"}}\nblocks: [{{table: {{query: q}}}}]\n"
    rendered = render(source, orders, tmp_path, {}, "pdf", "xlsx", "html")
    assert [artifact.format for artifact in rendered.artifacts] == ["pdf", "xlsx", "html"]
    assert text in rendered.artifacts[2].path.read_text("utf-8")
    assert any("boxes" in warning for warning in rendered.warnings)


@pytest.mark.parametrize(
    ("chart", "reason"),
    [
        ("query: q, option: {series: [{type: line}]}", "TypeError"),
        ("query: q, kind: bar, x: n, y: v", "too large"),
        ("query: q, option: {xAxis: {type: category}, yAxis: {}, series: [{type: bar, encode: {x: 0, y: 1}}]}", ""),
    ],
    ids=["broken", "huge", "right"],
)
def test_a_chart_that_cannot_be_drawn_is_a_box_with_the_reason(
    orders: Path, tmp_path: Path, chart: str, reason: str
) -> None:
    source = f"""\
title: x
queries: {{q: "select * from (values ('a', 1e308), ('b', -1e308)) t(n, v)"}}
blocks: [{{chart: {{{chart}, title: Sales}}}}, {{text: after}}]
"""
    source = source if reason else source.replace("1e308", "1")
    rendered = render(source, orders, tmp_path, {}, "xlsx", "pdf", "html")
    assert [artifact.format for artifact in rendered.artifacts] == ["xlsx", "pdf", "html"]
    web = rendered.artifacts[2].path.read_text("utf-8")
    paper = pypdf.PdfReader(rendered.artifacts[1].path).pages[0].extract_text()
    assert ("This chart cannot be drawn" in web) == ("This chart cannot be drawn" in paper) == bool(reason)
    assert "after" in web
    assert "after" in paper
    if reason:
        (warning,) = rendered.warnings
        assert warning.startswith("Sales: This chart cannot be drawn: ")
        assert reason in warning
        assert reason in web
    else:
        assert rendered.warnings == ()


MONTHS = """\
title: x
parameters:
  plan: {type: integer, label: Plan, default: 3000000}
queries:
  q: "select * from (values (date '2026-04-01', 1200000), (date '2026-05-01', 3400000)) t(month, revenue)"
blocks:
  - chart:
      {kind: line, query: q, x: month, y: revenue, title: Revenue per month, format: compact,
       targets: [{value: plan, label: Plan}]}
  - chart: {query: q, option: {xAxis: {type: category}, yAxis: {}, series: [{type: bar}]}}
"""


def test_figures_of_charts_are_told_alike_on_paper_and_on_the_page(orders: Path, tmp_path: Path) -> None:
    rendered = render(MONTHS, orders, tmp_path, {}, "html", "pdf")
    told = "Revenue per month (line chart): revenue from 1.2M to 3.4M, highest in May."
    own = "chart: revenue from 1,200,000 to 3,400,000, highest at 2026-05-01."
    web = content(rendered)
    assert f'aria-label="{told}"' in web
    assert f'aria-label="{own}"' in web
    reader = pypdf.PdfReader(rendered.artifacts[1].path)
    assert reader.root_object["/MarkInfo"]["/Marked"]
    assert _alternatives(reader.root_object["/StructTreeRoot"]) == [told, own]
    assert rendered.warnings == ()


def _alternatives(element: Any) -> list[str]:
    """What stands for pictures in a tagged PDF."""
    found = [str(element["/Alt"])] if "/Alt" in element else []
    below = element.get("/K", [])
    for child in below if isinstance(below, list) else [below]:
        one = child.get_object() if hasattr(child, "get_object") else child
        if isinstance(one, dict):
            found += _alternatives(one)
    return found


def test_a_page_holds_drawings_and_no_library(orders: Path, tmp_path: Path) -> None:
    rendered = render(MONTHS, orders, tmp_path, {}, "html", "pdf")
    web = content(rendered)
    assert rendered.artifacts[0].size < 60_000
    assert "echarts" not in web.lower()
    assert "http://" not in web.replace("http://www.w3.org/", "")
    assert "Plan 3M" in web
    again = render(MONTHS, orders, tmp_path / "again", {}, "html", "pdf")
    for one, other in zip(rendered.artifacts, again.artifacts, strict=True):
        assert one.path.read_bytes() == other.path.read_bytes()


def test_pdf_has_footer_metadata_and_chinese_text(orders: Path, tmp_path: Path) -> None:
    rendered = render(REGION, orders, tmp_path, {"region": "华南"}, "pdf", "xlsx")
    reader = pypdf.PdfReader(rendered.artifacts[0].path)
    text = reader.pages[0].extract_text()
    assert "华南" in text
    assert "Page 1 of 1" in text
    assert "Data: orders (version 3)" in text
    assert "Template: weekly, version 4" in text
    assert "full list is in the Excel file" in text
    assert reader.metadata is not None
    assert reader.metadata.title == "华南 · October 2026"
    assert "version 3" in str(reader.metadata.get("/Keywords"))
    title, below = reader.outline
    assert title["/Title"] == "华南 · October 2026"
    assert [entry["/Title"] for entry in below] == ["About 华南"]


@pytest.mark.filterwarnings("ignore:.*extension is not supported:UserWarning")  # openpyxl knows no data bars
def test_excel_keeps_values_and_runs_nothing(orders: Path, tmp_path: Path) -> None:
    rendered = render(REGION, orders, tmp_path, {"region": "East"}, "xlsx")
    data = rendered.artifacts[0].path.read_bytes()
    book = openpyxl.load_workbook(io.BytesIO(data))
    assert book.sheetnames == ["Summary", "top", "No rows", "Chart data"]
    sheet = book["top"]
    values = [[cell.value for cell in row] for row in sheet.iter_rows(min_row=2, max_row=5)]
    assert ("=1+1", "s") in [(row[0].value, row[0].data_type) for row in sheet.iter_rows(min_row=2, max_row=5)]
    assert all(isinstance(row[1], int | float) for row in values)
    assert sheet.freeze_panes == "A2"
    assert sheet.auto_filter.ref == "A1:C5"
    assert sheet["A6"].value == "Total"
    assert any(name.startswith("xl/charts/") for name in zipfile.ZipFile(io.BytesIO(data)).namelist())


def test_a_division_by_zero_breaks_one_report_and_says_where(orders: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as caught:
        render(REGION, orders, tmp_path, {"region": "Empty"})
    text = caught.value.text
    assert caught.value.specific_code == "report_failed"
    assert "weekly, blocks[1] (kpis), line 14, column 35: Division by zero" in text
    assert "region = Empty" in text


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ("text: '{{ totals.revenu }}'", "has no column “revenu”. Did you mean “revenue”?"),
        ("text: '{{ totals.revenue + totals.note }}'", "A value is missing; guard it"),
        ("text: '{{ \"x\" * 10000000 }}'", "not allowed in templates"),
        ("text: '{{ \"\".__class__.__mro__ }}'", "not allowed in templates"),
        ("text: '{% for i in range(99999) %}{% for j in range(99999) %}xxxxxx{% endfor %}{% endfor %}'", "too long"),
        ("table: {query: totals, columns: [nothing]}", "has no column “nothing”"),
        ("chart: {kind: line, query: totals, x: revenue, y: nothing}", "has no column “nothing”"),
        ("table: {query: broken}", "query “broken”, line 4, column 11: Division by zero"),
    ],
)
def test_what_breaks_while_rendering_names_block_and_place(
    orders: Path, tmp_path: Path, block: str, message: str
) -> None:
    source = f"""\
title: x
queries:
  totals: select sum(amount) as revenue, null as note from orders
  broken: |
    select
     1 // amount::int as a, 'x'::int as b from orders
blocks:
  - {block}
"""
    with pytest.raises(InvalidInput) as caught:
        render(source, orders, tmp_path)
    assert message in caught.value.text


def test_a_template_that_never_ends_is_stopped(orders: Path, tmp_path: Path) -> None:
    loop = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
    with pytest.raises(InvalidInput) as caught:
        render(f"title: x\nblocks:\n  - text: '{loop}'\n", orders, tmp_path, seconds=0.5)
    assert caught.value.specific_code == "report_too_long"


@pytest.mark.parametrize(
    "chart",
    [
        "kind: line, query: days, x: day, y: [revenue, pieces]",
        "kind: bar, query: days, x: day, y: revenue, horizontal: true",
        "kind: stacked_bar, query: days, x: day, y: revenue, series: product",
        "kind: area, query: days, x: day, y: revenue, series: product",
        "kind: pie, query: days, x: product, y: revenue",
        "kind: scatter, query: days, x: pieces, y: revenue, series: product",
        "kind: heatmap, query: days, x: day, y: product, value: revenue",
        "kind: funnel, query: days, x: product, y: revenue",
        "kind: gauge, value: 0.4, max: 1, format: percent",
        "kind: combo, query: days, x: day, y: revenue, lines: pieces",
        "query: days, option: {xAxis: {type: category}, yAxis: {}, series: [{type: bar}]}",
    ],
)
def test_every_kind_of_chart_is_drawn_in_every_format(orders: Path, tmp_path: Path, chart: str) -> None:
    source = f"""\
title: x
queries:
  days: |
    select ordered_at::date as day, product, sum(amount) as revenue, sum(quantity) as pieces
    from orders group by all order by all limit 40
blocks:
  - chart: {{{chart}, title: Drawn}}
"""
    rendered = render(source, orders, tmp_path, {}, "html", "pdf", "xlsx")
    assert "<svg" in content(rendered)
    assert "No data" not in content(rendered)


def test_numbers_follow_the_language(orders: Path, tmp_path: Path) -> None:
    source = "title: x\nlanguage: LANG\nblocks:\n  - text: '{{ 1234567.5 | currency(\"EUR\") }} {{ 0.5 | percent }}'\n"
    german = content(render(source.replace("LANG", "de"), orders, tmp_path))
    assert "1.234.567,50\xa0€ 50,0%" in german
    chinese = content(render(source.replace("LANG", "zh-CN"), orders, tmp_path))
    assert "€1,234,567.50" in chinese
    assert "生成于 2026-11-23" in chinese


def test_the_samples_have_no_issues() -> None:
    from server.reports.binding import check_template

    types = {"ordered_at": "datetime", "quantity": "integer", "paid": "boolean"}
    types |= dict.fromkeys(("unit_price", "discount", "amount"), "decimal")
    texts = ("order_id", "region", "city", "channel", "customer", "product", "category", "note")
    columns = [Column(name=name, type=types.get(name, "text")) for name in (*texts, *types)]
    samples = sorted((Path(__file__).parents[3] / "examples" / "templates").glob("*.yaml"))
    assert len(samples) >= 3
    for sample in samples:
        assert check_template(sample.read_text("utf-8"), {"orders": columns}) == []
