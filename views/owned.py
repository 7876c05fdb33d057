"""Whose datasets and templates pages are about: in their addresses `mei:orders` is Mei's, `orders` the reader's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import quote

import jinja2
from aiohttp import web

from server.auth.access import Whose
from server.auth.permissions import Principal
from server.auth.things import ThingSeen
from server.datasets.dataset import path_of as path_in_sql


class Owned(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def owner_id(self) -> str: ...
    @property
    def owner(self) -> str: ...


def named(request: web.Request) -> tuple[str, str | None]:
    """The name that stands in the address, and whose it is where that is said."""
    return parted(request.match_info["name"])


def parted(key: str) -> tuple[str, str | None]:
    """Names of users may hold colons, those of datasets and templates do not."""
    owner, colon, name = key.rpartition(":")
    return name, owner if colon else None


def key_of(reader: Principal, thing: Owned) -> str:
    """What stands for a thing in the addresses of pages."""
    return thing.name if thing.owner_id == reader.user_id else f"{thing.owner}:{thing.name}"


def path_of(reader: Principal, thing: Owned) -> str:
    return quote(key_of(reader, thing), safe=":")


def page_of(reader: Principal, thing: ThingSeen) -> str:
    """The address of its page."""
    if thing.kind in ("dataset", "template"):
        return f"/{thing.kind}s/{path_of(reader, thing)}"
    return f"/{'batches' if thing.kind == 'batch' else 'reports'}/{thing.id}"


def chosen_whose(request: web.Request, principal: Principal) -> Whose:
    """Which list somebody asks for; what makes no sense is ignored, as on any page."""
    said = request.query.get("whose", "")
    allowed = {each.value for each in Whose if each is not Whose.ALL or principal.is_admin}
    return Whose(said if said in allowed else "")


@jinja2.pass_context
def path_filter(context: Mapping[str, Any], thing: Owned) -> str:
    """`thing|path`: its part of an address for whoever reads the page."""
    return path_of(context["principal"], thing)


@jinja2.pass_context
def key_filter(context: Mapping[str, Any], thing: Owned) -> str:
    """`thing|key`: the same as forms send it."""
    return key_of(context["principal"], thing)


def sql_name_path(name: str) -> str:
    """`name|sql_path`: the part of an address for a dataset as SQL names it, `mei.orders` or `orders`."""
    return quote(":".join(path_in_sql(name)), safe=":")


@jinja2.pass_context
def owner_query_filter(context: Mapping[str, Any], thing: Owned) -> str:
    """`thing|owner_query`: what the API is to be told besides the name; nothing for one's own."""
    reader: Principal = context["principal"]
    return "" if thing.owner_id == reader.user_id else f"?owner={quote(thing.owner, safe='')}"


@jinja2.pass_context
def page_filter(context: Mapping[str, Any], thing: ThingSeen) -> str:
    """`thing|page`: the address of its page for whoever reads."""
    return page_of(context["principal"], thing)
