"""Workbooks of reports: cells, totals, sheets and paper, as whoever opens them finds them."""

from __future__ import annotations

import io
import re
import zipfile
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import xlsxwriter

from server.datasets.work import QueryLimits
from server.reports.excel_names import SheetNames
from server.reports.excel_pages import Sheets
from server.reports.excel_room import line_count, row_parts
from tests.unit.reports.orders import render, workbook

pytestmark = pytest.mark.filterwarnings("ignore:.*extension is not supported:UserWarning")  # openpyxl knows no bars

ALL = """\
title: Figures & more
queries:
  q: |
    select 'Tea ' || i as product, date '2026-01-05' + i::int as day, '2026-02-0' || (i + 1) as written,
           timestamptz '2026-01-05 23:30+00' as at, case when i = 1 then null else i + 0.5 end as n,
           case when i = 1 then '' else 'x' end as mark, interval (i) minute as took, i * 90 as seconds,
           i = 0 as first, i * 1234567 as short
    from range(3) t(i)
blocks:
  - table:
      query: q
      title: All
      columns:
        - product
        - {name: day, format: month}
        - {name: written, format: date}
        - at
        - {name: n, total: average}
        - {name: mark, total: count}
        - took
        - {name: seconds, format: duration, total: sum}
        - first
        - {name: short, format: compact, total: max}
"""


def made(source: str, orders: Path, tmp_path: Path, *, reckoned: bool = False, **more: Any) -> openpyxl.Workbook:
    return workbook(render(source, orders, tmp_path, None, "xlsx", **more), reckoned=reckoned)


def values(sheet: Any, row: int) -> list[Any]:
    return [cell.value for cell in sheet[row]]


def test_cells_hold_dates_numbers_and_nothing_where_there_is_nothing(orders: Path, tmp_path: Path) -> None:
    source = f"language: zh\n{ALL}"
    sheet = made(source, orders, tmp_path, reckoned=True, time_zone="Asia/Shanghai")["All"]
    second = values(sheet, 3)
    assert second[1] == datetime(2026, 1, 6)  # noqa: DTZ001
    assert second[2] == datetime(2026, 2, 2)  # noqa: DTZ001
    assert second[3] == datetime(2026, 1, 6, 7, 30)  # noqa: DTZ001 – as clocks of the report have it
    assert second[4] is None
    assert second[5] is None
    assert (sheet["E3"].data_type, sheet["F3"].data_type) == ("n", "n")  # no text without letters
    assert sheet["G3"].value == sheet["H3"].value / 1.5  # a minute, and 90 seconds
    assert sheet["I2"].value is True
    assert (sheet["B3"].number_format, sheet["H3"].number_format) == ("yyyy-mm", "[h]:mm:ss")


def test_totals_are_formulas_that_filters_move_with_their_value_beside(orders: Path, tmp_path: Path) -> None:
    sheet = made(ALL, orders, tmp_path)["All"]
    # An empty text counts here, and not in Excel: that is no formula.
    assert values(sheet, 5) == [
        "Total", None, None, None, "=SUBTOTAL(101,E2:E4)", 3, None, "=SUBTOTAL(109,H2:H4)",
        None, "=SUBTOTAL(104,J2:J4)",
    ]  # fmt: skip
    reckoned = made(ALL, orders, tmp_path, reckoned=True)["All"]
    assert [reckoned.cell(5, column).value for column in (5, 6, 8, 10)] == [1.5, 3, timedelta(seconds=270), 2_469_134]
    assert sheet.auto_filter.ref == "A1:J4"
    assert sheet.freeze_panes == "A2"


GROUPED = """\
title: Groups
queries:
  q: "select ['North', 'South'][1 + i % 2] as region, 'P' || i as product, i as v, i * 2 as w from range(4) t(i)"
blocks:
  - table:
      query: q
      group: region
      columns: [{name: product, total: count}, {name: v, total: sum, bar: true}, {name: w, total: count}, {name: w}]
"""


