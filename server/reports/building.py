"""Template + parameters + rows → blocks. Whatever breaks names the block, its place in the template, what to do."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Template as Compiled
from jinja2.exceptions import SecurityError

from server.datasets.query import totals_sql
from server.datasets.query_session import QuerySession, draws_at_random
from server.errors import InvalidInput
from server.reports.blocks.left_out_drawn import LeftOutNote
from server.reports.blocks.no_room_drawn import NoRoomBox
from server.reports.blocks.spec import BlockSpec
from server.reports.document import Block
from server.reports.expressions import Expression
from server.reports.failures import Failing, Failures
from server.reports.formats import Formats
from server.reports.images import Image, read_image
from server.reports.no_room import NoRoom
from server.reports.parameters import as_typed, bound_values
from server.reports.printable import printable
from server.reports.rows import LazyRows, QueryRow, Rows, TotalsByGroup, iteration_budget, odd_columns, take_odd_seen
from server.reports.sandbox import Sandbox, rendered
from server.reports.sizes import as_text
from server.reports.template import Query, Template, query_problem
from server.reports.told_values import told_value
from server.reports.words import words_of
from server.texts import phrase

MOST_IN_TITLE = 300  # characters
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


class ReportBuilder:
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
        is_preview: bool = False,
    ) -> None:
        self._template = template
        self._parameters = dict(parameters)
        self._told = {name: told_value(value, formats) for name, value in parameters.items()}
        self._session = session
        typed = {each.name: as_typed(parameters.get(each.name), each.type) for each in template.parameters}
        self._failures = Failures(template_name or template.title_text, typed, template.places)
        self._texts = texts
        self._images = images
        self.is_preview = is_preview
        self._rows: dict[str, Rows] = {}
        self._spend = iteration_budget()
        self._built = 0
        self._left_out = ""
        self._shown: list[bool] = []  # of each block that is there for rows, whether it has one
        local = clock.astimezone(ZoneInfo(str(formats.zone)))
        self.now = local.replace(tzinfo=None)
        self._builtin: dict[str, Any] = {
            "today": local.date(),
            "made_at": self.now,
            "language": formats.language,
        }
        self._scopes: list[dict[str, Any]] = []
        self.formats = formats
        self.words = words_of(formats)
        self.warnings: list[str] = []

    def title(self) -> str:
        title = self._template.title
        with self._failures.inside(phrase("the title"), title):
            whole = " ".join(printable(rendered(self._texts.of(title), self._context())).split())
        if len(whole) <= MOST_IN_TITLE:
            return whole
        self.warn(self.words.title_cut.format(limit=MOST_IN_TITLE, count=self.formats.text(len(whole))))
        return whole[: MOST_IN_TITLE - 1].rstrip() + "…"

    def file_name(self) -> str:
        """Without an extension; the title where the template names none, or where it comes to nothing."""
        if self._template.file_name is None:
            return ""
        with self._failures.inside(phrase("the file name"), self._template.file_name):
            name = " ".join(rendered(self._texts.of(self._template.file_name), self._context()).split())
        return re.sub(r"\.(pdf|xlsx|html)$", "", name, flags=re.IGNORECASE)

    def report(self) -> list[Block]:
        """The whole of it."""
        return list(self.blocks(self._template.blocks))

    @property
    def has_rows(self) -> bool | None:
        """Whether any block of what is built has a row to show; None where none is there for rows."""
        return any(self._shown) if self._shown else None

    # -- for blocks: see `Builder`

    @property
    def around(self) -> str:
        """The first value of each row."""
        rows = (row for scope in self._scopes for row in scope.values())
        return " ".join(self.formats.text(value) for row in rows for value in list(row.values())[:1])

    def blocks(self, specs: Iterable[BlockSpec]) -> Iterator[Block]:
        for spec in specs:
            self._built += 1
            if self._built > _MAX_BUILT:
                raise self._failures.failed(
                    _named(spec), spec.line, spec.column, "The report has too many blocks; repeat over fewer rows."
                )
            known = len(self._shown)
            try:
                yield from spec.build(self)
            except NoRoom as error:
                yield self._box(spec, error)
            if (query := spec.rows_shown()) and len(self._shown) == known:  # else blocks in it say more than it does
                self._shown.append(bool(self.query(query)))
            if self._left_out:
                yield LeftOutNote(text=self._left_out)
                self._left_out = ""

    def pass_over(self, specs: Iterable[BlockSpec]) -> None:
        """What is left out since its query found nothing is without rows, whatever is said in its place. No query is
        run for it."""
        for spec in specs:
            rows = self._rows.get(spec.rows_shown())
            if rows is not None and not rows:
                self._shown.append(False)
            if spec.bound_row() is None:
                for inner in spec.nested():
                    self.pass_over(inner)

    def _box(self, spec: BlockSpec, error: NoRoom) -> Block:
        values = {name: self.formats.text(value) for name, value in error.parameters.items()}
        reason = self.words.no_room.format(reason=getattr(self.words, error.word).format(**values))
        title = self.text(spec.title, spec) if spec.title else ""
        self.warn(f"{title}: {reason}" if title else reason)
        return NoRoomBox(title=title, reason=reason)

    def text(self, expression: Expression, spec: BlockSpec, **also: Any) -> str:
        with self._failures.inside(_named(spec), expression):
            return rendered(self._texts.of(expression), self._context() | also)

    def value(self, expression: Expression, spec: BlockSpec, **also: Any) -> Any:
        with self._failures.inside(_named(spec), expression):
            found: list[Any] = []
            context = self._context() | also | {"__take": found.append}
            compiled = self._texts.of(expression)
            for _part in compiled.generate(context):
                pass
            return found[0] if found else None

    def shown(self, expression: Expression, spec: BlockSpec) -> Any:
        value = self.value(expression, spec)
        with self._failures.inside(_named(spec), expression):
            as_text(value)
            if isinstance(value, int) and abs(value) > sys.float_info.max:
                raise SecurityError("a number became too long")
        return value

    def query(self, name: str) -> Rows:
        if name not in self._rows:
            query, bound = self._template.queries[name], self._bound()
            with self._failing_query(name, query):
                sql = self._session.kept(query.sql, bound) if draws_at_random(query.sql) else query.sql
                result = self._session.execute(sql, bound)
            whole = _Whole(self._session, sql, bound, result.renamed, lambda: self._failing_query(name, query))
            self._rows[name] = Rows(name, result, self._go_through, whole, self._leave_out)
            for text in self.told_odd(self._rows[name]):
                self.warn(text)
        return self._rows[name]

    def told_odd(self, rows: Rows) -> list[str]:
        """Of columns some of whose values are no finite numbers."""
        return [
            self.words.no_figures.format(
                column=column,
                marks=self.formats.listed(dict.fromkeys(map(self.formats.text, values))),
                count=self.formats.text(len(values)),
            )
            for column, values in odd_columns(rows).items()
        ]

    def take_odd_seen(self) -> float | None:
        """What an expression found in a query that is no finite number, since somebody asked for it last."""
        seen = [found for rows in self._rows.values() if (found := take_odd_seen(rows)) is not None]
        return seen[-1] if seen else None

    def image(self, file: str) -> Image:
        return read_image(self._images[file], file)

    @contextmanager
    def with_row(self, name: str, row: QueryRow) -> Iterator[None]:
        self._scopes.append({name: row})
        kept, self._rows = self._rows, dict(self._rows_without(name))
        try:
            yield
        finally:
            self._rows = kept
            self._scopes.pop()

    def failing(self, spec: BlockSpec) -> Failing:
        return self._failures.inside(_named(spec), spec)

    def warn(self, text: str) -> None:
        if text not in self.warnings:
            self.warnings.append(text)

    @contextmanager
    def _failing_query(self, name: str, query: Query) -> Iterator[None]:
        try:
            yield
        except InvalidInput as error:
            line, column, reason = query_problem(query, error)
            where = phrase("query “{name}”", name=name)
            raise self._failures.failed(where, line, column, reason, code=error.specific_code) from None

    def _go_through(self, _rows: Rows) -> None:
        self._spend()

    def _leave_out(self, rows: Rows) -> None:
        """What is made of a query's first rows alone says so where it stands."""
        self._left_out = self.words.truncated.format(count=self.formats.text(len(rows)))
        self.warn(self._left_out)

    # -- what expressions and queries see

    def _rows_without(self, name: str) -> Iterator[tuple[str, Rows]]:
        """Queries that name a column of the row run anew for each."""
        mark = f"${name}_"
        for query, rows in self._rows.items():
            if mark not in self._template.queries[query].sql:
                yield query, rows

    def _context(self) -> dict[str, Any]:
        context = _LazyContext(self._builtin | self._told, self._template.queries, self.query)
        for scope in self._scopes:
            context.update(scope)
        return context

    def _bound(self) -> dict[str, Any]:
        bound = bound_values({"today": self._builtin["today"], **self._parameters})
        for scope in self._scopes:
            for name, row in scope.items():
                bound |= {f"{name}_{column}": value for column, value in row.items()}
        return bound


class _Whole:
    """A query as it was bound when it was run. See `WholeQuery`."""

    def __init__(
        self,
        session: QuerySession,
        sql: str,
        bound: Mapping[str, Any],
        names: Sequence[str],
        failing: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._session = session
        self._sql = sql
        self._bound = bound
        self._names = names
        self._failing = failing

    def totals(self, expressions: Sequence[str], by: Sequence[str]) -> TotalsByGroup:
        with self._failing():
            found = self._session.execute(totals_sql(self._sql, expressions, by, self._names), self._bound)
        if found.truncated:
            raise NoRoom("too_many_groups", limit=len(found.rows))
        return {tuple(row[: len(by)]): tuple(row[len(by) :]) for row in found.rows}


def _named(spec: BlockSpec) -> str:
    return f"{spec.path} ({spec.kind})"


class _LazyContext(dict[str, Any]):
    """What expressions may name; a query runs when its name is first used."""

    def __init__(self, values: dict[str, Any], queries: Iterable[str], run: Callable[[str], Rows]) -> None:
        super().__init__(values)
        for name in queries:
            self[name] = LazyRows(name, run)
