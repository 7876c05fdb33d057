"""`heading`: a line that begins a section."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any

from server.reports.blocks.reader import BlockKind, BlockReader
from server.reports.blocks.spec import BlockPlace, BlockSpec, Builder
from server.reports.document import Block
from server.reports.expressions import Expression
from server.reports.html_page import HtmlPage
from server.reports.paper import Paper
from server.reports.reading import MapReader
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


class HeadingSpec(BlockSpec, frozen=True, kw_only=True):
    text: Expression
    level: int = 2

    def build(self, builder: Builder) -> Iterator[Block]:
        yield Heading(text=builder.text(self.text, self), level=self.level)


def _read(blocks: BlockReader, reader: MapReader, place: BlockPlace) -> BlockSpec | None:
    value = reader.get("heading", required=True)
    text = blocks.expressions.text(value) if value else None
    level = reader.integer("level", 2, least=1, most=4)
    return HeadingSpec(**place, text=text, level=level) if text else None


KIND = BlockKind(name="heading", read=_read)
