"""`/api/v1/templates`: template sources, checked before they are stored, and previews of what they make."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from aiohttp import web

from server.auth.permissions import Principal
from server.errors import InvalidInput, MalformedRequest, UnsupportedMedia
from server.http.endpoint import Call, Endpoint, NoQuery, encoded
from server.http.files import content_disposition
from server.http.made_files import send_made_file
from server.http.values import AnyName, DatasetName, LanguageTag, TemplateName, line
from server.operations.template_previews import PreviewOrder, ReportPreview
from server.reports.summary import Check, ParameterSummary
from server.reports.template_store import StoredTemplate
from server.reports.work import FileFormat
from views.api.owners import Owner, OwnerQuery, OwnersPage, owner_for, whose_of
from views.api.reports import FILE_TYPES, file_headers
from views.api.template_items import (
    Issue,
    SavedTemplate,
    TemplateList,
    TemplateStart,
    issue_of,
    start_of,
    template_info,
    template_links,
)
from views.context import language_of

_Note = Annotated[str, line(200)]
_MAX_SOURCE_BYTES = 512 * 1024
_YAML = "application/yaml"
_TEMPLATE = {"type": "object", "required": ["title", "blocks"]}  # the rest is in the guide to templates
_YAML_TYPES = (_YAML, "application/x-yaml", "text/yaml", "text/plain", "application/octet-stream")


class CheckAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """`errors` keep a template from being stored, `warnings` do not.

    `queries` are the columns of each query; empty while there are errors, without those whose columns come from data.
    """

    errors: list[Issue]
    warnings: list[Issue]
    title: str
    parameters: list[ParameterSummary]
    datasets: list[str]
    queries: dict[str, list[str]]


class PreviewRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters with `each` that are left out take their first value; `source` is tried instead of what is stored."""

    parameters: dict[str, Any] = {}
    format: FileFormat = "html"
    source: str | None = None


class StartRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`name` is what the template shall be called (else as the dataset), `language` what it says things in (else
    yours). `each`: a column, for one report for each of its values. `owner`: whose dataset it is, when it is shared
    with you."""

    dataset: DatasetName
    owner: Owner | None = None
    name: TemplateName | None = None
    language: LanguageTag | None = None
    each: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] | None = None


class VersionQuery(OwnerQuery, frozen=True, kw_only=True):
    """`version`: an older one instead of the newest. `owner`: the name of the user whose it is."""

    version: Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)] | None = None


class SaveQuery(OwnerQuery, frozen=True, kw_only=True):
    """`note`: what this version changes, for its list of versions. `owner`: whose template gets it, when it is
    another's that you may edit.
    """

    note: _Note = ""


async def list_templates(call: Call[None, OwnersPage]) -> TemplateList:
    page = await call.operations.templates.list(
        call.principal,
        owner=call.query.owner,
        whose=whose_of(call.query.whose),
        q=call.query.q or "",
        limit=call.query.limit,
        cursor=call.query.cursor,
    )
    pictured = await call.operations.first_pages.newest(call.principal, [item.stored.id for item in page.items])
    items = [template_info(call.principal, item, pictured.get(item.stored.id)) for item in page.items]
    return TemplateList(items=items, total=page.total, next_cursor=page.next_cursor)


async def get_template(call: Call[None, VersionQuery]) -> web.Response:
    stored = await call.operations.templates.get(
        call.principal, call.path["name"], owner=call.query.owner, version=call.query.version
    )
    headers = {
        "ETag": f'"{stored.version}"',
        "Content-Disposition": content_disposition("inline", f"{stored.name}.yaml"),
    }
    known = call.request.if_none_match
    if known and any(tag.value in (str(stored.version), "*") for tag in known):
        return web.Response(status=304, headers=headers)
    return web.Response(text=stored.source, content_type=_YAML, charset="utf-8", headers=headers)


async def put_template(call: Call[bytes, SaveQuery]) -> web.Response:
    none_match = call.request.if_none_match
    stored, check = await call.operations.templates.save(
        call.principal,
        call.path["name"],
        _source(call.request, call.body),
        if_match=if_match(call.request),
        must_be_new=bool(none_match and any(tag.value == "*" for tag in none_match)),
        note=call.query.note.strip(),
        owner=call.query.owner,
    )
    return saved_answer(call.principal, stored, _issues(check, "warning"), status=201 if stored.version == 1 else 200)


async def delete_template(call: Call[None, OwnerQuery]) -> None:
    await call.operations.templates.delete(
        call.principal, call.path["name"], if_match=if_match(call.request), owner=call.query.owner
    )


def saved_answer(reader: Principal, stored: StoredTemplate, issues: list[Issue], *, status: int) -> web.Response:
    links = template_links(stored.name, owner_for(reader, stored.owner_id, stored.owner))
    saved = SavedTemplate(name=stored.name, title=stored.title, version=stored.version, warnings=issues, links=links)
    headers = {"ETag": f'"{stored.version}"', "Location": links["self"]}
    return encoded(saved, status=status, headers=headers)


async def start_template(call: Call[StartRequest, NoQuery]) -> TemplateStart:
    started = await call.operations.template_starts.start(
        call.principal,
        call.body.dataset,
        owner=call.body.owner,
        name=call.body.name or "",
        language=call.body.language or language_of(call.request),
        each=call.body.each or "",
    )
    return start_of(started)


async def check_template(call: Call[bytes, NoQuery]) -> CheckAnswer:
    check = await call.operations.templates.check(call.principal, _source(call.request, call.body))
    return CheckAnswer(
        errors=_issues(check, "error"),
        warnings=_issues(check, "warning"),
        title=check.summary.title,
        parameters=check.summary.parameters,
        datasets=check.summary.datasets,
        queries=check.queries,
    )


async def preview_template(call: Call[PreviewRequest, OwnerQuery]) -> web.StreamResponse:
    order = PreviewOrder(
        name=call.path["name"],
        owner=call.query.owner,
        source=call.body.source,
        parameters=call.body.parameters,
        format=call.body.format,
        language=language_of(call.request),
    )
    return await send_preview(call.request, await call.operations.template_previews.make(call.principal, order))


async def send_preview(request: web.Request, preview: ReportPreview) -> web.StreamResponse:
    """It is true only now, so nobody may keep it."""
    headers = file_headers(preview.format) | {"Cache-Control": "no-store"}
    return await send_made_file(request, preview.file, disposition="inline", headers=headers)


def _source(request: web.Request, body: bytes) -> str:
    if request.content_type not in _YAML_TYPES:
        raise UnsupportedMedia("Send the template's source as application/yaml.")
    try:
        return body.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise MalformedRequest("The template is not UTF-8 text.") from error


def if_match(request: web.Request) -> str | None:
    """The version the caller has read; None when they do not say."""
    tags = request.if_match
    if tags is None:
        return None
    if len(tags) != 1:
        raise InvalidInput("If-Match must hold one entity tag, as it was in the answer of GET.")
    return tags[0].value


def _issues(check: Check, severity: str) -> list[Issue]:
    return [issue_of(issue) for issue in check.issues if issue.severity == severity]


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/templates",
        name="api_templates",
        handler=list_templates,
        summary="Your report templates and those that others share with you, by name",
        query=OwnersPage,
        answer=TemplateList,
    ),
    Endpoint(
        method="POST",
        path="/templates/from-dataset",
        name="api_template_start",
        handler=start_template,
        summary="A first template for a dataset, from its columns and statistics; nothing is stored",
        body=StartRequest,
        answer=TemplateStart,
        errors=(404, 422),
    ),
    Endpoint(
        method="GET",
        path="/templates/{name}",
        places={"name": TemplateName},
        name="api_template",
        handler=get_template,
        summary="A template's source; its ETag is the version",
        query=VersionQuery,
        answer=bytes,
        answer_type=_YAML,
        other_statuses=(304,),
        errors=(404,),
    ),
    Endpoint(
        method="PUT",
        path="/templates/{name}",
        places={"name": TemplateName},
        name="api_template_put",
        handler=put_template,
        summary="Store a template; a wrong one is refused with line and column",
        access="write",
        query=SaveQuery,
        body=bytes,
        body_type=_YAML,
        max_body_bytes=_MAX_SOURCE_BYTES,
        body_schema=_TEMPLATE,
        answer=SavedTemplate,
        other_statuses=(201,),
        errors=(404, 412, 415, 422),
    ),
    Endpoint(
        method="DELETE",
        path="/templates/{name}",
        places={"name": TemplateName},
        name="api_template_delete",
        handler=delete_template,
        summary="Delete a template with all versions; reports made with it stay",
        access="write",
        query=OwnerQuery,
        status=204,
        errors=(404, 412),
    ),
    Endpoint(
        method="POST",
        path="/templates/{name}/check",
        places={"name": AnyName},
        name="api_template_check",
        handler=check_template,
        summary="Check a source without storing it",
        body=bytes,
        body_type=_YAML,
        max_body_bytes=_MAX_SOURCE_BYTES,
        body_required=False,
        answer=CheckAnswer,
        errors=(415,),
    ),
    Endpoint(
        method="POST",
        path="/templates/{name}/preview",
        places={"name": AnyName},
        name="api_template_preview",
        handler=preview_template,
        summary="One report with your data, which nobody keeps",
        query=OwnerQuery,
        body=PreviewRequest,
        answer=bytes,
        answer_type=FILE_TYPES,
        errors=(404, 422),
    ),
]
