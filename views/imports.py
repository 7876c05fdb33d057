"""Import pages: the wizard from a file to a dataset, an import while it runs, and the rows it rejected."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from aiohttp import web

from server.auth.access import Whose
from server.auth.permissions import Principal
from server.datasets.dataset import Dataset, suggested_name
from server.datasets.import_orders import ImportState
from server.datasets.rejects_left import RejectsLeft
from server.errors import Conflict, Gone, JinduError
from server.http.forms import Form, read_form
from server.http.guards import require_principal
from server.http.parts import operations_of
from server.jobs.job import Job
from server.uploads.files import Upload
from views.context import render
from views.import_form import ColumnChoice, ImportForm
from views.import_look import _at_columns, look_as_ordered, look_at, look_like, not_twice
from views.import_wizard import problem_values, wizard_values
from views.job_page import job_values

_REJECTS_PER_PAGE = 100
_UPLOADS_PER_PAGE = 30
_SUGGESTED_DATASETS = 500
_WIZARD_BYTES, _WIZARD_FIELDS = 1024 * 1024, 20_000  # of a form with a thousand columns


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
    look = await look_at(request, principal, form)
    if "order" in request.query:
        look = await look_as_ordered(request, principal, form, request.query["order"])
        existing = await _datasets(request, principal)
        return await render(request, page, **wizard_values(request, upload, not_twice(look, existing), existing))
    known = await operations_of(request).imports.known(principal, upload, look.preview) if look.preview else None
    if known is not None and request.query.get("like") == known.dataset:
        look = await look_like(request, principal, form, known)
    else:
        look = replace(look, known=known)
    existing = await _datasets(request, principal)
    look = not_twice(look, existing)
    return await render(request, page, **wizard_values(request, upload, look, existing))


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
    look = await look_at(request, principal, form, columns=columns)
    if look.preview is not None and columns == "found" and (again := look.form.with_said_of(form)) != look.form:
        look = await look_at(request, principal, again, columns="said")
    return await render(request, "imports/_file.html", **wizard_values(request, upload, look, ()))


async def start_import(request: web.Request) -> web.Response:
    """Start, or show the wizard again with what is wrong at its fields."""
    principal = require_principal(request, "write")
    posted = await _wizard_form(request)
    form = ImportForm.parse(posted)
    upload = await operations_of(request).imports.upload(principal, form.upload_id)
    # Without its script the page cannot tell what a person chose of the columns.
    look = await look_at(request, principal, form, columns="said" if "chosen" in posted else "shown")
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
    values = wizard_values(request, upload, look, existing) | problem_values(request, look, problem)
    return await render(request, "imports/new.html", problem.status if problem else 200, **values)


async def import_page(request: web.Request) -> web.Response:
    """One import: live while it runs, then what came of it."""
    principal = require_principal(request)
    state = await operations_of(request).imports.get(principal, request.match_info["job_id"])
    if state.corrects is not None:
        raise web.HTTPSeeOther(f"/imports/{state.corrects}/correct?after={state.job.id}")
    template = "imports/_status.html" if "fragment" in request.query else "imports/detail.html"
    is_mine = principal.may_see(state.job.owner_id)  # else it went into a dataset that they may edit
    values = await job_values(request, principal, state.job) if is_mine else {"job": state.job}
    left = await _left(request, principal, state)
    return await render(request, template, **values, state=state, left=left, is_mine=is_mine)


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


async def _datasets(request: web.Request, principal: Principal) -> Sequence[Dataset]:
    page = await operations_of(request).datasets.list(principal, whose=Whose.MINE, limit=_SUGGESTED_DATASETS)
    return page.items


async def _upload_job(request: web.Request, principal: Principal, upload: Upload) -> Job | None:
    if upload.job_id is None:
        return None
    return await operations_of(request).jobs.get(principal, upload.job_id)
