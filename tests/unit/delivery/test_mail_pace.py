"""A mail server is given so many mails a minute and no more, from however many nodes; and nothing fails by that."""

from __future__ import annotations

import heapq
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from server.delivery.channels.asking import ServicePace
from server.delivery.mail_pace import MailTurns, PacedMail, other_pace, report_pace
from server.delivery.outbox import latest_parcels, put_parcel
from server.delivery.parcel import Channel, ParcelState
from server.delivery.places import mail_place
from server.delivery.posting import Posting
from server.errors import NotDelivered
from server.storage.database import Database
from tests.unit.delivery.test_posting import MAIL, OtherSide

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
PLACE = mail_place("mail.example.com", 587)
MINUTE = timedelta(seconds=60)


async def wait_of(turns: MailTurns) -> timedelta | None:
    """None: it is our turn."""
    try:
        await turns.take()
    except NotDelivered as error:
        if error.is_final or error.was_tried or error.retry_after is None:
            raise
        return timedelta(seconds=error.retry_after)
    return None


class Minute:
    """Many that want to send, each as often as it is told to come again, by one clock."""

    def __init__(self, database: Database) -> None:
        self.database, self.now = database, NOON
        self.sent: list[tuple[datetime, str]] = []
        self.tries = 0
        self._order = count()
        self._waiting: list[tuple[datetime, int, str, MailTurns]] = []

    def turns(self, pace: ServicePace | None) -> MailTurns:
        return MailTurns(database=self.database, place=PLACE, pace=pace, clock=lambda: self.now)

    def ask(self, name: str, turns: MailTurns, *, at: datetime = NOON) -> None:
        heapq.heappush(self._waiting, (at, next(self._order), name, turns))

    async def go_on(self) -> None:
        while self._waiting:
            self.now, _, name, turns = heapq.heappop(self._waiting)
            self.tries += 1
            if (wait := await wait_of(turns)) is None:
                self.sent.append((self.now, name))
            else:
                self.ask(name, turns, at=self.now + wait)


@pytest.mark.parametrize(("a_minute", "ahead"), [(1, 0), (2, 1), (7, 1), (30, 3)])
async def test_no_minute_has_more_over_two_nodes_and_other_mail_waits_for_seconds(
    database: Database, a_minute: int, ahead: int
) -> None:
    world = Minute(database)
    nodes = [world.turns(report_pace(a_minute)) for _ in range(2)]
    wanted = 2 * a_minute + 5
    for number in range(wanted):
        world.ask(f"report {number}", nodes[number % 2])
    urgent = world.turns(other_pace(a_minute))
    asked = NOON + timedelta(seconds=31)
    for number in range(1 + ahead):
        world.ask(f"link {number}", urgent, at=asked)
    await world.go_on()
    times = [at for at, _ in world.sent]
    assert len(times) == wanted + 1 + ahead
    for place, at in enumerate(times):
        assert sum(at <= other < at + MINUTE for other in times[place:]) <= a_minute
    assert times[-1] - NOON <= MINUTE * (len(times) / (a_minute - ahead) + 0.5)
    assert world.tries < 4 * len(times)  # who waits is told when, and not asked all the time
    links = [at for at, name in world.sent if name.startswith("link")]
    assert all(at - asked < timedelta(seconds=10) for at in links[: ahead + (a_minute >= 10)])


async def test_without_a_limit_nothing_waits(database: Database) -> None:
    world = Minute(database)
    turns = world.turns(None)
    for number in range(100):
        world.ask(str(number), turns)
    await world.go_on()
    assert {at for at, _ in world.sent} == {NOON}


async def test_what_waits_for_its_turn_in_the_outbox_was_no_attempt_and_nobody_is_told(database: Database) -> None:
    now = [NOON]
    side, told = OtherSide(), list[str]()
    turns = MailTurns(database=database, place=PLACE, pace=other_pace(1), clock=lambda: now[0])
    posting = Posting(dict.fromkeys(Channel, PacedMail(side, turns)), database=database, clock=lambda: now[0])

    async def tell(*_told: object) -> None:
        told.append("told")

    posting.on_undelivered = tell
    async with database.write() as connection:
        for _ in range(6):
            await put_parcel(connection, MAIL, subject=MAIL.subject, now=NOON)
    for minute in range(6):
        now[0] = NOON + minute * MINUTE
        await posting.post()
        assert len(side.taken) == minute + 1
        async with database.read() as connection:
            parcels = await latest_parcels(connection, limit=9)
        waiting = [each for each in parcels if each.state is ParcelState.WAITING]
        assert len(waiting) == 5 - minute
        assert {each.attempts for each in waiting} <= {0}
        assert all(each.next_at is not None and each.next_at > now[0] for each in waiting)
    assert told == []
