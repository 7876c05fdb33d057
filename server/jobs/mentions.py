"""Whether a job, or the batch that it makes, mentions some words: a condition that is written once."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from sqlalchemy import Boolean, ColumnElement, Dialect, Table, Text, exists, func, literal_column, or_, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from server.storage.searching import ESCAPE, escaped
from server.storage.tables import batches, jobs, report_values, reports, users

_TOLD_PARAMETERS = ("dataset", "template", "name")  # by which people know what it was about
_WORDS, _IN_JSON = ":words:", ":in_json:"  # where they go


class Mentions(FunctionElement[bool]):
    """True or false, never null, of a row of `jobs`; upper and lower case are alike.

    That is a choice of twenty conditions, and a search has up to eight of them. SQLAlchemy takes milliseconds to build
    and to write one, in the event loop: so what is the same in all is kept as text, into which the words go.
    """

    inherit_cache = True
    type = Boolean()

    def __init__(self, words: str) -> None:
        """Letters beyond ASCII may be written as numbers in JSON."""
        written = dict.fromkeys((words, json.dumps(words)[1:-1]))
        super().__init__(*(f"%{escaped(each)}%" for each in written))


@compiles(Mentions)
def _write(element: Mentions, compiler: SQLCompiler, **options: Any) -> str:
    given = [compiler.process(each, **options) for each in element.clauses]
    return _written(compiler.dialect, len(given)).replace(_WORDS, given[0]).replace(_IN_JSON, given[-1])


@lru_cache(maxsize=8)
def _written(dialect: Dialect, writings: int) -> str:
    """Within a statement about `jobs`: what is written alone would look for its batch among those of all jobs."""
    of_jobs = select(jobs.c.id).where(or_(*_of_job(writings, dialect), _of_batch(writings, dialect)))
    written = str(of_jobs.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))
    return f"({written.partition('WHERE ')[2]})"


def _of_job(writings: int, dialect: Dialect) -> list[ColumnElement[bool]]:
    parameters = jobs.c.parameters
    texts = [jobs.c.title, jobs.c.message, jobs.c.kind, jobs.c.error["code"].as_string()]
    texts += [parameters[name].as_string() for name in _TOLD_PARAMETERS]
    owners = select(users.c.id).where(_holds(users.c.name))
    return [*map(_holds, texts), *_in_error(jobs, writings, dialect), jobs.c.owner_id.in_(owners)]


def _of_batch(writings: int, dialect: Dialect) -> ColumnElement[bool]:
    """Its template, or one of its reports."""
    value = exists().where(report_values.c.batch_id == batches.c.id, _holds(report_values.c.value))
    in_report = or_(_holds(reports.c.title), *_in_error(reports, writings, dialect))
    report = exists().where(reports.c.batch_id == batches.c.id, in_report)
    found = or_(_holds(batches.c.template_name), value.correlate(batches), report.correlate(batches))
    return exists().where(batches.c.job_id == jobs.c.id, found).correlate(jobs)


def _in_error(of: Table, writings: int, dialect: Dialect) -> list[ColumnElement[bool]]:
    """Its message, and what that is about: values alone, and not what JSON puts around them."""
    error = of.c.error
    if dialect.name == "sqlite":
        each = func.json_each(error, "$.parameters").table_valued("value")
    else:
        each = func.json_each_text(error["parameters"]).table_valued("key", "value")
    # Lists among them are JSON still.
    about = or_(*(_holds(each.c.value, written) for written in (_WORDS, _IN_JSON)[:writings]))
    return [_holds(error["message"].as_string()), exists().select_from(each).where(about).correlate(of)]


def _holds(text: ColumnElement[Any], written: str = _WORDS) -> ColumnElement[bool]:
    return func.coalesce(text, "").ilike(literal_column(written, Text), escape=ESCAPE)
