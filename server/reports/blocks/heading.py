"""`heading`: a line that begins a section."""

from __future__ import annotations

from collections.abc import Iterator

from server.reports.blocks.heading_drawn import Heading
from server.reports.blocks.reader import BlockKind, BlockReader
from server.reports.blocks.spec import BlockPlace, BlockSpec, Builder
from server.reports.document import Block
from server.reports.expressions import Expression
from server.reports.reading import MapReader


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
