"""`repeat`: blocks once per row of a query."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from server.reports.blocks.reader import BlockKind, BlockReader
from server.reports.blocks.spec import BlockPlace, BlockSpec, Builder
from server.reports.document import Block
from server.reports.reading import MapReader
from server.reports.rows import rows_of


class RepeatSpec(BlockSpec, frozen=True, kw_only=True):
    """The row is `name` in expressions, and bound in `queries` of its own."""

    query: str
    name: str
    blocks: tuple[BlockSpec, ...]

    def build(self, builder: Builder) -> Iterator[Block]:
        for row in rows_of(builder.query(self.query)):
            with builder.with_row(self.name, row):
                yield from builder.blocks(self.blocks)

    def rows_shown(self) -> str:
        return self.query

    def nested(self) -> Sequence[Sequence[BlockSpec]]:
        return (self.blocks,)

    def bound_row(self) -> tuple[str, str]:
        return self.query, self.name


def _read(blocks: BlockReader, reader: MapReader, place: BlockPlace) -> BlockSpec | None:
    query = blocks.query(reader, key="repeat", required=True)
    name = reader.text("as", "row")
    if not name.isidentifier():
        blocks.issues.add(reader.key_node("as"), "“as” must be a name such as “row”.")
        return None
    with blocks.expressions.also_known(name):
        inner = blocks.blocks(reader.items("blocks", required=True), f"{place['path']}.blocks")
    return RepeatSpec(**place, query=query, name=name, blocks=inner) if query else None


KIND = BlockKind(name="repeat", read=_read)
