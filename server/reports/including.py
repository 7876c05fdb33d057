"""What a template takes from others: their blocks and queries, told at the line that includes them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from server.reports.bundles import Included
from server.reports.reading import Issues
from server.reports.yaml_source import SourceError, YamlNode, read_yaml


@dataclasses.dataclass(frozen=True, slots=True)
class Fragment:
    """`queries` by name, key and value."""

    version: int
    blocks: list[YamlNode]
    queries: dict[str, tuple[YamlNode, YamlNode]]


def fragments_of(root: YamlNode, included: Mapping[str, Included], issues: Issues) -> dict[str, Fragment]:
    """Those that `include` names somewhere among the blocks; one that cannot be read is an issue there."""
    found: dict[str, Fragment] = {}
    for node in _includes(root):
        name = str(node.value)
        if name in found or name not in included:
            continue
        try:
            tree = read_yaml(included[name].source)
        except SourceError as error:
            issues.add(node, "The included template “{name}” is wrong: {problem}", name=name, problem=error.issue.text)
            continue
        keys = {str(key.value): value for key, value in tree.value} if tree.kind == "map" else {}
        blocks, queries = keys.get("blocks"), keys.get("queries")
        found[name] = Fragment(
            version=included[name].version,
            blocks=[_moved(each, node) for each in blocks.value] if blocks and blocks.kind == "list" else [],
            queries={
                str(key.value): (_moved(key, node), _moved(value, node))
                for key, value in (queries.value if queries and queries.kind == "map" else [])
            },
        )
    return found


def _includes(root: YamlNode) -> Iterator[YamlNode]:
    left = [root]
    while left:
        node = left.pop()
        if node.kind == "list":
            left.extend(reversed(node.value))
        elif node.kind == "map":
            yield from (value for key, value in node.value if key.value == "include" and value.kind == "scalar")
            left.extend(value for _key, value in reversed(node.value))


def _moved(node: YamlNode, place: YamlNode) -> YamlNode:
    """As if all of it stood where it is included: nobody sees the other text."""
    value: Any = node.value
    if node.kind == "list":
        value = [_moved(each, place) for each in value]
    elif node.kind == "map":
        value = [(_moved(key, place), _moved(each, place)) for key, each in value]
    return dataclasses.replace(node, value=value, line=place.line, column=place.column, folded=True)
