"""What a file looks like, read as the form of the wizard says."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from aiohttp import web

from server.auth.permissions import Principal
from server.datasets.dataset import Dataset
from server.datasets.difference import Difference
from server.datasets.file_work import Preview
from server.errors import JinduError
from server.http.parts import operations_of
from server.operations.imports import KnownFile
from views.import_checks import is_about_checks
from views.import_form import ColumnChoice, ImportForm
from views.owned import parted

_COLUMN_FIELD = re.compile(r"^options\.columns\[(\d+)\]\.")
_ADDING = ("append", "upsert")


@dataclass(frozen=True, slots=True, kw_only=True)
class LookAtFile:
    """What looking at the file gave: the form brought up to date, and a preview or the reason why there is none."""

    form: ImportForm
    preview: Preview | None = None
    difference: Difference | None = None
    known: KnownFile | None = None  # a file like it, that one might be read like
    problem: JinduError | None = None


def not_twice(look: LookAtFile, existing: Sequence[Dataset]) -> LookAtFile:
    """What is there already is replaced rather than created."""
    if look.form.mode != "create" or look.form.dataset not in (dataset.name for dataset in existing):
        return look
    return replace(look, form=replace(look.form, mode="replace"))


async def look_at(
    request: web.Request, principal: Principal, form: ImportForm, *, columns: ColumnChoice = "found"
) -> LookAtFile:
    operations = operations_of(request).imports
    try:
        name, owner = parted(form.dataset)
        beside = name if form.mode in _ADDING else None
        options = form.options_with(columns)
        preview = await operations.preview(principal, form.upload_id, options, beside=beside, owner=owner)
    except JinduError as error:
        if columns != "found" and is_about_checks(error.errors):
            look = await look_at(request, principal, form.without_checks(), columns=columns)
            return replace(look, form=look.form.with_checks_of(form), problem=_at_columns(error))
        if columns != "found" and error.specific_code == "columns_do_not_fit":  # the file is read otherwise than before
            return await look_at(request, principal, form)
        return LookAtFile(form=form, problem=error)
    after = form.after(preview)
    found = None
    if form.mode in _ADDING:
        left_out = {column.source for column in after.columns if not column.keep}
        kept = [column for column in preview.columns if column.source not in left_out]
        found = await operations.difference(principal, name, kept, owner=owner)
    return LookAtFile(form=after, preview=preview, difference=found)


async def look_like(request: web.Request, principal: Principal, form: ImportForm, known: KnownFile) -> LookAtFile:
    """As a file like this one was read before: how, and with what a person said of its columns."""
    look = await look_at(request, principal, form.like(known))
    if look.preview is None:
        return look
    return await look_at(request, principal, look.form.with_columns_of(known), columns="said")


async def look_as_ordered(request: web.Request, principal: Principal, form: ImportForm, job_id: str) -> LookAtFile:
    """As another import or check of this file was ordered, to change something of it."""
    order = (await operations_of(request).imports.get(principal, job_id)).order
    if order.upload_id != form.upload_id:
        return await look_at(request, principal, form)
    look = await look_at(request, principal, form.as_ordered(order))
    if look.preview is None:
        return look
    return await look_at(request, principal, look.form.with_columns_ordered(order), columns="said")


def _at_columns(problem: JinduError) -> JinduError:
    """With what is wrong with a column at that column's fields of the form."""
    problem.errors = tuple(replace(error, field=_COLUMN_FIELD.sub(r"c\1.", error.field)) for error in problem.errors)
    return problem
