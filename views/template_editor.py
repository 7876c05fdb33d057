"""The editor of report templates: its page, and what it completes and offers."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from aiohttp import web

from server.auth.access import Right, Whose
from server.http.forms import read_form
from server.http.guards import require_principal
from server.http.parts import operations_of
from server.http.response_headers import policy_with_styles
from server.reports.summary import Sample
from server.reports.template_issues import Severity
from server.reports.template_store import StoredTemplate
from server.texts import told
from views.context import formats_for, render
from views.owned import named, parted

_FORM_BYTES = 1024 * 1024
_TEMPLATES_OFFERED = 200
_FORM_ICONS = [
    "arrow-down", "arrow-up", "chevron-down", "circle-alert", "code", "copy", "database", "file-text", "plus",
    "sliders-horizontal", "trash-2", "x",
]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class _Start:
    """A dataset, the column of whose values each has a report (if any), and columns that could be."""

    dataset: str
    each: str
    offered: Sequence[str]


async def new_template_page(request: web.Request) -> web.Response:
    principal = require_principal(request, "write")
    if dataset := request.query.get("dataset"):
        starts = operations_of(request).template_starts
        each = request.query.get("each", "")
        name, owner = parted(dataset)
        started = await starts.start(principal, name, owner=owner, language=formats_for(request).language, each=each)
        start = _Start(dataset=dataset, each=each, offered=started.each)
        return await _editor(request, source=started.source, suggested_name=started.name, start=start)
    samples = await operations_of(request).templates.samples(principal)
    chosen = next((sample for sample in samples if sample.name == request.query.get("sample")), None)
    if chosen is None:
        return await _editor(request, source=_first_source(formats_for(request).gettext), samples=samples)
    return await _editor(request, source=chosen.source, samples=samples, chosen=chosen.name, suggested_name=chosen.name)


def _first_source(gettext: Callable[[str], str]) -> str:
    """Something that works, to be written over."""
    title, greeting = gettext("My report"), gettext("Hello")
    text = gettext("Write **Markdown** here. Figures come from queries:")
    return f"""\
title: "{title}"
description: {gettext("What it is about")}
formats: [html, pdf, xlsx]
queries:
  rows: select '{greeting}' as greeting, 42 as answer
blocks:
  - heading: "{title}"
  - text: |
      {text} {{{{ rows.answer }}}}.
  - table: {{query: rows}}
"""


async def edit_template_page(request: web.Request) -> web.Response:
    principal = require_principal(request, "write")
    operations = operations_of(request).templates
    name, owner = named(request)
    stored = await operations.get(principal, name, owner=owner, right=Right.EDIT)
    wanted = request.query.get("version", "")
    shown = stored
    if wanted.isdecimal() and len(wanted) < 10:
        shown = await operations.get(principal, stored.name, owner=stored.owner, version=int(wanted))
    return await _editor(
        request,
        stored=stored,
        source=shown.source,
        etag=f'"{stored.version}"',
        old_version=shown.version if shown.version != stored.version else None,
    )


async def _editor(
    request: web.Request,
    *,
    source: str,
    stored: StoredTemplate | None = None,
    etag: str = "",
    old_version: int | None = None,
    samples: Sequence[Sample] = (),
    chosen: str = "",
    suggested_name: str = "",
    start: _Start | None = None,
) -> web.Response:
    """`start`: from what the source was made just now."""
    nonce = secrets.token_urlsafe(16)
    schema = await operations_of(request).templates.vocabulary(require_principal(request))
    response = await render(
        request,
        "templates/edit.html",
        stored=stored,
        source=source,
        etag=etag,
        old_version=old_version,
        samples=samples,
        chosen=chosen,
        suggested_name=suggested_name,
        start=start,
        style_nonce=nonce,
        form_icons=_FORM_ICONS + [block.icon for block in schema.blocks],
    )
    response.headers["Content-Security-Policy"] = policy_with_styles(nonce)
    return response


async def template_vocabulary(request: web.Request) -> web.Response:
    """What can be written in a template, in the reader's language, and the columns of the reader's datasets."""
    principal = require_principal(request, "write")
    schema = await operations_of(request).templates.vocabulary(principal)
    types = await operations_of(request).queries.types(principal)
    datasets = {name: list(columns) for name, columns in types.items()}
    words = msgspec.to_builtins(schema.translated(formats_for(request).gettext))
    told = {"datasets": datasets, "types": types, **words}
    page = await operations_of(request).templates.list(principal, whose=Whose.MINE, limit=_TEMPLATES_OFFERED)
    names = [item.stored.name for item in page.items]
    told["shapes"]["block include"]["include"] |= {"type": "choice", "options": names}
    return web.Response(body=msgspec.json.encode(told), content_type="application/json")


async def _owner_id(request: web.Request, key: str) -> str | None:
    """Whose template is being written, where it is another's: what it includes is theirs."""
    name, owner = parted(key)
    if owner is None:
        return None
    stored = await operations_of(request).templates.get(require_principal(request), name, owner=owner)
    return stored.owner_id


async def check_text(request: web.Request) -> web.Response:
    """As the API's check of a template, in the reader's language."""
    principal = require_principal(request)
    form = await read_form(request, limit_bytes=_FORM_BYTES)
    owner_id = await _owner_id(request, form.get("template", ""))
    source = form.get("source", "").replace("\r\n", "\n")
    check = await operations_of(request).templates.check(principal, source, owner_id=owner_id)
    gettext = formats_for(request).gettext
    told_issues: dict[Severity, list[dict[str, Any]]] = {"error": [], "warning": []}
    for issue in check.issues:
        message = told(issue.message, issue.parameters, gettext)
        told_issues[issue.severity].append({"line": issue.line, "column": issue.column, "message": message})
    found = {
        "errors": told_issues["error"],
        "warnings": told_issues["warning"],
        "queries": check.queries,
        "parameters": [
            {"name": each.name, "label": each.label, "type": each.type} for each in check.summary.parameters
        ],
    }
    return web.Response(body=msgspec.json.encode(found), content_type="application/json")
