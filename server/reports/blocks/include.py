"""`include`: the blocks of another template of the same owner; its queries come with them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from server.reports.blocks.reader import BlockKind, BlockReader
from server.reports.blocks.spec import BlockPlace, BlockSpec, Builder
from server.reports.document import Block
from server.reports.reading import MapReader


class IncludeSpec(BlockSpec, frozen=True, kw_only=True):
    blocks: tuple[BlockSpec, ...]

    def build(self, builder: Builder) -> Iterator[Block]:
        yield from builder.blocks(self.blocks)

    def nested(self) -> Sequence[Sequence[BlockSpec]]:
        return (self.blocks,)


def _read(blocks: BlockReader, reader: MapReader, place: BlockPlace) -> BlockSpec | None:
    node = reader.get("include", required=True)
    name = reader.text("include")
    if node is None:
        return None
    if not name:
        blocks.issues.add(node, "Name the template of yours whose parts shall stand here.")
        return None
    outer, _line = blocks.issues.places.of(node.line)
    if outer is not None:
        message = "“{outer}” is included, and cannot include others itself, such as “{name}”."
        blocks.issues.add(node, message, outer=outer.template, name=name)
        return None
    found = blocks.included.get(name)
    if found is None:
        hint = blocks.issues.hint(name, blocks.included)
        blocks.issues.add(node, "There is no template “{name}” of yours to include.{hint}", name=name, hint=hint)
        return None
    return IncludeSpec(**place, blocks=blocks.blocks(found, f"{place['path']}.include"))


KIND = BlockKind(name="include", read=_read)
