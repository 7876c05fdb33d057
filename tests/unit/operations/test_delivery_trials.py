"""To me first: the first mails of an order go to whoever asks alone, and nothing of it counts as sent."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from server.auth.permissions import Principal
from server.clock import utc_now
from server.deliveries.delivery import DeliveryItem, DeliveryState, FrozenDelivery
from server.deliveries.held_addresses import hold_address
from server.deliveries.store import set_delivery
from server.delivery.wishes import DeliveryStage, DeliveryVia, DeliveryWish
from server.errors import Conflict, NotDelivered, NotFound
from server.jobs.job import State
from server.jobs.keys import KeyReused
from server.operations import deliveries as operations
from server.operations.schedule_wishes import ScheduleWish
from server.schedules.schedule import RunCause, ScheduleRun
from server.settings import Settings
from server.storage.tables import batches, reports, users
from tests.unit.operations.conftest import SALES, House, refused
from tests.unit.operations.test_schedules import Node, told
from tests.unit.operations.test_schedules import node as node  # a fixture

EACH = SALES.replace(
    "queries:",
    "parameters:\n  region: {type: text}\n"
    "each_row: select id::varchar as region, 'to' || id || '@example.com' as mail from orders order by 1\nqueries:",
)
MANY = b"id,region,amount\n" + b"".join(b"%d,north,1\n" % number for number in range(1, 6))
BY_COLUMN = DeliveryWish(via=DeliveryVia.MAIL, to_column="mail")
MEI, BOSS = "mei@example.com", "boss@example.com"
HOOK = DeliveryWish(via=DeliveryVia.WEBHOOK, url="https://hooks.invalid/secret")


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(
        settings,
        smtp_host="mail.invalid",
        mail_from="jindu@example.com",
        mail_domains=("example.com",),
        public_url="https://reports.example.com",
    )


@dataclass(slots=True)
class Mailbox:
    """Takes what leaves the house."""

    answers: list[NotDelivered] = field(default_factory=list)
    taken: list[FrozenDelivery] = field(default_factory=list)

    def can(self, _via: DeliveryVia) -> bool:
        return True

    async def prepare(self, _delivery: FrozenDelivery, *, behind: datetime | None) -> None:
        pass

    async def carry(self, delivery: FrozenDelivery) -> str:
        if self.answers:
            raise self.answers.pop()
        self.taken.append(delivery)
        return ""


@pytest.fixture
async def mailbox(house: House) -> Mailbox:
    """Alice and the administrator read mail."""
    mailbox = Mailbox()
    house.todo.deliveries.sending._carrying = mailbox
    for person in (house.alice, house.admin):
        await reads_mail(house, person, f"{person.user_name}@example.com")
    return mailbox


async def reads_mail(house: House, person: Principal, address: str, *, at: datetime | None = None) -> None:
    values = {"email": address, "email_confirmed_at": at or utc_now()}
    async with house.parts.storage.database.write() as connection:
        await connection.execute(update(users).where(users.c.id == person.user_id).values(values))


async def made(house: House) -> str:
    """A batch of five reports."""
    await house.given(house.alice, MANY)
    await house.todo.templates.save(house.alice, "each", EACH)
    return (await house.reported(house.alice, "each", deliveries=())).batch_id


async def troubles(house: House, person: Principal) -> list[str]:
    return [each for each in await told(house, person) if "are ready" not in each]


def gone_to(mailbox: Mailbox) -> list[tuple[str, str | None]]:
    return sorted((each.recipient, each.trial_for) for each in mailbox.taken)


async def test_the_first_go_to_whoever_asks_and_the_real_ones_go_out_afterwards(house: House, mailbox: Mailbox) -> None:
    todo, batch_id = house.todo.deliveries, await made(house)
    wishes = [HOOK, DeliveryWish(via=DeliveryVia.MAIL, to_column="region", to=["boss@example.com"])]
    await todo.deliver_to_me(house.alice, batch_id, wishes)
    await todo.sending.settle()
    assert gone_to(mailbox) == [("alice@example.com", "boss@example.com")]
    trial = mailbox.taken[0].content.trial
    assert trial is not None
    assert (trial.sent, trial.total) == (1, 1)  # the regions are no addresses
    standing = await todo.standing(house.alice, batch_id)
    assert (standing.tally, standing.trials, standing.is_unsettled) == ({}, 4, False)
    problems = [each.error for each in standing.page.items if each.state is DeliveryState.FAILED]
    assert len(problems) == 3
    assert await troubles(house, house.alice) == []  # who tries it looks at it
    await todo.deliver(house.alice, batch_id, [DeliveryWish(via=DeliveryVia.MAIL, to=["boss@example.com"])])
    await todo.sending.settle()
    assert gone_to(mailbox) == [("alice@example.com", "boss@example.com"), ("boss@example.com", None)]
    assert (await todo.standing(house.alice, batch_id)).tally == {DeliveryState.SENT: 1}
    assert todo.sending.counts["sent"] == 1
    assert await house.audited("delivery.trial") == [("alice", "Sales", {"via": "mail"})]


async def test_who_has_confirmed_no_address_gets_nothing(house: House, mailbox: Mailbox) -> None:
    todo, batch_id, mail = (
        house.todo.deliveries,
        await made(house),
        DeliveryWish(via=DeliveryVia.MAIL, to=["b@example.com"]),
    )
    with pytest.raises(Conflict, match="by mail"):
        await todo.deliver_to_me(house.alice, batch_id, [HOOK])
    with refused(NotFound):
        await todo.deliver_to_me(house.bob, batch_id, [mail])
    await reads_mail(house, house.alice, "alice@elsewhere.com")
    with pytest.raises(Conflict, match="not allowed"):
        await todo.deliver_to_me(house.alice, batch_id, [mail])
    async with house.parts.storage.database.write() as connection:
        await connection.execute(update(users).values(email_confirmed_at=None))
    with pytest.raises(Conflict, match="confirmed"):
        await todo.deliver_to_me(house.alice, batch_id, [mail])
    await todo.sending.settle()
    assert mailbox.taken == []


async def test_one_that_was_sent_comes_once_more_to_whoever_asks_and_stays_as_it_is(
    house: House, mailbox: Mailbox
) -> None:
    todo, batch_id = house.todo.deliveries, await made(house)
    await todo.deliver(house.alice, batch_id, [DeliveryWish(via=DeliveryVia.MAIL, to=["boss@example.com"])])
    await todo.sending.settle()
    (sent,) = (await todo.of_batch(house.alice, batch_id)).items
    mailbox.answers = [NotDelivered("no", is_final=True)]
    refused_one = await todo.retry_to_me(house.admin, sent.id)
    await todo.sending.settle()
    assert (await todo.get(house.alice, refused_one.id)).state is DeliveryState.FAILED
    assert len(await troubles(house, house.admin)) == 1  # whoever tries it is told, and nobody else
    assert await troubles(house, house.alice) == []
    again = await todo.retry_to_me(house.admin, sent.id)
    await todo.sending.settle()
    assert gone_to(mailbox) == [("admin@example.com", "boss@example.com"), ("boss@example.com", None)]
    assert await todo.get(house.alice, sent.id) == sent
    assert len({each.message_id for each in mailbox.taken}) == 2
    assert (again.batch_id, again.is_trial) == (batch_id, True)
    with refused(NotFound):
        await todo.retry_to_me(house.bob, sent.id)


async def scheduled(node: Node, **wanted: Any) -> str:
    house = node.house
    await house.given(house.alice, MANY, mode="replace")
    await house.todo.templates.save(house.alice, "each", EACH)
    wish = {"template": "each", "cron": "0 8 1 * *", "time_zone": "UTC", "deliveries": [BY_COLUMN, HOOK], **wanted}
    return (await node.schedules.create(house.alice, ScheduleWish(**wish))).id


async def ended(node: Node, run: ScheduleRun) -> None:
    await node.ended(run)
    await node.house.todo.deliveries.sending.settle()


async def test_a_schedule_on_trial_sends_three_to_whoever_runs_it_and_begins_no_other(
    node: Node, house: House, mailbox: Mailbox
) -> None:
    schedule_id = await scheduled(node)
    after = await node.schedules.create(
        house.alice, ScheduleWish(template="sales", after_schedule=schedule_id, time_zone="UTC")
    )
    trial = await node.schedules.run_to_me(house.admin, schedule_id)
    assert (trial.cause, trial.state.value) == (RunCause.TRIAL, "started")
    assert (await node.schedules.run_to_me(house.admin, schedule_id)).id == trial.id  # pressed twice
    await ended(node, trial)
    to_admin = [("admin@example.com", f"to{number}@example.com") for number in (1, 2, 3)]
    assert gone_to(mailbox) == to_admin
    assert {(each.content.trial.sent, each.content.trial.total) for each in mailbox.taken if each.content.trial} == {
        (3, 5)
    }
    await node.look()
    assert await node.runs(after.id) == []
    node.now += timedelta(seconds=5)
    real = await node.schedules.run(house.alice, schedule_id)
    await ended(node, real)
    to_them = [(f"to{number}@example.com", None) for number in range(1, 6)]
    hook = [("hooks.invalid", None)]
    assert gone_to(mailbox) == sorted([*to_admin, *hook, *to_them], key=str)
    await node.look()
    (follower,) = await node.runs(after.id)
    assert follower.planned_at == real.planned_at
    assert await house.audited("schedule.trial") == [("admin", "Sales", {})]
    with refused(NotFound):
        await node.schedules.run_to_me(house.bob, schedule_id)


async def test_what_is_made_again_is_not_tried_again_and_a_key_stands_for_one_thing(
    node: Node, house: House, mailbox: Mailbox
) -> None:
    schedule_id = await scheduled(node)
    trial = await node.schedules.run_to_me(house.alice, schedule_id, idempotency_key="one")
    assert (await node.schedules.run_to_me(house.alice, schedule_id, idempotency_key="one")).id == trial.id
    with refused(KeyReused):
        await node.schedules.run(house.alice, schedule_id, idempotency_key="one")
    await ended(node, trial)
    batch_id = trial.batch_id or ""
    await house.todo.deliveries.deliver(
        house.alice, batch_id, [DeliveryWish(via=DeliveryVia.MAIL, to=["b@example.com"])]
    )
    await house.todo.deliveries.sending.settle()
    assert [each.recipient for each in mailbox.taken] == [*["alice@example.com"] * 3, "b@example.com"]
    node.now += timedelta(seconds=5)
    later = await node.schedules.run(house.alice, schedule_id)
    await ended(node, later)
    before = (await house.todo.batch_comparison.of(house.alice, later.batch_id or "")).before
    assert before is None  # nobody but her got what was made on trial
    await node.schedules.delete(house.alice, schedule_id)
    assert (await house.todo.batch_comparison.of(house.alice, later.batch_id or "")).before is None
    without = await scheduled(node, name="quiet", deliveries=[HOOK])
    with pytest.raises(Conflict, match="by mail"):
        await node.schedules.run_to_me(house.alice, without)
    assert trial.planned_at.tzinfo is UTC


def mail_to(*addresses: str) -> list[DeliveryWish]:
    return [DeliveryWish(via=DeliveryVia.MAIL, to=list(addresses))]


async def holds(house: House, *addresses: str) -> None:
    """Mail from Alice came back from there for good."""
    async with house.parts.storage.database.write() as connection:
        for address in addresses:
            await hold_address(
                connection, owner_id=house.alice.user_id, address=address, said="550 no", batch_id="", now=utc_now()
            )


async def let_go(house: House) -> None:
    for each in (await house.todo.held_addresses.list(house.alice)).items:
        await house.todo.held_addresses.allow(house.alice, each.id)


async def made_again(house: House, batch_id: str) -> None:
    """As if its first report had failed."""
    async with house.parts.storage.database.write() as connection:
        first = reports.c.batch_id == batch_id, reports.c.position == 1
        await connection.execute(update(reports).where(*first).values(state=State.FAILED))
    await house.ended(house.alice, (await house.todo.batches.retry(house.alice, batch_id)).job)


async def real_of(house: House, batch_id: str, address: str) -> DeliveryItem:
    items = (await house.todo.deliveries.of_batch(house.alice, batch_id, limit=100)).items
    (found,) = [each for each in items if each.recipient == address and not each.is_trial]
    return found


async def test_what_is_ordered_now_sends_nothing_that_was_ordered_before(house: House, mailbox: Mailbox) -> None:
    todo, batch_id = house.todo.deliveries, await made(house)
    await holds(house, MEI)
    await todo.deliver(house.alice, batch_id, mail_to(MEI))
    await todo.sending.settle()
    skipped = await real_of(house, batch_id, MEI)
    assert skipped.state is DeliveryState.SKIPPED
    await let_go(house)
    await todo.deliver_to_me(house.alice, batch_id, mail_to(BOSS))
    await todo.sending.settle()
    assert gone_to(mailbox) == [("alice@example.com", BOSS)]
    await todo.deliver(house.alice, batch_id, mail_to(BOSS))
    await todo.sending.settle()
    assert gone_to(mailbox) == [("alice@example.com", BOSS), (BOSS, None)]
    assert await real_of(house, batch_id, MEI) == skipped
    await todo.retry(house.alice, skipped.id)
    await todo.sending.settle()
    assert (await real_of(house, batch_id, MEI)).state is DeliveryState.SENT


async def test_reports_that_are_made_again_go_to_who_lacks_them_and_to_nobody_twice(
    house: House, mailbox: Mailbox
) -> None:
    todo, batch_id = house.todo.deliveries, await made(house)
    await holds(house, MEI)
    await todo.deliver(house.alice, batch_id, mail_to(MEI, BOSS))
    await todo.deliver_to_me(house.alice, batch_id, mail_to(BOSS))
    await todo.sending.settle()
    await let_go(house)
    await made_again(house, batch_id)
    await todo.sending.settle()
    assert gone_to(mailbox) == [("alice@example.com", BOSS), (BOSS, None), (MEI, None)]


async def test_an_order_that_comes_while_another_is_written_down_is_not_lost(
    house: House, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    todo, batch_id = house.todo.deliveries, await made(house)
    monkeypatch.setattr(todo.sending, "wake", lambda: None)
    await todo.deliver(house.alice, batch_id, mail_to(BOSS))
    freezing = todo.sending._freezing
    read = freezing._store.all_reports

    async def meanwhile(batch_id: str) -> Any:
        monkeypatch.undo()
        monkeypatch.setattr(todo.sending, "wake", lambda: None)
        await todo.deliver(house.alice, batch_id, mail_to(MEI))
        return await read(batch_id)

    monkeypatch.setattr(freezing._store, "all_reports", meanwhile)
    await freezing.freeze(batch_id)
    await todo.sending.settle()
    assert gone_to(mailbox) == [(BOSS, None), (MEI, None)]


async def test_what_a_restore_holds_is_let_go_by_nothing_else(house: House, mailbox: Mailbox) -> None:
    todo, batch_id = house.todo.deliveries, await made(house)
    store = house.parts.reports.batches
    async with house.parts.storage.database.write() as connection:
        held = {"deliveries": {"wishes": [{"via": "mail", "to": [MEI]}]}, "delivery_state": DeliveryStage.HELD}
        await connection.execute(update(batches).where(batches.c.id == batch_id).values(held))
        await store.hand_over(connection, batch_id, (await store.get(batch_id)).job_id)  # as what is made again is
    for order in (todo.deliver_to_me, todo.deliver):
        with pytest.raises(Conflict, match="restore"):
            await order(house.alice, batch_id, mail_to(BOSS))
    await todo.sending.settle()
    assert mailbox.taken == []
    await todo.release(house.alice, batch_id)
    await todo.sending.settle()
    assert gone_to(mailbox) == [(MEI, None)]


async def test_what_was_sent_once_stays_so_whatever_becomes_of_it_later(house: House, mailbox: Mailbox) -> None:
    todo, batch_id = house.todo.deliveries, await made(house)
    await todo.deliver(house.alice, batch_id, mail_to(MEI))
    await todo.sending.settle()
    sent = await real_of(house, batch_id, MEI)
    await todo.retry(house.alice, sent.id)
    await holds(house, MEI)  # as it came back, or they wanted no more
    await todo.sending.settle()
    skipped = await real_of(house, batch_id, MEI)
    assert (skipped.id, skipped.state, skipped.sent_at) == (sent.id, DeliveryState.SKIPPED, sent.sent_at)
    await let_go(house)
    await todo.deliver_to_me(house.alice, batch_id, mail_to(BOSS))
    await todo.sending.settle()
    await made_again(house, batch_id)
    await todo.sending.settle()
    assert await real_of(house, batch_id, MEI) == skipped
    assert gone_to(mailbox) == [("alice@example.com", BOSS), (MEI, None)]


async def test_the_link_of_a_trial_ends_with_the_next_day(house: House, mailbox: Mailbox) -> None:
    todo, batch_id = house.todo.deliveries, await made(house)
    by_link = [DeliveryWish(via=DeliveryVia.LINK, to=[BOSS])]
    await todo.deliver_to_me(house.alice, batch_id, by_link)
    await todo.deliver(house.alice, batch_id, by_link)
    await todo.sending.settle()
    ends = {each.is_trial: each.content.links_end_at for each in mailbox.taken}
    links = (await house.todo.share_links.links(house.alice, batch_id=batch_id)).items
    assert {each.link.expires_at for each in links} == set(ends.values())
    trial, real = ends[True], ends[False]
    assert trial is not None
    assert real is not None
    assert utc_now() + timedelta(days=1) <= trial <= utc_now() + timedelta(days=2, hours=1)
    assert real > trial + timedelta(days=20)
    (tried,) = [each for each in (await todo.of_batch(house.alice, batch_id)).items if each.is_trial]
    todo._clock = lambda: trial
    with pytest.raises(Conflict, match="link has ended"):  # which would lead nowhere
        await todo.retry(house.alice, tried.id)


async def test_a_trial_is_sent_again_by_whom_it_goes_to_alone_and_lets_no_address_go(
    house: House, mailbox: Mailbox
) -> None:
    todo, batch_id = house.todo.deliveries, await made(house)
    await todo.deliver_to_me(house.alice, batch_id, mail_to(MEI))
    await todo.sending.settle()
    items = (await todo.of_batch(house.admin, batch_id)).items
    (trial,) = items
    with pytest.raises(Conflict, match="goes to somebody else"):
        await todo.retry(house.admin, trial.id)
    assert await todo.trials_of_others(house.admin, items) == {trial.id}
    assert await todo.trials_of_others(house.alice, items) == set()
    await holds(house, MEI)
    await reads_mail(house, house.alice, "alice.new@example.com")
    await todo.retry(house.alice, trial.id)
    await todo.sending.settle()
    skipped = await todo.get(house.alice, trial.id)
    assert (skipped.state, skipped.recipient) == (DeliveryState.SKIPPED, "alice.new@example.com")
    assert skipped.error is not None
    assert "would be held back" in skipped.error["phrase"]
    assert [each.address for each in (await house.todo.held_addresses.list(house.alice)).items] == [MEI]
    (notice,) = await troubles(house, house.alice)
    assert ("The trial of" in notice, f'"recipient":"{MEI}"' in notice) == (True, True)
    await let_go(house)
    await todo.retry(house.alice, trial.id)
    await todo.sending.settle()
    assert gone_to(mailbox) == [("alice.new@example.com", MEI), ("alice@example.com", MEI)]


async def test_of_several_that_are_skipped_the_bell_rings_once_for_each_order(house: House, mailbox: Mailbox) -> None:
    todo, batch_id, three = house.todo.deliveries, await made(house), ("a@example.com", "b@example.com", MEI)
    await holds(house, *three)
    await todo.deliver(house.alice, batch_id, mail_to(*three))
    await todo.sending.settle()
    assert len(await troubles(house, house.alice)) == 1
    for trials in (1, 2):
        await todo.deliver_to_me(house.alice, batch_id, [*mail_to(*three[:2]), *mail_to(MEI)])
        await todo.sending.settle()
        assert len(await troubles(house, house.alice)) == 1 + trials


async def test_what_is_skipped_as_it_is_written_down_keeps_nobody_from_being_told_of_what_fails(
    house: House, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    todo, batch_id = house.todo.deliveries, await made(house)
    monkeypatch.setattr(todo.sending, "wake", lambda: None)
    await todo.deliver(house.alice, batch_id, mail_to(MEI, BOSS))
    await todo.sending._freezing.freeze(batch_id)
    unwanted = await real_of(house, batch_id, MEI)
    async with house.parts.storage.database.write() as connection:
        await set_delivery(connection, unwanted.id, {"state": DeliveryState.SKIPPED, "next_at": None})
    mailbox.answers = [NotDelivered("no", is_final=True)]
    await todo.sending.settle()
    assert len(await troubles(house, house.alice)) == 1


async def test_trials_use_up_nothing_of_what_may_be_ordered_really(
    house: House, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations, "MOST_WISHES", 0.2)
    todo, batch_id = house.todo.deliveries, await made(house)
    for order, said in ((todo.deliver_to_me, "tried"), (todo.deliver, "delivered")):
        for address in (MEI, BOSS):
            await order(house.alice, batch_id, mail_to(address))
        with pytest.raises(Conflict, match=f"{said} too often"):
            await order(house.alice, batch_id, mail_to(MEI))
