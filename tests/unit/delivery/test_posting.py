"""What lies in the outbox arrives in the end, once, however long the other side is away; or it is said why not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from server.delivery.outbox import again, claim, forget_parcels, latest_parcels, put_parcel
from server.delivery.parcel import Channel, Hook, Mail, Parcel, ParcelState
from server.delivery.posting import Posting
from server.errors import NotDelivered
from server.storage.database import Database
from server.storage.tables import outbox

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
MAIL = Mail(recipients=("ops@example.com",), subject="It is down", text="Look.")


class OtherSide:
    """A mail server that is sometimes away, and keeps what it takes."""

    is_set_up = True

    def __init__(self) -> None:
        self.error: NotDelivered | None = None
        self.taken: list[Parcel] = []
        self.asked = 0

    async def carry(self, parcel: Parcel) -> None:
        self.asked += 1
        if self.error is not None:
            raise self.error
        self.taken.append(parcel)


class PostOffice:
    def __init__(self, database: Database) -> None:
        self.database, self.now, self.side = database, NOON, OtherSide()
        self.posting = Posting(dict.fromkeys(Channel, self.side), database=database, clock=lambda: self.now)
        self.told: list[str] = []
        self.posting.on_undelivered = self.tell

    async def tell(self, parcel: Parcel, error: NotDelivered) -> None:
        self.told.append(error.text)

    async def put(self) -> str:
        async with self.database.write() as connection:
            return await put_parcel(connection, MAIL, subject=MAIL.subject, now=self.now)

    async def parcel(self) -> Parcel:
        async with self.database.read() as connection:
            (parcel,) = await latest_parcels(connection, limit=5)
        return parcel


@pytest.fixture
def office(database: Database) -> PostOffice:
    return PostOffice(database)


async def test_it_arrives_once(office: PostOffice) -> None:
    await office.put()
    await office.posting.post()
    await office.posting.post()
    assert [parcel.content for parcel in office.side.taken] == [MAIL]
    assert ((await office.parcel()).state, office.told) == (ParcelState.SENT, [])


async def test_a_node_that_cannot_send_it_leaves_it_to_one_that_can(office: PostOffice) -> None:
    await office.put()
    office.side.is_set_up = False
    await office.posting.post()
    assert (office.side.asked, (await office.parcel()).attempts) == (0, 0)
    office.side.is_set_up = True
    await office.posting.post()
    assert (await office.parcel()).state is ParcelState.SENT


async def test_what_the_outage_took_down_with_it_arrives_after_the_outage(office: PostOffice) -> None:
    await office.put()
    office.side.error = NotDelivered("{host} cannot be reached.", host="mail")
    for _ in range(6 * 60):  # an hour
        await office.posting.post()
        office.now += timedelta(seconds=10)
    assert 5 <= office.side.asked <= 8  # with more and more patience
    parcel = await office.parcel()
    assert (parcel.state, parcel.error) == (
        ParcelState.WAITING,
        {"phrase": "{host} cannot be reached.", "parameters": {"host": "mail"}},
    )
    assert office.told == ["mail cannot be reached."]  # once
    office.side.error = None
    office.now += timedelta(hours=1)
    await office.posting.post()
    assert len(office.side.taken) == 1


async def test_what_is_refused_for_good_is_not_tried_again_and_said_at_once(office: PostOffice) -> None:
    await office.put()
    office.side.error = NotDelivered("{host} thinks it is spam.", host="mail", is_final=True)
    await office.posting.post()
    office.now += timedelta(days=1)
    await office.posting.post()
    assert (office.side.asked, (await office.parcel()).state) == (1, ParcelState.FAILED)
    assert office.told == ["mail thinks it is spam."]


async def test_after_two_days_it_is_given_up_and_can_be_sent_again(office: PostOffice) -> None:
    parcel_id = await office.put()
    office.side.error = NotDelivered("no")
    for _ in range(3 * 24 * 4):
        await office.posting.post()
        office.now += timedelta(minutes=15)
    parcel = await office.parcel()
    assert parcel.state is ParcelState.FAILED
    assert timedelta(hours=40) < office.now - NOON
    office.side.error = None
    async with office.database.write() as connection:
        assert await again(connection, parcel_id, office.now)
    sent = await office.posting.post_one(parcel_id)
    assert sent is not None
    assert sent.state is ParcelState.SENT
    async with office.database.write() as connection:
        assert not await again(connection, parcel_id, office.now)


async def test_two_nodes_do_not_carry_the_same(office: PostOffice) -> None:
    await office.put()
    async with office.database.write() as connection:
        assert len(await claim(connection, office.now)) == 1
        assert await claim(connection, office.now) == []
    await office.posting.post()
    assert office.side.taken == []
    office.now += timedelta(minutes=4)  # the other one died with it
    await office.posting.post()
    assert len(office.side.taken) == 1


async def test_a_mistake_of_ours_loses_nothing(office: PostOffice, caplog: pytest.LogCaptureFixture) -> None:
    await office.put()

    async def stumble(_parcel: Parcel) -> None:
        raise ZeroDivisionError

    office.side.carry = stumble  # type: ignore[method-assign]
    await office.posting.post()
    assert (await office.parcel()).state is ParcelState.WAITING
    assert "could not be carried" in caplog.text


async def test_the_box_is_emptied_of_what_is_long_over(office: PostOffice) -> None:
    await office.put()
    await office.posting.post()
    async with office.database.write() as connection:
        await put_parcel(connection, Hook(payload={"a": 1}), subject="waits", now=NOON)
        await connection.execute(update(outbox).values(created_at=NOON - timedelta(days=40)))
        await forget_parcels(connection, NOON)
        assert (await connection.scalars(select(outbox.c.subject))).all() == ["waits"]
