"""`when`: blocks that are there only if something is so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from server.reports.blocks.reader import BlockKind, BlockReader
from server.reports.blocks.spec import BlockPlace, BlockSpec, Builder
from server.reports.document import Block
from server.reports.expressions import Expression
from server.reports.reading import MapReader


class WhenSpec(BlockSpec, frozen=True, kw_only=True):
    condition: Expression
    blocks: tuple[BlockSpec, ...]
    otherwise: tuple[BlockSpec, ...] = ()

    def build(self, builder: Builder) -> Iterator[Block]:
        is_so = builder.value(self.condition, self)
        builder.pass_over(self.otherwise if is_so else self.blocks)
        yield from builder.blocks(self.blocks if is_so else self.otherwise)

    def nested(self) -> Sequence[Sequence[BlockSpec]]:
        return ((*self.blocks, *self.otherwise),)


def _read(blocks: BlockReader, reader: MapReader, place: BlockPlace) -> BlockSpec | None:
    condition = blocks.expressions.value_of(reader, "when", required=True)
    inner = blocks.blocks(reader.items("blocks", required=True), f"{place['path']}.blocks")
    otherwise = blocks.blocks(reader.items("else"), f"{place['path']}.else")
    return WhenSpec(**place, condition=condition, blocks=inner, otherwise=otherwise) if condition else None


KIND = BlockKind(name="when", read=_read)
