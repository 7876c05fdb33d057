"""Comments on a report: who may, who is told, what becomes of those that are changed or deleted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from server.auth.grants import Grant
from server.auth.permissions import Principal, Role
from server.clock import utc_now
from server.errors import Conflict, Forbidden, InvalidInput, NotFound, RateLimited
from server.jobs.keys import KeyReused
from server.operations import comments as comment_rules
from server.operations.comments import MAX_TEXT, MOST_A_MINUTE, CommentOperations, SeenComment
from server.reports.batches import ReportFilter
from server.storage.tables import comment_bells, users
from server.storage.tables import comments as rows
from tests.unit.live.conftest import joined
from tests.unit.operations.conftest import House, only_looking, refused

TEMPLATE = 'title: T\nformats: [html]\nblocks: [{text: "x"}]\n'


@pytest.fixture
def comments(house: House) -> CommentOperations:
    return house.todo.comments


@pytest.fixture
async def report(house: House, alice: Principal, bob: Principal) -> str:
    """Of Alice; Bob may look at it."""
    await house.todo.templates.save(alice, "t", TEMPLATE)
    batch_id = (await house.reported(alice, "t")).batch_id
    await house.todo.sharing.put(alice, "batch", batch_id, [Grant(user="bob")])
    (made,) = (await house.todo.batches.reports(alice, batch_id, ReportFilter())).items
    return made.id


async def batch_of(house: House, report: str) -> str:
    return (await house.todo.batches.report(house.admin, report))[1].id


async def rung(house: House, principal: Principal) -> list[str]:
    """What the bell says of comments, oldest first."""
    told = await house.todo.notifications.latest(principal)
    return [each.title for each in reversed(told.items) if "comment" in each.title]


def texts(seen: Sequence[SeenComment]) -> list[str]:
    return [each.comment.text for each in reversed(seen)]


async def later(house: House, table: Any, column: str, *, minutes: int) -> None:
    """As if so much time had gone by since."""
    async with house.parts.storage.database.write() as connection:
        moment = utc_now() - timedelta(minutes=minutes)
        await connection.execute(update(table).values({column: moment}))


async def test_whoever_sees_the_report_reads_and_writes(
    comments: CommentOperations, house: House, alice: Principal, bob: Principal, admin: Principal, report: str
) -> None:
    vera = await house.user("vera", role=Role.VIEWER)
    await house.todo.sharing.put(alice, "batch", await batch_of(house, report), [Grant(everyone=True)])
    written = [await comments.write(who, report, f" by {who.user_name}\r\n") for who in (alice, bob, vera, admin)]
    page = await comments.list(vera, report)
    assert texts(page.items) == ["by alice", "by bob", "by vera", "by admin"]
    assert page.total == 4
    assert [each.comment.text for each in (await comments.list(vera, report, q="BOB")).items] == ["by bob"]
    newest = await comments.list(vera, report, limit=3)
    older = await comments.list(vera, report, limit=3, cursor=newest.next_cursor)
    assert (texts(older.items), older.next_cursor) == (["by alice"], None)
    (seen,) = (await house.todo.batches.reports(alice, await batch_of(house, report), ReportFilter())).items
    assert seen.comment_count == 4
    await house.todo.sharing.put(alice, "batch", await batch_of(house, report), [])
    own = written[1].comment.id
    for closed in (
        comments.list(bob, report),
        comments.readers(bob, report),
        comments.write(bob, report, "x"),
        comments.edit(bob, report, own, "x"),
        comments.delete(bob, report, own),
        comments.list(alice, "0" * 26),
    ):
        with refused(NotFound):
            await closed
    _, reading = only_looking(alice)
    for change in (comments.write(reading, report, "x"), comments.delete(reading, report, own)):
        with refused(Forbidden):
            await change


async def test_texts_are_plain_and_not_too_long(
    comments: CommentOperations, alice: Principal, report: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = " ".join(f"@person{number}" for number in range(21))
    for wrong in ("", " \n", "x" * (MAX_TEXT + 1), "a\x00b", "a\x07b", many):
        with refused(InvalidInput, fields=("text",)):
            await comments.write(alice, report, wrong)
    for good in ("一二　三 👨‍👩‍👧\n\tfour", "x" * MAX_TEXT, "<script>alert(1)</script>"):
        assert (await comments.write(alice, report, good)).comment.text == good
    monkeypatch.setattr(comment_rules, "MOST_COMMENTS", 3)
    with refused(Conflict):
        await comments.write(alice, report, "one too many")


async def test_nobody_writes_too_much_at_once(
    comments: CommentOperations, alice: Principal, bob: Principal, report: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(MOST_A_MINUTE):
        written = await comments.write(alice, report, str(number))
    for one_more in (comments.write(alice, report, "x"), comments.edit(alice, report, written.comment.id, "x")):
        with pytest.raises(RateLimited) as raised:
            await one_more
        assert 0 < raised.value.retry_after_seconds <= 60
    await comments.write(bob, report, "x")


async def test_what_comes_twice_under_one_key_is_written_once(
    comments: CommentOperations, house: House, alice: Principal, bob: Principal, report: str
) -> None:
    first = await comments.write(bob, report, " odd \n", idempotency_key="k")
    for _ in range(MOST_A_MINUTE + 1):  # and is not counted as one more
        assert await comments.write(bob, report, "odd", idempotency_key="k") == first
    assert (await comments.list(alice, report)).total == 1
    assert await rung(house, alice) == ["bob commented on “T”"]
    with pytest.raises(KeyReused):
        await comments.write(bob, report, "something else", idempotency_key="k")
    other = await comments.write(alice, report, "odd", idempotency_key="k")  # keys are of who asks
    assert other.comment.id != first.comment.id
    await comments.edit(bob, report, first.comment.id, "not so odd")
    assert (await comments.write(bob, report, "odd", idempotency_key="k")).comment.text == "not so odd"
    await comments.delete(bob, report, first.comment.id)
    with refused(NotFound):  # its place is kept, for Alice answered
        await comments.write(bob, report, "odd", idempotency_key="k")
    with refused(InvalidInput, fields=("Idempotency-Key",)):
        await comments.write(bob, report, "odd", idempotency_key="x" * 201)


async def test_the_bell_rings_once_for_what_is_written_in_one_go(
    comments: CommentOperations, house: House, alice: Principal, bob: Principal, admin: Principal, report: str
) -> None:
    for text in ("one", "two", "three"):
        await comments.write(bob, report, text)
    assert await rung(house, alice) == ["bob commented on “T”"]
    assert await rung(house, bob) == []
    await comments.write(alice, report, "an answer")
    assert await rung(house, bob) == ["alice commented on “T”"]
    await later(house, comment_bells, "at", minutes=11)
    await comments.write(bob, report, "another day")
    assert await rung(house, alice) == ["bob commented on “T”"] * 2
    assert await rung(house, admin) == []  # who has nothing to do with it
    told = await house.todo.notifications.latest(alice)
    newest = (await comments.list(alice, report)).items[0].comment
    assert (told.items[0].url, told.items[0].body) == (f"/reports/{report}#comment-{newest.id}", "")


async def test_people_who_are_named_are_told_and_others_are_told_of_to_the_writer(
    comments: CommentOperations, house: House, alice: Principal, bob: Principal, admin: Principal, report: str
) -> None:
    mei, _ = await house.user("Mei Li"), await house.user("stranger")
    await house.todo.sharing.put(
        alice, "batch", await batch_of(house, report), [Grant(user="bob"), Grant(user="Mei Li")]
    )
    await comments.write(bob, report, "one")
    text = '@ALICE, look; @"Mei Li" 与@admin看看 @stranger @nobody mail x@bob.example @bob'
    seen = await comments.write(bob, report, text)
    assert seen.comment.named == ["ALICE", "Mei Li", "admin", "bob"]
    assert seen.untold == ["stranger", "nobody"]
    assert [each.untold for each in (await comments.list(alice, report)).items] == [[], []]
    assert await rung(house, alice) == ["bob commented on “T”", "bob mentioned you in a comment on “T”"]
    assert await rung(house, mei) == await rung(house, admin) == ["bob mentioned you in a comment on “T”"]
    await comments.write(bob, report, '@"Mei Li" again')
    assert len(await rung(house, mei)) == 1
    assert await comments.readers(bob, report) == ["admin", "alice", "Mei Li"]
    assert await comments.readers(bob, report, q="ME") == ["Mei Li"]
    assert await comments.readers(bob, report, q="i") == ["admin", "alice", "Mei Li"][0:3]


async def test_the_bell_asks_for_rights_and_for_wishes_and_does_not_ring_for_what_is_in_sight(
    comments: CommentOperations, house: House, alice: Principal, bob: Principal, admin: Principal, report: str
) -> None:
    await comments.write(bob, report, "mine")
    carol = await house.user("carol")
    await house.todo.sharing.put(alice, "batch", await batch_of(house, report), [Grant(user="carol")])
    await house.todo.accounts.change_me(
        alice, {"notifications": {"finished": True, "failed": True, "commented": False}}
    )
    await later(house, comment_bells, "at", minutes=11)
    await comments.write(carol, report, "@bob and @alice")
    assert await rung(house, bob) == []
    assert await rung(house, alice) == ["bob commented on “T”"]  # of before
    await house.todo.accounts.change_me(alice, {"notifications": {"commented": True}})
    seen = await joined(house.parts.realtime, alice, events=(f"report:{report}",))
    await comments.write(admin, report, "@alice, you see it")
    assert await rung(house, alice) == ["bob commented on “T”"]
    assert [each["data"]["change"] for each in seen.messages if each["type"] == "event"] == ["added"]
    async with house.parts.storage.database.write() as connection:
        await connection.execute(update(users).where(users.c.name == "carol").values(disabled_at=utc_now()))
    await later(house, comment_bells, "at", minutes=11)
    await comments.write(admin, report, "@carol")
    assert await rung(house, carol) == ["admin commented on “T”"]  # of when her account was not disabled yet


async def test_one_changes_ones_own_for_a_while(
    comments: CommentOperations, house: House, alice: Principal, bob: Principal, admin: Principal, report: str
) -> None:
    written = (await comments.write(bob, report, "frist")).comment
    for another in (alice, admin):
        with refused(Forbidden):
            await comments.edit(another, report, written.id, "first")
    changed = await comments.edit(bob, report, written.id, "first, @admin")
    assert (changed.comment.text, changed.comment.edited_at is not None, changed.may_edit) == (
        "first, @admin",
        True,
        True,
    )
    assert await rung(house, admin) == ["bob mentioned you in a comment on “T”"]
    assert await rung(house, alice) == ["bob commented on “T”"]  # and not for the change
    await later(house, rows, "created_at", minutes=16)
    (seen,) = (await comments.list(bob, report)).items
    assert (seen.may_edit, seen.may_delete) == (False, True)
    with refused(Conflict):
        await comments.edit(bob, report, written.id, "too late")
    with refused(NotFound):
        await comments.edit(bob, report, "0" * 26, "none")


async def test_a_place_stays_as_long_as_others_answered(
    comments: CommentOperations, house: House, alice: Principal, bob: Principal, admin: Principal, report: str
) -> None:
    first, second, answer = [
        (await comments.write(who, report, text)).comment.id
        for who, text in ((bob, "first @alice"), (bob, "second"), (alice, "answer"))
    ]
    with refused(Forbidden):
        await comments.delete(bob, report, answer)
    await comments.delete(bob, report, first)
    await comments.delete(alice, report, second)
    page = await comments.list(bob, report)
    assert [(each.comment.text, each.comment.deleted_at is not None) for each in reversed(page.items)] == [
        ("", True),
        ("", True),
        ("answer", False),
    ]
    assert {(each.may_edit, each.may_delete) for each in page.items[1:]} == {(False, False)}
    with refused(NotFound):
        await comments.delete(bob, report, first)
    (seen,) = (await house.todo.batches.reports(alice, await batch_of(house, report), ReportFilter())).items
    assert seen.comment_count == 1
    await comments.delete(admin, report, answer)
    assert (await comments.list(bob, report)).items == []
    assert await house.audited("comment.delete") == [
        ("alice", "T", {"owner": "alice", "author": "bob"}),
        ("admin", "T", {"owner": "alice", "author": "alice"}),
    ]


async def test_they_go_with_the_report(
    comments: CommentOperations, house: House, alice: Principal, bob: Principal, report: str
) -> None:
    await comments.write(bob, report, "one")
    await house.todo.batches.delete(alice, await batch_of(house, report))
    async with house.parts.storage.database.read() as connection:
        assert (await connection.execute(rows.select())).all() == []
        assert (await connection.execute(comment_bells.select())).all() == []
