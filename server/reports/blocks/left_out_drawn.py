"""What is said below a block whose figures are made of the first rows of a query alone."""

from __future__ import annotations

from html import escape
from typing import Any

from server.reports import markdown
from server.reports.document import Block
from server.reports.html_page import HtmlPage
from server.reports.paper import Paper
from server.reports.workbook import MUTED, ReportBook


class LeftOutNote(Block, frozen=True, kw_only=True):
    text: str

    def html(self, page: HtmlPage) -> str:
        return f'<p class="cut">{escape(self.text)}</p>'

    def pdf(self, paper: Paper) -> dict[str, Any]:
        return {"kind": "text", "nodes": markdown.parsed(markdown.escaped(self.text))}

    def excel(self, book: ReportBook) -> None:
        book.put(self.text, font_color=MUTED)
