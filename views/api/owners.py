"""Whose things are meant: what queries say of it, and addresses of what is another's."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import quote

import msgspec

from server.auth.access import Whose
from server.auth.permissions import Principal
from server.http.endpoint import Page

Owner = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class OwnerQuery(msgspec.Struct, frozen=True, kw_only=True):
    """`owner`: the name of the user whose it is. Without it your own, or the only one of that name shared with you."""

    owner: Owner | None = None


class OwnersPage(Page, frozen=True, kw_only=True):
    """`whose`: only your own (`mine`), what others `shared` with you, your `favourites`, or, for administrators, `all`
    there are; without it yours and what is shared. `owner`: what you may see of this user.
    """

    owner: Owner | None = None
    whose: Literal["mine", "shared", "favourites", "all"] | None = None


def whose_of(said: str | None) -> Whose:
    return Whose(said or "")


def owner_for(reader: Principal, owner_id: str, owner: str) -> str | None:
    """Who has to be named in addresses that `reader` follows: nobody for what is their own."""
    return None if owner_id == reader.user_id else owner


def of_owner(address: str, owner: str | None) -> str:
    if owner is None:
        return address
    return f"{address}{'&' if '?' in address else '?'}owner={quote(owner, safe='')}"
