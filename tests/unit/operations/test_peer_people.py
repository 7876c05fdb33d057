"""Who may be asked to take files from browser to browser, and that nobody learns of others."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from server.auth.access import Right
from server.auth.grants import Grant
from server.errors import Conflict, Forbidden, NotFound
from server.operations.peers import PeerOperations
from server.realtime import peer_structs
from server.settings import Settings
from tests.unit.operations.conftest import House, refused
from tests.unit.operations.peer_browsers import OFFER, acquainted, to_bob


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(
        settings,
        peer=True,
        peer_max_bytes=10_000,
        peer_offers_per_minute=5,
        stun_urls=("stun:stun.example.com",),
    )


async def test_a_stranger_learns_nothing_of_who_is_there(house: House, browser: Any, peers: PeerOperations) -> None:
    hers, his = await browser(house.alice), await browser(house.bob)
    said: set[str] = set()
    for to in (to_bob(house), f"user:{house.admin.user_id}", "user:nobody"):  # there, away, and nobody at all
        with pytest.raises(NotFound) as raised:
            await hers.says(to, OFFER)
        said.add(raised.value.text)
    assert len(said) == 1
    assert his.heard() == []
    assert (await peers.receivers(hers.connection.principal)).colleagues == []
    with refused(Conflict, "peer_away"):  # nor is anybody's device but one's own
        await hers.says(f"connection:{his.connection.id}", OFFER)
    assert await house.audited("peer.offer") == []


async def test_who_shares_something_or_a_group_is_listed_while_a_page_is_open(
    house: House, browser: Any, peers: PeerOperations
) -> None:
    carol, dave = await house.user("carol"), await house.user("dave")
    await acquainted(house)
    await house.todo.groups.create(house.admin, "Sales", ["bob", "carol"])
    await house.todo.sharing.put(house.alice, "dataset", "orders", [Grant(right=Right.VIEW, everyone=True)])
    people = {each.user_name: await browser(each) for each in (house.alice, house.bob, carol, dave)}

    async def listed(name: str) -> list[str]:
        there = await peers.receivers(people[name].connection.principal)
        return [each.name for each in there.colleagues]

    assert await listed("alice") == []  # to everybody: that acquaints nobody
    assert await listed("bob") == ["carol"]
    await house.todo.sharing.put(house.alice, "dataset", "orders", [Grant(right=Right.VIEW, group="Sales")])
    assert await listed("alice") == ["bob", "carol"]
    assert await listed("carol") == ["alice", "bob"]
    assert await listed("dave") == []


async def test_ones_own_devices_are_listed_and_asked_one_by_one(
    house: House, browser: Any, peers: PeerOperations
) -> None:
    laptop, phone, tablet = [await browser(house.alice) for _ in range(3)]
    await browser(replace(house.alice, token_id="a script"))
    await browser(house.alice, events=())  # a page that only tries the connection
    there = await peers.receivers(laptop.connection.principal, own_connection=laptop.connection.id)
    assert {each.connection_id for each in there.devices} == {phone.connection.id, tablet.connection.id}
    sent = await laptop.says(f"connection:{phone.connection.id}", OFFER)
    assert phone.heard("offer")[0]["is_own"]
    assert tablet.heard() == []
    await laptop.says(sent.ticket, peer_structs.PeerOver(reason="cancelled"))
    assert phone.heard()[-1]["signal"] == {"kind": "over", "reason": "cancelled"}
    with refused(Conflict, "peer_away"):
        await laptop.says(f"connection:{laptop.connection.id}", OFFER)


async def test_programs_neither_send_nor_see_who_is_there(house: House, browser: Any, peers: PeerOperations) -> None:
    await acquainted(house)
    his, script = await browser(house.bob), await browser(replace(house.alice, token_id="token"))
    with refused(Forbidden):
        await script.says(to_bob(house), OFFER)
    with refused(Forbidden):
        await peers.receivers(script.connection.principal)
    with refused(Conflict, "peer_away"):  # a script of hers does not count as being there
        await his.says(f"user:{house.alice.user_id}", OFFER)
