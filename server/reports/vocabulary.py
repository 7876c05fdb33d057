"""What can be written in a template, as the editor is told: maps with their keys, and what people call them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import msgspec

Type = Literal[
    "any", "text", "texts", "template", "markdown", "expression", "sql", "integer", "number", "boolean", "choice",
    "choices", "currency", "query", "column", "columns", "value", "values", "option", "map", "list", "named",
    "block", "blocks", "block_lists",
]  # fmt: skip


class Fact(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A key: the type of its value, what people call it, and what bounds it.

    `shape` is what its map, or each of its entries, consists of. `by_kind`: for kinds of charts where it is otherwise.
    `kinds`: those for which it says something; None for all. `open`: other texts than the options are right as well.
    """

    type: Type
    label: str = ""
    hint: str = ""
    required: bool = False
    options: list[str] = []
    default: Any = None
    least: int | None = None
    most: int | None = None
    shape: str = ""
    kinds: tuple[str, ...] | None = None
    open: bool = False
    words: dict[str, str] = {}
    """What people call the options."""
    by_kind: dict[str, Fact] = {}


class BlockWords(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of block: its name in templates, what people call it, what it is for, and its icon."""

    name: str
    label: str
    hint: str
    icon: str
    is_bare: bool = False


class TemplateSchema(msgspec.Struct, frozen=True, kw_only=True):
    """`shapes` are the keys of each kind of map: `template`, `block table` …; a block is the first key of its map."""

    shapes: dict[str, dict[str, Fact]]
    blocks: tuple[BlockWords, ...]
    filters: tuple[str, ...] = ()
    """How expressions can write a value: `{{ month | month }}`."""

    def translated(self, gettext: Callable[[str], str]) -> TemplateSchema:
        shapes = {
            shape: {key: _translated(fact, gettext) for key, fact in facts.items()}
            for shape, facts in self.shapes.items()
        }
        blocks = tuple(
            msgspec.structs.replace(block, label=gettext(block.label), hint=gettext(block.hint))
            for block in self.blocks
        )
        return TemplateSchema(shapes=shapes, blocks=blocks, filters=self.filters)


def _translated(fact: Fact, gettext: Callable[[str], str]) -> Fact:
    return msgspec.structs.replace(
        fact,
        label=gettext(fact.label),
        hint=gettext(fact.hint) if fact.hint else "",
        words={option: gettext(word) for option, word in fact.words.items()},
        by_kind={kind: _translated(other, gettext) for kind, other in fact.by_kind.items()},
    )
