"""Checks a template against the columns of datasets: its SQL runs on empty tables, and blocks must name its columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from server.datasets.query import totals_sql
from server.datasets.query_session import QuerySession, SchemaSession
from server.datasets.schema import Column
from server.datasets.work import QueryLimits
from server.errors import InvalidInput
from server.reports.blocks.spec import BlockSpec
from server.reports.parameters import bound_values
from server.reports.template import Query, Reading, Template, query_problem, read_source
from server.reports.template_issues import Severity, TemplateIssue
from server.texts import phrase

_TEXT = (
    "“{name}” of the query “{query}” is text, so that it is neither drawn nor added up. Make numbers of it in the "
    "query, for example try_cast({name} as double)."
)
_CHECK_LIMITS = QueryLimits(seconds=5, rows=10, memory_mib=256)


def check_template(
    source: str, datasets: Mapping[str, Sequence[Column]], known: Sequence[str] = ()
) -> list[TemplateIssue]:
    """Everything to tell the author, in the order of the text: errors and warnings.

    `datasets` are the columns of each dataset that the source names; queries are bound to them.
    `known` are the names of all that the author may read, to tell whoever names another.
    Worker side: it runs SQL, on empty tables.
    """
    template, reading = read_source(source)
    if template is not None:
        bind_queries(template, reading, datasets, known)
    return reading.issues.in_order()


def bind_queries(
    template: Template,
    reading: Reading,
    datasets: Mapping[str, Sequence[Column]],
    known: Sequence[str],
) -> dict[str, list[str]]:
    """Adds to the reading's issues what does not fit. Returns the columns of queries, where they are known."""
    binder = _Binder(template, reading)
    with SchemaSession(datasets, _CHECK_LIMITS, known=known) as session:
        bound = [row for block in _all_blocks(template.blocks) if (row := block.bound_row())]
        repeated = {query for query, _name in bound}
        for query in sorted(_all_queries(template), key=lambda query: query.name not in repeated):
            binder.bind(session, query)
            binder.add_row_values(name for of, name in bound if of == query.name)
        binder.check_totals(session)
    binder.check_parameters()
    binder.check_blocks()
    binder.check_fields()
    return {name: columns for name, columns in binder.columns.items() if columns is not None and "." not in name}


def _all_queries(template: Template) -> Iterator[Query]:
    yield from template.option_queries.values()
    if template.each_row:
        yield template.each_row
    yield from template.queries.values()


def _all_blocks(blocks: Iterable[BlockSpec]) -> Iterator[BlockSpec]:
    """With those that stand within others."""
    for block in blocks:
        yield block
        for inner in block.nested():
            yield from _all_blocks(inner)


class _Binder:
    def __init__(self, template: Template, reading: Reading) -> None:
        self._template = template
        self._reading = reading
        self._issues = reading.issues
        samples = {parameter.name: parameter.sample for parameter in template.parameters}
        self._values = bound_values({"today": date(2026, 1, 1)} | samples)
        self.columns: dict[str, list[str] | None] = {}
        self._renamed: dict[str, list[str]] = {}
        self._texts: dict[str, set[str]] = {}
        self._last = ""

    def add_row_values(self, names: Iterable[str]) -> None:
        """Inside `repeat` the columns of its row are bound too, as `$row_region`."""
        for name in names:
            self._values |= {f"{name}_{column}": None for column in self.columns.get(self._last) or ()}

    def bind(self, session: QuerySession, query: Query) -> None:
        self._last = query.name
        try:
            result = session.execute(query.sql, self._values)
        except InvalidInput as error:
            line, column, reason = query_problem(query, error)
            self._add(line, column, "The query “{name}” is wrong: {reason}", name=query.name, reason=reason)
            return
        pivots = "pivot" in query.sql.lower()  # its columns come from the data
        self.columns[query.name] = None if pivots else result.names
        self._renamed[query.name] = result.renamed
        kinds = zip(result.names, result.columns, strict=True)
        self._texts[query.name] = set() if pivots else {name for name, (_own, kind) in kinds if kind == "VARCHAR"}

    def check_parameters(self) -> None:
        names = {parameter.name for parameter in self._template.parameters}
        each_row = self._template.each_row
        for column in self.columns.get("each_row") or ():
            if not each_row or column in names:
                continue
            if hint := self._issues.hint(column, names):
                self._issues.add(
                    each_row.node, "“each_row” gives “{name}”, which is no parameter.{hint}", name=column, hint=hint
                )
                continue
            self._issues.add(
                each_row.node, "“each_row” gives “{name}”, which is no parameter: it can only say who gets the report.",
                severity="warning", name=column,
            )  # fmt: skip
        for name, query in self._template.option_queries.items():
            columns = self.columns.get(name)
            if columns and len(columns) > 1 and name.startswith("each."):
                self._issues.add(query.node, "“each” needs a query with one column; for several use “each_row”.")

    def check_blocks(self) -> None:
        for block in _all_blocks(self._template.blocks):
            for use in block.columns_used():
                self._require_column(*use)
            for use in block.figures_used():
                if use.name in self._texts.get(use.query, ()):
                    self._add(use.line, use.column, _TEXT, severity="warning", query=use.query, name=use.name)

    def check_totals(self, session: QuerySession) -> None:
        for block in _all_blocks(self._template.blocks):
            for use in block.totals_used():
                if use.query in self.columns and (query := self._template.queries.get(use.query)):
                    try:
                        names = self._renamed[use.query]
                        session.execute(totals_sql(query.sql, [use.expression], names=names), self._values)
                    except InvalidInput as error:
                        reason = phrase(error.message, **error.parameters)
                        self._add(use.line, use.column, "This total is wrong: {reason}", reason=reason)

    def check_fields(self) -> None:
        for use in self._reading.expressions.fields:
            if use.query in self._template.queries:
                self._require_column(use.query, use.field, use.line, use.column)

    def _require_column(self, query: str, name: str, line: int, column: int) -> None:
        known = self.columns.get(query)
        if name and known is not None and name not in known:
            self._add(
                line,
                column,
                "The query “{query}” has no column “{name}”.{hint}",
                query=query,
                name=name,
                hint=self._issues.hint(name, known) or phrase(" It has: {names}.", names=", ".join(known[:20])),
            )

    def _add(self, line: int, column: int, message: str, *, severity: Severity = "error", **values: Any) -> None:
        self._issues.found.append(
            TemplateIssue(line=line, column=column, message=message, severity=severity, parameters=values)
        )
