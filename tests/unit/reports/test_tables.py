"""Tables: totals, groups, colours, and what is left out where."""

from __future__ import annotations

import re
from pathlib import Path

import pypdf
import pytest

from server.reports.binding import check_template
from server.reports.blocks.table_figures import total_of
from tests.unit.reports.orders import content, render, workbook

GROUPED = """\
title: x
queries:
  sold: |
    select * from (values ('B', 'Tea', 1), ('A', 'Tea', 2), ('B', 'Cup', 3)) as v(city, product, sold)
blocks:
  - table:
      query: sold
      group: city
      columns: [product, {name: sold, total: sum, bar: true, colors: [{when: value > 2, color: red}]}]
"""


def test_totals_are_of_numbers_only() -> None:
    assert total_of("sum", [1, None, "x", 2.5, True]) == 3.5
    assert total_of("average", [1, 3]) == 2
    assert total_of("count", ["x", None, 3]) == 2
    assert total_of("max", [None]) is None
    assert total_of("", [1]) is None


@pytest.mark.filterwarnings("ignore:.*extension is not supported:UserWarning")  # openpyxl knows no data bars
def test_groups_stand_together_with_their_subtotals(orders: Path, tmp_path: Path) -> None:
    rendered = render(GROUPED, orders, tmp_path, {}, "html", "xlsx")
    sheet = workbook(rendered, reckoned=True)["sold"]
    values = [[cell.value for cell in row] for row in sheet.iter_rows()]
    assert values == [
        ["product", "sold"],
        ["B", None],
        ["Tea", 1],
        ["Cup", 3],
        ["Subtotal B", 4],
        ["A", None],
        ["Tea", 2],
        ["Subtotal A", 2],
        ["Total", 6],
    ]
    assert '<span class="tone red">3</span>' in content(rendered)
    assert '--share: 0.3333">1<' in content(rendered)


def test_sheets_are_told_apart_and_named_as_excel_allows(orders: Path, tmp_path: Path) -> None:
    titles = ("History", "a/b", "A b", "x" * 40)
    blocks = "".join(f"  - table: {{query: q, title: '{title}'}}\n" for title in titles)
    source = f"title: x\nqueries: {{q: select 1 as a}}\nblocks:\n{blocks}"
    book = workbook(render(source, orders, tmp_path, {}, "xlsx"))
    assert book.sheetnames == ["Summary", "History 1", "a b", "A b 2", "x" * 30 + "…"]


@pytest.mark.filterwarnings("ignore:.*extension is not supported:UserWarning")  # openpyxl knows no data bars
def test_a_column_shown_twice_has_two_labels_and_two_ways_to_be_written(orders: Path, tmp_path: Path) -> None:
    source = """\
title: x
queries: {q: "select 'North' as region, 12500 as a"}
blocks:
  - table:
      query: q
      columns:
        - region
        - {name: a, label: Amount, format: currency, currency: CNY, bar: true}
        - {name: a, label: In thousands, format: compact}
        - a
"""
    rendered = render(source, orders, tmp_path, {}, "html", "xlsx")
    page = content(rendered)
    for text in ("Amount", "In thousands", "¥12,500.00", "12.5K"):
        assert text in page, text
    head = [cell.value for cell in next(workbook(rendered)["q"].iter_rows())]
    assert head == ["region", "Amount", "In thousands", "a"]


MARGINS = """\
title: Margins
queries:
  sold: |
    select * from (values
      ('North', 'Tea', 'A', 100.0, 40.0), ('North', 'Tea', 'B', 300.0, 30.0), ('North', 'Cups', 'A', 50.0, 5.0),
      ('South', 'Tea', 'A', 10.0, 9.0), (null, 'Tea', 'A', 0.0, 0.0)
    ) t(region, product, shop, revenue, profit)
blocks:
  - table:
      query: sold
      group: [region, product]
      total_label: Whole company
      columns:
        - shop
        - {name: revenue, total: sum, format: decimal, decimals: 0}
        - {name: profit, label: Margin, format: percent, total: "sum(profit) / nullif(sum(revenue), 0)"}
"""


def test_a_total_may_be_an_expression_also_of_each_group(orders: Path, tmp_path: Path) -> None:
    """The margin of all is no average of margins, and no sum of them."""
    text = content(render(MARGINS, orders, tmp_path))
    rows = [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in re.findall(r"<tr[^>]*>(.*?)</tr>", text)]
    totals = {row[0]: row[1:] for row in rows if len(row) == 3 and re.match("Subtotal|Whole", row[0])}
    assert totals == {
        "Subtotal Tea": ["0", "–"],  # of the last group, whose region is missing
        "Subtotal Cups": ["50", "10.0%"],
        "Subtotal North": ["450", "16.7%"],
        "Subtotal South": ["10", "90.0%"],
        "Subtotal –": ["0", "–"],
        "Whole company": ["460", "18.3%"],
    }
    headings = [row[0] for row in rows if len(row) == 1]
    assert headings == ["North", "Tea", "Cups", "South", "Tea", "–", "Tea"]


