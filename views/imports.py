"""Import pages: the wizard from a file to a dataset, an import while it runs, and the rows it rejected."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from aiohttp import web

from server.auth.permissions import Principal
from server.datasets.dataset import Dataset, suggested_name
from server.datasets.difference import Difference
from server.datasets.file_work import Preview
from server.datasets.rejects_left import RejectsLeft
from server.datasets.schema import COLUMN_TYPES
from server.errors import Conflict, FieldError, Gone, JinduError
from server.http.forms import Form, read_form
from server.http.guards import require_principal
from server.http.parts import operations_of
from server.jobs.job import Job
from server.operations.imports import ImportState, KnownFile
from server.uploads.files import Upload
from views.context import formats_for, render
from views.field_errors import errors_by_field
from views.import_checks import FIELDS_OF_CHECKS, is_about_checks
from views.import_columns import column_errors
from views.import_form import DELIMITERS, ENCODINGS, READING, ColumnChoice, ImportForm
from views.import_marks import card_rows, marked_cells
from views.import_problems import MISTAKE, doubts_by_place, is_doubtful, problems_of

_COLUMN_FIELD = re.compile(r"^options\.columns\[(\d+)\]\.")
_ADDING = ("append", "upsert")
_REJECTS_PER_PAGE = 100
_UPLOADS_PER_PAGE = 30
_SUGGESTED_DATASETS = 500
_MOST_OFFERED = 1_000
_SHOWN_CELLS = 6_000  # a preview of more is slow in the browser; few rows of many columns say enough
_LEAST_ROWS = 5
_WIZARD_BYTES, _WIZARD_FIELDS = 1024 * 1024, 20_000  # of a form with a thousand columns


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """What looking at the file gave: the form brought up to date, and a preview or the reason why there is none."""

    form: ImportForm
    preview: Preview | None = None
    difference: Difference | None = None
    known: KnownFile | None = None  # a file like it, that one might be read like
    problem: JinduError | None = None


async def new_import(request: web.Request) -> web.Response:
    """The wizard; without an upload, a choice of those that have come."""
    principal = require_principal(request, "write")
    upload_id = request.query.get("upload", "")
    if not upload_id:
        return await _choice(request, principal)
    upload = await operations_of(request).imports.upload(principal, upload_id)
    page = "imports/_wizard.html" if "fragment" in request.query else "imports/new.html"
    if not upload.is_whole:
        return await render(
            request, page, upload=upload, form=None, upload_job=await _upload_job(request, principal, upload)
        )
    wanted = upload.metadata.get("dataset") or request.query.get("dataset") or suggested_name(upload.name)
    form = ImportForm(upload_id=upload.id, dataset=wanted)
    look = await _look(request, principal, form)
    if "order" in request.query:
        look = await _look_as_ordered(request, principal, form, request.query["order"])
        existing = await _datasets(request, principal)
        return await render(request, page, **_wizard_values(request, upload, _not_twice(look, existing), existing))
    known = await operations_of(request).imports.known(principal, upload, look.preview) if look.preview else None
    if known is not None and request.query.get("like") == known.dataset:
        look = await _look_like(request, principal, form, known)
    else:
        look = replace(look, known=known)
    existing = await _datasets(request, principal)
    look = _not_twice(look, existing)
    return await render(request, page, **_wizard_values(request, upload, look, existing))


def _not_twice(look: _Look, existing: Sequence[Dataset]) -> _Look:
    """What is there already is replaced rather than created."""
    if look.form.mode != "create" or look.form.dataset not in (dataset.name for dataset in existing):
        return look
    return replace(look, form=replace(look.form, mode="replace"))


async def _choice(request: web.Request, principal: Principal) -> web.Response:
    """All uploads, page by page; those on their way are jobs, and stand among these."""
    cursor = request.query.get("cursor") or None
    found = await operations_of(request).uploaded_files.search(principal, limit=_UPLOADS_PER_PAGE, cursor=cursor)
    return await render(
        request,
        "imports/_choice.html" if "X-Fragment" in request.headers else "imports/choose.html",
        page=found,
        cursor=cursor,
        can_fetch=operations_of(request).fetches.places(principal).any,
    )


async def delete_upload(request: web.Request) -> web.Response:
    principal = require_principal(request, "write")
    await operations_of(request).uploads.delete(principal, request.match_info["id"])
    raise web.HTTPSeeOther("/imports")


async def _wizard_form(request: web.Request) -> Form:
    return await read_form(request, limit_bytes=_WIZARD_BYTES, max_fields=_WIZARD_FIELDS)


async def preview_again(request: web.Request) -> web.Response:
    """The file and its columns once more, read as the form now says; for the wizard's script."""
    principal = require_principal(request, "write")
    form = ImportForm.parse(await _wizard_form(request))
    upload = await operations_of(request).imports.upload(principal, form.upload_id)
    columns: ColumnChoice = "said" if request.query.get("changed") == "columns" else "found"
    look = await _look(request, principal, form, columns=columns)
    if look.preview is not None and columns == "found" and (again := look.form.with_said_of(form)) != look.form:
        look = await _look(request, principal, again, columns="said")
    return await render(request, "imports/_file.html", **_wizard_values(request, upload, look, ()))


