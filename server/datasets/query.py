"""Queries of people over their datasets, answered as pages show them or whole. For worker processes only."""

from __future__ import annotations

import time
from collections.abc import Sequence

from server.datasets.answers import Answer, AnswerWriter, encoded, shown_rows, write_csv, write_objects
from server.datasets.query_session import QuerySession
from server.datasets.query_values import without_end
from server.datasets.sql_text import quoted
from server.datasets.work import (
    NamesRead,
    NamesRequest,
    QueryAnswerRequest,
    QueryRequest,
    QueryResult,
    unique_names,
)
from server.jobs.worker_process import OnReport


def run_query(request: QueryRequest, report: OnReport) -> QueryResult:
    """The rows as a page shows them. Raises `InvalidInput` with a code that begins with `query_`."""
    with QuerySession(request.datasets, request.limits, known=request.known) as session:
        result = session.execute(request.sql, request.parameters)
    rows = shown_rows(result.rows, len(result.columns))
    return QueryResult(
        columns=_unique(result.columns), rows=rows, truncated=result.truncated or len(rows) < len(result.rows)
    )


def write_query(request: QueryAnswerRequest, report: OnReport) -> Answer:
    """Every value whole. Raises what `run_query` does, or `InvalidInput` with the code `answer_too_large`."""
    query, began = request.query, time.monotonic()
    session = QuerySession(query.datasets, query.limits, known=query.known)
    with session, AnswerWriter(request.place) as writer:
        with session.stream(query.sql, query.parameters) as stream:
            columns = _unique(stream.columns)
            names = [name for name, _kind in columns]
            if request.format == "csv":
                write_csv(writer, names, stream.chunks())
                return writer.answer()
            described = [{"name": name, "type": kind} for name, kind in columns]
            writer.write(b'{"columns":' + encoded(described) + b',"items":')
            write_objects(writer, names, stream.chunks())
        tail = {"truncated": stream.truncated, "seconds": round(time.monotonic() - began, 3)}
        writer.write(b"," + encoded(tail)[1:])
        return writer.answer()


def read_names(request: NamesRequest, report: OnReport) -> NamesRead:
    """Nothing is run. Raises `InvalidInput` for what `run_query` would not run."""
    with QuerySession({}, request.limits) as session:
        return session.names(request.sql, request.owned)


def _unique(columns: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Rows go out as objects, which have each name once."""
    names = unique_names([name for name, _kind in columns])
    return [(name, kind) for name, (_name, kind) in zip(names, columns, strict=True)]


def totals_sql(sql: str, expressions: Sequence[str], by: Sequence[str] = (), names: Sequence[str] = ()) -> str:
    """SQL for the values of aggregate expressions over the rows of another statement, by the values of columns.

    `names` are what its columns are called here, where these are not their own.
    """
    selected = ", ".join([*map(quoted, by), *(f"({expression})" for expression in expressions)])
    grouped = f" group by {', '.join(map(quoted, by))}" if by else ""
    called = f"({', '.join(map(quoted, names))})" if names else ""
    return f"select {selected} from (\n{without_end(sql)}\n) as totalled{called}{grouped}"  # noqa: S608 – the author's own
