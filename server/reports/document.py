"""One report as blocks with values: what every writer shows, each in its own best form."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from server.reports.formats import Format
from server.reports.images import Image
from server.reports.markdown import Node


class Block(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    pass


class Heading(Block, frozen=True, kw_only=True):
    text: str
    level: int = 2


class Text(Block, frozen=True, kw_only=True):
    nodes: list[Node]


class Kpi(msgspec.Struct, frozen=True, kw_only=True):
    """`delta` is written (`+12.3%`), `tone` says whether that is good, bad or neither."""

    label: str
    text: str
    value: Any = None
    format: Format = Format()
    delta: str = ""
    tone: str = ""
    delta_label: str = ""
    note: str = ""


class Kpis(Block, frozen=True, kw_only=True):
    items: tuple[Kpi, ...]


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """Values of one line, or one group of bars; `kind` is how it is drawn."""

    name: str
    values: list[Any]
    kind: str = "bar"
    second_axis: bool = False


class Chart(Block, frozen=True, kw_only=True):
    """`labels` run along x; `option` is what ECharts draws, `format` how numbers are written. No rows: `is_empty`."""

    kind: str
    title: str
    labels: list[str] = []
    series: list[Series] = []
    option: dict[str, Any] = {}
    format: Format = Format()
    line_format: Format = Format()
    height: int = 260
    is_empty: bool = False
    description: str = ""
    x_label: str = ""


class Column(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    label: str
    format: Format
    align: str
    bar: bool = False
    total: Any = None
    total_text: str = ""


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """`share` is the length of an in-cell bar from 0 to 1, negative for values below zero."""

    value: Any
    text: str
    tone: str = ""
    share: float | None = None


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """`kind` is `row`, `group` (a heading row: its first cell alone) or `subtotal`."""

    cells: list[Cell]
    kind: str = "row"


class Table(Block, frozen=True, kw_only=True):
    """`rows` are all of them; PDF and HTML show the first `max_rows`."""

    title: str
    columns: list[Column]
    rows: list[Row]
    max_rows: int
    row_count: int
    name: str = "table"
    truncated: bool = False

    @property
    def has_totals(self) -> bool:
        return any(column.total_text for column in self.columns)

    def shown(self) -> list[Row]:
        """The rows for paper and screen: `max_rows` of data, and the headings among them."""
        result: list[Row] = []
        count = 0
        for row in self.rows:
            count += row.kind == "row"
            if count > self.max_rows:
                break
            result.append(row)
        return result

    @property
    def is_cut(self) -> bool:
        return self.row_count > self.max_rows or self.truncated


class Picture(Block, frozen=True, kw_only=True):
    """`width` is the share of the room it takes, in percent; `alt` says in words what it shows."""

    image: Image
    alt: str
    width: int


class PageBreak(Block, frozen=True, kw_only=True):
    pass


class Columns(Block, frozen=True, kw_only=True):
    columns: list[list[Block]]


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """The few words that writers add themselves, in the report's language."""

    no_data: str = "No data"
    total: str = "Total"
    page_of: str = "Page {page} of {pages}"
    full_list: str = "{shown} of {count} rows; the full list is in the Excel file."
    first_rows: str = "{shown} of {count} rows."
    truncated: str = "The query gave more rows than the limit of {count}; the rest is left out."
    made: str = "Made {when}"
    datasets: str = "Data: {datasets}"
    template: str = "Template: {name}, version {version}"
    version: str = "version {version}"
    summary: str = "Summary"
    charts_data: str = "Chart data"
    show_data: str = "Data of this chart"
    parameters: str = "Parameters"


WORDS = {
    "zh": Words(
        no_data="没有数据",
        total="合计",
        page_of="第 {page} 页，共 {pages} 页",
        full_list="仅列出 {count} 行中的 {shown} 行，完整列表见 Excel 文件。",
        first_rows="仅列出 {count} 行中的 {shown} 行。",
        truncated="查询结果超过 {count} 行的上限，其余部分未列出。",
        made="生成于 {when}",
        datasets="数据：{datasets}",
        template="模板：{name}，第 {version} 版",
        version="第 {version} 版",
        summary="摘要",
        charts_data="图表数据",
        show_data="图表数据",
        parameters="参数",
    )
}


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """`provenance` are lines for the footer: data and template versions; `made_at` is when."""

    title: str
    description: str
    language: str
    page_size: str
    landscape: bool
    blocks: list[Block]
    words: Words
    made_at: datetime
    made_text: str
    provenance: list[str]
    parameters: list[tuple[str, str]]
    formats: tuple[str, ...]
    warnings: list[str] = []
