"""What can be written in a template: asked of the readers themselves, which say of each key what they take it for."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import Any, cast

import msgspec

from server.reports.blocks.kinds import KINDS
from server.reports.blocks.reader import BlockKind
from server.reports.charts.chart import CHART_KINDS
from server.reports.formats import Formats
from server.reports.reading import Issues, MapReader
from server.reports.schema_words import FOR_KINDS, said_of_block, said_of_key, said_of_option
from server.reports.template import Reading, read_nodes
from server.reports.vocabulary import BlockWords, Fact, TemplateSchema, Type
from server.reports.yaml_source import YamlNode, read_yaml

_VAGUE: dict[Type, int] = {"any": 0, "text": 1, "texts": 1}
_PRECISE = 2
_IN_LISTS = 2
_SHORTER = {
    "table's column": "column",
    "figure of kpis": "figure",
    "entry of colors": "color",
    "entry of styles": "style",
}

# Everything that readers look into only if it is there. Charts are read once for each kind.
_PROBE = """
title: t
language: en
page: {size: A4}
parameters: {p: {type: text, default: a, each: select 1, options: [a]}}
queries: {q: select 1}
each_row: select 1
blocks:
  - {heading: h}
  - {text: t}
  - kpis: [{label: l, value: 1, compare: 1, compare_label: l, note: n}]
  - chart: {kind: KIND, query: q, x: x, y: y, value: v, labels: {a: b}, colors: {a: "#2563a8"}, targets: [{value: 1}]}
  - chart: {option: {a: b}}
  - table: {query: q, columns: [{name: c, colors: [{when: value, color: red}]}], styles: [{when: p, style: strong}]}
  - image: {file: f}
  - page_break
  - columns: [[page_break]]
  - section: {blocks: [page_break]}
  - contents
  - include: i
  - {when: p, blocks: [page_break], else: [page_break]}
  - {repeat: q, blocks: [page_break]}
"""


@functools.cache
def template_schema() -> TemplateSchema:
    """The same for everybody; texts are English."""
    shapes: dict[str, dict[str, Fact]] = {}
    for kind in CHART_KINDS:
        root = read_yaml(_PROBE.replace("KIND", kind))
        listening = _Listening(root)
        read_nodes(root, Reading(listening), {})
        for shape, facts in listening.shapes.items():
            _merge(shapes.setdefault(shape, {}), facts, kind)
    worded = {shape: {key: _worded(shape, key, fact) for key, fact in facts.items()} for shape, facts in shapes.items()}
    filters = tuple(sorted(Formats("en").filters()))
    return TemplateSchema(shapes=worded, blocks=tuple(_block(kind) for kind in KINDS), filters=filters)


def _block(kind: BlockKind) -> BlockWords:
    said = said_of_block(kind.name)
    return BlockWords(name=kind.name, is_bare=kind.is_bare, label=said.label, hint=said.hint, icon=said.icon)


def _merge(known: dict[str, Fact], facts: dict[str, Fact], kind: str) -> None:
    for key, fact in facts.items():
        before = known.setdefault(key, fact)
        if msgspec.structs.replace(before, by_kind={}) != fact:
            known[key] = msgspec.structs.replace(before, by_kind=before.by_kind | {kind: fact})


def _worded(shape: str, key: str, fact: Fact) -> Fact:
    said = said_of_key(shape, key)
    words = {option: word.label for option in fact.options if (word := said_of_option(key, option))}
    return msgspec.structs.replace(
        fact,
        label=said.label if said else key.replace("_", " "),
        hint=said.hint if said else "",
        words=words,
        kinds=FOR_KINDS.get(key) if shape == "chart" else None,
        by_kind={kind: _worded(shape, key, other) for kind, other in fact.by_kind.items()},
    )


class _Listening(Issues):
    """Notes what is asked, by the shapes of maps. Their nodes are told apart by identity."""

    def __init__(self, root: YamlNode) -> None:
        super().__init__()
        self.shapes: dict[str, dict[str, Fact]] = {}
        self._shape_of: dict[int, str] = {}  # of nodes that are maps
        self._place_of: dict[int, tuple[YamlNode, str, int]] = {}  # node → its map, its key, in how many lists
        self._kept: list[YamlNode] = []  # so that no other node comes to have its identity
        self._enter(root)

    def asked(self, reader: MapReader, key: str, type: Any, **facts: Any) -> None:  # noqa: A002
        self._note(self._shape_of[id(reader.node)], key, Fact(type=type, **facts))

    def met(self, node: YamlNode, type: str) -> None:  # noqa: A002
        self._kept.append(node)
        above, key, lists = self._place_of.get(id(node), (None, "", 0))
        owner = self._shape_of.get(id(above), "")
        if type.startswith("map "):
            shape = self._shape_of[id(node)] = _shape(type.removeprefix("map "))
            if owner and not shape.startswith("block "):
                self._note(owner, key, Fact(type="list" if lists else "map", shape=shape))
        elif owner and type == "block":
            self._note(owner, key, Fact(type="blocks" if lists < _IN_LISTS else "block_lists"))
        elif owner and type == "named":
            self._note(owner, key, Fact(type="named", shape=self._shape_of[id(node)]))
        elif owner:
            self._note(owner, key, Fact(type=cast(Type, type)))

    def _note(self, shape: str, key: str, fact: Fact) -> None:
        facts = self.shapes.setdefault(shape, {})
        before = facts.get(key, Fact(type="any"))
        best = fact if key not in facts or _is_better(fact, before) else before
        if fact.type == "choice" and before.type == "text":  # asked as a text first: others than the options will do
            best = msgspec.structs.replace(best, open=True)
        facts[key] = msgspec.structs.replace(best, required=fact.required or before.required)

    def _enter(self, node: YamlNode) -> None:
        for key, value in node.value if node.kind == "map" else ():
            for within, lists in _with_entries(value):
                self._place_of[id(within)] = (node, str(key.value), lists)
                self._enter(within)


def _with_entries(node: YamlNode, lists: int = 0) -> Iterator[tuple[YamlNode, int]]:
    """The node, and those of lists within lists that it is; in how many lists each is."""
    yield node, lists
    for entry in node.value if node.kind == "list" else ():
        yield from _with_entries(entry, lists + 1)


def _is_better(fact: Fact, before: Fact) -> bool:
    return fact.type == "named" or _VAGUE.get(fact.type, _PRECISE) > _VAGUE.get(before.type, _PRECISE)


def _shape(what: str) -> str:
    """A short name for what readers call a map in their errors."""
    words = re.sub("^(A|An|The) ", "", what).replace("“", "").replace("”", "")
    return _SHORTER.get(words, words)
