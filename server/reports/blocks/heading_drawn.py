"""A line that begins a section, as the kind `heading` and others draw it."""

from __future__ import annotations

from html import escape
from typing import Any

from server.reports.document import Block
from server.reports.html_page import HtmlPage
from server.reports.paper import Paper
from server.reports.workbook import ReportBook

_KEEP = 120  # pixels of what follows that stay with it on a page of Excel


class Heading(Block, frozen=True, kw_only=True):
    text: str
    level: int = 2

    def heading(self) -> tuple[str, int]:
        return self.text, self.level

    def html(self, page: HtmlPage) -> str:
        level = min(self.level, 4) if self.level > 1 else 2  # the first level is the report's title
        return f'<h{level} id="{page.heading_id(self)}">{escape(self.text)}</h{level}>'

    def pdf(self, paper: Paper) -> dict[str, Any]:
        return {"kind": "heading", "text": self.text, "level": self.level}

    def excel(self, book: ReportBook) -> None:
        book.summary.skip()
        book.summary.begin_section()
        book.put(self.text, bold=True, font_size=14 if self.level <= 2 else 12, keep=_KEEP)
