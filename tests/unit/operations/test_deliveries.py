"""What people may do with deliveries, without a web: a carrier of the test takes what leaves the house."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from server.app.deliveries import build_deliveries
from server.deliveries.delivery import DeliveryState, FrozenDelivery
from server.deliveries.sending import Sending
from server.deliveries.store import set_delivery
from server.delivery.wishes import DeliveryVia, DeliveryWish
from server.errors import Conflict, Forbidden, InvalidInput, NotDelivered, NotFound
from server.reports.batch_orders import BatchOrder
from tests.unit.operations.conftest import SALES, House, only_looking, refused

LATER = datetime(2036, 10, 20, 12, tzinfo=UTC)  # the server's own finds nothing to do
WISH = DeliveryWish(via=DeliveryVia.WEBHOOK, url="https://hooks.invalid/secret", secret="shared")
CHAT = DeliveryWish(via=DeliveryVia.SLACK, url="https://chat.invalid/secret")


@dataclass(slots=True)
class Carrier:
    """Takes what it is given, or says why not."""

    answers: list[NotDelivered] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)
    is_on: bool = True

    def can(self, _via: DeliveryVia) -> bool:
        return self.is_on

    async def prepare(self, _delivery: FrozenDelivery, *, behind: datetime | None) -> None:
        pass

    async def carry(self, delivery: FrozenDelivery) -> str:
        if self.answers:
            raise self.answers.pop()
        self.taken.append(delivery.id)
        return "taken"


@dataclass(slots=True)
class Node:
    sending: Sending
    carrier: Carrier
    clock: list[datetime]

    async def look(self, *, after: timedelta = timedelta()) -> None:
        self.clock[0] += after
        await self.sending.settle()


def node_of(house: House, carrier: Carrier) -> Node:
    parts, clock = house.parts, [LATER]
    built = build_deliveries(
        parts.settings,
        languages=parts.languages,
        storage=parts.storage,
        auth=parts.auth,
        live=parts.live,
        reports=parts.reports,
        workers=parts.workers,
        datasets=parts.datasets,
        clock=lambda: clock[0],
        carries=carrier,
    )
    return Node(built.sending, carrier, clock)


@pytest.fixture
async def batch_id(house: House) -> str:
    await house.given(house.alice)
    await house.todo.templates.save(house.alice, "sales", SALES)
    started = await house.todo.batch_orders.start(house.alice, BatchOrder(template="sales"))
    await house.ended(house.alice, started.job)
    return started.batch_id


async def test_each_attempt_is_one_and_waits_longer(house: House, batch_id: str) -> None:
    house.todo.deliveries.sending._carrying = Carrier(is_on=False)  # type: ignore[assignment]
    node = node_of(house, Carrier(answers=[NotDelivered("busy"), NotDelivered("busy", retry_after=7_200.0)]))
    node.sending._freezing._clock = lambda: LATER
    await house.todo.deliveries.deliver(house.alice, batch_id, [WISH])
    await node.look()
    (item,) = (await house.todo.deliveries.of_batch(house.alice, batch_id)).items
    assert (item.recipient, item.state, item.attempts) == ("hooks.invalid", DeliveryState.WAITING, 1)
    assert item.next_at == LATER + timedelta(seconds=7_200)
    standing = await house.todo.deliveries.standing(house.alice, batch_id)
    assert (standing.tally, standing.page.items, standing.is_unsettled) == ({DeliveryState.WAITING: 1}, [item], True)
    await node.look(after=timedelta(minutes=1))
    assert node.carrier.taken == []
    await node.look(after=timedelta(hours=2))
    await node.look(after=timedelta(hours=2))
    (item,) = (await house.todo.deliveries.of_batch(house.alice, batch_id)).items
    assert (item.state, item.attempts, item.receipt) == (DeliveryState.SENT, 3, "taken")
    assert not (await house.todo.deliveries.standing(house.alice, batch_id)).is_unsettled
    await node.look(after=timedelta(days=2))
    assert node.carrier.taken == [item.id]
    await house.todo.deliveries.retry(house.alice, item.id)
    await node.look()
    assert node.carrier.taken == [item.id, item.id]


async def test_it_is_given_up_after_two_days_and_never_guessed(house: House, batch_id: str) -> None:
    house.todo.deliveries.sending._carrying = Carrier(is_on=False)  # type: ignore[assignment]
    node = node_of(house, Carrier(answers=[NotDelivered("busy")] * 99))
    node.sending._freezing._clock = lambda: LATER
    await house.todo.deliveries.deliver(house.alice, batch_id, [CHAT])
    for _ in range(40):
        await node.look(after=timedelta(hours=4))
    (item,) = (await house.todo.deliveries.of_batch(house.alice, batch_id)).items
    assert (item.state, item.attempts) == (DeliveryState.FAILED, 24)
    node.carrier.answers = [NotDelivered("the line broke", may_have_arrived=True)]
    await house.todo.deliveries.retry(house.alice, item.id)
    await node.look()
    await node.look(after=timedelta(days=3))
    (item,) = (await house.todo.deliveries.of_batch(house.alice, batch_id)).items
    assert (item.state, node.carrier.taken) == (DeliveryState.PERHAPS_SENT, [])


async def test_what_is_known_by_its_id_is_sent_again_after_a_crash_and_what_is_not_is_told(
    house: House, batch_id: str
) -> None:
    house.todo.deliveries.sending._carrying = Carrier(is_on=False)  # type: ignore[assignment]
    node = node_of(house, Carrier())
    node.sending._freezing._clock = lambda: LATER
    await house.todo.deliveries.deliver(house.alice, batch_id, [WISH, CHAT])
    await node.sending._freezing.freeze_due()
    dead = {"state": DeliveryState.SENDING, "attempts": 1, "holder": "dead", "held_until": LATER - timedelta(seconds=1)}
    async with house.parts.storage.database.write() as connection:
        for item in (await house.todo.deliveries.of_batch(house.alice, batch_id)).items:
            assert await set_delivery(connection, item.id, dead)
    await node.look()
    await node.look()
    items = (await house.todo.deliveries.of_batch(house.alice, batch_id)).items
    found = {item.via: item for item in items}
    assert {via: item.state for via, item in found.items()} == {
        DeliveryVia.WEBHOOK: DeliveryState.SENT,
        DeliveryVia.SLACK: DeliveryState.PERHAPS_SENT,
    }
    assert node.carrier.taken == [found[DeliveryVia.WEBHOOK].id]
    # So it is where the line breaks.
    node.carrier.answers = [NotDelivered("the line broke", may_have_arrived=True)]
    await house.todo.deliveries.retry(house.alice, found[DeliveryVia.WEBHOOK].id)
    await node.look()
    await node.look(after=timedelta(minutes=2))
    assert node.carrier.taken == [found[DeliveryVia.WEBHOOK].id] * 2


async def test_who_may_what(house: House, batch_id: str) -> None:
    todo, look = house.todo.deliveries, only_looking(house.alice)[0]
    with refused(Forbidden):
        await todo.deliver(look, batch_id, [WISH])
    with refused(NotFound):
        await todo.deliver(house.bob, batch_id, [WISH])
    with refused(NotFound):
        await todo.of_batch(house.bob, batch_id)
    with refused(NotFound):
        await todo.get(house.alice, "0" * 26)
    with refused(NotFound):
        await todo.standing(house.bob, batch_id)
    with refused(NotFound):
        await todo.release(house.bob, batch_id)
    with refused(InvalidInput, fields=("deliveries",)):
        await todo.deliver(house.alice, batch_id, [])
    order = BatchOrder(template="sales", deliveries=[WISH])
    assert [each.recipient for each in (await todo.preview(house.alice, order)).deliveries] == ["hooks.invalid"]
    with refused(Forbidden):
        await todo.preview(look, order)
    with refused(NotFound):
        await todo.retry(house.alice, "0" * 26)
    assert await todo.troubled(replace(house.bob), []) == {}


async def test_nothing_is_sent_where_there_is_nothing(house: House, batch_id: str) -> None:
    todo = house.todo.deliveries
    todo.sending._carrying = Carrier(is_on=False)  # type: ignore[assignment]
    link = DeliveryWish(via=DeliveryVia.WEBHOOK, url="https://hooks.invalid/x")
    await todo.deliver(house.alice, batch_id, [link])
    await todo.sending.settle()
    (item,) = (await todo.of_batch(house.alice, batch_id)).items
    async with house.parts.storage.database.write() as connection:
        await set_delivery(connection, item.id, {"state": DeliveryState.SKIPPED, "report_count": 0})
    with refused(Conflict):
        await todo.retry(house.alice, item.id)
