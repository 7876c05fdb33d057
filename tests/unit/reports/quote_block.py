"""A kind of block that Jindu does not have: somebody's words, and whose they are."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any

from server.reports.blocks.reader import BlockKind, BlockReader
from server.reports.blocks.spec import BlockPlace, BlockSpec, Builder, ColumnUse
from server.reports.document import Block
from server.reports.html_page import HtmlPage
from server.reports.paper import Paper
from server.reports.reading import MapReader
from server.reports.workbook import ReportBook


class Quote(Block, frozen=True, kw_only=True):
    words: str

    def html(self, page: HtmlPage) -> str:
        return f"<blockquote>{escape(self.words)}</blockquote>"

    def pdf(self, paper: Paper) -> dict[str, Any]:
        return {"kind": "heading", "text": self.words, "level": 4}

    def excel(self, book: ReportBook) -> None:
        book.put(self.words, italic=True)


class QuoteSpec(BlockSpec, frozen=True, kw_only=True):
    query: str
    words: str

    def build(self, builder: Builder) -> Iterator[Block]:
        for row in builder.query(self.query):
            yield Quote(words=str(row[self.words]))

    def columns_used(self) -> Iterator[ColumnUse]:
        yield ColumnUse(self.query, self.words, self.line, self.column)


def _read(blocks: BlockReader, reader: MapReader, place: BlockPlace) -> BlockSpec:
    return QuoteSpec(**place, query=blocks.query(reader, key="quote", required=True), words=reader.text("words"))


KIND = BlockKind(name="quote", read=_read)
