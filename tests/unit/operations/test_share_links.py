"""Share links as their makers have them: who may make and see them, how many, and what is written down."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest

from server.app.parts import Parts
from server.auth.permissions import Principal, Role
from server.clock import utc_now
from server.errors import Forbidden, InvalidInput, NotFound
from server.operations import share_links
from server.operations.share_links import ShareLinkOperations, WantedLink
from server.reports.old_links import OldLinks
from server.reports.share_links import ShareLinkState
from server.storage.keeping import Amount
from server.storage.tables import share_links as rows
from tests.unit.operations.conftest import House, only_looking, refused

TEMPLATE = 'title: T\nformats: [html]\nblocks: [{text: "x"}]\n'


@pytest.fixture
def links(house: House) -> ShareLinkOperations:
    return house.todo.share_links


@pytest.fixture
async def batch_id(house: House, alice: Principal) -> str:
    await house.todo.templates.save(alice, "t", TEMPLATE)
    return (await house.reported(alice, "t")).batch_id


async def test_owner_and_administrators_make_see_and_revoke_them(
    links: ShareLinkOperations, house: House, alice: Principal, bob: Principal, admin: Principal, batch_id: str
) -> None:
    mine = await links.make(alice, WantedLink(batch_id=batch_id))
    theirs = await links.make(admin, WantedLink(batch_id=batch_id))
    assert mine.secret
    assert mine.link.title == "T"
    seen = {each.link.id: each.secret for each in (await links.links(alice)).items}
    assert seen == {mine.link.id: mine.secret, theirs.link.id: None}
    assert [each.link.id for each in (await links.links(alice, is_own=True)).items] == [mine.link.id]
    assert (await links.links(bob)).items == []
    for unseen in (links.make(bob, WantedLink(batch_id=batch_id)), links.links(bob, batch_id=batch_id)):
        with refused(NotFound):
            await unseen
    for looking in only_looking(alice):
        with refused(Forbidden):
            await links.make(looking, WantedLink(batch_id=batch_id))
    viewer, reading = only_looking(alice)
    who = (alice, admin, bob, viewer)
    assert [await links.may_make(each, batch_id) for each in who] == [True, True, False, False]
    with refused(Forbidden):
        await links.revoke(reading, mine.link.id)
    with refused(NotFound):
        await links.revoke(bob, mine.link.id)
    await links.revoke(alice, theirs.link.id)
    await links.revoke(viewer, mine.link.id)
    with refused(NotFound):
        await links.revoke(alice, mine.link.id)
    assert [subject for _, subject, _ in await house.audited("link.create")] == ["T", "T"]
    _, _, detail = (await house.audited("link.revoke"))[0]
    assert detail == {"openings": 0, "owner": "admin", "shows": "batch"}


async def test_one_thing_is_named_and_passwords_are_not_too_short(
    links: ShareLinkOperations, alice: Principal, batch_id: str
) -> None:
    for nothing in (WantedLink(), WantedLink(batch_id=batch_id, report_id="x")):
        with refused(InvalidInput, fields=("report",)):
            await links.make(alice, nothing)
    for password in ("short", "x" * 300, "with\nline"):
        with refused(InvalidInput, fields=("password",)):
            await links.make(alice, WantedLink(batch_id=batch_id, password=password))
    known = await links.make(alice, WantedLink(batch_id=batch_id, password="monsoon"))
    assert known.link.password_hash.startswith("$argon2")


async def test_nobody_has_more_than_so_many(
    links: ShareLinkOperations, alice: Principal, batch_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(share_links, "MOST_LINKS", 1)
    await links.make(alice, WantedLink(batch_id=batch_id))
    with refused(InvalidInput):
        await links.make(alice, WantedLink(batch_id=batch_id))


async def test_an_address_that_cannot_be_read_any_more_is_not_shown(
    links: ShareLinkOperations, house: House, alice: Principal, batch_id: str
) -> None:
    """After the server's secret key was lost."""
    made = await links.make(alice, WantedLink(batch_id=batch_id))
    async with house.parts.storage.database.write() as connection:
        await connection.execute(rows.update().values(sealed="of another key"))
    (known,) = (await links.links(alice)).items
    assert (known.link.id, known.secret) == (made.link.id, None)


async def test_those_that_ended_go_after_a_time(
    links: ShareLinkOperations, house: House, alice: Principal, batch_id: str
) -> None:
    parts: Parts = house.parts
    ended = await links.make(alice, WantedLink(batch_id=batch_id))
    await links.make(alice, WantedLink(batch_id=batch_id))
    async with parts.storage.database.write() as connection:
        long_ago = rows.update().where(rows.c.id == ended.link.id).values(expires_at=utc_now() - timedelta(days=40))
        await connection.execute(long_ago)
    states = [known.state for known in (await links.links(alice)).items]
    assert states == [ShareLinkState.OPEN, ShareLinkState.ENDED]
    old = OldLinks(parts.storage.database)
    before = utc_now() - timedelta(days=30)
    assert (await old.held(alice.user_id)).count == 2
    assert (await old.due(before)).count == (await old.due(before, alice.user_id)).count == 1
    assert await old.remove_some(before) == Amount(count=1, bytes=500)
    assert await old.remove_some(before) is None
    assert (await links.links(alice)).total == 1


async def test_whoever_may_share_no_more_has_links_that_rest(
    links: ShareLinkOperations, house: House, alice: Principal, batch_id: str
) -> None:
    await links.make(alice, WantedLink(batch_id=batch_id))
    await house.todo.admin.change_user(house.admin, alice.user_id, role=Role.VIEWER)
    (known,) = (await links.links(house.admin)).items
    assert known.state is ShareLinkState.RESTING
    token = dataclasses.replace(alice, role=Role.EDITOR)  # as it was known a moment ago
    with refused(Forbidden):
        await links.make(token, WantedLink(batch_id=batch_id))
