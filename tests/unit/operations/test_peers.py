"""Files from browser to browser: that both find a way, and nobody else comes between."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from server.errors import Gone, InvalidInput, RateLimited
from server.realtime import peer_structs
from server.settings import Settings
from tests.unit.auth.conftest import MovableClock
from tests.unit.operations.conftest import House, refused
from tests.unit.operations.peer_browsers import CANDIDATE, DESCRIPTION, FILES, OFFER, acquainted, to_bob


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(
        settings,
        peer=True,
        peer_max_bytes=10_000,
        peer_offers_per_minute=5,
        stun_urls=("stun:stun.example.com",),
    )


async def test_a_colleague_is_asked_accepts_and_both_find_a_way(house: House, browser: Any) -> None:
    await acquainted(house)
    hers, his, other = await browser(house.alice), await browser(house.bob), await browser(house.bob)
    sent = await hers.says(to_bob(house), OFFER)
    for each in (his, other):
        (offer,) = each.heard()
        assert offer["sender"] == {"user": "alice", "device": ""}
        assert offer["signal"]["files"] == msgspec.to_builtins(FILES)
        assert offer["expires_at"] == sent.expires_at
        assert not offer["is_own"]
    accepted = await his.says(his.heard("offer")[0]["ticket"], peer_structs.PeerAccept())
    assert [way.urls for way in accepted.ways] == [["stun:stun.example.com"]]
    (accept,) = hers.heard()
    assert accept["signal"] == {"kind": "accept"}
    assert accept["ways"] == [{"urls": ["stun:stun.example.com"]}]
    assert other.heard("over")[0]["signal"]["reason"] == "taken"
    await hers.says(accept["ticket"], DESCRIPTION)
    await hers.says(accept["ticket"], CANDIDATE)
    await his.says(accepted.ticket, replace_type(DESCRIPTION))
    assert [each["signal"]["kind"] for each in his.heard()[-2:]] == ["description", "candidate"]
    assert hers.heard("description")[0]["signal"]["type"] == "answer"
    assert other.heard("description") == []
    assert house.todo.peers.statistics() == {"offered": 1, "accepted": 1}
    told = {"count": 2, "bytes": 1_500}
    assert await house.audited("peer.offer") == [("alice", "Regions.pdf", {"to": "bob", **told})]
    assert await house.audited("peer.accept") == [("bob", "Regions.pdf", {"sender": "alice", **told})]


def replace_type(description: peer_structs.PeerDescription) -> peer_structs.PeerDescription:
    return msgspec.structs.replace(description, type="answer")


async def test_tickets_are_good_for_nobody_else_and_nothing_else(house: House, browser: Any) -> None:
    await acquainted(house)
    hers, his, strangers = await browser(house.alice), await browser(house.bob), await browser(house.admin)
    sent = await hers.says(to_bob(house), OFFER)
    offered = his.heard("offer")[0]["ticket"]
    for who, ticket, signal in (
        (strangers, offered, peer_structs.PeerAccept()),
        (hers, offered, peer_structs.PeerAccept()),
        (hers, sent.ticket, peer_structs.PeerAccept()),  # one cannot accept for somebody
        (his, offered, DESCRIPTION),  # nor go on before one has
        (his, sent.ticket, peer_structs.PeerDecline()),
        (his, "made up", peer_structs.PeerAccept()),
    ):
        with refused(Gone, "peer_over"):
            await who.says(ticket, signal)
    accepted = await his.says(offered, peer_structs.PeerAccept())
    for who in (strangers, hers, await browser(house.bob)):  # another client of his has to ask again
        with refused(Gone, "peer_over"):
            await who.says(accepted.ticket, CANDIDATE)


async def test_who_shares_nothing_any_more_cannot_accept_or_look_for_a_way(house: House, browser: Any) -> None:
    await acquainted(house)
    hers, his = await browser(house.alice), await browser(house.bob)
    await hers.says(to_bob(house), OFFER)
    ticket = his.heard("offer")[0]["ticket"]
    accepted = await his.says(ticket, peer_structs.PeerAccept())
    await house.todo.sharing.put(house.alice, "dataset", "orders", [])
    for to, signal in ((ticket, peer_structs.PeerAccept()), (accepted.ticket, peer_structs.PeerAgain())):
        with refused(Gone, "peer_over"):
            await his.says(to, signal)
    with refused(Gone, "peer_over"):
        await hers.says(hers.heard("accept")[0]["ticket"], DESCRIPTION)


async def test_a_page_that_was_loaded_anew_asks_again_and_both_get_new_tickets(house: House, browser: Any) -> None:
    await acquainted(house)
    hers, his = await browser(house.alice), await browser(house.bob)
    await hers.says(to_bob(house), OFFER)
    accepted = await his.says(his.heard("offer")[0]["ticket"], peer_structs.PeerAccept())
    anew = await browser(house.bob)
    again = await anew.says(accepted.ticket, peer_structs.PeerAgain())
    told = hers.heard("again")[0]
    await hers.says(told["ticket"], DESCRIPTION)
    await anew.says(again.ticket, CANDIDATE)
    assert anew.heard("description")
    assert hers.heard("candidate")
    assert his.heard("description") == []


async def test_nobody_claims_what_the_server_says(house: House, browser: Any) -> None:
    hers = await browser(house.alice)
    with refused(InvalidInput):
        await hers.says("anything", peer_structs.PeerOver(reason="taken"))
    with refused(InvalidInput):
        await hers.says("everybody:", OFFER)


async def test_a_way_lasts_no_longer_by_asking_again_and_is_not_asked_for_without_end(
    house: House, browser: Any, peer_clock: MovableClock
) -> None:
    await acquainted(house)
    hers, his = await browser(house.alice), await browser(house.bob)
    await hers.says(to_bob(house), OFFER)
    way = (await his.says(his.heard("offer")[0]["ticket"], peer_structs.PeerAccept())).ticket
    peer_clock.pass_time(seconds=20 * 3600)
    way = (await his.says(way, peer_structs.PeerAgain())).ticket
    peer_clock.pass_time(seconds=5 * 3600)
    with refused(Gone, "peer_over"):
        await his.says(way, peer_structs.PeerAgain())
    peer_clock.pass_time(seconds=-5 * 3600)
    with refused(RateLimited):
        await says_without_end(his, way, peer_structs.PeerAgain())
    await hers.says(hers.heard("accept")[0]["ticket"], DESCRIPTION)  # others have turns of their own


async def says_without_end(browser: Any, to: str, signal: peer_structs.PeerSignal) -> None:
    for _ in range(200):
        await browser.says(to, signal)
