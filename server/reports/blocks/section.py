"""`section`: blocks on pages of their own, upright or on their side, whatever the rest of the report has."""

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


class Section(Block, frozen=True, kw_only=True):
    """Sheets of Excel are each turned as they need it, and screens have no sides."""

    blocks: list[Block]
    landscape: bool

    def html(self, page: HtmlPage) -> str:
        side = "landscape" if self.landscape else "portrait"
        return f'<section class="{side}">{"".join(block.html(page) for block in self.blocks)}</section>'

    def pdf(self, paper: Paper) -> dict[str, Any]:
        turned = paper.turned(landscape=self.landscape)
        return {"kind": "section", "flipped": self.landscape, "blocks": [block.pdf(turned) for block in self.blocks]}

    def excel_sheets(self, book: ReportBook) -> None:
        for block in self.blocks:
            block.excel_sheets(book)

    def excel(self, book: ReportBook) -> None:
        for block in self.blocks:
            block.excel(book)

    def parts(self) -> Sequence[Block]:
        return self.blocks


class SectionSpec(BlockSpec, frozen=True, kw_only=True):
    blocks: tuple[BlockSpec, ...]
    landscape: bool

    def build(self, builder: Builder) -> Iterator[Block]:
        blocks = list(builder.blocks(self.blocks))
        if blocks:  # else it would be an empty page
            yield Section(blocks=blocks, landscape=self.landscape)

    def nested(self) -> Sequence[Sequence[BlockSpec]]:
        return (self.blocks,)


def _read(blocks: BlockReader, outer: MapReader, place: BlockPlace) -> BlockSpec | None:
    value = outer.get("section", required=True)
    if value is None:
        return None
    if ".columns[" in place["path"] or ".section." in place["path"]:
        blocks.issues.add(value, "A section has pages of its own; it cannot stand within columns or another section.")
        return None
    reader = MapReader(value, blocks.issues, what="A section")
    orientation = reader.choice("orientation", ("landscape", "portrait"), "landscape")
    inner = blocks.blocks(reader.items("blocks", required=True), f"{place['path']}.section.blocks")
    reader.finish()
    return SectionSpec(**place, blocks=inner, landscape=orientation == "landscape")


KIND = BlockKind(name="section", read=_read)
