"""A box in place of a block that a report has no room for, as every kind of block may come to."""

from __future__ import annotations

from typing import Any

from server.reports.document import Block
from server.reports.html_page import HtmlPage
from server.reports.paper import Paper
from server.reports.workbook import ReportBook


class NoRoomBox(Block, frozen=True, kw_only=True):
    title: str
    reason: str

    def html(self, page: HtmlPage) -> str:
        return page.empty(self.title, self.reason)

    def pdf(self, paper: Paper) -> dict[str, Any]:
        return {"kind": "no-data", "title": self.title, "reason": self.reason}

    def excel(self, book: ReportBook) -> None:
        book.put(f"{self.title}: {self.reason}" if self.title else self.reason)
