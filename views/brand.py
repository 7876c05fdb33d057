"""The page of a brand, one's own or the server's, with a picture of how reports look that follows what is typed."""

from __future__ import annotations

import dataclasses
from typing import Any

import msgspec
from aiohttp import web

from server.auth.permissions import Principal, Role
from server.errors import InvalidInput
from server.http.forms import read_form
from server.http.guards import require_principal
from server.http.parts import operations_of
from server.operations.brands import MAX_CHARACTERS, BrandView, checked
from server.reports.brand import ACCENT, FONTS, Brand, BrandTexts, Font, shades_of
from views.context import render
from views.field_errors import errors_by_field

_DONE = frozenset({"saved", "logo", "deleted"})
_TEXTS = BrandTexts.__struct_fields__


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class BrandPages:
    """The same pages for one's own brand and for that of the server."""

    path: str
    template: str
    of_server: bool

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get(self.path, self.page),
            web.post(self.path, self.save),
            web.post(f"{self.path}/picture", self.picture),
            web.get(f"{self.path}/logo", self.logo),
            web.post(f"{self.path}/logo/delete", self.remove_logo),
            web.post(f"{self.path}/delete", self.delete),
        ]

    async def page(self, request: web.Request) -> web.Response:
        principal = self._reader(request)
        view = await self._view(request, principal)
        done = request.query.get("done", "")
        return await self._render(request, principal, view, form=_texts_of(view.own), done=done)

    async def save(self, request: web.Request) -> web.Response:
        principal = self._writer(request)
        texts = _texts_from(await read_form(request))
        try:
            await operations_of(request).brands.save(principal, texts, of_server=self.of_server)
        except InvalidInput as error:
            view = await self._view(request, principal)
            problems = errors_by_field(request, error)
            return await self._render(request, principal, view, form=texts, problems=problems, status=error.status)
        raise web.HTTPSeeOther(f"{self.path}?done=saved")

    async def picture(self, request: web.Request) -> web.Response:
        """How reports would look, with what stands in the form at this moment."""
        principal = self._reader(request)
        view = await self._view(request, principal)
        texts = _texts_from(await read_form(request))
        return await render(request, "brand/_picture.html", api=self._api, **_picture(view, texts))

    async def logo(self, request: web.Request) -> web.Response:
        """The part of the page about the logo, after another one was sent."""
        principal = self._reader(request)
        view = await self._view(request, principal)
        return await render(request, "brand/_logo.html", **self._known(principal, view))

    async def remove_logo(self, request: web.Request) -> web.Response:
        principal = self._writer(request)
        await operations_of(request).brands.remove_logo(principal, of_server=self.of_server)
        raise web.HTTPSeeOther(f"{self.path}?done=logo")

    async def delete(self, request: web.Request) -> web.Response:
        principal = self._writer(request)
        await operations_of(request).brands.delete(principal, of_server=self.of_server)
        raise web.HTTPSeeOther(f"{self.path}?done=deleted")

    @property
    def _api(self) -> str:
        return "/api/v1/admin/brand" if self.of_server else "/api/v1/brand"

    async def _view(self, request: web.Request, principal: Principal) -> BrandView:
        return await operations_of(request).brands.get(principal, of_server=self.of_server)

    def _reader(self, request: web.Request) -> Principal:
        return require_principal(request, "admin" if self.of_server else "read")

    def _writer(self, request: web.Request) -> Principal:
        return require_principal(request, "admin" if self.of_server else "write")

    def _known(self, principal: Principal, view: BrandView) -> dict[str, Any]:
        return {
            "view": view,
            "address": self.path,
            "api": self._api,
            "of_server": self.of_server,
            "is_locked": principal.role is Role.VIEWER,
        }

    async def _render(
        self,
        request: web.Request,
        principal: Principal,
        view: BrandView,
        *,
        form: BrandTexts,
        problems: dict[str, str] | None = None,
        done: str = "",
        status: int = 200,
    ) -> web.Response:
        return await render(
            request,
            self.template,
            status,
            section="brand",
            form=form,
            problems=problems or {},
            done=done if done in _DONE else "",
            most=MAX_CHARACTERS,
            **_picture(view, form),
            **self._known(principal, view),
        )


def _picture(view: BrandView, texts: BrandTexts) -> dict[str, Any]:
    """What the picture shows; a field that cannot be stored is shown as if it were empty."""
    try:
        wanted = checked(texts)
    except InvalidInput as error:
        wrong = {problem.field: "" for problem in error.errors}
        wanted = checked(msgspec.structs.replace(texts, **wrong))
    brand = Brand(**msgspec.structs.asdict(wanted), logo=view.own.logo).or_else(view.fallback)
    return {"shown": brand, "accent": brand.accent or ACCENT, "shades": shades_of(brand.accent)}


def _texts_of(brand: Brand) -> BrandTexts:
    return BrandTexts(**{name: getattr(brand, name) for name in _TEXTS})


def _texts_from(form: dict[str, str]) -> BrandTexts:
    return BrandTexts(
        accent=form.get("accent", ""),
        heading_font=_font(form.get("heading_font", "")),
        text_font=_font(form.get("text_font", "")),
        header=form.get("header", ""),
        footer=form.get("footer", ""),
        confidentiality=form.get("confidentiality", ""),
    )


def _font(given: str) -> Font:
    return next((font for font in FONTS if font == given), "")


OWN = BrandPages(path="/account/brand", template="brand/own.html", of_server=False)
OF_SERVER = BrandPages(path="/admin/brand", template="brand/server.html", of_server=True)
