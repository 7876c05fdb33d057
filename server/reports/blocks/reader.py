"""Reads lists of blocks: finds the kind of each, and checks what kinds have in common."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

import msgspec

from server.reports.blocks.spec import BlockPlace, BlockSpec
from server.reports.expressions import Expressions
from server.reports.formats import FORMATS, ValueFormat, is_currency_code
from server.reports.reading import Issues, MapReader
from server.reports.yaml_source import YamlNode
from server.texts import phrase

_MAX_BLOCKS = 500
_OWN_BLOCK = "“{key}” is a block of its own: begin it on a line of its own with “- ”."


class BlockReader:
    """`queries` are the names that may be used; `used` and `images` collect what blocks name.

    `included` are the blocks of other templates, by their names.
    """

    def __init__(
        self,
        issues: Issues,
        expressions: Expressions,
        queries: Collection[str],
        kinds: Sequence[BlockKind],
        included: Mapping[str, list[YamlNode]],
    ) -> None:
        self.issues = issues
        self.included = included
        self.expressions = expressions
        self.used: set[str] = set()
        self.images: set[str] = set()
        self._queries = queries
        self._kinds = {kind.name: kind for kind in kinds}
        self._count = 0

    def blocks(self, nodes: list[YamlNode], path: str) -> tuple[BlockSpec, ...]:
        found = (self._block(node, f"{path}[{index}]") for index, node in enumerate(nodes))
        return tuple(block for block in found if block is not None)

    def query(self, reader: MapReader, *, key: str = "query", required: bool) -> str:
        """The name of a query; empty when there is none."""
        self.issues.asked(reader, key, "query")
        name = reader.text(key, required=required)
        if not name:
            return ""
        self.used.add(name)
        if name not in self._queries:
            self.issues.add(
                reader.get(key) or reader.node,
                "There is no query “{name}” under “queries”.{hint}",
                name=name,
                hint=self.issues.hint(name, self._queries),
            )
        return name

    def format(self, reader: MapReader, *, prefix: str = "") -> ValueFormat:
        """How values are written: `format`, `currency`, `decimals` and `negative`."""
        kind = reader.choice(f"{prefix}format", FORMATS, "")
        self.issues.asked(reader, f"{prefix}currency", "currency")
        currency = reader.text(f"{prefix}currency").upper()
        node = reader.get(f"{prefix}currency")
        if currency and node and not is_currency_code(currency):
            self.issues.add(node, "“{currency}” is no currency; use a code such as CNY, EUR or USD.", currency=currency)
            currency = ""
        places = reader.integer(f"{prefix}decimals", -1, least=0, most=10)
        return ValueFormat(
            kind=kind or ("currency" if currency else ""),
            currency=currency,
            decimals=None if places < 0 else places,
            negative=reader.choice(f"{prefix}negative", ("minus", "brackets"), "minus").replace("minus", ""),
        )

    def _block(self, node: YamlNode, path: str) -> BlockSpec | None:
        self._count += 1
        self.issues.met(node, "block")
        if self._count == _MAX_BLOCKS + 1:
            self.issues.add(node, "A template has at most {limit} blocks; use repeat.", limit=_MAX_BLOCKS)
        if self._count > _MAX_BLOCKS:
            return None
        kind = self._kind(node)
        if kind is None:
            return None
        place = BlockPlace(line=node.line, column=node.column, path=path, kind=kind.name)
        reader = MapReader(
            _as_map(node),
            self.issues,
            what=f"The block “{kind.name}”",
            called=phrase("The block “{name}”", name=kind.name),
        )
        block = kind.read(self, reader, place)
        reader.finish(others=dict.fromkeys(self._kinds, _OWN_BLOCK))
        return block

    def _kind(self, node: YamlNode) -> BlockKind | None:
        if node.kind == "scalar" and (kind := self._kinds.get(str(node.value))) and kind.is_bare:
            return kind
        names = [str(key.value) for key, _value in node.value] if node.kind == "map" else []
        for name in names:
            if name in self._kinds:
                return self._kinds[name]
        self.issues.add(
            node,
            "This is no block; begin it with one of: {kinds}.{hint}",
            kinds=", ".join(self._kinds),
            hint=self.issues.hint(names[0] if names else "", self._kinds),
        )
        return None


def _as_map(node: YamlNode) -> YamlNode:
    """`page_break` means `page_break:`."""
    if node.kind == "map":
        return node
    return YamlNode("map", [(node, YamlNode("scalar", None, node.line, node.column))], node.line, node.column)


Read = Callable[[BlockReader, MapReader, BlockPlace], BlockSpec | None]


class BlockKind(msgspec.Struct, frozen=True, kw_only=True):
    """`name` is the key that begins such a block; `is_bare` when nothing needs to follow it.

    `read` returns None for what it has found wrong and told.
    """

    name: str
    read: Read
    is_bare: bool = False
