"""Files that are offered: what may be, how often, for how long, and that they are answered once."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from server.auth.permissions import Role
from server.errors import Gone, InvalidInput, RateLimited
from server.operations.peer_offers import OFFER_SECONDS
from server.realtime import peer_structs
from server.settings import Settings
from tests.unit.auth.conftest import MovableClock
from tests.unit.operations.conftest import House, refused
from tests.unit.operations.peer_browsers import OFFER, TRANSFER, acquainted, to_bob


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(
        settings,
        peer=True,
        peer_max_bytes=10_000,
        peer_offers_per_minute=5,
        stun_urls=("stun:stun.example.com",),
    )


async def test_an_offer_is_withdrawn_declined_or_expires(house: House, browser: Any, peer_clock: MovableClock) -> None:
    await acquainted(house)
    hers, his = await browser(house.alice), await browser(house.bob)
    await hers.says(to_bob(house), OFFER)
    ticket = his.heard("offer")[0]["ticket"]
    await his.says(ticket, peer_structs.PeerDecline())
    assert hers.heard()[-1]["signal"] == {"kind": "decline"}
    assert [line[0] for line in await house.audited("peer.decline")] == ["bob"]
    sent = await hers.says(to_bob(house), OFFER)
    assert sent.expires_at is not None
    assert datetime.fromisoformat(sent.expires_at) > peer_clock()
    peer_clock.pass_time(seconds=OFFER_SECONDS + 1)
    with refused(Gone, "peer_over"):
        await his.says(his.heard("offer")[-1]["ticket"], peer_structs.PeerAccept())
    with refused(Gone, "peer_over"):
        await hers.says(sent.ticket, peer_structs.PeerOver(reason="cancelled"))


@pytest.mark.parametrize("name", ["Screenshot at 10.00\u202fAM.png", "报表\u3000三月.xlsx", "\xa0a", "❤\ufe0f.png"])
async def test_names_that_systems_make_are_taken(house: House, browser: Any, name: str) -> None:
    await acquainted(house)
    hers, his = await browser(house.alice), await browser(house.bob)
    file = peer_structs.PeerFile(name=name, size=1)
    await hers.says(to_bob(house), peer_structs.PeerOffer(transfer=TRANSFER, files=[file]))
    assert his.heard("offer")[0]["signal"]["files"][0]["name"] == name


@pytest.mark.parametrize("name", ["invoice\u202efdp.exe", "a\nb", " ", "\x00", "a.pdf\u3164\u3164.exe", "\u2800a"])
async def test_names_that_could_deceive_are_refused(house: House, browser: Any, name: str) -> None:
    await acquainted(house)
    hers, his = await browser(house.alice), await browser(house.bob)
    with refused(InvalidInput):
        await hers.says(
            to_bob(house), peer_structs.PeerOffer(transfer=TRANSFER, files=[peer_structs.PeerFile(name=name, size=1)])
        )
    assert his.heard() == []


async def test_too_much_or_too_often_is_refused(house: House, browser: Any) -> None:
    await acquainted(house)
    hers, his = await browser(house.alice), await browser(house.bob)
    large = peer_structs.PeerOffer(transfer=TRANSFER, files=[peer_structs.PeerFile(name="a", size=6_000)] * 2)
    with refused(InvalidInput, "transfer_too_large"):
        await hers.says(to_bob(house), large)
    for _ in range(5):
        await hers.says(to_bob(house), OFFER)
    with refused(RateLimited):
        await hers.says(to_bob(house), OFFER)
    await his.says(f"user:{house.alice.user_id}", OFFER)  # others have turns of their own


async def test_viewers_send_and_take_files_as_everybody(house: House, browser: Any) -> None:
    await acquainted(house)
    hers, his = await browser(house.alice), await browser(replace(house.bob, role=Role.VIEWER))
    await hers.says(to_bob(house), OFFER)
    await his.says(his.heard("offer")[0]["ticket"], peer_structs.PeerAccept())
    await his.says(f"user:{house.alice.user_id}", OFFER)
    assert hers.heard("offer")


async def test_an_offer_is_answered_once_by_whichever_device(house: House, browser: Any) -> None:
    await acquainted(house)
    hers, his, other = await browser(house.alice), await browser(house.bob), await browser(house.bob)
    for first, then in ((peer_structs.PeerDecline(), peer_structs.PeerAccept()), (peer_structs.PeerAccept(),) * 2):
        await hers.says(to_bob(house), OFFER)
        ticket = his.heard("offer")[-1]["ticket"]
        await his.says(ticket, first)
        for who, signal in ((his, then), (other, then), (other, peer_structs.PeerDecline())):
            with refused(Gone, "peer_over"):
                await who.says(ticket, signal)
    assert len(await house.audited("peer.decline")) == len(await house.audited("peer.accept")) == 1
    assert house.todo.peers.statistics() == {"offered": 2, "declined": 1, "accepted": 1}
