"""The query page of a dataset: a box for SQL with its answer, queries that are kept, and those that ran."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec
from aiohttp import web

from server.datasets.dataset import Dataset
from server.datasets.query_store import DESCRIPTION_CHARACTERS, QueryChange, SavedQuery
from server.datasets.sql_text import quoted
from server.datasets.work import QueryResult
from server.errors import Conflict, FieldError, InvalidInput, JinduError
from server.http.forms import read_form
from server.http.guards import require_principal
from server.http.made_files import send_made_file
from server.http.parts import operations_of
from server.operations.queries import MOST_CHARACTERS
from views.context import render
from views.field_errors import errors_by_field
from views.looks import starred_of
from views.owned import named, path_of

_QUERY_ROWS = 500
_QUERY_BYTES = 1024 * 1024


async def query_page(request: web.Request) -> web.Response:
    """The box with the query that the address asks for: a saved one, one of the history, or a first one."""
    principal = require_principal(request)
    queries = operations_of(request).queries
    dataset = await _dataset(request)
    saved_id, run_id = request.query.get("saved", ""), request.query.get("run", "")
    saved = await queries.get(principal, saved_id) if saved_id else None
    run = next((run for run in await queries.history(principal) if run.id == run_id), None) if run_id else None
    sql = saved.sql if saved else run.sql if run else request.query.get("sql")
    return await _query(request, dataset, sql or f"select *\nfrom {_in_sql(request, dataset)}\nlimit 100", saved=saved)


async def run_query(request: web.Request) -> web.StreamResponse:
    """The answer below the box, or as a CSV file."""
    principal = require_principal(request)
    dataset = await _dataset(request)
    posted = await read_form(request)
    sql, as_csv = posted.get("sql", ""), posted.get("download") == "csv"
    queries = operations_of(request).queries
    answer, problem = None, None
    try:
        if as_csv:
            file = await queries.answer(principal, sql, {}, file_format="csv", name=f"{dataset.name}-query")
            return await send_made_file(request, file, disposition="attachment")
        answer = await queries.run_and_remember(principal, sql, limit=_QUERY_ROWS)
    except JinduError as error:
        problem = error
    # A wrong statement is an answer like any other to the script that shows it below the box.
    if "fragment" in posted:
        return await render(request, "datasets/_answer.html", **_shown_answer(answer), problem=problem)
    saved = await queries.get(principal, posted["saved"]) if posted.get("saved") else None
    return await _query(request, dataset, sql, saved=saved, answer=answer, problem=problem)


async def save_query(request: web.Request) -> web.Response:
    """Under a new name, or what is saved anew; what cannot be saved stays on the page."""
    principal = require_principal(request, "write")
    dataset = await _dataset(request)
    posted = await read_form(request, limit_bytes=_QUERY_BYTES)
    queries, saved_id = operations_of(request).queries, posted.get("saved", "")
    said = {"name": posted.get("query_name", "").strip(), "description": posted.get("query_description", "").strip()}
    sql = posted.get("sql", "").replace("\r\n", "\n")
    saved = await queries.get(principal, saved_id) if saved_id else None
    try:
        _require_savable(sql, said["description"])
        if saved is not None and posted.get("how") == "change":
            kept = await queries.change(principal, saved.id, QueryChange(**said, sql=sql))
        else:
            kept = await queries.save(principal, **said, sql=sql)
    except (InvalidInput, Conflict) as error:
        problems = errors_by_field(request, error)
        if isinstance(error, Conflict):
            problems["name"] = problems.pop("")
        return await _query(request, dataset, sql, saved=saved, said=said, problems=problems, status=error.status)
    raise web.HTTPSeeOther(f"/datasets/{path_of(principal, dataset)}/query?saved={kept.id}&done=saved")


async def delete_query(request: web.Request) -> web.Response:
    principal = require_principal(request, "write")
    dataset = await _dataset(request)
    await operations_of(request).queries.delete(principal, request.match_info["query_id"])
    raise web.HTTPSeeOther(f"/datasets/{path_of(principal, dataset)}/query?done=deleted")


async def forget_queries(request: web.Request) -> web.Response:
    principal = require_principal(request)
    dataset = await _dataset(request)
    await operations_of(request).queries.forget_history(principal)
    raise web.HTTPSeeOther(f"/datasets/{path_of(principal, dataset)}/query")


async def query_names(request: web.Request) -> web.Response:
    """What can be completed in the box."""
    principal = require_principal(request)
    await _dataset(request)
    names = await operations_of(request).queries.names(principal)
    return web.Response(body=msgspec.json.encode(names), content_type="application/json")


async def _dataset(request: web.Request) -> Dataset:
    """The one in the address."""
    name, owner = named(request)
    return await operations_of(request).datasets.get(require_principal(request), name, owner=owner)


def _in_sql(request: web.Request, dataset: Dataset) -> str:
    if dataset.owner_id == require_principal(request).user_id:
        return dataset.name
    return f"{quoted(dataset.owner)}.{quoted(dataset.name)}"


async def _query(
    request: web.Request,
    dataset: Dataset,
    sql: str,
    *,
    saved: SavedQuery | None,
    answer: QueryResult | None = None,
    problem: JinduError | None = None,
    said: dict[str, str] | None = None,
    problems: dict[str, str] | None = None,
    status: int = 200,
) -> web.Response:
    queries, principal = operations_of(request).queries, require_principal(request)
    said = said or {"name": saved.name if saved else "", "description": saved.description if saved else ""}
    return await render(
        request,
        "datasets/query.html",
        status if problem is None else problem.status,
        dataset=dataset,
        sql=sql,
        saved=saved,
        queries=await queries.saved(principal),
        history=await queries.history(principal),
        given_name=said["name"],
        given_description=said["description"],
        problem=problem,
        problems=problems or {},
        done=request.query.get("done", ""),
        right=await operations_of(request).datasets.right(principal, dataset),
        tab="query",
        starred=await starred_of(request, "dataset", [dataset.id]),
        **_shown_answer(answer),
    )


def _require_savable(sql: str, description: str) -> None:
    errors = []
    if not sql.strip() or len(sql) > MOST_CHARACTERS:
        message = "Write a query of up to {limit} characters first."
        errors.append(FieldError(field="name", message=message, parameters={"limit": MOST_CHARACTERS}))
    if len(description) > DESCRIPTION_CHARACTERS:
        message = "A description has at most {limit} characters."
        errors.append(FieldError(field="description", message=message, parameters={"limit": DESCRIPTION_CHARACTERS}))
    if errors:
        raise InvalidInput(errors=errors)


def _shown_answer(answer: QueryResult | None) -> dict[str, Any]:
    """With what can be drawn of it: columns of numbers, along the first column that is none."""
    if answer is None or not answer.rows:
        return {"answer": answer, "chart": None, "numbers": []}
    cells = list(zip(*answer.rows, strict=True))
    numbers = [place for place, values in enumerate(cells) if _are_numbers(values)]
    others = [place for place in range(len(cells)) if place not in numbers]
    x = others[0] if others else 0
    chart = {
        "names": answer.names,
        "numbers": numbers,
        "x": x,
        "y": next((place for place in numbers if place != x), x),
        "rows": [[_drawn(value) for value in row] for row in answer.rows],
    }
    return {"answer": answer, "chart": chart if numbers and len(cells) > 1 else None, "numbers": numbers}


def _are_numbers(values: Sequence[Any]) -> bool:
    present = [value for value in values if value is not None]
    return bool(present) and all(
        isinstance(value, int | float | Decimal) and not isinstance(value, bool) for value in present
    )


def _drawn(value: Any) -> Any:
    """As JSON has it: a drawing needs no more digits than a double."""
    if isinstance(value, Decimal):
        return float(value)
    return value if value is None or isinstance(value, int | float | str) else str(value)
