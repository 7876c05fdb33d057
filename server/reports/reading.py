"""Reads the keys of a YAML mapping one by one; what is wrong becomes an issue with its place, not an exception."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar, cast

import msgspec

from server.errors import MORE_ERRORS, MOST_ERRORS
from server.reports.template_issues import Severity, SourceLines, TemplateIssue
from server.reports.yaml_source import YamlNode
from server.texts import Phrase, near, phrase

C = TypeVar("C", bound=str)
_MORE_WARNINGS = "There are {count} more warnings."


class Issues:
    """What was found so far, in the order of the text."""

    def __init__(self) -> None:
        self.found: list[TemplateIssue] = []
        self.places = SourceLines()

    def add(
        self,
        node: YamlNode,
        message: str,
        *,
        at: tuple[int, int] | None = None,
        severity: Severity = "error",
        **values: Any,
    ) -> None:
        """`at` is a place inside the node's text (line, column); without it the node's beginning is named."""
        line, column = node.place(*at) if at else (node.line, node.column)
        self.found.append(
            TemplateIssue(line=line, column=column, message=message, severity=severity, parameters=values)
        )

    @property
    def errors(self) -> list[TemplateIssue]:
        return [self.places.told(issue) for issue in self.found if issue.severity == "error"]

    def in_order(self) -> list[TemplateIssue]:
        """At most `MOST_ERRORS` of each severity; the last then says how many more there are."""
        ordered = sorted(map(self.places.told, self.found), key=lambda issue: (issue.line, issue.column))
        told = [
            *_first([issue for issue in ordered if issue.severity == "error"], MORE_ERRORS),
            *_first([issue for issue in ordered if issue.severity == "warning"], _MORE_WARNINGS),
        ]
        return sorted(told, key=lambda issue: (issue.line, issue.column))

    def asked(self, reader: MapReader, key: str, type: str, **facts: Any) -> None:  # noqa: A002
        """A reader looks for a key whose value is of some type: for whoever collects what can be written."""

    def met(self, node: YamlNode, type: str) -> None:  # noqa: A002
        """The same of a value that is there: what it is read as."""

    def hint(self, text: str, options: Iterable[str]) -> Phrase | str:
        """As `near_hint`, while there are few issues: finding near names takes time, and thousands are not told."""
        return near_hint(text, options) if len(self.found) < MOST_ERRORS else ""


def _first(issues: list[TemplateIssue], more: str) -> list[TemplateIssue]:
    if len(issues) <= MOST_ERRORS:
        return issues
    last = issues[MOST_ERRORS - 1]
    count = len(issues) - MOST_ERRORS + 1
    return [*issues[: MOST_ERRORS - 1], msgspec.structs.replace(last, message=more, parameters={"count": count})]


class MapReader:
    """Each `text(key)`, `integer(key)` … takes the key; `finish` reports keys that nobody asked for."""

    def __init__(self, node: YamlNode, issues: Issues, *, what: str, called: Phrase | None = None) -> None:
        """`what` it is, in English; `called` is how it is named to its author where that is no constant text."""
        self.node = node
        self.issues = issues
        self.what = called or phrase(what)
        self._asked: set[str] = set()
        self._values: dict[str, YamlNode] = {}
        self._keys: dict[str, YamlNode] = {}
        issues.met(node, f"map {what}")
        if node.kind == "list":
            issues.add(node, "{what} is no list here: write “key: value” without “- ” before it.", what=self.what)
            return
        if node.kind != "map":
            issues.add(node, "{what} must be written as “key: value”.", what=self.what)
            return
        for key, value in node.value:
            self._take(key, value)

    def _take(self, key: YamlNode, value: YamlNode) -> None:
        name = str(key.value) if key.kind == "scalar" and key.value is not None else ""
        if not name:
            self.issues.add(key, "A key must be a name.")
            return
        if name in self._values:
            self.issues.add(key, "“{key}” stands here twice; remove one of them.", key=name)
            return
        self._keys[name], self._values[name] = key, value

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def names(self) -> list[str]:
        """Of a map whose keys are names that the author gives."""
        self.issues.met(self.node, "named")
        return list(self._values)

    def key_node(self, key: str) -> YamlNode:
        return self._keys.get(key, self.node)

    def get(self, key: str, *, required: bool = False) -> YamlNode | None:
        """The node of a key that is there and not empty."""
        self._asked.add(key)
        self.issues.asked(self, key, "any", **({"required": True} if required else {}))
        node = self._values.get(key)
        if node is not None and not node.is_null:
            return node
        if required:
            self.issues.add(node or self.node, "{what} needs “{key}”.", what=self.what, key=key)
        return None

    def text(self, key: str, default: str = "", *, required: bool = False) -> str:
        self.issues.asked(self, key, "text")
        node = self.get(key, required=required)
        if node is None:
            return default
        if node.kind != "scalar":
            self.issues.add(node, "“{key}” must be a text.", key=key)
            return default
        return _as_text(node.value)

    def column(self, key: str, *, required: bool = False) -> str:
        """The name of a column of the query that stands beside it."""
        self.issues.asked(self, key, "column")
        return self.text(key, required=required)

    def columns(self, key: str, *, required: bool = False) -> list[str]:
        """One name of a column, or a list of them."""
        self.issues.asked(self, key, "columns")
        return self.texts(key, required=required)

    def choice(self, key: str, options: Sequence[C], default: C, *, required: bool = False) -> C:
        self.issues.asked(self, key, "choice", options=list(options), default=default)
        text = self.text(key, default, required=required)
        if text == default and key not in self:
            return default
        if text in options:
            return cast(C, text)
        node = self._values.get(key)
        if node is not None and not node.is_null:
            self.issues.add(
                node,
                "“{value}” is not known for “{key}”; use one of: {options}.{hint}",
                value=text,
                key=key,
                options=", ".join(options),
                hint=self.issues.hint(text, options),
            )
        return default

    def integer(self, key: str, default: int, *, least: int, most: int) -> int:
        self.issues.asked(self, key, "integer", least=least, most=most, default=default)
        node = self.get(key)
        if node is None:
            return default
        if isinstance(node.value, bool) or not isinstance(node.value, int) or not least <= node.value <= most:
            self.issues.add(
                node, "“{key}” must be a whole number from {least} to {most}.", key=key, least=least, most=most
            )
            return default
        return node.value

    def number(self, key: str) -> float | None:
        self.issues.asked(self, key, "number")
        node = self.get(key)
        if node is None:
            return None
        if isinstance(node.value, bool) or not isinstance(node.value, int | float) or not math.isfinite(node.value):
            self.issues.add(node, "“{key}” must be a number.", key=key)
            return None
        return float(node.value)

    def boolean(self, key: str, *, default: bool = False) -> bool:
        self.issues.asked(self, key, "boolean", default=default)
        node = self.get(key)
        if node is None:
            return default
        if not isinstance(node.value, bool):
            self.issues.add(node, "“{key}” must be true or false.", key=key)
            return default
        return node.value

    def items(self, key: str, *, required: bool = False) -> list[YamlNode]:
        """The entries of a list; a single value counts as a list of one."""
        node = self.get(key, required=required)
        if node is None:
            return []
        return list(node.value) if node.kind == "list" else [node]

    def texts(self, key: str, *, required: bool = False) -> list[str]:
        self.issues.asked(self, key, "texts")
        found = []
        for node in self.items(key, required=required):
            if node.kind == "scalar" and node.value is not None:
                found.append(_as_text(node.value))
            else:
                self.issues.add(node, "“{key}” must be a text or a list of texts.", key=key)
        return found

    def finish(self, known: Iterable[str] = (), *, others: Mapping[str, str] | None = None) -> None:
        """`others` are keys that belong elsewhere, and what is said of each."""
        allowed = sorted(self._asked | set(known))
        for name, node in self._keys.items():
            if name in allowed:
                continue
            if name in (others or {}):
                self.issues.add(node, (others or {})[name], key=name)
            elif name[0].isspace():
                self.issues.add(
                    node, "A space of another kind stands before “{key}”; indent with plain spaces.", key=name.strip()
                )
            else:
                self.issues.add(
                    node,
                    "{what} has no “{key}”.{hint}",
                    what=self.what,
                    key=name,
                    hint=self.issues.hint(name, allowed) or phrase(" It knows: {names}.", names=", ".join(allowed)),
                )


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def near_hint(text: str, options: Iterable[str]) -> Phrase | str:
    """` Did you mean “…”?` or nothing."""
    found = near(text, options)
    return phrase(" Did you mean “{name}”?", name=found) if found else ""
