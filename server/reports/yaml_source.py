"""YAML text as a tree in which every key and value knows its line and column."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, Literal

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent, ScalarEvent
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from server.reports.line_breaks import unfolded
from server.reports.template_issues import TemplateIssue
from server.reports.yaml_problems import problem_of

MAX_BYTES = 256 * 1024
_MAX_DEPTH = 40  # the reader of YAML recurses
_MAX_NODES = 20_000
_MOST_TOLD = 60  # characters
_INT64 = range(-(2**63), 2**63)


class SourceError(Exception):
    """The YAML cannot be read any further; carries the issue."""

    def __init__(self, issue: TemplateIssue) -> None:
        super().__init__(issue.text)
        self.issue = issue


@dataclasses.dataclass(frozen=True, slots=True)
class YamlNode:
    """A value in the YAML: `value` is a scalar, a list of nodes, or a list of (key node, value node).

    `first_line` and `indent` tell where the text of a scalar begins, so that a place inside it can be found:
    a block scalar begins on the next line, indented.
    """

    kind: Literal["map", "list", "scalar"]
    value: Any
    line: int
    column: int
    first_line: int = 0
    indent: int = 0
    folded: bool = False

    @property
    def is_null(self) -> bool:
        return self.kind == "scalar" and self.value is None

    def plain(self) -> Any:
        """As data, without places."""
        if self.kind == "map":
            return {str(key.plain()): value.plain() for key, value in self.value}
        return [item.plain() for item in self.value] if self.kind == "list" else self.value

    def place(self, line: int, column: int) -> tuple[int, int]:
        """The line and column in the file of a place inside this scalar's text (both from 1)."""
        if self.folded or line < 1:
            return self.line, self.column
        block = self.first_line > self.line
        offset = self.indent if block or line > 1 else self.column - 1
        return self.first_line + line - 1, offset + max(column, 1)


