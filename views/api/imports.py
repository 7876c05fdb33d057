"""`/api/v1/imports` and previews of uploads: from a file that has come to a dataset, and what was left out."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from aiohttp import web

from server.datasets.difference import Difference
from server.datasets.file_work import Preview
from server.datasets.import_orders import ImportOrder, ImportRequest, ImportState
from server.datasets.schema import MOST_DELIMITER, ReadOptions
from server.http.based_requests import outside
from server.http.endpoint import Call, Endpoint, NoQuery, encoded
from server.jobs.job import Job
from server.operations.imports import KnownFile
from views.api.datasets import dataset_links
from views.api.owners import Owner
from views.context import formats_for, language_of
from views.formats import ReaderFormats


class PreviewTarget(msgspec.Struct, frozen=True, kw_only=True):
    """`dataset`: one of yours, or of `owner` that you may edit, to be told how the file differs from it."""

    owner: Owner | None = None
    dataset: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] | None = None


class PreviewQuery(PreviewTarget, frozen=True, kw_only=True):
    """What you know better than the detection; the same names as in `options`."""

    encoding: str | None = None
    delimiter: Annotated[str, msgspec.Meta(min_length=1, max_length=MOST_DELIMITER)] | None = None
    quote: Annotated[str, msgspec.Meta(max_length=1)] | None = None
    header: bool | None = None
    sheet: str | None = None
    member: str | None = None
    skip_rows: Annotated[int, msgspec.Meta(ge=0, le=1000)] | None = None
    pad_short_rows: bool | None = None
    leave_out_totals: bool | None = None

    @property
    def options(self) -> ReadOptions:
        names = (name for name in self.__struct_fields__ if name not in ("dataset", "owner"))
        return ReadOptions(**{name: getattr(self, name) for name in names})


class FilePreview(Preview, frozen=True, kw_only=True):
    """`difference`: from the dataset that was named, if there is one. `known`: how a file like it was read before."""

    difference: Difference | None = None
    known: KnownFile | None = None


class ImportStarted(msgspec.Struct, frozen=True, kw_only=True):
    """The work has begun: follow the job, then look at the dataset."""

    job_id: str
    kind: str
    links: dict[str, str]


async def preview_upload(call: Call[None, PreviewQuery]) -> web.Response:
    return await _preview(call, call.query.options, call.query)


async def preview_upload_again(call: Call[ReadOptions, PreviewTarget]) -> web.Response:
    return await _preview(call, call.body, call.query)


async def start_import(call: Call[ImportRequest, NoQuery]) -> web.Response:
    job = await call.operations.imports.start(
        call.principal, call.body, idempotency_key=call.request.headers.get("Idempotency-Key")
    )
    return started(job)


async def import_checked(call: Call[None, NoQuery]) -> web.Response:
    job = await call.operations.imports.start_checked(
        call.principal, call.path["job_id"], idempotency_key=call.request.headers.get("Idempotency-Key")
    )
    return started(job)


async def check_import(call: Call[ImportOrder, NoQuery]) -> None:
    await call.operations.imports.check(call.principal, call.body)


async def get_import(call: Call[None, NoQuery]) -> dict[str, Any]:
    state = await call.operations.imports.get(call.principal, call.path["job_id"])
    fields = call.parts.job_fields(state.job, language_of(call.request), call.principal.user_id)
    described_job: dict[str, Any] = msgspec.to_builtins(fields)
    formats = formats_for(call.request)
    warnings = [{"code": each["code"], "message": formats.warning_text(each)} for each in state.warnings]
    return described_job | _described(state) | {"warnings": warnings}


def started(job: Job) -> web.Response:
    links = import_links(job.id) | {"job": outside(f"/api/v1/jobs/{job.id}")}
    answer = ImportStarted(job_id=job.id, kind=job.kind, links=links)
    return encoded(answer, status=202, headers={"Location": links["self"]})


def import_links(job_id: str) -> dict[str, str]:
    base = outside(f"/api/v1/imports/{job_id}")
    return {"self": base, "import": base, "rejects": f"{base}/rejects", "page": outside(f"/imports/{job_id}")}


async def _preview(call: Call[Any, Any], options: ReadOptions, target: PreviewTarget) -> web.Response:
    imports, dataset, owner = call.operations.imports, target.dataset, target.owner
    preview = await imports.preview(call.principal, call.path["id"], options, beside=dataset, owner=owner)
    found = None
    if dataset is not None:
        found = await imports.difference(call.principal, dataset, preview.columns, owner=owner)
    known = await imports.known(call.principal, await imports.upload(call.principal, call.path["id"]), preview)
    fields = preview_fields(preview, formats_for(call.request))
    return encoded(fields | {"difference": found, "known": known})


def preview_fields(preview: Preview, formats: ReaderFormats) -> dict[str, Any]:
    """The preview with its warnings as texts in the reader's language."""
    fields: dict[str, Any] = msgspec.to_builtins(preview)
    for warning in fields["warnings"]:
        warning["message"] = formats.error_text(warning)
    return fields


def _described(state: ImportState) -> dict[str, Any]:
    links = import_links(state.job.id) | {"job": outside(f"/api/v1/jobs/{state.job.id}")}
    version = state.version
    if version is not None:
        links |= {
            "dataset": dataset_links(version.dataset, state.owner_id)["self"],
            "version": dataset_links(version.dataset, state.owner_id)["versions"],
        }
    return {
        "upload_id": state.upload_id,
        "dataset": state.dataset,
        "mode": state.mode,
        "dry_run": state.is_check,
        "version": version.number if version else None,
        "row_count": version.row_count if version else None,
        "rejected_count": state.rejected_count,
        "named": state.named,
        "links": links,
    }


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/uploads/{id}/preview",
        name="api_upload_preview",
        handler=preview_upload,
        summary="What the file looks like: format, encoding, columns with inferred types, first rows",
        query=PreviewQuery,
        answer=FilePreview,
        errors=(404, 409, 422),
    ),
    Endpoint(
        method="POST",
        path="/uploads/{id}/preview",
        name="api_upload_preview_again",
        handler=preview_upload_again,
        summary="The same, read with corrected options",
        body=ReadOptions,
        query=PreviewTarget,
        answer=FilePreview,
        errors=(404, 409, 422),
    ),
    Endpoint(
        method="POST",
        path="/imports",
        name="api_start_import",
        handler=start_import,
        summary="Import an uploaded file into a dataset, or with `dry_run` read all of it to say what that would do",
        access="write",
        body=ImportRequest,
        answer=ImportStarted,
        status=202,
        errors=(404, 409, 422),
    ),
    Endpoint(
        method="POST",
        path="/imports/check",
        name="api_check_import",
        handler=check_import,
        summary="Whether such an import would begin, before anything is uploaded; for the file itself, see `dry_run`",
        access="write",
        body=ImportOrder,
        status=204,
        errors=(409, 422),
    ),
    Endpoint(
        method="POST",
        path="/imports/{job_id}/import",
        name="api_import_checked",
        handler=import_checked,
        summary="Import now what a dry run has read, in the same way",
        access="write",
        answer=ImportStarted,
        status=202,
        errors=(404, 409, 422),
    ),
    Endpoint(
        method="GET",
        path="/imports/{job_id}",
        name="api_import",
        handler=get_import,
        summary="An import: its job, counts, and links to the dataset and the rejects",
        answer=dict[str, Any],
        errors=(404,),
    ),
]
