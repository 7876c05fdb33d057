"""Dataset pages: the list, and one dataset's rows, columns, versions and a box for SQL."""

from __future__ import annotations

from urllib.parse import quote

from aiohttp import web

from server.errors import InvalidInput, JinduError
from server.http.forms import read_form
from server.http.guards import require_principal
from server.http.made_files import send_made_file
from server.http.parts import operations_of
from server.operations.datasets import RowsQuery
from views.context import render
from views.field_errors import error_texts

_DATASETS_PER_PAGE = 50
_ROWS_PER_PAGE = 100
_QUERY_ROWS = 500
_DESCRIPTION_CHARACTERS = 4000
OPERATORS = ("contains", "eq", "ne", "lt", "le", "gt", "ge", "null")


async def datasets_page(request: web.Request) -> web.Response:
    principal = require_principal(request)
    q, cursor = request.query.get("q", "").strip(), request.query.get("cursor")
    page = await operations_of(request).datasets.list(principal, q=q, limit=_DATASETS_PER_PAGE, cursor=cursor)
    return await render(request, "datasets/list.html", page=page, q=q, cursor=cursor)


async def dataset_page(request: web.Request) -> web.Response:
    """Its rows: sorted, filtered, searched and paged by links and forms alone."""
    principal = require_principal(request)
    name, given = request.match_info["name"], request.query
    filters = [text for text in given.getall("filter", []) if text]
    added = _added_filter(given.get("column", ""), given.get("operator", ""), given.get("value", ""))
    if added:
        filters.append(added)
    query = RowsQuery(
        filters=tuple(dict.fromkeys(filters)),
        order=tuple(given.getall("order", [])[:3]),
        q=given.get("q", "").strip(),
        limit=_ROWS_PER_PAGE,
        cursor=given.get("cursor"),
    )
    dataset = await operations_of(request).datasets.get(principal, name)
    rows, problem = None, None
    try:
        rows = await operations_of(request).datasets.rows(principal, name, query)
    except InvalidInput as error:
        problem = error
    template = "datasets/_rows.html" if "fragment" in given else "datasets/rows.html"
    return await render(
        request,
        template,
        dataset=dataset,
        rows=rows,
        query=query,
        problem=problem,
        messages=error_texts(request, problem),
        operators=OPERATORS,
        url=f"/datasets/{quote(name)}",
        tab="rows",
    )


async def dataset_facts(request: web.Request) -> web.Response:
    """The line of figures under the title, for its live refresh."""
    principal = require_principal(request)
    dataset = await operations_of(request).datasets.get(principal, request.match_info["name"])
    return await render(request, "datasets/_facts.html", dataset=dataset)


async def columns_page(request: web.Request) -> web.Response:
    """What the values of each column look like; the figures come by a second request, since they take a moment."""
    principal = require_principal(request)
    dataset = await operations_of(request).datasets.get(principal, request.match_info["name"])
    return await render(request, "datasets/columns.html", dataset=dataset, profiles=None, tab="columns")


async def column_profiles(request: web.Request) -> web.Response:
    principal = require_principal(request)
    dataset, profiles = await operations_of(request).datasets.profile(principal, request.match_info["name"])
    return await render(request, "datasets/_columns.html", dataset=dataset, profiles=profiles)


async def versions_page(request: web.Request) -> web.Response:
    principal = require_principal(request)
    name = request.match_info["name"]
    dataset = await operations_of(request).datasets.get(principal, name)
    before = request.query.get("before", "")
    page = await operations_of(request).datasets.versions(
        principal, name, before=int(before) if before.isdecimal() and len(before) < 10 else None
    )
    loss = await operations_of(request).datasets.loss(principal, name)
    template = "datasets/_versions.html" if "fragment" in request.query else "datasets/versions.html"
    return await render(request, template, dataset=dataset, page=page, loss=loss, tab="versions")


async def query_page(request: web.Request) -> web.Response:
    principal = require_principal(request)
    dataset = await operations_of(request).datasets.get(principal, request.match_info["name"])
    sql = request.query.get("sql") or f"select *\nfrom {dataset.name}\nlimit 100"
    return await render(
        request, "datasets/query.html", dataset=dataset, sql=sql, answer=None, problem=None, tab="query"
    )


async def run_query(request: web.Request) -> web.StreamResponse:
    """The answer below the box, or as a CSV file."""
    principal = require_principal(request)
    name = request.match_info["name"]
    dataset = await operations_of(request).datasets.get(principal, name)
    posted = await read_form(request)
    sql, as_csv = posted.get("sql", ""), posted.get("download") == "csv"
    queries = operations_of(request).queries
    answer, problem = None, None
    try:
        if as_csv:
            file = await queries.answer(principal, sql, {}, file_format="csv", name=f"{dataset.name}-query")
            return await send_made_file(request, file, disposition="attachment")
        answer = await queries.run(principal, sql, {}, limit=_QUERY_ROWS)
    except JinduError as error:
        problem = error
    template = "datasets/_answer.html" if "fragment" in posted else "datasets/query.html"
    # A wrong statement is an answer like any other to the script that shows it below the box.
    status = 200 if problem is None or "fragment" in posted else problem.status
    return await render(
        request, template, status, dataset=dataset, sql=sql, answer=answer, problem=problem, tab="query"
    )


async def change_dataset(request: web.Request) -> web.Response:
    principal = require_principal(request, "write")
    posted = await read_form(request)
    dataset = await operations_of(request).datasets.change(
        principal,
        request.match_info["name"],
        new_name=posted["name"].strip() if "name" in posted else None,
        description=_description(posted.get("description")),
    )
    raise web.HTTPSeeOther(f"/datasets/{quote(dataset.name)}/versions")


async def restore_version(request: web.Request) -> web.Response:
    principal = require_principal(request, "write")
    name = request.match_info["name"]
    await operations_of(request).datasets.restore(principal, name, int(request.match_info["number"]))
    raise web.HTTPSeeOther(f"/datasets/{quote(name)}/versions")


async def delete_dataset(request: web.Request) -> web.Response:
    principal = require_principal(request, "write")
    await operations_of(request).datasets.delete(principal, request.match_info["name"])
    raise web.HTTPSeeOther("/datasets")


def _description(text: str | None) -> str | None:
    """As the API takes it. Raises `InvalidInput` for one that is too long: cut, it would say something else."""
    if text is not None and len(text.strip()) > _DESCRIPTION_CHARACTERS:
        raise InvalidInput("A description has at most {limit} characters.", limit=_DESCRIPTION_CHARACTERS)
    return None if text is None else text.strip()


def _added_filter(column: str, operator: str, value: str) -> str | None:
    """What the small filter form says, in the syntax of `?filter=`."""
    if not column or operator not in OPERATORS:
        return None
    return f"{column}:null" if operator == "null" else f"{column}:{operator}:{value.strip()}"
