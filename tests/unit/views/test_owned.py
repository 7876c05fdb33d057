"""What stands for a dataset or template in the addresses of pages: whose it is, and what it is called."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote

import pytest

from server.auth.permissions import Principal, Role
from views.api.owners import of_owner, owner_for
from views.owned import key_of, parted, path_of, sql_name_path

MEI = Principal(user_id="1", user_name="mei", role=Role.EDITOR, language="en")


@dataclass(frozen=True)
class Thing:
    name: str = "orders"
    owner_id: str = "2"
    owner: str = "bo"


@pytest.mark.parametrize("owner", ["bo", "梅 李", "a:b", "o'neil", "x%2Fy", "a.b@c", "?&#"])
def test_an_address_leads_back_to_owner_and_name(owner: str) -> None:
    thing = Thing(owner=owner, name="订单")
    path = path_of(MEI, thing)
    assert not set(path) & set("/?#& ")
    assert parted(unquote(path)) == ("订单", owner)
    assert parted(key_of(MEI, thing)) == ("订单", owner)


def test_ones_own_needs_no_owner() -> None:
    own = Thing(owner_id="1", owner="mei")
    assert (key_of(MEI, own), parted("orders"), owner_for(MEI, "1", "mei")) == ("orders", ("orders", None), None)


def test_names_of_sql_and_of_the_api_say_it_their_way() -> None:
    assert [sql_name_path(name) for name in ("orders", "bo.orders", "a.b.orders")] == [
        "orders",
        "bo:orders",
        "a.b:orders",
    ]
    assert of_owner("/x", owner_for(MEI, "2", "梅")) == "/x?owner=%E6%A2%85"
    assert of_owner("/x?a=1", "bo") == "/x?a=1&owner=bo"
    assert of_owner("/x", None) == "/x"
