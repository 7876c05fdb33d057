"""Dataset pages: the list, and one dataset's rows, columns, versions and a box for SQL."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, cast, get_args
from urllib.parse import quote

from aiohttp import web

from server.datasets.dataset import Dataset, clean_tags
from server.datasets.row_filters import parse_filter, types_of
from server.datasets.row_keys import changed_columns, shared_columns
from server.datasets.schema import Column
from server.datasets.work import Change
from server.errors import InvalidInput, NotFound
from server.http.guards import require_principal
from server.http.parts import operations_of
from server.numerals import whole_number
from server.operations.dataset_differences import Differences, DifferencesQuery
from server.operations.dataset_rows import RowsQuery
from views.context import render
from views.field_errors import error_texts
from views.looks import note_look, starred_of
from views.owned import chosen_whose, named, path_of

_DATASETS_PER_PAGE = 50
_ROWS_PER_PAGE = 100
_VERSIONS_TO_CHOOSE = 200
OPERATORS = ("contains", "eq", "ne", "lt", "le", "gt", "ge", "null")


async def datasets_page(request: web.Request) -> web.Response:
    principal = require_principal(request)
    q, cursor = request.query.get("q", "").strip(), request.query.get("cursor")
    chosen = clean_tags(request.query.getall("tag", []))
    datasets = operations_of(request).datasets
    whose = chosen_whose(request, principal)
    page = await datasets.list(principal, whose=whose, q=q, tags=chosen, limit=_DATASETS_PER_PAGE, cursor=cursor)
    tags = await datasets.tags(principal, whose=whose)
    return await render(
        request,
        "datasets/list.html",
        page=page,
        q=q,
        cursor=cursor,
        tags=tags,
        chosen=chosen,
        whose=whose,
        starred=await starred_of(request, "dataset", [dataset.id for dataset in page.items]),
    )


async def dataset_page(request: web.Request) -> web.Response:
    """Its rows: sorted, filtered, searched and paged by links and forms alone."""
    principal = require_principal(request)
    (name, owner), given = named(request), request.query
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
    datasets = operations_of(request).datasets
    dataset = await datasets.get(principal, name, owner=owner)
    rows, problem = None, None
    try:
        rows = await operations_of(request).dataset_rows.page(principal, dataset.name, query, owner=dataset.owner)
    except InvalidInput as error:
        problem = error
    template = "datasets/_rows.html" if "fragment" in given else "datasets/rows.html"
    if "fragment" not in given:
        note_look(request, "dataset", dataset.id)
    return await render(
        request,
        template,
        dataset=dataset,
        rows=rows,
        query=query,
        problem=problem,
        messages=error_texts(request, problem),
        operators=OPERATORS,
        needles=_needles(query, rows.version.columns if rows else []),
        profiles=operations_of(request).dataset_profiles.known(dataset)
        if rows and rows.version.number == dataset.version
        else None,
        url=f"/datasets/{path_of(principal, dataset)}",
        right=await datasets.right(principal, dataset),
        tab="rows",
        starred=await starred_of(request, "dataset", [dataset.id]),
    )


async def dataset_facts(request: web.Request) -> web.Response:
    """The line of figures under the title, for its live refresh."""
    dataset = await _dataset(request)
    return await render(request, "datasets/_facts.html", dataset=dataset)


async def columns_page(request: web.Request) -> web.Response:
    """What the values of each column look like; the figures come by a second request, since they take a moment."""
    principal = require_principal(request)
    dataset = await _dataset(request)
    right = await operations_of(request).datasets.right(principal, dataset)
    starred = await starred_of(request, "dataset", [dataset.id])
    return await render(
        request, "datasets/columns.html", dataset=dataset, profiles=None, right=right, tab="columns", starred=starred
    )


async def column_profiles(request: web.Request) -> web.Response:
    principal = require_principal(request)
    name, owner = named(request)
    dataset, profiles = await operations_of(request).dataset_profiles.get(principal, name, owner=owner)
    return await render(request, "datasets/_columns.html", dataset=dataset, profiles=profiles)


async def column_shapes(request: web.Request) -> web.Response:
    """One small drawing a column, for the head of the rows; the figures take a moment."""
    principal = require_principal(request)
    name, owner = named(request)
    dataset, profiles = await operations_of(request).dataset_profiles.get(principal, name, owner=owner)
    return await render(request, "datasets/_shapes.html", dataset=dataset, profiles=profiles)


async def versions_page(request: web.Request) -> web.Response:
    principal = require_principal(request)
    dataset = await _dataset(request)
    before = request.query.get("before", "")
    page = await operations_of(request).datasets.versions(
        principal,
        dataset.name,
        owner=dataset.owner,
        before=int(before) if before.isdecimal() and len(before) < 10 else None,
    )
    template = "datasets/_versions.html" if "fragment" in request.query else "datasets/versions.html"
    right = await operations_of(request).datasets.right(principal, dataset)
    starred = await starred_of(request, "dataset", [dataset.id])
    return await render(request, template, dataset=dataset, page=page, right=right, tab="versions", starred=starred)


async def diff_page(request: web.Request) -> web.Response:
    """What changed between two versions; links and one form alone choose which, and by which columns."""
    principal = require_principal(request)
    given, datasets = request.query, operations_of(request).datasets
    dataset = await _dataset(request)
    name, owner = dataset.name, dataset.owner
    versions = (await datasets.versions(principal, name, owner=owner, limit=_VERSIONS_TO_CHOOSE)).items
    before, after = whole_number(given.get("from"), at_most=10**9), whole_number(given.get("to"), at_most=10**9)
    key = tuple(given.getall("key", []))
    change = given.get("change", "")
    query = DifferencesQuery(
        before=before,
        after=after,
        key=key if key or "keyed" in given else None,
        change=cast(Change, change) if change in get_args(Change) else "",
        limit=_ROWS_PER_PAGE,
        cursor=given.get("cursor"),
    )
    diff, problem = None, None
    try:
        diff = await operations_of(request).dataset_differences.page(principal, name, query, owner=owner)
    except (InvalidInput, NotFound) as error:
        problem = error
    return await render(
        request,
        "datasets/diff.html",
        200 if problem is None else problem.status,
        dataset=dataset,
        diff=diff,
        problem=problem,
        messages=error_texts(request, problem),
        change=query.change,
        right=await datasets.right(principal, dataset),
        tab="versions",
        starred=await starred_of(request, "dataset", [dataset.id]),
        **_shown_differences(dataset, diff, [version.number for version in versions], query),
    )


def _shown_differences(
    dataset: Dataset, diff: Differences | None, numbers: Sequence[int], query: DifferencesQuery
) -> dict[str, Any]:
    """What the page says of them: columns with what changed stand first, after those that tell the rows."""
    if diff is None:
        known = {number for number in (query.before, query.after) if number is not None}
        return {
            "numbers": sorted(known | set(numbers), reverse=True),
            "before": query.before,
            "after": query.after or dataset.version,
            "shared": [column.name for column in dataset.columns],
            "query": [],
        }
    names, changed = diff.page.names, list(diff.page.cells)
    first = [*diff.key, *changed]
    columns = {column.name: column for version in (diff.before, diff.after) for column in version.columns}
    before, after = diff.before.number, diff.after.number
    return {
        "numbers": sorted({before, after, *numbers}, reverse=True),
        "before": before,
        "after": after,
        "shared": shared_columns(diff.before, diff.after),
        "changed_columns": changed_columns(diff.before, diff.after),
        "columns": columns,
        "order": [names.index(name) for name in [*first, *(name for name in names if name not in first)]],
        "query": [("from", before), ("to", after), ("keyed", 1), *(("key", name) for name in diff.key)],
    }


async def restore_version(request: web.Request) -> web.Response:
    principal = require_principal(request, "write")
    name, owner = named(request)
    await operations_of(request).datasets.restore(principal, name, int(request.match_info["number"]), owner=owner)
    raise web.HTTPSeeOther(f"/datasets/{quote(request.match_info['name'], safe=':')}/versions")


async def delete_dataset(request: web.Request) -> web.Response:
    principal = require_principal(request, "write")
    name, owner = named(request)
    await operations_of(request).datasets.delete(principal, name, owner=owner)
    raise web.HTTPSeeOther("/datasets")


async def _dataset(request: web.Request) -> Dataset:
    """The one in the address."""
    name, owner = named(request)
    return await operations_of(request).datasets.get(require_principal(request), name, owner=owner)


def _needles(query: RowsQuery, columns: Sequence[Column]) -> dict[str, list[str]]:
    """By column, what was looked for in it: its matches are marked."""
    types = types_of(columns)
    needles = {name: [query.q] if query.q else [] for name in types}
    for text in query.filters:
        with suppress(InvalidInput):  # of a column that this version does not have
            name, operator, value = parse_filter(text, types, field="filter")
            if operator == "contains":
                needles[name].append(str(value))
    return needles


def _added_filter(column: str, operator: str, value: str) -> str | None:
    """What the small filter form says, in the syntax of `?filter=`."""
    if not column or operator not in OPERATORS:
        return None
    return f"{column}:null" if operator == "null" else f"{column}:{operator}:{value.strip()}"