def test_grand_totals_count_no_subtotal_and_groups_can_be_closed(orders: Path, tmp_path: Path) -> None:
    sheet = made(GROUPED, orders, tmp_path)["q"]
    assert values(sheet, 5) == [
        "=SUBTOTAL(103,A3:A4)",
        "=SUBTOTAL(109,B3:B4)",
        "=SUBTOTAL(102,C3:C4)",
        "Subtotal North",
    ]
    # Headings of groups stand in the first column, and would be counted.
    assert values(sheet, 10) == ["=SUBTOTAL(103,A3:A4,A7:A8)", "=SUBTOTAL(109,B3:B8)", "=SUBTOTAL(102,C3:C8)", "Total"]
    assert values(made(GROUPED, orders, tmp_path, reckoned=True)["q"], 10) == [4, 6, 4, "Total"]
    levels = [sheet.row_dimensions[row].outlineLevel for row in range(2, 11)]
    assert levels == [0, 1, 1, 0, 0, 1, 1, 0, 0]


NESTED = """\
title: Nested
queries:
  q: |
    select ['North', 'South'][1 + i // 4] as region, ['Tea', 'Cup'][1 + i % 4 // 2] as kind, 'P' || i as product,
           i as v, 2 * i + 1 as w from range(6) t(i)
blocks:
  - table:
      query: q
      group: [region, kind]
      total_label: All of it
      columns: [product, {name: v, total: sum}, {name: w, total: sum(v) / sum(w), format: percent}]
"""


def test_groups_in_groups_have_levels_and_expressions_are_values(orders: Path, tmp_path: Path) -> None:
    sheet = made(NESTED, orders, tmp_path)["q"]
    found = [(row[0].value, row[1].value) for row in sheet.iter_rows(min_row=2) if str(row[1].value).startswith("=")]
    assert found == [
        ("Subtotal Tea", "=SUBTOTAL(109,B4:B5)"), ("Subtotal Cup", "=SUBTOTAL(109,B8:B9)"),
        ("Subtotal North", "=SUBTOTAL(109,B4:B9)"), ("Subtotal Tea", "=SUBTOTAL(109,B14:B15)"),
        ("Subtotal South", "=SUBTOTAL(109,B14:B15)"), ("All of it", "=SUBTOTAL(109,B4:B15)"),
    ]  # fmt: skip
    assert sheet["C18"].value == pytest.approx(15 / 36)
    assert [sheet.row_dimensions[row].outlineLevel for row in range(2, 12)] == [0, 1, 2, 2, 1, 1, 2, 2, 1, 0]


def test_a_total_of_more_rows_than_there_are_is_a_value_and_says_so(orders: Path, tmp_path: Path) -> None:
    source = """\
title: Cut
queries: {q: "select i, 1 as v from range(30) t(i)"}
blocks: [{table: {query: q, columns: [i, {name: v, total: sum}]}}]
"""
    sheet = made(source, orders, tmp_path, limits=QueryLimits(seconds=10, rows=10))["q"]
    assert values(sheet, 12) == ["Total", 30]
    assert "The first 10 of 30 rows: the query gave more than the limit." in sheet["A14"].value
    assert sheet["A14"].value.endswith("The totals are of all rows, not only of these.")


def test_sheets_say_of_what_they_are_and_many_are_listed(orders: Path, tmp_path: Path) -> None:
    source = """\
title: Regions
queries:
  regions: "select * from (values ('East', 1), ('华南', 2), ('North by North-West of nowhere', 3)) t(region, n)"
  best: select $region_region as region, 1 as v
blocks:
  - repeat: regions
    as: region
    blocks:
      - table: {query: best, title: products}
      - table: {query: best, title: "Best of {{ region.region }}"}
"""
    book = made(source, orders, tmp_path)
    assert book.sheetnames == [
        "Summary", "Contents", "East – products", "Best of East", "华南 – products", "Best of 华南",
        "North by North-West… – products", "Best of North by North-West of…",
    ]  # fmt: skip
    links = [row[0].hyperlink.location for row in book["Contents"].iter_rows(min_row=2)]
    assert links == [f"'{name}'!A1" for name in book.sheetnames[2:]]
    assert book["Contents"]["B7"].value == "Best of North by North-West of nowhere"
    assert [cell.hyperlink.location for row in book["Summary"].iter_rows() for cell in row if cell.hyperlink] == links


@pytest.mark.parametrize("title", ["#eval", "a#b!A1", "O''Brien", "http://x", "internal:x", "=1+1", "%41"])
def test_links_lead_to_sheets_whatever_they_are_called(orders: Path, tmp_path: Path, title: str) -> None:
    source = f"title: x\nqueries: {{q: select 1 as a}}\nblocks: [{{table: {{query: q, title: '{title}'}}}}]"
    book = made(source, orders, tmp_path)
    [link] = [cell.hyperlink for row in book["Summary"].iter_rows() for cell in row if cell.hyperlink]
    assert link.target is None
    assert link.location.removesuffix("!A1").removeprefix("'").removesuffix("'").replace("''", "'") in book.sheetnames


