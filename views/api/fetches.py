"""`/fetches` and `/folders`: files that lie elsewhere, and that the server gets itself."""

from __future__ import annotations

from datetime import datetime

import msgspec
from aiohttp import web

from server.http.based_requests import outside
from server.http.endpoint import Call, Endpoint, NoQuery, ShortPage, encoded
from server.http.short_lists import cut
from server.storage.pages import Listing
from server.uploads.elsewhere import Place


class FetchStarted(msgspec.Struct, frozen=True, kw_only=True):
    """The work has begun: its job's result names the upload, which is then imported like any other."""

    job_id: str
    kind: str
    links: dict[str, str]


class Places(msgspec.Struct, frozen=True, kw_only=True):
    """Where files may be fetched from: names of folders, and hosts, which may begin with `*.`."""

    folders: list[str]
    hosts: list[str]


class FolderItem(msgspec.Struct, frozen=True, kw_only=True):
    """`version` changes when the file does: give it as `unless` of the next fetch."""

    name: str
    size: int
    changed_at: datetime
    version: str


class FolderList(Listing[FolderItem], frozen=True, kw_only=True):
    """Newest first."""


async def start_fetch(call: Call[Place, NoQuery]) -> web.Response:
    job = await call.operations.fetches.start(
        call.principal, call.body, idempotency_key=call.request.headers.get("Idempotency-Key")
    )
    links = {"job": outside(f"/api/v1/jobs/{job.id}")}
    return encoded(
        FetchStarted(job_id=job.id, kind=job.kind, links=links), status=202, headers={"Location": links["job"]}
    )


async def list_places(call: Call[None, NoQuery]) -> Places:
    places = call.operations.fetches.places(call.principal)
    return Places(folders=list(places.folders), hosts=list(places.hosts))


async def list_files(call: Call[None, ShortPage]) -> FolderList:
    found = await call.operations.fetches.files(call.principal, call.path["name"])
    items = [
        FolderItem(name=file.name, size=file.size, changed_at=file.changed_at, version=file.version) for file in found
    ]
    page = cut(items, call.query, lambda each: each.name)
    return FolderList(items=list(page.items), next_cursor=page.next_cursor, total=page.total)


ENDPOINTS = [
    Endpoint(
        method="POST",
        path="/fetches",
        name="api_start_fetch",
        handler=start_fetch,
        summary="Have a file fetched from an address or a folder of the server",
        access="write",
        body=Place,
        answer=FetchStarted,
        status=202,
        errors=(409, 422),
    ),
    Endpoint(
        method="GET",
        path="/folders",
        name="api_places",
        handler=list_places,
        summary="Folders and hosts that files may be fetched from",
        answer=Places,
    ),
    Endpoint(
        method="GET",
        path="/folders/{name}",
        name="api_folder",
        handler=list_files,
        summary="Files of a folder of the server, newest first",
        places={"name": str},
        query=ShortPage,
        answer=FolderList,
        errors=(404, 422),
    ),
]
