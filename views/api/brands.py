"""`/brand` and `/admin/brand`: what reports look like, one's own and that of the server."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from aiohttp import web

from server.errors import NotFound, UnsupportedMedia
from server.http.endpoint import Access, Call, Endpoint, NoQuery
from server.http.files import send_file
from server.http.values import described, line
from server.operations.brands import MAX_CHARACTERS, MAX_LOGO_BYTES, BrandView
from server.reports.brand import ACCENT, Brand, BrandTexts, Font, Logo, shades_of

_PICTURES = ("image/png", "image/jpeg")
_NAMES = {"image/png": "logo.png", "image/jpeg": "logo.jpg"}
Color = Annotated[str, described(pattern="^(?:#[0-9A-Fa-f]{6})?$", examples=["#0a5c5c"])]
HeaderText = Annotated[str, line(MAX_CHARACTERS["header"])]
FooterText = Annotated[str, line(MAX_CHARACTERS["footer"])]
ConfidentialityText = Annotated[str, line(MAX_CHARACTERS["confidentiality"])]


class NewBrand(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is left out or empty is not said: the server's brand holds there. The logo stays as it is."""

    accent: Color = ""
    heading_font: Font = ""
    text_font: Font = ""
    header: HeaderText = ""
    footer: FooterText = ""
    confidentiality: ConfidentialityText = ""


class LogoInfo(msgspec.Struct, frozen=True, kw_only=True):
    """As it is kept: no larger than it is seen."""

    type: str
    sha256: str
    bytes: int
    width: int
    height: int


class BrandFields(msgspec.Struct, frozen=True, kw_only=True):
    accent: str
    heading_font: str
    text_font: str
    header: str
    footer: str
    confidentiality: str
    logo: LogoInfo | None


class AccentShades(msgspec.Struct, frozen=True, kw_only=True):
    """`letters` and thin lines are darker where the accent cannot be read on white; `on_dark` is for dark pages."""

    areas: str
    letters: str
    on_dark: str


class BrandInfo(BrandFields, frozen=True, kw_only=True):
    """What was set here, and what holds: with the server's where nothing was set here. `updated_at` null: never."""

    in_force: BrandFields
    shades: AccentShades
    updated_at: datetime | None


class LogoQuery(msgspec.Struct, frozen=True, kw_only=True):
    """`in_force`: the one that reports show, which may be the server's. `sha256`: this picture, and no other."""

    in_force: bool = False
    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")] | None = None


def brand_info(view: BrandView) -> BrandInfo:
    shades = shades_of(view.in_force.accent)
    return BrandInfo(
        **msgspec.structs.asdict(_fields(view.own)),
        in_force=msgspec.structs.replace(_fields(view.in_force), accent=view.in_force.accent or ACCENT),
        shades=AccentShades(areas=shades.areas, letters=shades.letters, on_dark=shades.on_dark),
        updated_at=view.updated_at,
    )


def _fields(brand: Brand) -> BrandFields:
    texts = {name: getattr(brand, name) for name in BrandTexts.__struct_fields__}
    return BrandFields(**texts, logo=_logo_info(brand.logo) if brand.logo else None)


def _logo_info(logo: Logo) -> LogoInfo:
    return LogoInfo(type=logo.media_type, sha256=logo.sha256, bytes=logo.size, width=logo.width, height=logo.height)


def _endpoints(*, of_server: bool) -> list[Endpoint]:
    """The same doors to one's own brand and to that of the server."""
    prefix, name = ("/admin/brand", "api_server_brand") if of_server else ("/brand", "api_brand")
    whose = "the server's brand, which holds for all who have none" if of_server else "my brand"
    read: Access = "admin" if of_server else "read"
    write: Access = "admin" if of_server else "write"

    async def get(call: Call[None, NoQuery]) -> BrandInfo:
        return brand_info(await call.operations.brands.get(call.principal, of_server=of_server))

    async def put(call: Call[NewBrand, NoQuery]) -> BrandInfo:
        texts = BrandTexts(**msgspec.structs.asdict(call.body))
        return brand_info(await call.operations.brands.save(call.principal, texts, of_server=of_server))

    async def delete(call: Call[None, NoQuery]) -> None:
        await call.operations.brands.delete(call.principal, of_server=of_server)

    async def get_logo(call: Call[None, LogoQuery]) -> web.StreamResponse:
        logo, content = await call.operations.brands.logo(
            call.principal, of_server=of_server, in_force=call.query.in_force
        )
        if call.query.sha256 not in (None, logo.sha256):
            raise NotFound
        return await send_file(
            call.request,
            content,
            name=_NAMES[logo.media_type],
            media_type=logo.media_type,
            sha256=logo.sha256,
            disposition="inline",
            headers={"X-Content-Type-Options": "nosniff"},
        )

    async def put_logo(call: Call[bytes, NoQuery]) -> BrandInfo:
        if call.request.content_type not in _PICTURES:
            raise UnsupportedMedia("Send the logo as image/png or image/jpeg.")
        return brand_info(await call.operations.brands.set_logo(call.principal, call.body, of_server=of_server))

    async def delete_logo(call: Call[None, NoQuery]) -> None:
        await call.operations.brands.remove_logo(call.principal, of_server=of_server)

    return [
        Endpoint(
            method="GET", path=prefix, name=name, handler=get, summary=f"See {whose}", access=read, answer=BrandInfo
        ),
        Endpoint(
            method="PUT",
            path=prefix,
            name=f"{name}_save",
            handler=put,
            summary=f"Change {whose}",
            access=write,
            body=NewBrand,
            answer=BrandInfo,
            errors=(429,),
        ),
        Endpoint(
            method="DELETE",
            path=prefix,
            name=f"{name}_delete",
            handler=delete,
            summary=f"Remove {whose}, with its logo; batches that were ordered keep it",
            access=write,
            errors=(429,),
        ),
        Endpoint(
            method="GET",
            path=f"{prefix}/logo",
            name=f"{name}_logo",
            handler=get_logo,
            summary=f"The logo of {whose}",
            access=read,
            query=LogoQuery,
            answer=bytes,
            answer_type=_PICTURES,
            other_statuses=(206, 304),
            errors=(404, 410, 412, 416),
        ),
        Endpoint(
            method="PUT",
            path=f"{prefix}/logo",
            name=f"{name}_logo_save",
            handler=put_logo,
            summary=f"Set the logo of {whose}",
            access=write,
            body=bytes,
            body_type=_PICTURES,
            max_body_bytes=MAX_LOGO_BYTES,
            answer=BrandInfo,
            errors=(413, 415, 429, 507),
        ),
        Endpoint(
            method="DELETE",
            path=f"{prefix}/logo",
            name=f"{name}_logo_delete",
            handler=delete_logo,
            summary=f"Remove the logo of {whose}",
            access=write,
            errors=(429,),
        ),
    ]


ENDPOINTS = [*_endpoints(of_server=False), *_endpoints(of_server=True)]
