"""How mails leave: in the order in which they were planned, for whom, and when their owner's bell rings."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest

from server.deliveries.delivery import FrozenDelivery
from server.delivery.mail_pace import MailTurns, report_pace
from server.delivery.places import mail_place
from server.delivery.wishes import DeliveryVia, DeliveryWish
from server.errors import NotDelivered
from server.settings import Settings
from tests.unit.operations.conftest import House
from tests.unit.operations.test_delivery_trials import Mailbox, ended, made, mail_to, scheduled, troubles
from tests.unit.operations.test_delivery_trials import mailbox as mailbox  # a fixture
from tests.unit.operations.test_schedules import Node
from tests.unit.operations.test_schedules import node as node  # a fixture

OTHERS = [f"late{number}@example.com" for number in range(3)]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(
        settings, smtp_host="mail.invalid", mail_from="jindu@example.com", public_url="https://reports.example.com"
    )


@dataclass(slots=True)
class Paced(Mailbox):
    """A mailbox that takes so many a minute, by a clock of the test."""

    turns: MailTurns | None = None

    async def prepare(self, _delivery: FrozenDelivery, *, behind: datetime | None) -> None:
        assert self.turns is not None
        await self.turns.take_in_line(behind)


async def test_what_is_planned_first_goes_first_also_where_others_come_meanwhile(
    house: House, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the order of the rows; what came later finds a turn that is free and does not take it."""
    todo, batch_id = house.todo.deliveries, await made(house)
    monkeypatch.setattr(todo.sending, "wake", lambda: None)
    clock = [todo.sending._clock()]
    place, pace = mail_place("mail.invalid", 587), report_pace(10)
    database = house.parts.storage.database
    turns = MailTurns(database=database, place=place, pace=pace, clock=lambda: clock[0])
    post = Paced(turns=turns)
    todo.sending._carrying = post
    todo.sending._clock = lambda: clock[0]
    first = [f"early{number}@example.com" for number in range(6)]
    await todo.deliver(house.alice, batch_id, mail_to(*first))
    await todo.sending.settle()
    clock[0] += timedelta(seconds=pace.seconds - 0.5)
    await todo.deliver(house.alice, batch_id, mail_to(*OTHERS))
    for _ in range(20):
        clock[0] += timedelta(seconds=5)
        await todo.sending.settle()
    assert [each.recipient for each in post.taken] == [*first, *OTHERS]


async def test_a_refused_address_rings_once_until_it_changes(node: Node, house: House, mailbox: Mailbox) -> None:
    refused = NotDelivered("{host} refused it: {said}", host="mail.invalid", said="550 no such user", is_final=True)
    schedule_id = await scheduled(node, deliveries=mail_to("gone@example.com", "boss@example.com"))
    rings = []

    async def run(*answers: NotDelivered) -> None:
        mailbox.answers = list(answers)
        node.now += timedelta(seconds=5)
        await ended(node, await node.schedules.run(house.alice, schedule_id))
        rings.append(len(await troubles(house, house.alice)))

    await run(refused)
    await run(refused)  # whichever of the two it is: one is known, or both are told
    await run(refused, refused)
    await run(refused, refused)
    assert rings[-1] == rings[-2]
    await run()  # it arrives again
    await run(refused, refused)
    assert rings[-1] == rings[-2] + 1
    await run(NotDelivered("{host} wants no mail.", host="mail.invalid", is_final=True))
    assert rings[-1] == rings[-2] + 1  # for another reason
    # What is wrong before anything is sent, too: a row that names nobody.
    regions = DeliveryWish(via=DeliveryVia.MAIL, to_column="region")
    await node.schedules.change(house.alice, schedule_id, {"deliveries": [regions]})
    await run()
    told = rings[-1]
    await run()
    assert rings[-1] == told > rings[-3]


async def test_who_may_not_open_the_pages_gets_no_link_to_them(house: House, mailbox: Mailbox) -> None:
    """Alice, who owns them, and the administrator have confirmed addresses; the boss has no account here."""
    todo, batch_id = house.todo.deliveries, await made(house)
    wishes = [
        DeliveryWish(via=DeliveryVia.MAIL, to=["alice@example.com", "boss@example.com"]),
        DeliveryWish(via=DeliveryVia.MAIL, to=["li@example.com"], attach=False),
    ]
    await todo.deliver(house.alice, batch_id, wishes)
    await todo.sending.settle()
    carrying, texts = todo.checks._carrying, dict[str, str]()
    for each in mailbox.taken:
        texts[each.recipient] = (await carrying.words_of(each)).text()
    assert f"https://reports.example.com/batches/{batch_id}" in texts["alice@example.com"]
    assert "https://" not in texts["boss@example.com"]
    assert "https://reports.example.com/s/" in texts["li@example.com"]
    assert "/batches/" not in texts["li@example.com"]
