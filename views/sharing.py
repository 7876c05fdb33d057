"""The panel by which something is shared, on its own page and among what else stands on the pages of things."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from aiohttp import web

from server.auth.access import Right
from server.auth.grants import Grant
from server.auth.permissions import Principal, Role
from server.errors import FieldError, InvalidInput, PreconditionFailed
from server.http.forms import Form, read_form
from server.http.guards import require_principal
from server.http.parts import operations_of
from server.operations.sharing import Shared
from views.context import formats_for, render
from views.field_errors import error_texts
from views.owned import parted

_GROUP = "group:"
_USER = "user:"
_EVERYONE = "everyone"


async def share_panel(
    request: web.Request, kind: str, name: str, owner: str | None = None, *, typed: str = "", problem: str = ""
) -> dict[str, Any]:
    """What `sharing/_panel.html` needs of a thing that the reader may see."""
    principal = require_principal(request)
    sharing = operations_of(request).sharing
    shared = await sharing.get(principal, kind, name, owner=owner)
    may_share = shared.may_share and principal.role is not Role.VIEWER
    return {
        "shared": shared,
        "shared_kind": kind,
        "may_share": may_share,
        "people": await sharing.people(principal) if may_share else None,
        "share_typed": typed,
        "share_problem": problem,
        "share_address": _address(principal, kind, shared),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class SharePages:
    """Of one kind of things."""

    kind: str

    async def page(self, request: web.Request) -> web.Response:
        name, owner = self._named(request)
        return await self._page(request, await share_panel(request, self.kind, name, owner))

    async def change(self, request: web.Request) -> web.Response:
        """What cannot be given stays in the form, with what is wrong beside it."""
        principal = require_principal(request, "write")
        name, owner = self._named(request)
        form = await read_form(request)
        sharing = operations_of(request).sharing
        seen = await sharing.get(principal, self.kind, name, owner=owner)
        typed = form.get("with", "").strip()
        try:
            wanted = [*_kept(form), *await grants_to(request, typed, form.get("with_right", ""))]
            await sharing.put(principal, self.kind, name, wanted, owner=owner, expected=form.get("tag"))
        except (InvalidInput, PreconditionFailed) as error:
            problem = " ".join(error_texts(request, error))
            panel = await share_panel(request, self.kind, name, owner, typed=typed, problem=problem)
            return await self._page(request, panel, error.status)
        raise web.HTTPSeeOther(f"{_address(principal, self.kind, seen)}?saved")

    def _named(self, request: web.Request) -> tuple[str, str | None]:
        given = request.match_info
        return (given["id"], None) if "id" in given else parted(given["name"])

    async def _page(self, request: web.Request, panel: dict[str, Any], status: int = 200) -> web.Response:
        is_saved = "saved" in request.query and status == 200
        return await render(request, "sharing/page.html", status, is_saved=is_saved, **panel)


DATASET, TEMPLATE, BATCH = (SharePages(kind=kind) for kind in ("dataset", "template", "batch"))


async def grants_to(request: web.Request, typed: str, right: str) -> list[Grant]:
    """To whom somebody wrote: a person or a group by name, or everybody in the reader's language."""
    if not typed:
        return []
    may = Right.EDIT if right == Right.EDIT else Right.VIEW
    if typed.casefold() in (_EVERYONE, formats_for(request).gettext("Everybody").casefold()):
        return [Grant(everyone=True, right=may)]
    if typed.startswith(_GROUP):
        return [Grant(group=typed.removeprefix(_GROUP), right=may)]
    if typed.startswith(_USER):
        return [Grant(user=typed.removeprefix(_USER), right=may)]
    people = await operations_of(request).sharing.people(require_principal(request))
    is_user = typed.casefold() in {each.casefold() for each in people.users}
    is_group = typed.casefold() in {each.casefold() for each in people.groups}
    if is_user and is_group:
        message = "A person and a group are called so; write “user:{name}” or “group:{name}”."
        raise InvalidInput(errors=[FieldError(field="with", message=message, parameters={"name": typed})])
    return [Grant(group=typed, right=may) if is_group else Grant(user=typed, right=may)]


def _kept(form: Form) -> list[Grant]:
    """Those that stand in the form, but for the one that is taken back."""
    found = []
    for grantee, right in zip(form.all("grantee"), form.all("right"), strict=False):
        if grantee == form.get("remove") or right not in (Right.VIEW, Right.EDIT):
            continue
        kind, _, name = grantee.partition(":")
        if grantee == _EVERYONE:
            found.append(Grant(everyone=True, right=Right(right)))
        elif kind in ("user", "group"):
            user, group = (name, None) if kind == "user" else (None, name)
            found.append(Grant(user=user, group=group, right=Right(right)))
    return found


def _address(reader: Principal, kind: str, shared: Shared) -> str:
    sight = shared.sight
    if kind == "batch":
        return f"/batches/{sight.id}/access"
    key = sight.name if sight.owner_id == reader.user_id else f"{sight.owner}:{sight.name}"
    return f"/{kind}s/{quote(key, safe=':')}/access"