async def start_import(request: web.Request) -> web.Response:
    """Start, or show the wizard again with what is wrong at its fields."""
    principal = require_principal(request, "write")
    posted = await _wizard_form(request)
    form = ImportForm.parse(posted)
    upload = await operations_of(request).imports.upload(principal, form.upload_id)
    # Without its script the page cannot tell what a person chose of the columns.
    look = await _look(request, principal, form, columns="said" if "chosen" in posted else "shown")
    problem = look.problem
    if look.preview is not None and problem is None and "again" not in posted:
        try:
            order = look.form.request(look.preview.options, dry_run="check" in posted)
            job = await operations_of(request).imports.start(principal, order)
        except JinduError as error:
            problem = error
        else:
            raise web.HTTPSeeOther(f"/imports/{job.id}")
    existing = await _datasets(request, principal)
    if problem is not None:
        problem = _at_columns(problem)
    values = _wizard_values(request, upload, look, existing) | _problem_values(request, look, problem)
    return await render(request, "imports/new.html", problem.status if problem else 200, **values)


async def import_page(request: web.Request) -> web.Response:
    """One import: live while it runs, then what came of it."""
    principal = require_principal(request)
    state = await operations_of(request).imports.get(principal, request.match_info["job_id"])
    if state.corrects is not None:
        raise web.HTTPSeeOther(f"/imports/{state.corrects}/correct?after={state.job.id}")
    template = "imports/_status.html" if "fragment" in request.query else "imports/detail.html"
    return await render(request, template, state=state, job=state.job, left=await _left(request, principal, state))


async def _left(request: web.Request, principal: Principal, state: ImportState) -> RejectsLeft | None:
    """What of its rejects can be corrected; None where there was nothing, or where nothing can be added any more."""
    if state.version is None or not state.rejected_count:
        return None
    with suppress(Conflict, Gone):
        left = await operations_of(request).rejects.left(principal, state.job.id)
        return left if left.layout.names else None
    return None


async def cancel_import(request: web.Request) -> web.Response:
    principal = require_principal(request, "write")
    state = await operations_of(request).imports.get(principal, request.match_info["job_id"])
    await operations_of(request).jobs.cancel(principal, state.job.id)
    raise web.HTTPSeeOther(f"/imports/{state.job.id}")


async def retry_import(request: web.Request) -> web.Response:
    principal = require_principal(request, "write")
    state = await operations_of(request).imports.get(principal, request.match_info["job_id"])
    await operations_of(request).jobs.retry(principal, state.job.id)
    raise web.HTTPSeeOther(f"/imports/{state.job.id}")


async def import_checked(request: web.Request) -> web.Response:
    """What a check has read, now for good."""
    principal = require_principal(request, "write")
    job = await operations_of(request).imports.start_checked(principal, request.match_info["job_id"])
    raise web.HTTPSeeOther(f"/imports/{job.id}")


async def rejects_page(request: web.Request) -> web.Response:
    """Which rows were left out, filtered by reason."""
    principal = require_principal(request)
    job_id = request.match_info["job_id"]
    code, cursor = request.query.get("code") or None, request.query.get("cursor")
    imports = operations_of(request).imports
    state = await imports.get(principal, job_id)
    page = await operations_of(request).rejects.list(
        principal, job_id, limit=_REJECTS_PER_PAGE, cursor=cursor, code=code
    )
    left = await _left(request, principal, state)
    return await render(request, "imports/rejects.html", state=state, page=page, code=code, cursor=cursor, left=left)


async def _look(
    request: web.Request, principal: Principal, form: ImportForm, *, columns: ColumnChoice = "found"
) -> _Look:
    operations = operations_of(request).imports
    try:
        beside = form.dataset if form.mode in _ADDING else None
        preview = await operations.preview(principal, form.upload_id, form.options_with(columns), beside=beside)
    except JinduError as error:
        if columns != "found" and is_about_checks(error.errors):
            look = await _look(request, principal, form.without_checks(), columns=columns)
            return replace(look, form=look.form.with_checks_of(form), problem=_at_columns(error))
        if columns != "found" and error.specific_code == "columns_do_not_fit":  # the file is read otherwise than before
            return await _look(request, principal, form)
        return _Look(form=form, problem=error)
    after = form.after(preview)
    found = None
    if form.mode in _ADDING:
        left_out = {column.source for column in after.columns if not column.keep}
        kept = [column for column in preview.columns if column.source not in left_out]
        found = await operations.difference(principal, form.dataset, kept)
    return _Look(form=after, preview=preview, difference=found)


