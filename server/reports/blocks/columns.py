"""`columns`: lists of blocks side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from server.reports.blocks.reader import BlockKind, BlockReader
from server.reports.blocks.spec import BlockPlace, BlockSpec, Builder
from server.reports.document import Block
from server.reports.html_page import HtmlPage
from server.reports.paper import Paper
from server.reports.reading import MapReader
from server.reports.workbook import ReportBook

_MOST = 4


class Columns(Block, frozen=True, kw_only=True):
    columns: list[list[Block]]

    def html(self, page: HtmlPage) -> str:
        narrow = page.column(max(len(self.columns), 1))
        columns = ("\n".join(item.html(narrow) for item in column) for column in self.columns)
        return f'<div class="columns">{"".join(f"<div>{column}</div>" for column in columns)}</div>'

    def pdf(self, paper: Paper) -> dict[str, Any]:
        narrow = paper.column(max(len(self.columns), 1))
        return {"kind": "columns", "columns": [[item.pdf(narrow) for item in column] for column in self.columns]}

    def excel_sheets(self, book: ReportBook) -> None:
        for column in self.columns:
            for item in column:
                item.excel_sheets(book)

    def excel(self, book: ReportBook) -> None:
        for column in self.columns:
            for item in column:
                item.excel(book)

    def parts(self) -> Sequence[Block]:
        return [item for column in self.columns for item in column]


class ColumnsSpec(BlockSpec, frozen=True, kw_only=True):
    columns: tuple[tuple[BlockSpec, ...], ...]

    def build(self, builder: Builder) -> Iterator[Block]:
        yield Columns(columns=[list(builder.blocks(column)) for column in self.columns])

    def nested(self) -> Sequence[Sequence[BlockSpec]]:
        return self.columns


def _read(blocks: BlockReader, reader: MapReader, place: BlockPlace) -> BlockSpec:
    lists = reader.items("columns", required=True)
    if len(lists) > _MOST:
        blocks.issues.add(lists[_MOST], "At most 4 columns stand side by side.")
    columns = (
        blocks.blocks(item.value if item.kind == "list" else [item], f"{place['path']}.columns[{index}]")
        for index, item in enumerate(lists[:_MOST])
    )
    return ColumnsSpec(**place, columns=tuple(columns))


KIND = BlockKind(name="columns", read=_read)
