"""Who may open a live connection: looked at as a visitor, however they came."""

from __future__ import annotations

import pytest

from server.auth.permissions import Principal, Role, Scope
from server.auth.refused_origins import RefusedOrigins
from server.errors import Forbidden, Unavailable
from server.http.readiness import Readiness, ServerPhase
from server.languages import Languages
from server.places import LOCALES
from server.realtime.close_codes import CloseCode
from server.realtime.limits import LiveLimits
from server.realtime.manager import ConnectionManager, Refused
from server.realtime.protocol import Position
from server.transports.admission import Admission, Floods, position
from server.transports.visitor import Visitor
from tests.unit.realtime.links import MemoryLink

OWN = frozenset({"https://reports.example.com"})


def admission(*, phase: ServerPhase = ServerPhase.READY, per_address: int = 2) -> Admission:
    return Admission(
        manager=ConnectionManager(LiveLimits(connections_per_address=per_address)),
        languages=Languages.load(LOCALES),
        readiness=Readiness(phase),
        allowed_origins=("https://friend.example.com",),
        refused_origins=RefusedOrigins(),
    )


def visitor(origin: str | None = None, site: str = "none", language: str | None = None) -> Visitor:
    return Visitor(address="10.0.0.1", origin=origin, own_origins=OWN, site=site, language=language, device="curl/8")


def alice(*scopes: Scope) -> Principal:
    return Principal(
        user_id="alice", user_name="alice", role=Role.EDITOR, language="en", scopes=frozenset(scopes or {Scope.READ})
    )


@pytest.mark.parametrize(
    ("origin", "site"),
    [
        (None, "none"),
        (None, "same-origin"),
        ("https://Reports.example.com", "same-origin"),
        ("https://friend.example.com", "cross-site"),
    ],
)
def test_programs_our_own_pages_and_allowed_ones_may_connect(origin: str | None, site: str) -> None:
    admission().check(visitor(origin, site))


@pytest.mark.parametrize(
    ("origin", "site"),
    [("https://elsewhere.example", "none"), ("null", "none"), ("", "none"), (None, "cross-site"), (None, "same-site")],
)
def test_pages_of_others_may_not(origin: str | None, site: str) -> None:
    with pytest.raises(Forbidden):
        admission().check(visitor(origin, site))


@pytest.mark.parametrize("phase", [ServerPhase.STARTING, ServerPhase.DRAINING])
def test_nobody_may_before_the_server_is_ready_and_when_it_stops(phase: ServerPhase) -> None:
    with pytest.raises(Unavailable):
        admission(phase=phase).check(visitor())


def test_an_address_has_so_many_places_whatever_carries_them() -> None:
    door = admission(per_address=1)
    with door.place("10.0.0.1") as place:
        with pytest.raises(Refused):
            door.place("10.0.0.1")
        door.place("10.0.0.2").leave()
        place.leave()
        place.leave()
        door.place("10.0.0.1").leave()


def test_a_connection_speaks_the_language_that_was_asked_for_else_the_users() -> None:
    door = admission()
    for asked, spoken in ((None, "en"), ("zh-CN", "zh-CN"), ("xx", "en")):
        connection = door.connection(visitor(language=asked), MemoryLink(), alice(), client_id="tab")
        assert (connection.language, connection.device) == (spoken, "curl/8")


def test_a_token_that_may_not_read_gets_none() -> None:
    with pytest.raises(Refused) as refused:
        admission().connection(visitor(), MemoryLink(), alice(Scope.ADMIN), client_id="tab")
    assert refused.value.code is CloseCode.FORBIDDEN


@pytest.mark.parametrize("text", ["", "x", "epoch:", ":1", "e:-1", "e:1:2", "e:" + "9" * 19])
def test_what_is_no_position_is_none(text: str) -> None:
    assert position(text) is None
    assert position("01abc:7") == Position(epoch="01abc", offset=7)


def test_whoever_comes_back_to_flood_waits_and_nobody_else_does() -> None:
    now = 100.0
    floods = Floods(clock=lambda: now)
    for number in range(5):
        assert floods.seconds_to_wait("mallory") == 0, number
        floods.add("mallory")
        now += 1
    assert floods.seconds_to_wait("mallory") == 25
    assert floods.seconds_to_wait("bob") == 0
    now += 25
    assert floods.seconds_to_wait("mallory") == 0


def test_closures_far_apart_are_no_flood() -> None:
    now = 0.0
    floods = Floods(clock=lambda: now)
    for _ in range(20):
        floods.add("mallory")
        now += 31
        assert floods.seconds_to_wait("mallory") == 0
