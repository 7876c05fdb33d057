"""What a dataset is called and said to be, and what of its columns: the page that changes it."""

from __future__ import annotations

import msgspec
from aiohttp import web

from server.datasets.dataset import MOST_DECIMALS, ColumnNote, Dataset, DatasetChange, tags_in
from server.errors import Conflict, FieldError, InvalidInput, JinduError, PreconditionFailed
from server.http.forms import Form, read_form
from server.http.guards import require_principal
from server.http.parts import operations_of
from server.numerals import whole_number
from server.operations.datasets import entity_tag
from views.context import render
from views.field_errors import errors_by_field
from views.looks import starred_of
from views.owned import named, path_of
from views.sharing import share_panel

_DESCRIPTION_CHARACTERS = 4000
_SETTINGS_BYTES = 4 * 1024 * 1024  # a note on each of a thousand columns
_SETTINGS_FIELDS = 10_000


async def settings_page(request: web.Request) -> web.Response:
    principal = require_principal(request)
    name, owner = named(request)
    dataset = await operations_of(request).datasets.get(principal, name, owner=owner)
    said = DatasetChange(
        name=dataset.name, description=dataset.description, tags=dataset.tags, column_notes=dataset.column_notes
    )
    return await _settings(request, dataset, said)


async def change_dataset(request: web.Request) -> web.Response:
    """What cannot be saved stays in the form, with what is wrong beside it."""
    principal = require_principal(request, "write")
    name, owner = named(request)
    posted = await read_form(request, limit_bytes=_SETTINGS_BYTES, max_fields=_SETTINGS_FIELDS)
    wanted, wrong = _wanted_change(posted)
    problem: JinduError | None = InvalidInput(errors=wrong) if wrong else None
    datasets = operations_of(request).datasets
    if problem is None:
        try:
            changed = await datasets.change(principal, name, wanted, owner=owner, expected=posted.get("etag"))
        except (InvalidInput, Conflict) as error:
            problem = error
        else:
            raise web.HTTPSeeOther(f"/datasets/{path_of(principal, changed)}/settings?saved")
    return await _settings(request, await datasets.get(principal, name, owner=owner), wanted, problem)


async def _settings(
    request: web.Request, dataset: Dataset, said: DatasetChange, problem: JinduError | None = None
) -> web.Response:
    datasets, principal = operations_of(request).datasets, require_principal(request)
    problems = errors_by_field(request, problem)
    if isinstance(problem, Conflict) and not isinstance(problem, PreconditionFailed):
        problems["name"] = problems.pop("")  # it is taken
    return await render(
        request,
        "datasets/settings.html",
        200 if problem is None else problem.status,
        dataset=dataset,
        said=said,
        etag=entity_tag(dataset),
        problems=problems,
        uses=await datasets.uses(principal, dataset.name, owner=dataset.owner),
        loss=await datasets.loss(principal, dataset.name, owner=dataset.owner),
        right=await datasets.right(principal, dataset),
        **await share_panel(request, "dataset", dataset.name, dataset.owner),
        is_saved="saved" in request.query and problem is None,
        most_decimals=MOST_DECIMALS,
        tab="settings",
        starred=await starred_of(request, "dataset", [dataset.id]),
    )


def _wanted_change(posted: Form) -> tuple[DatasetChange, list[FieldError]]:
    """What a form says, as the API takes it, and what it cannot say. What is not in the form stays as it is."""
    wrong: list[FieldError] = []
    description = posted["description"].strip().replace("\r\n", "\n") if "description" in posted else None
    if description is not None and len(description) > _DESCRIPTION_CHARACTERS:
        message = "A description has at most {limit} characters."
        told: dict[str, object] = {"limit": _DESCRIPTION_CHARACTERS}
        wrong.append(FieldError(field="description", message=message, parameters=told))
    notes: dict[str, ColumnNote] = {}
    told_of = [posted.all(name) for name in ("column", "column_description", "column_unit", "column_decimals")]
    for column, *words in zip(*told_of, strict=False):
        text, unit, decimals = (word.strip() for word in words)
        note = {"description": text, "unit": unit, "decimals": whole_number(decimals, at_most=MOST_DECIMALS)}
        try:
            notes[column] = msgspec.convert(note, ColumnNote)
        except msgspec.ValidationError:
            message = "A column's description has at most 1,000 characters, its unit at most 20."
            wrong.append(FieldError(field=f"column_notes.{column}", message=message))
            notes[column] = ColumnNote(**note)
    change = DatasetChange(
        name=posted["name"].strip() if "name" in posted else None,
        description=description,
        tags=tags_in(posted["tags"]) if "tags" in posted else None,
        column_notes=notes,
    )
    return change, wrong