async def _look_like(request: web.Request, principal: Principal, form: ImportForm, known: KnownFile) -> _Look:
    """As a file like this one was read before: how, and with what a person said of its columns."""
    look = await _look(request, principal, form.like(known))
    if look.preview is None:
        return look
    return await _look(request, principal, look.form.with_columns_of(known), columns="said")


async def _look_as_ordered(request: web.Request, principal: Principal, form: ImportForm, job_id: str) -> _Look:
    """As another import or check of this file was ordered, to change something of it."""
    order = (await operations_of(request).imports.get(principal, job_id)).order
    if order.upload_id != form.upload_id:
        return await _look(request, principal, form)
    look = await _look(request, principal, form.as_ordered(order))
    if look.preview is None:
        return look
    return await _look(request, principal, look.form.with_columns_ordered(order), columns="said")


async def _datasets(request: web.Request, principal: Principal) -> Sequence[Dataset]:
    page = await operations_of(request).datasets.list(principal, limit=_SUGGESTED_DATASETS)
    return page.items


async def _upload_job(request: web.Request, principal: Principal, upload: Upload) -> Job | None:
    if upload.job_id is None:
        return None
    return await operations_of(request).jobs.get(principal, upload.job_id)


def _wizard_values(request: web.Request, upload: Upload, look: _Look, existing: Sequence[Dataset]) -> dict[str, Any]:
    rows = _shown_rows(look.preview)
    marked = marked_cells(look.form.columns, rows)
    return {
        "upload": upload,
        "form": look.form,
        "reading": {name: look.form.reading.get(name, "") for name in READING},
        "preview": look.preview,
        "difference": look.difference,
        "known": look.known,
        "rows": rows,
        "marked": marked,
        "card_rows": card_rows(len(rows), len(look.form.columns), marked),
        "existing": {dataset.name: dataset.version for dataset in existing},
        "encodings": ENCODINGS,
        "delimiters": DELIMITERS,
        "column_types": COLUMN_TYPES,
        "check_fields": FIELDS_OF_CHECKS,
        "columns_to_refer_to": _columns_to_refer_to(existing),
        "reject_limit": operations_of(request).imports.reject_limit,
        **_problem_values(request, look, look.problem, column_errors(look.form.columns) if look.preview else ()),
    }


def _columns_to_refer_to(existing: Sequence[Dataset]) -> list[str]:
    """Offered while one is typed."""
    names = (f"{dataset.name}.{column.name}" for dataset in existing for column in dataset.columns)
    return list(itertools.islice(names, _MOST_OFFERED))


def _shown_rows(preview: Preview | None) -> Sequence[Sequence[str | None]]:
    if preview is None:
        return ()
    return preview.rows[: max(_LEAST_ROWS, _SHOWN_CELLS // max(1, len(preview.columns)))]


def _at_columns(problem: JinduError) -> JinduError:
    """With what is wrong with a column at that column's fields of the form."""
    problem.errors = tuple(replace(error, field=_COLUMN_FIELD.sub(r"c\1.", error.field)) for error in problem.errors)
    return problem


class _FieldTexts(dict[str, str]):
    """Error texts by field; most fields have none."""

    def __missing__(self, field: str) -> str:
        return ""


def _problem_values(
    request: web.Request, look: _Look, problem: JinduError | None, more: Sequence[FieldError] = ()
) -> dict[str, Any]:
    """`errors` by field, in the reader's language; `problem` is what has no field; `to_look_at` is told in chips."""
    errors = _FieldTexts(errors_by_field(request, problem, more))
    if problem is not None and problem.specific_code == "dataset_exists":
        errors["dataset"] = problem.translated(formats_for(request).gettext)
    to_look_at = problems_of(look.form.columns, look.preview.warnings if look.preview else (), errors)
    return {
        "problem": problem,
        "errors": errors,
        "to_look_at": to_look_at,
        "mistaken": {one.place for one in to_look_at if one.code == MISTAKE},
        "doubts": doubts_by_place(to_look_at, len(look.form.columns)),
        "is_doubtful": is_doubtful(to_look_at) or look.preview is None,
    }
