"""Sessions are rows: found by their secret, extended by use, listed and ended; each only by its owner."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from server.auth.endings import Endings
from server.auth.sessions import SessionStore
from server.auth.users import User
from server.clock import utc_now
from server.storage import tables
from server.storage.database import Database
from tests.unit.auth.conftest import MovableClock


@pytest.fixture
def ended() -> list[dict[str, str | None]]:
    return []


@pytest.fixture
def sessions(database: Database, clock: MovableClock, ended: list[dict[str, str | None]]) -> SessionStore:
    store = SessionStore(database, endings=Endings(), days=14, clock=clock)
    store.on_end(lambda **what: ended.append(what))
    return store


async def test_a_session_is_found_by_its_secret(sessions: SessionStore, alice: User) -> None:
    session, secret = await sessions.start(alice.id, user_agent="Firefox", address="192.0.2.1")
    visit = await sessions.visit(secret, address="192.0.2.1")
    assert visit is not None
    assert (visit.user.name, visit.session.id) == ("Alice", session.id)


async def test_the_secret_is_not_in_the_database(sessions: SessionStore, database: Database, alice: User) -> None:
    _, secret = await sessions.start(alice.id, user_agent="", address="")
    async with database.read() as connection:
        row = (await connection.execute(sa.select(tables.sessions))).one()
    assert secret not in str(tuple(row))


@pytest.mark.parametrize("secret", ["", "x", "é", "\ud800", "a" * 100_000, "' or 1=1 --"])
async def test_a_made_up_secret_is_nobody(sessions: SessionStore, alice: User, secret: str) -> None:
    await sessions.start(alice.id, user_agent="", address="")
    assert await sessions.visit(secret, address="") is None


async def test_use_extends_a_session_at_most_once_a_minute(
    sessions: SessionStore, alice: User, clock: MovableClock
) -> None:
    _, secret = await sessions.start(alice.id, user_agent="", address="")
    clock.pass_time(seconds=59)
    visit = await sessions.visit(secret, address="")
    assert visit is not None
    assert not visit.was_extended
    clock.pass_time(days=13)
    visit = await sessions.visit(secret, address="")
    assert visit is not None
    assert visit.was_extended
    clock.pass_time(days=13)
    assert await sessions.visit(secret, address="") is not None


async def test_an_unused_session_expires_and_that_is_told(
    sessions: SessionStore, alice: User, clock: MovableClock, ended: list[dict[str, str | None]]
) -> None:
    session, secret = await sessions.start(alice.id, user_agent="", address="")
    clock.pass_time(days=14)
    assert await sessions.visit(secret, address="") is None
    await sessions.end_expired()
    assert ended == [{"session_id": session.id}]


async def test_a_disabled_user_has_no_session(sessions: SessionStore, database: Database, alice: User) -> None:
    _, secret = await sessions.start(alice.id, user_agent="", address="")
    async with database.write() as connection:
        await connection.execute(tables.users.update().values(disabled_at=utc_now()))
    assert await sessions.visit(secret, address="") is None


async def test_bob_neither_sees_nor_ends_the_sessions_of_alice(
    sessions: SessionStore, alice: User, bob: User, ended: list[dict[str, str | None]]
) -> None:
    session, secret = await sessions.start(alice.id, user_agent="", address="")
    assert await sessions.of_user(bob.id) == []
    assert not await sessions.end(session.id, user_id=bob.id)
    assert await sessions.end_all(bob.id) == 0
    assert await sessions.visit(secret, address="") is not None
    assert ended == []


async def test_all_sessions_but_one_end(
    sessions: SessionStore, alice: User, ended: list[dict[str, str | None]]
) -> None:
    here, _ = await sessions.start(alice.id, user_agent="", address="")
    there, secret = await sessions.start(alice.id, user_agent="", address="")
    assert await sessions.end_all(alice.id, but=here.id) == 1
    assert await sessions.visit(secret, address="") is None
    assert ended == [{"session_id": there.id}]


async def test_a_listener_that_fails_does_not_keep_others_from_hearing(
    sessions: SessionStore, alice: User, ended: list[dict[str, str | None]]
) -> None:
    def fail(**_what: str | None) -> None:
        raise RuntimeError

    heard: list[dict[str, str | None]] = []
    sessions.on_end(fail)
    sessions.on_end(lambda **what: heard.append(what))
    session, _ = await sessions.start(alice.id, user_agent="", address="")
    assert await sessions.end(session.id, user_id=alice.id)
    assert heard == ended == [{"session_id": session.id}]


async def test_a_browser_name_that_is_no_text_is_kept_readable(sessions: SessionStore, alice: User) -> None:
    await sessions.start(alice.id, user_agent="\udcff\x00bad" + "x" * 999, address="")
    (session,) = await sessions.of_user(alice.id)
    assert session.user_agent.startswith("?bad")
    assert len(session.user_agent) == 300