def read_yaml(source: str) -> YamlNode:
    """Raises `SourceError`. Anchors are refused: a few lines of them can stand for gigabytes."""
    if len(source.encode(errors="replace")) > MAX_BYTES:
        raise SourceError(_issue(1, 1, "A template has at most {limit} KiB.", limit=MAX_BYTES // 1024))
    try:
        _require_bounded(source)
        root = _reader().compose(source)
    except MarkedYAMLError as error:
        line, column, problem = problem_of(error, source)
        raise SourceError(_issue(line, column, "This is not valid YAML: {problem}.", problem=problem)) from None
    except ReaderError as error:
        before = source[: error.position]
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        raise SourceError(
            _issue(
                line, column, "This character (U+{code}) is none of a text; delete it.", code=f"{error.character:04X}"
            )
        ) from None
    except (YAMLError, ValueError) as error:
        raise SourceError(
            _issue(1, 1, "This is not valid YAML: {problem}.", problem=str(error).split("\n")[0])
        ) from None
    if root is None:
        raise SourceError(_issue(1, 1, "The template is empty; it needs at least a title and blocks."))
    return _node(root, source.splitlines())


def _reader() -> YAML:
    reader = YAML(typ="safe", pure=True)
    reader.version = (1, 2)
    return reader


def _require_bounded(source: str) -> None:
    depth = nodes = 0
    for event in _reader().parse(source):
        line, column = event.start_mark.line + 1, event.start_mark.column + 1
        if isinstance(event, AliasEvent) or getattr(event, "anchor", None):
            raise SourceError(
                _issue(line, column, "Anchors and aliases (& and *) cannot be used; put the text in quotes.")
            )
        if getattr(event, "tag", None) is not None:
            raise SourceError(_issue(line, column, "A text that begins with “!” must stand in quotes."))
        if isinstance(event, CollectionStartEvent):
            depth += 1
        elif isinstance(event, CollectionEndEvent):
            depth -= 1
        nodes += isinstance(event, CollectionStartEvent | ScalarEvent)
        if depth > _MAX_DEPTH or nodes > _MAX_NODES:
            raise SourceError(_issue(line, column, "The template is nested too deeply or has too many parts."))


def _node(node: Any, lines: list[str], *, is_key: bool = False) -> YamlNode:
    """`is_key`: `{{ region }}` without quotes is a map that is the key of another one, as is told where it stands."""
    line, column = node.start_mark.line + 1, node.start_mark.column + 1
    if isinstance(node, MappingNode):
        for key, value in node.value if node.flow_style and not is_key else ():
            _require_value(key, value, lines)
        entries = [(_node(key, lines, is_key=True), _node(value, lines)) for key, value in node.value]
        return YamlNode("map", entries, line, column)
    if isinstance(node, SequenceNode):
        return YamlNode("list", [_node(item, lines) for item in node.value], line, column)
    return _scalar(node, lines, line, column)


def _require_value(key: Any, value: Any, lines: list[str]) -> None:
    """Within braces: `{q: select a, b from t}` has a key `b from t`, and nothing of it."""
    if not isinstance(key, ScalarNode) or not isinstance(value, ScalarNode) or value.value or value.style:
        return
    end = key.end_mark
    if not lines[end.line][end.column :].lstrip().startswith(":"):
        raise SourceError(
            _issue(
                key.start_mark.line + 1,
                key.start_mark.column + 1,
                "“{key}” has no value. Within braces a comma ends a text: put a text that has one in quotes.",
                key=str(key.value)[:_MOST_TOLD],
            )
        )


def _scalar(node: ScalarNode, lines: list[str], line: int, column: int) -> YamlNode:
    block = node.style in ("|", ">")
    first_line = line + 1 if block else line
    text = lines[first_line - 1] if first_line <= len(lines) else ""
    indent = len(text) - len(text.lstrip())
    spans_lines = node.end_mark.line > node.start_mark.line
    folded = node.style == ">" or (not block and spans_lines)
    quote = 1 if node.style in ("'", '"') else 0
    value = _value(node)
    if folded and isinstance(value, str):
        value = unfolded(value, _own_lines(node, lines))
    return YamlNode(
        kind="scalar",
        value=value,
        line=line,
        column=column + quote,
        first_line=first_line,
        indent=indent,
        folded=folded,
    )


def _own_lines(node: ScalarNode, lines: list[str]) -> list[str]:
    """Those that a scalar stands on, its first and last without quotes and what is not its own."""
    start, end = node.start_mark, node.end_mark
    if node.style == ">":
        return lines[start.line + 1 : end.line + 1]
    quote = 1 if node.style in ("'", '"') else 0
    own = lines[start.line : end.line + 1]
    own[-1] = own[-1][: end.column - quote]
    own[0] = own[0][start.column + quote :]
    return own


def _value(node: ScalarNode) -> Any:
    kind = node.tag.rpartition(":")[2] if isinstance(node.tag, str) else str(node.ctag).rpartition(":")[2]
    text: str = node.value
    if any("\ud800" <= character < "\ue000" for character in text):
        line, column = node.start_mark.line + 1, node.start_mark.column + 1
        raise SourceError(
            _issue(line, column, "This text holds half a character (\\ud800 to \\udfff); write it whole.")
        )
    if node.style is not None or kind not in ("int", "float", "bool", "null"):
        return text
    if kind == "null":
        return None
    if kind == "bool":
        return text.lower() == "true"
    try:
        number = int(text.replace("_", ""), 0) if kind == "int" else float(text.replace("_", ""))
    except ValueError:
        return text
    # Longer numbers are no quantities, and neither JSON nor a database could hold them.
    fits = number in _INT64 if isinstance(number, int) else math.isfinite(number)
    return number if fits else text


def _issue(line: int, column: int, message: str, **parameters: Any) -> TemplateIssue:
    return TemplateIssue(line=line, column=column, message=message, parameters=parameters)