def test_an_expression_for_a_total_is_checked_when_a_template_is_saved() -> None:
    for wrong, reason in (("sum(profits)", "profits"), ("sum(revenue", "syntax"), ("median", "use one of")):
        source = MARGINS.replace("sum(profit) / nullif(sum(revenue), 0)", wrong)
        [issue] = check_template(source, {})
        assert reason in issue.text.lower(), issue.text
        assert issue.line == 16


def columns(count: int, value: str) -> str:
    return ", ".join(f"{value} as m{number:02}" for number in range(1, count))


@pytest.mark.parametrize(
    ("count", "value", "pages", "parts"),
    [
        (6, "1234567", [False], 0),
        (9, "1234567.89::decimal(12, 2)", [False], 0),  # smaller letters
        (16, "1234567", [True], 0),  # on its side
        (26, "1234567", [True], 2),  # in two parts that begin with the first column
        (40, "1234567890", [True], 4),
    ],
)
def test_no_figure_is_printed_over_another_however_wide_a_table_is(
    orders: Path, tmp_path: Path, count: int, value: str, pages: list[bool], parts: int
) -> None:
    source = f"""\
title: Wide
queries: {{q: "select 'Row' as name, {columns(count, value)}"}}
blocks: [{{table: {{query: q, title: Wide}}}}]
"""
    rendered = render(source, orders, tmp_path, {}, "pdf")
    printed = pypdf.PdfReader(rendered.artifacts[0].path).pages
    turned = [page.mediabox.width > page.mediabox.height for page in printed]
    assert turned[-1:] == pages
    lines = [line for page in printed for line in printed_lines(page)]
    rows = [line.split() for line in lines if "Row" in line]
    assert [row[0] for row in rows] == ["Row"] * max(parts, 1)
    figures = [figure for row in rows for figure in row[1:]]  # those that touch would be one
    assert len(figures) == count - 1
    assert {figure.replace(",", "").removesuffix(".89") for figure in figures} == {value.partition(".")[0]}
    assert sum(f"of {count}" in line for line in lines) == parts


def test_long_words_are_broken(orders: Path, tmp_path: Path) -> None:
    word = "abcdefghij" * 12
    source = f"""\
title: Long
queries: {{q: "select '{word}' as code, 'Several words that go over more than one line' as words, 1 as n"}}
blocks: [{{table: {{query: q}}}}]
"""
    rendered = render(source, orders, tmp_path, {}, "pdf")
    [page] = pypdf.PdfReader(rendered.artifacts[0].path).pages
    lines = printed_lines(page)
    assert word in "".join(part for line in lines for part in line.split() if part in word)
    assert any(line.rstrip().endswith(" 1") for line in lines)  # what stands beside it is whole


def test_a_printed_page_knows_how_wide_a_table_is_and_which_words_it_may_break(orders: Path, tmp_path: Path) -> None:
    """Letters are made smaller instead of breaking words, which only those may be that leave others no room."""
    source = """\
title: Long
queries:
  few: "select 'South' as r, 1.5 as v"
  many: "select 'South' as r, 'WORD' as code, 12345678901234.5 as v, 12345678901234.5 as w, 12345678901234.5 as x"
blocks: [{table: {query: few}}, {table: {query: many}}]
""".replace("WORD", "abcdefghij" * 8)
    page = content(render(source, orders, tmp_path))
    few, many = (float(found) for found in re.findall(r'<table style="--ems: ([0-9.]+)"', page))
    assert few < 15
    assert 60 < many < 80
    assert '<td class="left">South</td>' in page
    assert page.count('<td class="left wide long">abcdefghij') == 1
    assert "scroll broad" not in page
    broad = source.replace("as x", f"as x, {columns(7, '12345678901234.5')}")
    assert content(render(broad, orders, tmp_path)).count('<div class="scroll broad">') == 1  # on a page on its side


def test_subtotals_are_never_alone_and_headings_of_groups_come_again(orders: Path, tmp_path: Path) -> None:
    """Whatever number of rows a group has: on the page of a total stands the row before it, too."""
    for count in range(36, 46):
        source = f"""\
title: Groups
queries: {{q: "select 'North' as region, 'Product ' || i as product, i as v from range({count}) t(i)"}}
blocks: [{{table: {{query: q, group: region, columns: [product, {{name: v, total: sum}}]}}}}]
"""
        rendered = render(source, orders, tmp_path / str(count), {}, "pdf")
        for page in pypdf.PdfReader(rendered.artifacts[0].path).pages:
            text = page.extract_text()
            if "Subtotal North" in text:
                assert f"Product {count - 1}" in text, count
                assert text.count("North") == 2, count  # the heading as well


def printed_lines(page: pypdf.PageObject) -> list[str]:
    """With blanks where there is room between what is printed."""
    return page.extract_text(extraction_mode="layout").splitlines()
