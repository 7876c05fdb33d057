"""A report template, read from YAML with every key checked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from server.errors import InvalidInput
from server.reports.blocks import kinds
from server.reports.blocks.reader import BlockReader
from server.reports.blocks.spec import BlockSpec
from server.reports.bundles import Included, parted
from server.reports.expressions import BUILT_IN, Expression, Expressions
from server.reports.including import fragments_of
from server.reports.named_days import DATES, RANGES, YEARS
from server.reports.parameter_values import Wrong
from server.reports.parameters import LISTED_TYPES, TYPES, Parameter, ParameterType
from server.reports.reading import Issues, MapReader
from server.reports.template_issues import SourceLines, problem
from server.reports.yaml_source import SourceError, YamlNode, read_yaml
from server.texts import Phrase, phrase

FORMATS = ("pdf", "xlsx", "html")
PAGE_SIZES = ("A4", "A3", "A5", "Letter", "Legal")
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z]{2,4})*")
_SQL_NAME = re.compile(r"\$(\w+)")


_NO_VALUE = re.compile(r"'?\{\{\s*(\w+)[^}']*\}\}'?|'\$(\w+)'|(?<![:\w]):([A-Za-z_]\w*)")


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """A named query; `place` finds a line and column of its text in the template."""

    name: str
    sql: str
    node: YamlNode

    def place(self, line: int, column: int) -> tuple[int, int]:
        return self.node.place(line, column)


class PageSetup(msgspec.Struct, frozen=True, kw_only=True):
    size: str = "A4"
    orientation: str = "portrait"


class Template(msgspec.Struct, frozen=True, kw_only=True):
    """`each_row` is the query whose rows are the reports of a batch; else each parameter's `each` counts."""

    title: Expression
    title_text: str
    name: str
    file_name: Expression | None
    description: str
    language: str
    formats: tuple[str, ...]
    page: PageSetup
    parameters: tuple[Parameter, ...]
    queries: dict[str, Query]
    blocks: tuple[BlockSpec, ...]
    each_row: Query | None = None
    images: tuple[str, ...] = ()
    brand: bool = True  # whether it takes on that of its user
    included: dict[str, int] = {}
    """Versions of the templates whose blocks are among these, by name."""
    places: SourceLines = msgspec.field(default_factory=SourceLines)
    option_queries: dict[str, Query] = {}
    """Queries of `each` and `options`, by `each.<parameter>` and `options.<parameter>`."""


def parse_template(source: str) -> Template:
    """Raises `TemplateProblem` whose errors' fields are `line:column`."""
    template, reading = read_source(source)
    if template is None:
        raise problem(reading.issues.errors)
    return template


class Reading:
    """What reading a template left behind for whoever checks further."""

    def __init__(self, issues: Issues | None = None) -> None:
        self.issues = issues or Issues()
        self.expressions = Expressions(self.issues, set())


def read_source(source: str) -> tuple[Template | None, Reading]:
    """The template, when nothing in it is wrong; for whoever wants to know of all that is."""
    reading = Reading()
    own, included = parted(source)
    try:
        root = read_yaml(own)
    except SourceError as error:
        reading.issues.found.append(error.issue)
        return None, reading
    template = read_nodes(root, reading, included)
    return (None if reading.issues.errors else template), reading


def read_nodes(root: YamlNode, reading: Reading, included: Mapping[str, Included]) -> Template | None:
    return _TemplateReader(root, reading, included).template()


