"""`columns`: lists of blocks side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from server.reports.blocks.columns_drawn import Columns
from server.reports.blocks.reader import BlockKind, BlockReader
from server.reports.blocks.spec import BlockPlace, BlockSpec, Builder
from server.reports.document import Block
from server.reports.reading import MapReader

_MOST = 4


class ColumnsSpec(BlockSpec, frozen=True, kw_only=True):
    columns: tuple[tuple[BlockSpec, ...], ...]

    def build(self, builder: Builder) -> Iterator[Block]:
        yield Columns(columns=[list(builder.blocks(column)) for column in self.columns])

    def nested(self) -> Sequence[Sequence[BlockSpec]]:
        return self.columns


def _read(blocks: BlockReader, reader: MapReader, place: BlockPlace) -> BlockSpec:
    lists = reader.items("columns", required=True)
    if len(lists) > _MOST:
        blocks.issues.add(lists[_MOST], "At most 4 columns stand side by side.")
    columns = (
        blocks.blocks(item.value if item.kind == "list" else [item], f"{place['path']}.columns[{index}]")
        for index, item in enumerate(lists[:_MOST])
    )
    return ColumnsSpec(**place, columns=tuple(columns))


KIND = BlockKind(name="columns", read=_read)
