"""Mails that come back: shown, told once, and nothing more goes there until a person says so."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from server.app.deliveries import build_deliveries
from server.auth.access import Whose
from server.clock import utc_now
from server.deliveries.bouncing import Bouncing, leave_mailbox_alone
from server.deliveries.delivery import DeliveryItem, DeliveryState
from server.deliveries.held_addresses import hold_address
from server.deliveries.store import set_delivery
from server.delivery.wishes import DeliveryVia, DeliveryWish
from server.errors import Forbidden, MailboxAway, NotFound
from server.reports.batch_orders import BatchOrder
from server.settings import Settings
from server.storage.tables import deliveries
from tests.bounces import ADDRESS, bounced
from tests.unit.operations.conftest import SALES, House, only_looking, refused
from tests.unit.operations.test_delivery_trials import Mailbox, mailbox, troubles

MAILBOX = mailbox  # a fixture
TO_MEI = DeliveryWish(via=DeliveryVia.MAIL, to=["mei@example.org", "boss@example.com"])


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, smtp_host="mail.invalid", mail_from="jindu@example.com")


@dataclass(slots=True)
class CameBack:
    """What lies in the mailbox that nobody has read."""

    mails: list[bytes] = field(default_factory=list)
    seen: list[bytes] = field(default_factory=list)
    is_away: bool = False
    opened: int = 0

    @asynccontextmanager
    async def open(self) -> AsyncIterator[CameBack]:
        self.opened += 1
        if self.is_away:
            raise MailboxAway(host="mail.invalid", said="no answer")
        yield self

    async def unread(self, limit: int) -> Sequence[tuple[str, bytes]]:
        return [(str(place), raw) for place, raw in enumerate(self.mails) if raw not in self.seen][:limit]

    async def mark_read(self, mail_id: str) -> None:
        self.seen.append(self.mails[int(mail_id)])


def reader(house: House, came_back: CameBack, *, node: str = "one", later: timedelta = timedelta()) -> Bouncing:
    parts, todo = house.parts, house.todo.deliveries
    return Bouncing(
        mailbox=came_back,
        address=ADDRESS,
        database=parts.storage.database,
        telling=todo.sending._telling,
        announce=parts.live.announcing.publish,
        counts=todo.sending.counts,
        holder=node,
        clock=lambda: utc_now() + later,
    )


async def tag_of(house: House, item: DeliveryItem) -> str:
    async with house.parts.storage.database.read() as connection:
        found = await connection.scalar(select(deliveries.c.bounce_tag).where(deliveries.c.id == item.id))
    assert isinstance(found, str)
    return found


async def sent(house: House, batch_id: str) -> dict[str, DeliveryItem]:
    await house.todo.deliveries.sending.settle()
    items = (await house.todo.deliveries.of_batch(house.alice, batch_id, limit=100)).items
    return {each.recipient: each for each in sorted(items, key=lambda each: each.id)}


@pytest.fixture
async def batch_id(house: House) -> str:
    await house.given(house.alice)
    await house.todo.templates.save(house.alice, "sales", SALES)
    return (await house.reported(house.alice)).batch_id


async def test_what_came_back_for_good_holds_that_address_until_a_person_says_otherwise(
    house: House, mailbox: Mailbox, batch_id: str
) -> None:
    todo, held, came_back = house.todo.deliveries, house.todo.held_addresses, CameBack()
    await todo.deliver(house.alice, batch_id, [TO_MEI])
    mei = (await sent(house, batch_id))["mei@example.org"]
    tag = await tag_of(house, mei)
    assert len(tag) == 24
    came_back.mails = [
        b"Subject: out of office\r\n\r\nBack on Monday.",
        bounced("0" * 24),  # of nothing that there is
        bounced(tag, action="delayed", status="4.4.1", said="smtp; 421 try later"),
    ]
    look = reader(house, came_back).look
    await look()
    late = (await sent(house, batch_id))["mei@example.org"]
    assert (late.state, late.error and late.error["parameters"]) == (DeliveryState.SENT, {"said": "421 try later"})
    assert (await held.list(house.alice)).items == []
    came_back.mails += [bounced(tag), bounced(tag, said="smtp; 550 a second one")]
    await look()
    await look()
    assert len(came_back.seen) == 5
    states = {name: each.state for name, each in (await sent(house, batch_id)).items()}
    assert states == {"mei@example.org": DeliveryState.BOUNCED, "boss@example.com": DeliveryState.SENT}
    (notice,) = await troubles(house, house.alice)
    assert "came back from" in notice
    assert todo.sending.counts["bounced"] == 1
    (one,) = (await held.list(house.alice)).items
    assert (one.address, one.owner) == ("mei@example.org", "alice")
    assert one.said == "550 5.1.1 <mei@example.org>: Recipient address rejected: User unknown"

    # The next time the others get theirs, and it is said why one does not.
    mailbox.taken.clear()
    await todo.deliver(house.alice, batch_id, [TO_MEI])
    next_one = (await sent(house, batch_id))["mei@example.org"]
    assert next_one.state is DeliveryState.SKIPPED
    assert [each.recipient for each in mailbox.taken] == ["boss@example.com"]

    # Nobody else sees it or lets it go; administrators do, and whoever may only look does not.
    assert (await held.list(house.bob)).items == []
    with refused(Forbidden):
        await held.list(house.bob, whose=Whose.ALL)
    with refused(NotFound):
        await held.allow(house.bob, one.id)
    for looking in only_looking(house.alice):
        with refused(Forbidden):
            await held.allow(looking, one.id)
    assert [each.address for each in (await held.list(house.admin, whose=Whose.ALL)).items] == ["mei@example.org"]

    # To send one again is to say that mail goes there again; what comes back of the first one then says nothing.
    await todo.retry(house.alice, next_one.id)
    assert (await sent(house, batch_id))["mei@example.org"].state is DeliveryState.SENT
    assert (await held.list(house.alice)).items == []
    came_back.mails.append(bounced(await tag_of(house, next_one), said="smtp; 550 still not"))
    await look()
    (again,) = (await held.list(house.alice)).items
    await held.allow(house.alice, again.id)
    with refused(NotFound):
        await held.allow(house.alice, again.id)
    assert await house.audited("delivery.unhold") == [("alice", "mei@example.org", {"owner": "alice"})] * 2


async def test_what_passes_holds_nothing_and_neither_does_a_trial(
    house: House, mailbox: Mailbox, batch_id: str
) -> None:
    todo, came_back = house.todo.deliveries, CameBack()
    await todo.deliver(house.alice, batch_id, [TO_MEI])
    await todo.deliver_to_me(house.alice, batch_id, [TO_MEI])
    items = (await sent(house, batch_id)).values()
    assert len(items) == 3
    for item in items:
        status = "5.1.1" if item.is_trial else "4.4.7"
        came_back.mails.append(bounced(await tag_of(house, item), status=status))
    await reader(house, came_back).look()
    states = [each.state for each in (await todo.of_batch(house.alice, batch_id)).items]
    assert states.count(DeliveryState.BOUNCED) == 3
    assert (await house.todo.held_addresses.list(house.alice)).items == []


async def test_one_that_comes_back_before_it_is_noted_as_sent_is_read_later(
    house: House, mailbox: Mailbox, batch_id: str
) -> None:
    todo, came_back = house.todo.deliveries, CameBack()
    await todo.deliver(house.alice, batch_id, [TO_MEI])
    mei = (await sent(house, batch_id))["mei@example.org"]
    came_back.mails = [bounced(await tag_of(house, mei))]
    for state, seen in ((DeliveryState.SENDING, 0), (DeliveryState.SENT, 1)):
        async with house.parts.storage.database.write() as connection:
            await set_delivery(connection, mei.id, {"state": state, "held_until": utc_now() + timedelta(minutes=3)})
        await reader(house, came_back).look()
        assert len(came_back.seen) == seen
    assert (await todo.get(house.alice, mei.id)).state is DeliveryState.BOUNCED


async def test_one_node_reads_at_a_time_and_one_that_is_away_is_tried_again(
    house: House, mailbox: Mailbox, batch_id: str, caplog: pytest.LogCaptureFixture
) -> None:
    came_back = CameBack(is_away=True)
    first, second = reader(house, came_back), reader(house, came_back, node="two")
    await first.look()
    await first.look()
    await second.look()
    assert came_back.opened == 2
    assert [each.message for each in caplog.records if "no answer" in each.message] == [
        "The mailbox of mails that come back cannot be read at mail.invalid: no answer."
    ]
    await reader(house, came_back, node="two", later=timedelta(minutes=10)).look()
    assert came_back.opened == 3


async def test_where_nobody_named_a_mailbox_none_is_read(house: House) -> None:
    assert house.todo.deliveries.bouncing is None
    parts = house.parts
    settings = replace(parts.settings, bounces_to=ADDRESS, bounces_imap_url="imaps://x@mail.invalid/INBOX")
    built = build_deliveries(
        settings,
        languages=parts.languages,
        storage=parts.storage,
        auth=parts.auth,
        live=parts.live,
        reports=parts.reports,
        workers=parts.workers,
        datasets=parts.datasets,
    )
    assert built.bouncing is not None


async def test_they_come_in_pages_and_are_found_by_their_words(house: House, batch_id: str) -> None:
    held = house.todo.held_addresses
    async with house.parts.storage.database.write() as connection:
        for owner, name in ((house.alice, "a"), (house.alice, "b"), (house.alice, "c_c"), (house.bob, "d")):
            await hold_address(
                connection,
                owner_id=owner.user_id,
                address=f"{name}@Example.com",
                said=f"550 No {name}",
                batch_id=batch_id,
                now=utc_now(),
            )
    first = await held.list(house.alice, limit=2)
    rest = await held.list(house.alice, limit=2, cursor=first.next_cursor)
    assert ([each.address[0] for each in (*first.items, *rest.items)], first.total) == (["c", "b", "a"], 3)
    assert rest.next_cursor is None
    for words, found in (("C_C", 1), ("550 no b", 1), ("%", 0), ("d@", 0)):
        assert (await held.list(house.alice, q=words)).total == found


async def test_whoever_orders_or_tries_is_told_before_who_gets_nothing(house: House, batch_id: str) -> None:
    async with house.parts.storage.database.write() as connection:
        for owner in (house.alice, house.bob):
            await hold_address(
                connection, owner_id=owner.user_id, address="mei@example.org", said="550 no", batch_id="", now=utc_now()
            )
    wish = DeliveryWish(via=DeliveryVia.MAIL, to=["Mei@example.org", "boss@example.com"])
    (warning,) = await house.todo.held_addresses.warnings(house.alice, [wish])
    assert warning["parameters"] == {"address": "mei@example.org", "said": "550 no"}
    assert await house.todo.held_addresses.warnings(house.admin, [wish]) == []
    preview = await house.todo.deliveries.preview(house.alice, BatchOrder(template="sales", deliveries=[wish]))
    assert {each.recipient: each.problem is None for each in preview.deliveries} == {
        "Mei@example.org": False,
        "boss@example.com": True,
    }


async def test_what_was_restored_leaves_the_mailbox_to_the_server_of_the_backup_until_it_mails_itself(
    house: House, mailbox: Mailbox, batch_id: str, caplog: pytest.LogCaptureFixture
) -> None:
    todo, came_back = house.todo.deliveries, CameBack()
    await todo.deliver(house.alice, batch_id, [TO_MEI])
    came_back.mails = [bounced(await tag_of(house, (await sent(house, batch_id))["mei@example.org"]))]
    async with house.parts.storage.database.write() as connection:
        await leave_mailbox_alone(connection, utc_now())
    look = reader(house, came_back).look
    await look()
    await todo.deliver_to_me(house.alice, batch_id, [TO_MEI])  # somebody tries the copy
    await sent(house, batch_id)
    await look()
    assert came_back.opened == 0
    assert [each.message for each in caplog.records if "left alone" in each.message] == [
        "a backup was restored, and nothing mailed since: the mailbox is left alone"
    ]
    await todo.deliver(house.alice, batch_id, [TO_MEI])
    await sent(house, batch_id)
    await look()
    assert len(came_back.seen) == 1
    assert len((await house.todo.held_addresses.list(house.alice)).items) == 1
