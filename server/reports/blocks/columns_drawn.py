"""Blocks side by side, as the kind `columns` and charts for each value have them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from server.reports.document import Block
from server.reports.html_page import HtmlPage
from server.reports.paper import Paper
from server.reports.workbook import ReportBook

_MOST_BESIDE = 3


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
        """Charts stand beside each other, all else one below the other."""
        items = [item for column in self.columns for item in column]
        heights = [height for item in items if (height := item.excel_height(book)) is not None]
        if len(heights) < len(items) or any(len(column) > 1 for column in self.columns):
            for item in items:
                item.excel(book)
            return
        beside = min(len(self.columns), _MOST_BESIDE)
        for first in range(0, len(items), beside):
            with book.summary.beside(beside, max(heights[first : first + beside])):
                for item in items[first : first + beside]:
                    item.excel(book)

    def parts(self) -> Sequence[Block]:
        return [item for column in self.columns for item in column]
