"""What a template takes from others: their blocks and queries."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from server.reports.bundles import Included
from server.reports.reading import Issues
from server.reports.template_issues import IncludedPlace
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
            lines = issues.places.include(IncludedPlace(template=name, line=node.line, column=node.column))
            issues.found.append(msgspec.structs.replace(error.issue, line=error.issue.line + lines))
            continue
        keys = {str(key.value): value for key, value in tree.value} if tree.kind == "map" else {}
        blocks, queries = keys.get("blocks"), keys.get("queries")
        if blocks is None or blocks.kind != "list" or not blocks.value:
            issues.add(node, "“{name}” has no blocks to include; nothing is shown here.", severity="warning", name=name)
        lines = issues.places.include(IncludedPlace(template=name, line=node.line, column=node.column))
        found[name] = Fragment(
            version=included[name].version,
            blocks=[_moved(each, lines) for each in blocks.value] if blocks and blocks.kind == "list" else [],
            queries={
                str(key.value): (_moved(key, lines), _moved(value, lines))
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


def _moved(node: YamlNode, lines: int) -> YamlNode:
    """The same with line numbers of its own, see `SourceLines`."""
    value: Any = node.value
    if node.kind == "list":
        value = [_moved(each, lines) for each in value]
    elif node.kind == "map":
        value = [(_moved(key, lines), _moved(each, lines)) for key, each in value]
    return dataclasses.replace(node, value=value, line=node.line + lines, first_line=node.first_line + lines)