@pytest.mark.parametrize(
    ("wanted", "within", "name"),
    [
        ("a/b: [c]*?", "", "a b c"), ("'quoted'", "", "quoted"), ("HISTORY", "", "HISTORY 1"), ("", "", "Sheet"),
        ("products", "East", "East – products"), ("Products of East", "east", "Products of East"),
        ("x" * 31, "", "x" * 31), ("x" * 32, "", "x" * 30 + "…"), ("😀" * 16, "", "😀" * 15 + "…"),
        ("y" * 40, "East", "East – " + "y" * 23 + "…"), ("taken", "", "taken 2"), ("t" * 31, "", "t" * 28 + "… 2"),
    ],
)  # fmt: skip
def test_names_of_sheets(wanted: str, within: str, name: str) -> None:
    names = SheetNames()
    names.take("TAKEN")
    names.take("t" * 31)
    assert names.take(wanted, within=within) == name


def test_columns_have_room_for_what_is_in_them(orders: Path, tmp_path: Path) -> None:
    source = """\
title: Room
queries:
  q: |
    select '一二三四五六七八九十' as zh, 1 as n, 'word ' || repeat('and more ', 20) as long, 123456789 as big
    union all select '一', 2, 'b', 2
blocks: [{table: {query: q, columns: [zh, n, long, {name: big, format: currency, currency: CNY, total: sum}]}}]
"""
    sheet = made(source, orders, tmp_path)["q"]
    width = {letter: sheet.column_dimensions[letter].width for letter in "ABCD"}
    assert width["A"] >= 20  # a Chinese letter is two wide
    assert width["B"] < 10
    assert width["C"] <= 61
    assert width["D"] >= len("¥123,456,791.00")
    assert sheet["C2"].alignment.wrap_text


PAPER = """\
title: Paper & print
page: {{size: {size}, orientation: {orientation}}}
queries: {{q: "select 'Row' as name{columns}"}}
blocks:
  - text: "{long}"
  - chart: {{kind: bar, query: q, x: name, y: m1}}
  - chart: {{kind: bar, query: q, x: name, y: m1}}
  - chart: {{kind: bar, query: q, x: name, y: m1}}
  - chart: {{kind: bar, query: q, x: name, y: m1}}
  - table: {{query: q, title: Wide}}
"""


@pytest.mark.parametrize(
    ("size", "orientation", "count", "code", "turned", "fits"),
    [
        ("A4", "portrait", 5, 9, False, True),
        ("A4", "portrait", 12, 9, True, True),
        ("A4", "portrait", 40, 9, True, False),
        ("A4", "landscape", 3, 9, True, True),
        ("Letter", "portrait", 3, 1, False, True),
        ("A3", "portrait", 12, 8, False, True),
    ],
)
def test_paper_has_room_for_what_can_be_read(
    orders: Path, tmp_path: Path, size: str, orientation: str, count: int, code: int, turned: bool, fits: bool
) -> None:
    columns = "".join(f", 1234567 as m{number}" for number in range(1, count))
    long = "A sentence of a long paragraph that no page has room for on one line. " * 20
    book = made(
        PAPER.format(size=size, orientation=orientation, columns=columns, long=long), orders, tmp_path
    )  # fmt: skip
    sheet, summary = book["Wide"], book["Summary"]
    for one in book:
        assert one.page_setup.paperSize == code
        assert one.oddFooter.right.text == "Page &P of &N"
        assert "weekly, version 4" in one.oddFooter.left.text
        assert one.oddHeader.left.text == "Paper && print"
        assert one.print_area or one.title == "Chart data"
    assert (sheet.page_setup.orientation == "landscape") is turned
    assert bool(sheet.sheet_properties.pageSetUpPr and sheet.sheet_properties.pageSetUpPr.fitToPage) is fits
    assert sheet.print_title_rows == "$1:$1"
    assert sheet.print_title_cols == (None if fits else "$A:$A")
    assert summary.page_setup.orientation == orientation
    # No chart goes over the end of a page, and none is wider than it.
    ends = [one.id for one in summary.row_breaks.brk]
    assert ends
    for chart in summary._charts:
        first, last = chart.anchor._from.row, chart.anchor.to.row
        assert not [end for end in ends if first < end <= last]
        assert chart.anchor.to.col <= 5
    [paragraph] = [cell for row in summary.iter_rows() for cell in row if str(cell.value).startswith("A sentence")]
    assert f"A{paragraph.row}:F{paragraph.row}" in [str(merged) for merged in summary.merged_cells.ranges]
    assert summary.row_dimensions[paragraph.row].height > 60