class _TemplateReader:
    def __init__(self, root: YamlNode, reading: Reading, included: Mapping[str, Included]) -> None:
        self._reading = reading
        self._issues = reading.issues
        self._reader = MapReader(root, self._issues, what="A template")
        self._option_queries: dict[str, Query] = {}
        self._fragments = fragments_of(root, included, self._issues)
        self._offered = {name: self._fragments[name].blocks if name in self._fragments else [] for name in included}

    def template(self) -> Template | None:
        reader = self._reader
        parameters = tuple(self._parameters())
        own_queries = self._queries({parameter.name for parameter in parameters})
        queries = self._included_queries(own_queries) | own_queries
        names = {parameter.name for parameter in parameters}
        self._reading.expressions = expressions = Expressions(self._issues, names | set(queries))
        title_node = reader.get("title", required=True)
        title = expressions.text(title_node) if title_node else None
        blocks = BlockReader(self._issues, expressions, set(queries), kinds.KINDS, self._offered)
        specs = blocks.blocks(reader.items("blocks", required=True), "blocks")
        each_node = reader.get("each_row")
        template = None
        if title is not None:
            template = Template(
                title=title,
                title_text=title.source,
                name=" ".join(reader.text("name").split()),
                file_name=expressions.text_of(reader, "file_name"),
                description=reader.text("description"),
                language=self._language(),
                formats=self._formats(),
                page=self._page(),
                parameters=parameters,
                queries=queries,
                blocks=specs,
                images=tuple(sorted(blocks.images - {""})),
                each_row=self._query("each_row", each_node) if each_node else None,
                brand=reader.boolean("brand", default=True),
                option_queries=self._option_queries,
                places=self._issues.places,
                included={name: fragment.version for name, fragment in self._fragments.items()},
            )
        reader.finish(("name", "file_name", "description", "language", "formats", "page", "each_row", "brand"))
        self._warn_of_unused(own_queries, blocks.used | expressions.used)
        self._warn_of_texts([*own_queries.values(), *self._option_queries.values()], names)
        return template

    def _language(self) -> str:
        language = self._reader.text("language")
        node = self._reader.get("language")
        if node and not _LANGUAGE.fullmatch(language):
            self._issues.add(node, "“{language}” is no language; write en or zh-CN.", language=language)
            return ""
        return language

    def _formats(self) -> tuple[str, ...]:
        self._issues.asked(self._reader, "formats", "choices", options=list(FORMATS))
        wanted = self._reader.texts("formats")
        for node in self._reader.items("formats"):
            if node.value not in FORMATS:
                self._issues.add(node, "“{format}” is no format; use pdf, xlsx or html.", format=str(node.value))
        return tuple(format for format in FORMATS if format in wanted) or ("pdf", "html")  # noqa: A001

    def _page(self) -> PageSetup:
        node = self._reader.get("page")
        if node is None:
            return PageSetup()
        reader = MapReader(node, self._issues, what="“page”")
        page = PageSetup(
            size=reader.choice("size", PAGE_SIZES, "A4"),
            orientation=reader.choice("orientation", ("portrait", "landscape"), "portrait"),
        )
        reader.finish()
        return page

    def _parameters(self) -> list[Parameter]:
        node = self._reader.get("parameters")
        if node is None:
            return []
        reader = MapReader(node, self._issues, what="“parameters”")
        found = []
        for name in reader.names():
            value = reader.get(name)
            self._require_name(reader.key_node(name), name)
            found.append(self._parameter(name, reader.key_node(name), value))
        return [parameter for parameter in found if parameter is not None]

    def _parameter(self, name: str, key: YamlNode, node: YamlNode | None) -> Parameter | None:
        if node is None:
            return Parameter(name=name, line=key.line, column=key.column)
        if node.kind != "map":
            self._issues.add(node, "Say what “{name}” is within braces, as {name}: {{type: month}}.", name=name)
            return None
        reader = MapReader(node, self._issues, what="A parameter")
        kind: ParameterType = reader.choice("type", TYPES, "text")
        self._issues.asked(reader, "default", "value", options=list(DATES))
        default = reader.get("default")
        parameter = Parameter(
            name=name,
            type=kind,
            of=reader.choice("of", LISTED_TYPES[1:], ""),
            label=reader.text("label") or name,
            description=reader.text("description"),
            default=default.plain() if default else None,
            required=reader.boolean("required", default=True),
            each=self._values(reader, "each", name),
            options=self._values(reader, "options", name) or (),
            min=reader.number("min"),
            max=reader.number("max"),
            line=key.line,
            column=key.column,
        )
        reader.finish()
        if kind in ("list", "range") and (node_of := reader.get("each")):
            self._issues.add(node_of, "One report has the whole of a list or range; “each” is for single values.")
        if parameter.of and kind != "list":
            self._issues.add(
                reader.key_node("of"), "“of” says what the values of a list are; “{name}” is none.", name=name
            )
        if kind == "choice" and not parameter.options:
            self._issues.add(key, "A choice needs “options”: a list, or a query with one column.")
        if default is not None:
            self._check_default(parameter, default)
        return parameter

    def _check_default(self, parameter: Parameter, node: YamlNode) -> None:
        named = {"date": tuple(DATES), "month": tuple(DATES), "integer": YEARS, "range": RANGES}.get(parameter.type, ())
        if node.kind == "scalar" and node.value in named:
            return
        try:
            parameter.converted(node.plain())
        except Wrong as wrong:
            hint = self._issues.hint(str(node.plain()), named)
            reason = phrase(wrong.message, **wrong.parameters)
            self._issues.add(node, "The default is wrong: {reason}{hint}", reason=reason, hint=hint)

    def _values(self, reader: MapReader, key: str, name: str) -> str | tuple[Any, ...] | None:
        self._issues.asked(reader, key, "values")
        node = reader.get(key)
        if node is None:
            return None
        if node.kind == "list":
            for item in node.value:
                if item.kind != "scalar" or item.value is None:
                    self._issues.add(item, "“{key}” is a list of single values, such as texts and numbers.", key=key)
            return tuple(item.value for item in node.value if item.kind == "scalar" and item.value is not None)
        if not isinstance(node.value, str):
            self._issues.add(node, "“{key}” must be a query or a list of values.", key=key)
            return None
        query = self._query(f"{key}.{name}", node)
        if query:
            self._option_queries[query.name] = query
        return node.value

    def _queries(self, parameters: set[str]) -> dict[str, Query]:
        node = self._reader.get("queries")
        if node is None:
            return {}
        reader = MapReader(node, self._issues, what="“queries”")
        queries = {}
        for name in reader.names():
            key = reader.key_node(name)
            self._require_name(key, name)
            if name in parameters:
                self._issues.add(key, "“{name}” is a parameter already; call the query otherwise.", name=name)
            value = reader.get(name, required=True)
            query = self._query(name, value) if value else None
            if query:
                queries[name] = query
        return queries

    def _included_queries(self, own: Mapping[str, Query]) -> dict[str, Query]:
        """Those of the template itself go before them; two that are included must not differ under one name."""
        found: dict[str, Query] = {}
        for template, fragment in self._fragments.items():
            for name, (key, value) in fragment.queries.items():
                query = self._query(name, value)
                if query is None:
                    continue
                if name in found and name not in own and found[name].sql != query.sql:
                    self._issues.add(
                        key,
                        "“{template}” has another query “{name}” than what is included before; rename one of them.",
                        template=template,
                        name=name,
                    )
                found.setdefault(name, query)
        return found

    def _query(self, name: str, node: YamlNode) -> Query | None:
        self._issues.met(node, "sql")
        if node.kind != "scalar" or not isinstance(node.value, str):
            self._issues.add(node, "A query must be a text: select … from …")
            return None
        return Query(name=name, sql=node.value, node=node)

    def _require_name(self, node: YamlNode, name: str) -> None:
        if not name.isidentifier() or name.startswith("_") or name in BUILT_IN:
            self._issues.add(
                node, "“{name}” cannot be a name; use letters, digits and _, and none of the built-in words.", name=name
            )

    def _warn_of_unused(self, queries: Mapping[str, Query], used: set[str]) -> None:
        for name, query in queries.items():
            if name not in used:
                self._issues.add(query.node, "Nothing uses the query “{name}”.", severity="warning", name=name)

    def _warn_of_texts(self, queries: Iterable[Query], parameters: set[str]) -> None:
        """What looks like a value and is a text to SQL, which then finds no row and says nothing."""
        for query in queries:
            for found in _NO_VALUE.finditer(query.sql):
                name = next(name for name in found.groups() if name is not None)
                if name not in parameters:
                    continue
                before = query.sql[: found.start()]
                line, column = query.place(before.count("\n") + 1, len(before) - before.rfind("\n"))
                at = YamlNode("scalar", found[0], line, column)
                message = "In a query the value of a parameter is ${name}, without quotation marks; “{text}” is none."
                self._issues.add(at, message, severity="warning", name=name, text=found[0])


def query_problem(query: Query, error: InvalidInput) -> tuple[int, int, str | Phrase]:
    """Where in the template a query's error stands, and what it says."""
    line, column = error.parameters.get("line"), error.parameters.get("column")
    given = error.parameters.get("reason")
    reason: str | Phrase = phrase(error.message, **error.parameters)
    if given:  # a phrase, or the database's own words
        reason = given if isinstance(given, dict) else str(given)
    if isinstance(line, int) and isinstance(column, int):
        return *query.place(line, column), reason
    return query.node.line, query.node.column, reason
