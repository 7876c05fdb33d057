"""The same figures in PDF, Excel and web page, whatever the table holds: one truth, three forms."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Iterable
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any, NamedTuple

import openpyxl
import pypdf
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.reports.orders import render

FORMATS = {
    "integer": "format: integer",
    "decimal": "format: decimal, decimals: 2",
    "currency": "format: currency, currency: EUR",
    "yuan": "format: currency, currency: CNY, decimals: 0",
    "percent": "format: percent, decimals: 1",
    "date": "format: date",
    "text": "format: text",
}
# What people write by hand goes wrong at halves and at signs before nothing.
_HALVES = st.sampled_from(["0.5", "1.5", "2.5", "-0.5", "0.005", "1.005", "2.675", "-0.004", "0.285", "1234.5", "0"])
_NUMBERS = _HALVES | st.decimals(-(10**9), 10**9, places=3, allow_nan=False).map(str)


class Drawn(NamedTuple):
    kinds: list[str]
    rows: list[list[str]]  # SQL values


def value(kind: str) -> st.SearchStrategy[str]:
    if kind == "integer":
        some = st.integers(-(10**12), 10**12).map(str)
    elif kind == "date":
        some = st.dates(date(1990, 1, 1), date(2060, 1, 1)).map(lambda day: f"date '{day}'")
    elif kind == "text":
        some = st.text("abcXYZ销售é&<=-+", min_size=1, max_size=8).map(lambda text: f"'{text}'")
    else:
        some = _NUMBERS.map(lambda number: f"{number}::decimal(18, 3)")
    return some | st.just("null")


@st.composite
def tables(draw: st.DrawFn) -> Drawn:
    kinds = draw(st.lists(st.sampled_from(sorted(FORMATS)), min_size=1, max_size=4))
    rows = draw(st.lists(st.tuples(*map(value, kinds)).map(list), min_size=1, max_size=6))
    return Drawn(kinds, rows)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("truth")


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(drawn=tables())
def test_all_forms_say_the_same(orders: Path, place: Path, drawn: Drawn) -> None:
    rendered = render(template(drawn), orders, place, {}, "pdf", "xlsx", "html")
    assert rendered.warnings == ()
    pdf, xlsx, page = (artifact.path.read_bytes() for artifact in rendered.artifacts)
    on_page = page_rows(page.decode())
    assert len(on_page) == len(drawn.rows) + any(kind not in ("date", "text") for kind in drawn.kinds)
    on_paper = ["".join(line.split()) for line in paper_lines(pdf)]
    for cells in on_page:
        assert "".join("".join(cells).split()) in on_paper, (cells, on_paper)
        on_paper.remove("".join("".join(cells).split()))
    labels = all(kind not in ("date", "text") for kind in drawn.kinds)  # a column that says what totals are
    assert [cells[0] for cells in on_page if labels] == [""] * (len(on_page) - 1) * labels + ["Total"] * labels
    for cells, in_excel in zip(on_page, excel_rows(xlsx), strict=True):
        for kind, text, cell in zip(drawn.kinds, cells[labels:], in_excel[labels:], strict=True):
            assert excel_text(cell, kind) in (text, ""), (kind, text, cell.value, cell.number_format)
            assert (cell.value is None) == (text in ("–", "")), (text, cell.value)


def template(drawn: Drawn) -> str:
    names = [f"c{index}" for index in range(len(drawn.kinds))]
    rows = ", ".join(f"({', '.join(row)})" for row in drawn.rows)
    columns = "\n".join(
        f"        - {{name: {name}, {FORMATS[kind]}{'' if kind in ('date', 'text') else ', total: sum'}}}"
        for name, kind in zip(names, drawn.kinds, strict=True)
    )
    return f"""\
title: Truth
queries:
  q: |
    select * from (values {rows}) t({", ".join(names)})
blocks:
  - table:
      query: q
      columns:
{columns}
"""


def page_rows(page: str) -> list[list[str]]:
    rows = [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in re.findall(r"<tr[^>]*>(.*?)</tr>", page)]
    return [[html.unescape(re.sub("<[^>]*>", "", cell)) for cell in row] for row in rows if row]


def paper_lines(pdf: bytes) -> Iterable[str]:
    for page in pypdf.PdfReader(io.BytesIO(pdf)).pages:
        yield from page.extract_text(extraction_mode="layout").splitlines()


def excel_rows(xlsx: bytes) -> list[list[Any]]:
    sheet = openpyxl.load_workbook(io.BytesIO(xlsx), data_only=True).worksheets[1]
    return [list(row) for row in sheet.iter_rows(min_row=2)]


def excel_text(cell: Any, kind: str) -> str:
    """What Excel shows, in the way of our texts; empty where nothing stands."""
    shown = cell.value
    if shown is None:
        return ""
    if isinstance(shown, str):
        return shown
    if isinstance(shown, datetime):
        return f"{shown.day} {shown:%b} {shown.year}"
    places = len((re.search(r"\.(0+)", cell.number_format) or ["", ""])[1])
    number = Decimal(repr(shown)) * (100 if kind == "percent" else 1)
    rounded = abs(number.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP))
    sign = "-" if number < 0 and rounded else ""
    symbol = {"currency": "€", "yuan": "¥"}.get(kind, "")
    return f"{sign}{symbol}{rounded:,.{places}f}{'%' if kind == 'percent' else ''}"