def test_a_heading_and_what_follows_it_stay_with_their_chart(orders: Path, tmp_path: Path) -> None:
    part = "  - heading: Part {0}\n  - text: Said\n  - chart: {{kind: bar, query: q, x: name, y: m}}\n"
    source = "title: x\nqueries: {q: \"select 'a' as name, 1 as m\"}\nblocks:\n" + "".join(
        part.format(number) for number in range(7)
    )
    summary = made(source, orders, tmp_path)["Summary"]
    ends = [one.id for one in summary.row_breaks.brk]
    headings = [row[0].row for row in summary.iter_rows() if str(row[0].value).startswith("Part")]
    assert len(ends) == 3
    assert {end + 1 for end in ends} < set(headings)


def test_long_texts_go_over_several_rows_and_lose_nothing() -> None:
    text = "word " * 3_000 + "end"
    parts = list(row_parts(text, 600))
    assert " ".join(parts).split() == text.split()
    assert max(line_count(part, 600) for part in parts) * 15 < 409  # points, which is what Excel allows
    assert "".join(row_parts("x" * 9_000, 600)) == "x" * 9_000


def test_head_and_foot_are_no_commands(orders: Path, tmp_path: Path) -> None:
    long = made(f"title: '{'R&D ' * 100}'\nblocks: [{{text: x}}]", orders, tmp_path)["Summary"]
    assert 100 < len(long.oddHeader.left.text) < 130  # Excel takes 255, with what else is there
    rendered = render('title: "R&D &F &A"\nblocks: [{text: x}]', orders, tmp_path, None, "xlsx")
    xml = zipfile.ZipFile(rendered.artifacts[0].path).read("xl/worksheets/sheet1.xml").decode()
    assert "&amp;LR&amp;&amp;D &amp;&amp;F &amp;&amp;A&amp;R&amp;A" in xml


def test_dates_before_excel_and_numbers_beyond_it_are_texts(orders: Path, tmp_path: Path) -> None:
    source = """\
title: Old
queries: {q: "select date '1815-06-18' as day, 1234567890123456789 as n, 1e300 as big, 0.1 + 0.2 as x"}
blocks: [{table: {query: q, columns: [day, {name: n, total: sum}, big, x]}}]
"""
    sheet = made(source, orders, tmp_path)["q"]
    assert values(sheet, 2)[:3] == ["1815-06-18", "1234567890123456789", 1e300]
    assert sheet["B3"].value == "1234567890123456789"


def test_times_of_day_are_times_and_lines_of_a_cell_stay_lines(orders: Path, tmp_path: Path) -> None:
    query = "select time '10:30:00' as at, time '10:30:00.25' as exactly, 'one' || chr(10) || 'two' as lines"
    source = f'title: x\nqueries: {{q: "{query}"}}\nblocks: [table: {{query: q}}]\n'
    at, exactly, lines = workbook(render(source, orders, tmp_path, {}, "xlsx"))["q"][2]
    assert (at.value, at.number_format, exactly.value) == (time(10, 30), "hh:mm:ss", "10:30:00.250000")
    assert (lines.value, lines.alignment.wrap_text) == ("one\ntwo", True)


@pytest.mark.parametrize("count", [1, 3, 8])
def test_the_two_sides_of_a_foot_have_room_beside_each_other(count: int) -> None:
    left = "Made 5 Nov 2026 · Data: " + ", ".join(f"sample_{number} (version 1)" for number in range(count))
    sheets = Sheets(size="A4", landscape=False, title="t", left_foot=left, right_foot="Page &P of &N")
    with xlsxwriter.Workbook(io.BytesIO(), {"in_memory": True}) as book:
        sheet = book.add_worksheet()
        sheets.set_up(sheet, landscape=False)
    size, shown = re.fullmatch(r"&L&(\d+) (.*)&R&\1 Page &P of &N", sheet.footer).groups()
    assert (shown == left) is (count < 8)
    assert (len(shown) + 13) * int(size) * 0.52 <= 7.27 * 72


def test_lines_of_chinese_have_room_for_their_squares() -> None:
    assert line_count("字" * 46, 680) == 1
    assert line_count("字" * 49, 680) == 2
