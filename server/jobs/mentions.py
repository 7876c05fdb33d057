"""Whether a job, or the batch that it makes, mentions some words: a condition that is written once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Boolean, ColumnElement, Dialect, Text, cast, exists, func, literal_column, or_, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from server.storage.searching import ESCAPE, escaped
from server.storage.tables import batches, jobs, reports, users

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
    condition = or_(*_of_job(writings), _of_batch(writings))
    return f"({condition.compile(dialect=dialect, compile_kwargs={'literal_binds': True})})"


def _of_job(writings: int) -> list[ColumnElement[bool]]:
    error, parameters = jobs.c.error, jobs.c.parameters
    texts = [jobs.c.title, jobs.c.message, jobs.c.kind, error["code"].as_string(), error["message"].as_string()]
    texts += [parameters[name].as_string() for name in _TOLD_PARAMETERS]
    owners = select(users.c.id).where(_holds(users.c.name))
    return [*map(_holds, texts), *_json_holds(error["parameters"], writings), jobs.c.owner_id.in_(owners)]


def _of_batch(writings: int) -> ColumnElement[bool]:
    """Its template, or one of its reports."""
    in_report = [_holds(reports.c.title), _holds(reports.c.error["message"].as_string())]
    for column in (reports.c.parameters, reports.c.error["parameters"]):
        in_report += _json_holds(column, writings)
    one = exists().where(reports.c.batch_id == batches.c.id, or_(*in_report)).correlate(batches)
    return exists().where(batches.c.job_id == jobs.c.id, or_(_holds(batches.c.template_name), one)).correlate(jobs)


def _holds(text: ColumnElement[Any], written: str = _WORDS) -> ColumnElement[bool]:
    return func.coalesce(text, "").ilike(literal_column(written, Text), escape=ESCAPE)


def _json_holds(column: ColumnElement[Any], writings: int) -> Sequence[ColumnElement[bool]]:
    return [_holds(cast(column, Text), written) for written in (_WORDS, _IN_JSON)[:writings]]
