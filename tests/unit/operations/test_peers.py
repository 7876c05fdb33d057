"""Files from browser to browser: who may be asked, by whom, for how long, and that nobody else learns anything."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import msgspec
import pytest

from server.auth.access import Right
from server.auth.grants import Grant
from server.auth.permissions import Principal, Role
from server.clock import utc_now
from server.errors import Conflict, Forbidden, Gone, InvalidInput, NotFound, RateLimited
from server.operations.peers import OFFER_SECONDS, PeerOperations
from server.realtime import protocol
from server.realtime.connection import Connection
from server.settings import Settings
from tests.unit.auth.conftest import MovableClock
from tests.unit.live.conftest import joined
from tests.unit.operations.conftest import House, refused
from tests.unit.realtime.links import MemoryLink

TRANSFER = "x7k2m9q4w1z8c5v0"
FILES = [protocol.PeerFile(name="Regions.pdf", size=1_000), protocol.PeerFile(name="Regions.xlsx", size=500)]
OFFER = protocol.PeerOffer(transfer=TRANSFER, files=FILES)
CANDIDATE = protocol.PeerCandidate(attempt=1, candidate="candidate:1 1 udp 1 192.0.2.1 9 typ host")
DESCRIPTION = protocol.PeerDescription(attempt=1, type="offer", sdp="v=0\r\n")


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(
        settings,
        peer=True,
        peer_max_bytes=10_000,
        peer_offers_per_minute=5,
        stun_urls=("stun:stun.example.com",),
    )


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock(utc_now())


@pytest.fixture
def peers(house: House, clock: MovableClock) -> PeerOperations:
    peers = house.todo.peers
    peers._clock = clock
    return peers


class Browser:
    """One that somebody has signed in with."""

    def __init__(self, peers: PeerOperations, link: MemoryLink) -> None:
        assert link.connection is not None
        self.link = link
        self.connection: Connection = link.connection
        self._peers = peers

    async def says(self, to: str, signal: protocol.PeerSignal) -> protocol.PeerSent:
        return await self._peers.answer(self.connection, protocol.Peer(to=to, signal=signal))

    def heard(self, kind: str | None = None) -> list[dict[str, Any]]:
        told = [message for message in self.link.messages if message["type"] == "peer"]
        return [message for message in told if kind is None or message["signal"]["kind"] == kind]


@pytest.fixture
def browser(house: House, peers: PeerOperations) -> Any:
    async def come(principal: Principal, events: tuple[str, ...] = ("me:files",)) -> Browser:
        session = (
            principal if principal.token_id else replace(principal, session_id=f"session of {principal.user_name}")
        )
        return Browser(peers, await joined(house.parts.realtime, session, events=events))

    return come


async def acquainted(house: House) -> None:
    await house.given(house.alice)
    await house.todo.sharing.put(house.alice, "dataset", "orders", [Grant(right=Right.VIEW, user="bob")])


def to_bob(house: House) -> str:
    return f"user:{house.bob.user_id}"


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
    accepted = await his.says(his.heard("offer")[0]["ticket"], protocol.PeerAccept())
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


def replace_type(description: protocol.PeerDescription) -> protocol.PeerDescription:
    return msgspec.structs.replace(description, type="answer")


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
    await laptop.says(sent.ticket, protocol.PeerOver(reason="cancelled"))
    assert phone.heard()[-1]["signal"] == {"kind": "over", "reason": "cancelled"}
    with refused(Conflict, "peer_away"):
        await laptop.says(f"connection:{laptop.connection.id}", OFFER)


async def test_an_offer_is_withdrawn_declined_or_expires(house: House, browser: Any, clock: MovableClock) -> None:
    await acquainted(house)
    hers, his = await browser(house.alice), await browser(house.bob)
    await hers.says(to_bob(house), OFFER)
    ticket = his.heard("offer")[0]["ticket"]
    await his.says(ticket, protocol.PeerDecline())
    assert hers.heard()[-1]["signal"] == {"kind": "decline"}
    assert [line[0] for line in await house.audited("peer.decline")] == ["bob"]
    sent = await hers.says(to_bob(house), OFFER)
    assert sent.expires_at is not None
    assert datetime.fromisoformat(sent.expires_at) > clock()
    clock.pass_time(seconds=OFFER_SECONDS + 1)
    with refused(Gone, "peer_over"):
        await his.says(his.heard("offer")[-1]["ticket"], protocol.PeerAccept())
    with refused(Gone, "peer_over"):
        await hers.says(sent.ticket, protocol.PeerOver(reason="cancelled"))


async def test_tickets_are_good_for_nobody_else_and_nothing_else(house: House, browser: Any) -> None:
    await acquainted(house)
    hers, his, strangers = await browser(house.alice), await browser(house.bob), await browser(house.admin)
    sent = await hers.says(to_bob(house), OFFER)
    offered = his.heard("offer")[0]["ticket"]
    for who, ticket, signal in (
        (strangers, offered, protocol.PeerAccept()),
        (hers, offered, protocol.PeerAccept()),
        (hers, sent.ticket, protocol.PeerAccept()),  # one cannot accept for somebody
        (his, offered, DESCRIPTION),  # nor go on before one has
        (his, sent.ticket, protocol.PeerDecline()),
        (his, "made up", protocol.PeerAccept()),
    ):
        with refused(Gone, "peer_over"):
            await who.says(ticket, signal)
    accepted = await his.says(offered, protocol.PeerAccept())
    for who in (strangers, hers, await browser(house.bob)):  # another client of his has to ask again
        with refused(Gone, "peer_over"):
            await who.says(accepted.ticket, CANDIDATE)


async def test_who_shares_nothing_any_more_cannot_accept_or_look_for_a_way(house: House, browser: Any) -> None:
    await acquainted(house)
    hers, his = await browser(house.alice), await browser(house.bob)
    await hers.says(to_bob(house), OFFER)
    ticket = his.heard("offer")[0]["ticket"]
    accepted = await his.says(ticket, protocol.PeerAccept())
    await house.todo.sharing.put(house.alice, "dataset", "orders", [])
    for to, signal in ((ticket, protocol.PeerAccept()), (accepted.ticket, protocol.PeerAgain())):
        with refused(Gone, "peer_over"):
            await his.says(to, signal)
    with refused(Gone, "peer_over"):
        await hers.says(hers.heard("accept")[0]["ticket"], DESCRIPTION)


async def test_a_page_that_was_loaded_anew_asks_again_and_both_get_new_tickets(house: House, browser: Any) -> None:
    await acquainted(house)
    hers, his = await browser(house.alice), await browser(house.bob)
    await hers.says(to_bob(house), OFFER)
    accepted = await his.says(his.heard("offer")[0]["ticket"], protocol.PeerAccept())
    anew = await browser(house.bob)
    again = await anew.says(accepted.ticket, protocol.PeerAgain())
    told = hers.heard("again")[0]
    await hers.says(told["ticket"], DESCRIPTION)
    await anew.says(again.ticket, CANDIDATE)
    assert anew.heard("description")
    assert hers.heard("candidate")
    assert his.heard("description") == []


async def test_programs_neither_send_nor_see_who_is_there(house: House, browser: Any, peers: PeerOperations) -> None:
    await acquainted(house)
    his, script = await browser(house.bob), await browser(replace(house.alice, token_id="token"))
    with refused(Forbidden):
        await script.says(to_bob(house), OFFER)
    with refused(Forbidden):
        await peers.receivers(script.connection.principal)
    with refused(Conflict, "peer_away"):  # a script of hers does not count as being there
        await his.says(f"user:{house.alice.user_id}", OFFER)


async def test_viewers_send_and_take_files_as_everybody(house: House, browser: Any) -> None:
    await acquainted(house)
    hers, his = await browser(house.alice), await browser(replace(house.bob, role=Role.VIEWER))
    await hers.says(to_bob(house), OFFER)
    await his.says(his.heard("offer")[0]["ticket"], protocol.PeerAccept())
    await his.says(f"user:{house.alice.user_id}", OFFER)
    assert hers.heard("offer")


@pytest.mark.parametrize("name", ["Screenshot at 10.00\u202fAM.png", "报表\u3000三月.xlsx", "\xa0a", "❤\ufe0f.png"])
async def test_names_that_systems_make_are_taken(house: House, browser: Any, name: str) -> None:
    await acquainted(house)
    hers, his = await browser(house.alice), await browser(house.bob)
    file = protocol.PeerFile(name=name, size=1)
    await hers.says(to_bob(house), protocol.PeerOffer(transfer=TRANSFER, files=[file]))
    assert his.heard("offer")[0]["signal"]["files"][0]["name"] == name


@pytest.mark.parametrize("name", ["invoice\u202efdp.exe", "a\nb", " ", "\x00", "a.pdf\u3164\u3164.exe", "\u2800a"])
async def test_names_that_could_deceive_are_refused(house: House, browser: Any, name: str) -> None:
    await acquainted(house)
    hers, his = await browser(house.alice), await browser(house.bob)
    with refused(InvalidInput):
        await hers.says(
            to_bob(house), protocol.PeerOffer(transfer=TRANSFER, files=[protocol.PeerFile(name=name, size=1)])
        )
    assert his.heard() == []


async def test_too_much_or_too_often_is_refused(house: House, browser: Any) -> None:
    await acquainted(house)
    hers, his = await browser(house.alice), await browser(house.bob)
    large = protocol.PeerOffer(transfer=TRANSFER, files=[protocol.PeerFile(name="a", size=6_000)] * 2)
    with refused(InvalidInput, "transfer_too_large"):
        await hers.says(to_bob(house), large)
    for _ in range(5):
        await hers.says(to_bob(house), OFFER)
    with refused(RateLimited):
        await hers.says(to_bob(house), OFFER)
    await his.says(f"user:{house.alice.user_id}", OFFER)  # others have turns of their own


async def test_nobody_claims_what_the_server_says(house: House, browser: Any) -> None:
    hers = await browser(house.alice)
    with refused(InvalidInput):
        await hers.says("anything", protocol.PeerOver(reason="taken"))
    with refused(InvalidInput):
        await hers.says("everybody:", OFFER)
