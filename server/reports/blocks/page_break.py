"""`page_break`: what follows begins on a new page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from server.reports.blocks.reader import BlockKind, BlockReader
from server.reports.blocks.spec import BlockPlace, BlockSpec, Builder
from server.reports.document import Block
from server.reports.html_page import HtmlPage
from server.reports.paper import Paper
from server.reports.reading import MapReader


class PageBreak(Block, frozen=True, kw_only=True):
    def html(self, page: HtmlPage) -> str:
        return '<hr class="page-break">'

    def pdf(self, paper: Paper) -> dict[str, Any]:
        return {"kind": "page_break"}


class PageBreakSpec(BlockSpec, frozen=True, kw_only=True):
    def build(self, builder: Builder) -> Iterator[Block]:
        yield PageBreak()


def _read(_blocks: BlockReader, reader: MapReader, place: BlockPlace) -> BlockSpec:
    reader.get("page_break")
    return PageBreakSpec(**place)


KIND = BlockKind(name="page_break", read=_read, is_bare=True)
