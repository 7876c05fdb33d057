"""`/api/v1/templates/{name}/versions` and `/diff`: every version of a template, and what differs between two."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from urllib.parse import quote

import msgspec
from aiohttp import web

from server.errors import NotFound
from server.http.based_requests import outside
from server.http.endpoint import Call, Endpoint, ShortPage
from server.http.short_lists import cut
from server.http.values import TemplateName
from server.reports.source_changes import RowKind, SourceChanges
from server.reports.template_store import TemplateVersion
from server.storage.pages import Listing
from views.api.owners import Owner, OwnerQuery, of_owner
from views.api.template_items import SavedTemplate, issue_of, template_links
from views.api.templates import if_match, saved_answer

_VersionNumber = Annotated[int, msgspec.Meta(ge=1, le=999_999_999)]
_PLACES = {"name": TemplateName, "number": _VersionNumber}


class TemplateVersionItem(msgspec.Struct, frozen=True, kw_only=True):
    """That a template was saved, and by whom (null: that user is gone).

    `lines_added` and `lines_removed` count to the version before; null for versions that nobody counted. `note` is
    what its author said of it, `restored_from` the older version that it brought back.
    """

    number: int
    created_at: datetime
    saved_by: str | None
    note: str
    lines_added: int | None
    lines_removed: int | None
    restored_from: int | None
    links: dict[str, str]


class TemplateVersionList(Listing[TemplateVersionItem], frozen=True, kw_only=True):
    pass


class TemplateVersionSource(TemplateVersionItem, frozen=True, kw_only=True):
    source: str


class VersionsPage(ShortPage, frozen=True, kw_only=True):
    """`owner`: the name of the user whose template it is. All of it comes, unless `limit` asks for less."""

    owner: Owner | None = None


class TemplateDiffQuery(OwnerQuery, frozen=True, kw_only=True, rename={"from_": "from"}):
    """`to` is the newest version, `from` the one before it, unless you name others.

    With `whole=true` every line is answered, not only those near a change.
    """

    from_: _VersionNumber | None = None
    to: _VersionNumber | None = None
    whole: bool = False


class TemplateDiffLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line before and after: `before` is null where it was added, `after` where it was removed."""

    change: RowKind
    line_before: int | None
    line_after: int | None
    before: str | None
    after: str | None


class TemplateDiff(msgspec.Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """`hunks` are changes with the lines around them. `rows_left` lines did not fit into this answer."""

    from_: int
    to: int
    added: int
    removed: int
    hunks: list[list[TemplateDiffLine]]
    rows_left: int


async def list_versions(call: Call[None, VersionsPage]) -> TemplateVersionList:
    name, owner = call.path["name"], call.query.owner
    versions = await call.operations.template_versions.list(call.principal, name, owner=owner)
    page = cut(versions, call.query, lambda version: f"{version.number} {version.saved_by or ''} {version.note}")
    return TemplateVersionList(
        items=[_item(name, version, owner) for version in page.items], next_cursor=page.next_cursor, total=page.total
    )


async def get_version(call: Call[None, OwnerQuery]) -> TemplateVersionSource:
    name, owner = call.path["name"], call.query.owner
    stored, version = await call.operations.template_versions.get(call.principal, name, _number(call), owner=owner)
    item = _item(name, version, owner)
    return TemplateVersionSource(**msgspec.structs.asdict(item), source=stored.source)


async def diff_versions(call: Call[None, TemplateDiffQuery]) -> TemplateDiff:
    query = call.query
    found = await call.operations.template_versions.compare(
        call.principal,
        call.path["name"],
        before=query.from_,
        after=query.to,
        whole=query.whole,
        owner=query.owner,
    )
    return TemplateDiff(
        from_=found.before.number,
        to=found.after.number if found.after else 0,
        added=found.changes.counts.added,
        removed=found.changes.counts.removed,
        hunks=_hunks(found.changes),
        rows_left=found.changes.rows_left,
    )


async def restore_version(call: Call[None, OwnerQuery]) -> web.Response:
    """What no longer fits the data of today is told among the warnings: it was right once, so it is brought back."""
    stored, check = await call.operations.template_versions.restore(
        call.principal,
        call.path["name"],
        _number(call),
        if_match=if_match(call.request),
        owner=call.query.owner,
    )
    return saved_answer(call.principal, stored, [issue_of(issue) for issue in check.issues], status=201)


def _number(call: Call[None, OwnerQuery]) -> int:
    number = call.path["number"]
    if not number.isdecimal() or len(number) > 9:
        raise NotFound
    return int(number)


def _hunks(changes: SourceChanges) -> list[list[TemplateDiffLine]]:
    return [
        [
            TemplateDiffLine(
                change=row.kind,
                line_before=row.before.number if row.before else None,
                line_after=row.after.number if row.after else None,
                before=row.before.text if row.before else None,
                after=row.after.text if row.after else None,
            )
            for row in hunk.rows
        ]
        for hunk in changes.hunks
    ]


def _item(name: str, version: TemplateVersion, owner: str | None) -> TemplateVersionItem:
    links = template_links(name, owner)
    return TemplateVersionItem(
        number=version.number,
        created_at=version.created_at,
        saved_by=version.saved_by,
        note=version.note,
        lines_added=version.lines_added,
        lines_removed=version.lines_removed,
        restored_from=version.restored_from,
        links={
            "self": of_owner(outside(f"/api/v1/templates/{quote(name)}/versions/{version.number}"), owner),
            "template": links["self"],
            "page": f"{links['page']}/versions/{version.number}",
        },
    )


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/templates/{name}/versions",
        places=_PLACES,
        name="api_template_versions",
        handler=list_versions,
        summary="When a template was saved, by whom and how much it changed, newest first",
        query=VersionsPage,
        answer=TemplateVersionList,
        errors=(404,),
    ),
    Endpoint(
        method="GET",
        path="/templates/{name}/versions/{number}",
        places=_PLACES,
        name="api_template_version",
        handler=get_version,
        summary="One version with its source",
        query=OwnerQuery,
        answer=TemplateVersionSource,
        errors=(404,),
    ),
    Endpoint(
        method="GET",
        path="/templates/{name}/diff",
        places=_PLACES,
        name="api_template_diff",
        handler=diff_versions,
        summary="What changed between two versions, line by line",
        query=TemplateDiffQuery,
        answer=TemplateDiff,
        errors=(404,),
    ),
    Endpoint(
        method="POST",
        path="/templates/{name}/versions/{number}/restore",
        places=_PLACES,
        name="api_restore_template_version",
        handler=restore_version,
        summary="Bring an old version back, as a new version; what does not fit today's data is among the warnings",
        access="write",
        query=OwnerQuery,
        answer=SavedTemplate,
        status=201,
        errors=(404, 412),
    ),
]
