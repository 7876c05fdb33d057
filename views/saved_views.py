"""Saved views above a list: where they lead, what may be done with the one that is shown, and what forms do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qs, urlencode

from aiohttp import web

from server.auth.permissions import Role
from server.auth.saved_views import FIELDS, SavedView, ViewedList
from server.http.forms import read_form
from server.http.guards import require_principal
from server.http.parts import operations_of
from server.operations.saved_views import ViewChanges

_MOST_FIELDS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewTab:
    view: SavedView
    url: str
    is_current: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewBar:
    """`current` is the view that the list was opened by; `is_changed`: the list asks for something else by now.

    `query` is what the list asks for, as addresses have it; empty where that is everything.
    """

    of: ViewedList
    path: str
    tabs: Sequence[ViewTab]
    current: SavedView | None
    is_changed: bool
    may_change: bool
    may_share: bool
    query: str


async def view_bar(request: web.Request, of: ViewedList, query: Mapping[str, Sequence[str]]) -> ViewBar:
    principal = require_principal(request)
    views = await operations_of(request).saved_views.list(principal, of)
    wanted = request.query.get("view", "")
    asked = _of_list(of, query)
    current = next((view for view in views if view.id == wanted), None)
    if current is None and asked:
        current = next((view for view in views if _same(view.query, asked)), None)
    return ViewBar(
        of=of,
        path=f"/{of}",
        tabs=[ViewTab(view=each, url=address_of_view(each), is_current=each == current) for each in views],
        current=current,
        is_changed=current is not None and not _same(current.query, asked),
        may_change=current is not None
        and principal.may_see(current.owner_id)
        and (principal.role is not Role.VIEWER or not current.is_shared),
        may_share=principal.role is not Role.VIEWER,
        query=urlencode(asked, doseq=True),
    )


def address_of_view(view: SavedView) -> str:
    """The whole query stands in it: who is handed the address sees the same, whatever becomes of the view."""
    return f"/{view.of}?{urlencode({**view.query, 'view': view.id}, doseq=True)}"


async def save_view(request: web.Request) -> web.Response:
    """`POST /views`: the list as it is shown, under a name."""
    principal = require_principal(request)
    form = await read_form(request)
    of = _list(form.get("list", ""))
    view = await operations_of(request).saved_views.save(
        principal, of, form.get("name", ""), _query(of, form.get("query", "")), is_shared="shared" in form
    )
    raise web.HTTPSeeOther(address_of_view(view))


async def change_view(request: web.Request) -> web.Response:
    """`POST /views/{id}`: with `query` what it asks for, with `name` what it is called and who sees it."""
    principal = require_principal(request)
    form = await read_form(request)
    changes = ViewChanges(name=form["name"], is_shared="shared" in form) if "name" in form else None
    if changes is None:
        of = _list(form.get("list", ""))
        changes = ViewChanges(query=_query(of, form.get("query", "")))
    view = await operations_of(request).saved_views.change(principal, request.match_info["id"], changes)
    raise web.HTTPSeeOther(address_of_view(view))


async def remove_view(request: web.Request) -> web.Response:
    principal = require_principal(request)
    view = await operations_of(request).saved_views.remove(principal, request.match_info["id"])
    raise web.HTTPSeeOther(f"/{view.of}")


def _of_list(of: ViewedList, query: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    return {name: list(query[name]) for name in FIELDS[of] if query.get(name)}


def _same(one: Mapping[str, Sequence[str]], other: Mapping[str, Sequence[str]]) -> bool:
    return {name: sorted(texts) for name, texts in one.items()} == {
        name: sorted(texts) for name, texts in other.items()
    }


def _query(of: ViewedList, text: str) -> dict[str, list[str]]:
    try:
        return _of_list(of, parse_qs(text, max_num_fields=_MOST_FIELDS))
    except ValueError:
        raise web.HTTPBadRequest from None


def _list(name: str) -> ViewedList:
    try:
        return ViewedList(name)
    except ValueError:
        raise web.HTTPBadRequest from None
