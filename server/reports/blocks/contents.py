"""`contents`: the headings of the report, with their pages on paper and links on the page."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any

from server.reports.blocks.reader import BlockKind, BlockReader
from server.reports.blocks.spec import BlockPlace, BlockSpec, Builder
from server.reports.document import Block
from server.reports.html_page import HtmlPage
from server.reports.paper import Paper
from server.reports.reading import MapReader

_DEPTH = 3


class Contents(Block, frozen=True, kw_only=True):
    """Excel has a list of its sheets instead."""

    title: str
    depth: int

    def html(self, page: HtmlPage) -> str:
        lines = "".join(
            f'<li class="level-{heading.level}"><a href="#{heading.id}">{escape(heading.text)}</a></li>'
            for heading in page.headings.values()
            if heading.level <= self.depth
        )
        title = escape(self.title)
        return f'<nav class="contents" aria-label="{title}"><strong>{title}</strong><ol>{lines}</ol></nav>'

    def pdf(self, paper: Paper) -> dict[str, Any]:
        return {"kind": "contents", "title": self.title, "depth": self.depth}


class ContentsSpec(BlockSpec, frozen=True, kw_only=True):
    depth: int

    def build(self, builder: Builder) -> Iterator[Block]:
        yield Contents(title=builder.words.contents, depth=self.depth)


def _read(blocks: BlockReader, reader: MapReader, place: BlockPlace) -> BlockSpec:
    node = reader.get("contents")
    if node is not None and node.kind == "map":
        inner = MapReader(node, blocks.issues, what="“contents”")
        depth = inner.integer("depth", _DEPTH, least=1, most=4)
        inner.finish()
        return ContentsSpec(**place, depth=depth)
    return ContentsSpec(**place, depth=reader.integer("depth", _DEPTH, least=1, most=4))


KIND = BlockKind(name="contents", read=_read, is_bare=True)
