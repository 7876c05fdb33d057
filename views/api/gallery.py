"""`/api/v1/templates/gallery`: templates to begin with, which come with the program."""

from __future__ import annotations

import msgspec

from server.http.based_requests import outside
from server.http.endpoint import Call, Endpoint, NoQuery
from server.http.values import AnyName, LanguageTag, TemplateName
from views.api.template_items import TemplateStart, start_of
from views.context import language_of


class GalleryEntry(msgspec.Struct, frozen=True, kw_only=True):
    """`gallery` is what to ask for; `needs` says which data it is for, `datasets` are those that it is shown with."""

    gallery: str
    title: str
    description: str
    needs: str
    datasets: list[str]
    picture: str


class GalleryList(msgspec.Struct, frozen=True, kw_only=True):
    items: list[GalleryEntry]


class GalleryRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`name` is what the template shall be called (else as it is called in `language`, or in yours)."""

    gallery: AnyName
    name: TemplateName | None = None
    language: LanguageTag | None = None


async def list_gallery(call: Call[None, NoQuery]) -> GalleryList:
    items = call.operations.gallery.list(call.principal, language=language_of(call.request))
    return GalleryList(
        items=[
            GalleryEntry(
                gallery=item.key,
                title=item.title,
                description=item.description,
                needs=item.needs,
                datasets=list(item.datasets),
                picture=outside(f"/static/img/gallery/{item.key}.webp"),
            )
            for item in items
        ]
    )


async def start_from_gallery(call: Call[GalleryRequest, NoQuery]) -> TemplateStart:
    started = await call.operations.gallery.start(
        call.principal,
        call.body.gallery,
        name=call.body.name or "",
        language=call.body.language or language_of(call.request),
    )
    return start_of(started)


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/templates/gallery",
        name="api_gallery",
        handler=list_gallery,
        summary="Templates that come with the program, with the data that each needs",
        answer=GalleryList,
    ),
    Endpoint(
        method="POST",
        path="/templates/from-gallery",
        name="api_gallery_start",
        handler=start_from_gallery,
        summary="The source of a template of the gallery; nothing is stored",
        body=GalleryRequest,
        answer=TemplateStart,
        errors=(404, 422),
    ),
]
