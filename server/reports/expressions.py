"""Jinja texts and expressions of a template: checked when it is read, evaluated when a report is made."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

import msgspec
from jinja2 import TemplateSyntaxError
from jinja2.exceptions import TemplateAssertionError

from server.reports.formats import Formats
from server.reports.jinja_problems import problem_of
from server.reports.reading import Issues, MapReader
from server.reports.sandbox import Sandbox, fields_in, names_in
from server.reports.yaml_source import YamlNode

BUILT_IN = frozenset(
    {"today", "made_at", "language", "range", "namespace", "loop", "value", "row", "true", "false", "none"}
)

_UNKNOWN = re.compile(r"No (filter|test) named '(.+)'")
_TYPES = {"value": "expression", "text": "template", "markdown": "markdown"}


class Expression(msgspec.Struct, frozen=True, kw_only=True):
    """`source` is Jinja. `kind`: `value` is one expression, `text` and `markdown` are texts with `{{ }}`.

    `first_line` is where the first line of the source stands; 0 where its lines are not those of the template.
    """

    source: str
    kind: str
    line: int
    column: int
    first_line: int = 0

    @property
    def jinja(self) -> str:
        return "{{ (" + self.source + ") }}" if self.kind == "value" else self.source


class FieldUse(msgspec.Struct, frozen=True, kw_only=True):
    """`query.field` as some expression uses it, and where."""

    query: str
    field: str
    line: int
    column: int


class Expressions:
    """Reads expressions of one template; what they use is collected, what is wrong becomes an issue."""

    def __init__(self, issues: Issues, names: set[str]) -> None:
        self._issues = issues
        self._names = names | BUILT_IN
        self._sandbox = Sandbox(Formats("en").filters())
        self.used: set[str] = set()
        self.fields: list[FieldUse] = []

    @contextlib.contextmanager
    def also_known(self, name: str) -> Iterator[None]:
        before = self._names
        self._names = before | {name}
        yield
        self._names = before

    def text(self, node: YamlNode) -> Expression | None:
        return self._read(node, "text")

    def markdown(self, node: YamlNode) -> Expression | None:
        return self._read(node, "markdown")

    def value(self, node: YamlNode) -> Expression | None:
        return self._read(node, "value")

    def text_of(self, reader: MapReader, key: str, *, required: bool = False) -> Expression | None:
        self._issues.asked(reader, key, "template")
        node = reader.get(key, required=required)
        return self.text(node) if node else None

    def value_of(self, reader: MapReader, key: str, *, required: bool = False) -> Expression | None:
        self._issues.asked(reader, key, "expression")
        node = reader.get(key, required=required)
        return self.value(node) if node else None

    def _read(self, node: YamlNode, kind: str) -> Expression | None:
        self._issues.met(node, _TYPES[kind])
        if node.kind != "scalar":
            self._issues.add(node, "A text is expected here; put “{{ … }}” in quotes.")
            return None
        source = str(node.value).lower() if isinstance(node.value, bool) else str(node.value)
        if kind == "value":
            source = _without_braces(source)
        first = 0 if node.folded else node.first_line
        expression = Expression(source=source, kind=kind, line=node.line, column=node.column, first_line=first)
        return expression if self._check(node, expression) else None

    def _check(self, node: YamlNode, expression: Expression) -> bool:
        try:
            names = names_in(self._sandbox, expression.jinja)
            self._sandbox.compile(expression.jinja)
            fields = list(fields_in(self._sandbox, expression.jinja))
        except TemplateAssertionError as error:
            self._assertion(node, error)
            return False
        except TemplateSyntaxError as error:
            line, column, problem = problem_of(error, expression.source, is_value=expression.kind == "value")
            self._issues.add(node, "This expression is wrong: {problem}.", at=(line, column), problem=problem)
            return False
        except (RecursionError, MemoryError):
            self._issues.add(node, "This expression is nested too deeply.")
            return False
        except (SyntaxError, ValueError, ArithmeticError) as error:  # of Python, which Jinja writes
            self._issues.add(node, "This expression is wrong: {problem}.", problem=str(error).rstrip("."))
            return False
        self.used |= names
        for name in sorted(names - self._names):
            self._unknown(node, expression, name)
        for query, field, line in fields:
            at_line, at_column = _where(node, expression.source, f"{query}.{field}", line)
            self.fields.append(FieldUse(query=query, field=field, line=at_line, column=at_column))
        return not names - self._names

    def _unknown(self, node: YamlNode, expression: Expression, name: str) -> None:
        line, column = _place_in(expression.source, name, 1)
        self._issues.add(
            node,
            "“{name}” is neither a parameter nor a query.{hint}",
            at=(line, column),
            name=name,
            hint=self._issues.hint(name, self._names),
        )

    def _assertion(self, node: YamlNode, error: TemplateAssertionError) -> None:
        message = (error.message or "").rstrip(".")
        if found := _UNKNOWN.fullmatch(message):
            kind, name = found.groups()
            place = _place_in(str(node.value), name, error.lineno)
            if kind == "filter":
                hint = self._issues.hint(name, self._sandbox.filters)
                self._issues.add(node, "There is no filter “{name}”.{hint}", at=place, name=name, hint=hint)
            else:
                hint = self._issues.hint(name, self._sandbox.tests)
                self._issues.add(node, "There is no test “{name}”.{hint}", at=place, name=name, hint=hint)
        else:
            self._issues.add(node, "This expression is wrong: {problem}.", at=(error.lineno, 1), problem=message)


def _without_braces(source: str) -> str:
    text = source.strip()
    inner = text[2:-2].strip() if text.startswith("{{") and text.endswith("}}") else text
    return inner if "{{" not in inner else text


def _where(node: YamlNode, source: str, text: str, line: int) -> tuple[int, int]:
    return node.place(*_place_in(source, text, line))


def _place_in(source: str, text: str, line: int) -> tuple[int, int]:
    """The line and column (from 1) of a text, looked for from a line on."""
    for number, content in enumerate(source.splitlines(), 1):
        if number >= line and text in content:
            return number, content.index(text) + 1
    return line, 1
