"""Template + parameters + rows → document. Whatever breaks names the block, its place in the template, what to do."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Template as Compiled
from jinja2 import TemplateError, UndefinedError
from jinja2.exceptions import SecurityError

from server.datasets.query import QuerySession
from server.errors import InvalidInput, JinduError
from server.reports import document as doc
from server.reports import markdown
from server.reports.block_specs import (
    BlockSpec,
    ChartSpec,
    ColumnsSpec,
    HeadingSpec,
    ImageSpec,
    KpiSpec,
    KpisSpec,
    RepeatSpec,
    TableSpec,
    TextSpec,
    WhenSpec,
)
from server.reports.charts import build_chart
from server.reports.expressions import Expression
from server.reports.formats import Format, Formats
from server.reports.images import read_image
from server.reports.parameters import as_json
from server.reports.rows import Row, Rows, is_truncated, iteration_budget, rows_of
from server.reports.sandbox import Sandbox, rendered
from server.reports.sizes import as_text
from server.reports.tables import build_table
from server.reports.template import Template, query_problem
from server.texts import Phrase, phrase

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")  # where Python keeps something, which is nobody's business
_MAX_BUILT = 3_000  # blocks of one report, repeats counted


class CompiledTexts:
    """Jinja of one language, compiled once a worker process: the reports of a batch share their template."""

    _LIMIT = 2_000  # texts of some twenty templates

    def __init__(self, formats: Formats) -> None:
        filters = formats.filters()
        self._plain = Sandbox(filters)
        self._markdown = Sandbox(filters, markdown=True)
        self._compiled: dict[tuple[str, str], Compiled] = {}

    def of(self, expression: Expression) -> Compiled:
        key = (expression.kind, expression.source)
        if key not in self._compiled:
            if len(self._compiled) >= self._LIMIT:
                self._compiled.clear()
            self._compiled[key] = self._compile(expression)
        return self._compiled[key]

    def _compile(self, expression: Expression) -> Compiled:
        if expression.kind == "value":
            # Jinja writes texts; the value itself is handed out on the way.
            return self._plain.from_string("{% set taken = __take(" + expression.source + "\n) %}")
        sandbox = self._markdown if expression.kind == "markdown" else self._plain
        return sandbox.from_string(expression.source)


class Builder:
    """Builds one report; queries run when something first uses them, once."""

    def __init__(
        self,
        template: Template,
        parameters: Mapping[str, Any],
        session: QuerySession,
        *,
        formats: Formats,
        texts: CompiledTexts,
        clock: datetime,
        template_name: str,
        images: Mapping[str, Path],
    ) -> None:
        self._template = template
        self._parameters = dict(parameters)
        self._session = session
        self._formats = formats
        self._name = template_name or template.title_text
        self._texts = texts
        self._images = images
        self._rows: dict[str, Rows] = {}
        self._spend = iteration_budget()
        self._built = 0
        local = clock.astimezone(ZoneInfo(str(formats.zone)))
        self._builtin: dict[str, Any] = {
            "today": local.date(),
            "made_at": local.replace(tzinfo=None),
            "language": formats.language,
        }
        self._scopes: list[dict[str, Any]] = []
        self.words = doc.WORDS.get(formats.locale.language, doc.Words())
        self.warnings: list[str] = []

    def title(self) -> str:
        return " ".join(str(self._text(self._template.title, _TitleSpec)).split())

    def blocks(self) -> list[doc.Block]:
        return list(self._blocks(self._template.blocks))

    # -- blocks

    def _blocks(self, specs: Iterable[BlockSpec]) -> Iterator[doc.Block]:
        for spec in specs:
            self._built += 1
            if self._built > _MAX_BUILT:
                raise self._failure(spec, spec, "The report has too many blocks; repeat over fewer rows.")
            yield from self._block(spec)

    def _block(self, spec: BlockSpec) -> Iterator[doc.Block]:
        match spec:
            case WhenSpec():
                yield from self._blocks(spec.blocks if self._value(spec.condition, spec) else spec.otherwise)
            case RepeatSpec():
                yield from self._repeat(spec)
            case ColumnsSpec():
                yield doc.Columns(columns=[list(self._blocks(column)) for column in spec.columns])
            case _:
                yield self._leaf(spec)

    def _leaf(self, spec: BlockSpec) -> doc.Block:
        match spec:
            case HeadingSpec():
                return doc.Heading(text=self._text(spec.text, spec), level=spec.level)
            case TextSpec():
                return doc.Text(nodes=markdown.parsed(self._text(spec.text, spec)))
            case KpisSpec():
                return doc.Kpis(items=tuple(self._kpi(item, spec) for item in spec.items))
            case ChartSpec():
                return self._chart(spec)
            case TableSpec():
                return self._table(spec)
            case ImageSpec():
                return self._picture(spec)
        return doc.PageBreak()

    def _repeat(self, spec: RepeatSpec) -> Iterator[doc.Block]:
        for row in rows_of(self._query(spec.query, spec)):
            # The row's columns are also bound in queries, as $<name>_<column>: those run anew for each row.
            self._scopes.append({spec.name: row})
            kept, self._rows = self._rows, dict(self._rows_without(spec.name))
            try:
                yield from self._blocks(spec.blocks)
            finally:
                self._rows = kept
                self._scopes.pop()

    def _rows_without(self, name: str) -> Iterator[tuple[str, Rows]]:
        mark = f"${name}_"
        for query, rows in self._rows.items():
            if mark not in self._template.queries[query].sql:
                yield query, rows

    def _kpi(self, item: KpiSpec, spec: BlockSpec) -> doc.Kpi:
        value = self._shown(item.value, spec)
        before = self._shown(item.compare, spec) if item.compare else None
        delta, tone = self._delta(value, before, item.good) if item.compare else ("", "")
        return doc.Kpi(
            label=self._text(item.label, spec),
            text=self._formats.text(value, item.format),
            value=value,
            format=item.format,
            delta=delta,
            tone=tone,
            delta_label=self._text(item.compare_label, spec) if item.compare_label else "",
            note=self._text(item.note, spec) if item.note else "",
        )

    def _delta(self, value: Any, before: Any, good: str) -> tuple[str, str]:
        if not _is_number(value) or not _is_number(before) or not before:
            return "–", "neutral"
        change = (value - before) / abs(before)
        sign = "+" if change > 0 else ""
        text = sign + self._formats.text(change, Format(kind="percent", decimals=1))
        if good == "none" or abs(change) < 0.0005:
            return text, "neutral"
        return text, "good" if (change > 0) == (good == "up") else "bad"

    def _chart(self, spec: ChartSpec) -> doc.Chart:
        rows = self._query(spec.query, spec) if spec.query else None
        title = self._text(spec.title, spec) if spec.title else ""
        value = self._shown(spec.value, spec) if spec.value else None
        maximum = self._shown(spec.maximum, spec) if spec.maximum else None
        with self._failing(spec, spec):
            return build_chart(spec, rows, title=title, value=value, maximum=maximum, formats=self._formats)

    def _table(self, spec: TableSpec) -> doc.Table:
        rows = self._query(spec.query, spec)
        labels = {
            column.name: self._text(column.label, spec) if column.label else column.name.replace("_", " ")
            for column in spec.columns
        }
        title = self._text(spec.title, spec) if spec.title else ""

        def tone(expression: Expression, value: Any, row: Row) -> bool:
            return bool(self._value(expression, spec, value=value, row=row))

        if is_truncated(rows):
            self.warnings.append(self.words.truncated.format(count=len(rows)))
        with self._failing(spec, spec):
            return build_table(spec, rows, title=title, labels=labels, tone=tone, formats=self._formats)

    def _picture(self, spec: ImageSpec) -> doc.Picture:
        with self._failing(spec, spec):
            image = read_image(self._images[spec.file], spec.file)
        alt = self._text(spec.alt, spec) if spec.alt else spec.file
        return doc.Picture(image=image, alt=alt, width=spec.width)

    # -- values

    def _text(self, expression: Expression, spec: Any) -> str:
        with self._failing(spec, expression):
            return rendered(self._texts.of(expression), self._context())

    def _value(self, expression: Expression, spec: BlockSpec, **also: Any) -> Any:
        with self._failing(spec, expression):
            found: list[Any] = []
            context = self._context() | also | {"__take": found.append}
            compiled = self._texts.of(expression)
            for _part in compiled.generate(context):
                pass
            return found[0] if found else None

    def _shown(self, expression: Expression, spec: BlockSpec) -> Any:
        """A value that the report writes."""
        value = self._value(expression, spec)
        with self._failing(spec, expression):
            as_text(value)
        return value

    def _context(self) -> dict[str, Any]:
        context = _LazyContext(self._builtin | self._parameters, self._template.queries, self._query_value)
        for scope in self._scopes:
            context.update(scope)
        return context

    def _query_value(self, name: str) -> Rows:
        return self._query(name, None)

    def _query(self, name: str, spec: BlockSpec | None) -> Rows:
        if name not in self._rows:
            query = self._template.queries[name]
            try:
                result = self._session.execute(query.sql, self._bound())
            except InvalidInput as error:
                line, column, reason = query_problem(query, error)
                where = phrase("query “{name}”", name=name)
                raise self._failed(where, line, column, reason, code=error.specific_code) from None
            self._rows[name] = Rows(name, result, self._spend)
        return self._rows[name]

    def _bound(self) -> dict[str, Any]:
        bound = {"today": self._builtin["today"], **self._parameters}
        for scope in self._scopes:
            for name, row in scope.items():
                bound |= {f"{name}_{column}": value for column, value in row.items()}
        return bound

    # -- errors

    def _failing(self, spec: Any, place: Any) -> _Failing:
        return _Failing(self, spec, place)

    def _failure(self, spec: Any, place: Any, reason: str | Phrase) -> InvalidInput:
        where = f"{spec.path} ({spec.kind})" if spec.path else phrase("the title")
        return self._failed(where, place.line, place.column, reason)

    def _failed(
        self, where: str | Phrase, line: int, column: int, reason: str | Phrase, *, code: str = "report_failed"
    ) -> InvalidInput:
        given = ", ".join(f"{name} = {as_json(value)}" for name, value in self._parameters.items())
        return InvalidInput(
            "{template}, {where}, line {line}, column {column}: {reason} (Parameters: {parameters})",
            code=code,
            template=self._name,
            where=where,
            line=line,
            column=column,
            reason=reason,
            parameters=given or "–",
        )


class _LazyContext(dict[str, Any]):
    """What expressions may name; a query runs when its name is first used."""

    def __init__(self, values: dict[str, Any], queries: Iterable[str], run: Callable[[str], Rows]) -> None:
        super().__init__(values)
        for name in queries:
            self[name] = _LazyRows(name, run)


class _LazyRows:
    """Stands for a query until somebody looks at it."""

    __slots__ = ("_name", "_run")
    of_query = True

    def __init__(self, name: str, run: Callable[[str], Rows]) -> None:
        self._name = name
        self._run = run

    def __getitem__(self, key: str | int) -> Any:
        return self._run(self._name)[key]

    def __iter__(self) -> Iterator[Row]:
        return iter(self._run(self._name))

    def __len__(self) -> int:
        return len(self._run(self._name))


class _TitleSpec:
    path = ""
    kind = "title"


class _Failing:
    """Turns whatever Jinja or arithmetic raises inside into an error that says where."""

    def __init__(self, builder: Builder, spec: Any, place: Any) -> None:
        self._builder = builder
        self._spec = spec
        self._place = place

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _trace: object) -> None:
        if error is None:
            return
        reason = _reason(error)
        if reason is None:
            return
        raise self._builder._failure(self._spec, self._place, reason) from error


def _reason(error: BaseException) -> str | Phrase | None:
    """What went wrong for a template's author; None when the error says so itself."""
    match error:
        case JinduError() if error.specific_code == "report_failed" and "where" in error.parameters:
            return None
        case InvalidInput() if "query" in error.parameters and "name" in error.parameters:
            return phrase(error.message, **error.parameters)
        case JinduError():
            return None
        case ZeroDivisionError():
            return phrase("Division by zero; guard it, for example “a / b if b else 0”.")
        case TypeError():
            return phrase(
                "A value is missing or of the wrong type ({error}); guard it with “| default(0, true)” or "
                "coalesce(…, 0) in the query.",
                error=str(error),
            )
        case UndefinedError():
            return _ADDRESS.sub("", f"{error}.")
        case SecurityError() | OverflowError():
            return phrase("This is not allowed in templates: {error}.", error=str(error))
        case (
            TemplateError()
            | ValueError()
            | ArithmeticError()
            | LookupError()
            | AssertionError()
            | AttributeError()
            | RuntimeError()
            | SyntaxError()
        ):
            return _ADDRESS.sub("", f"{error or type(error).__name__}.")
    return None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
