"""Links that are handed over: good once, for a while, as long as who made them may."""

from __future__ import annotations

from datetime import timedelta

import pytest

from server.auth.account_links import AccountLinks, LinkKind
from server.auth.permissions import Role
from server.auth.users import User, UserStore
from server.clock import utc_now
from server.storage.database import Database
from tests.unit.auth.conftest import MovableClock

HOUR = timedelta(hours=1)


@pytest.fixture
def links(database: Database, clock: MovableClock) -> AccountLinks:
    return AccountLinks(database, clock=clock)


async def test_a_link_is_found_by_its_secret_and_its_kind(links: AccountLinks, database: Database, alice: User) -> None:
    async with database.write() as connection:
        made, secret = await links.invite(connection, name="Carol", role=Role.VIEWER, made_by=None, lifetime=HOUR)
        reset, other = await links.reset(connection, alice, made_by=None, lifetime=HOUR)
    assert await links.find(LinkKind.INVITATION, secret) == made
    assert await links.find(LinkKind.RESET, other) == reset
    assert await links.find(LinkKind.RESET, secret) is None
    assert await links.find(LinkKind.INVITATION, "guessed") is None


async def test_a_link_is_used_once(links: AccountLinks, database: Database) -> None:
    async with database.write() as connection:
        link, secret = await links.invite(connection, name="", role=Role.EDITOR, made_by=None, lifetime=HOUR)
        assert await links.use(connection, link)
        assert not await links.use(connection, link)
    assert await links.find(LinkKind.INVITATION, secret) is None


async def test_time_ends_a_link(links: AccountLinks, database: Database, clock: MovableClock) -> None:
    async with database.write() as connection:
        link, secret = await links.invite(connection, name="", role=Role.EDITOR, made_by=None, lifetime=HOUR)
    clock.pass_time(hours=1)
    assert await links.find(LinkKind.INVITATION, secret) is None
    assert await links.all(LinkKind.INVITATION) == []
    async with database.write() as connection:
        assert not await links.use(connection, link)
    await links.end_expired()
    async with database.write() as connection:
        assert await links.end(connection, LinkKind.INVITATION, link.id) is None


async def test_a_link_is_good_while_its_maker_administrates(
    links: AccountLinks, database: Database, alice: User
) -> None:
    users = UserStore(database)
    async with database.write() as connection:
        _, secret = await links.invite(connection, name="", role=Role.EDITOR, made_by=alice.id, lifetime=HOUR)
    assert await links.find(LinkKind.INVITATION, secret) is None  # an editor
    for values, is_good in (({"role": Role.ADMIN}, True), ({"disabled_at": utc_now()}, False)):
        async with database.write() as connection:
            await users.change(connection, alice.id, **values)
        assert (await links.find(LinkKind.INVITATION, secret) is not None) is is_good


async def test_a_new_link_to_a_password_ends_the_one_before(
    links: AccountLinks, database: Database, alice: User, bob: User
) -> None:
    async with database.write() as connection:
        _, first = await links.reset(connection, alice, made_by=None, lifetime=HOUR)
        _, second = await links.reset(connection, alice, made_by=None, lifetime=HOUR)
        _, of_bob = await links.reset(connection, bob, made_by=None, lifetime=HOUR)
    assert [await links.find(LinkKind.RESET, secret) is not None for secret in (first, second, of_bob)] == [
        False,
        True,
        True,
    ]
