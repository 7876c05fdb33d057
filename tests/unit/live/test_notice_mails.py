"""Notifications leave by mail only where somebody chose it and owns the address; those of a few minutes as one."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import func, select, update

from server.auth.seals import Seals
from server.delivery.mail_choices import MailStop
from server.delivery.outbox import arrived, claim, latest_parcels
from server.delivery.parcel import Mail, Parcel
from server.jobs.outcomes import Notice
from server.live.notice_kinds import NoticeKind
from server.live.notice_mails import NoticeMails
from server.live.notices import Notices
from server.storage.database import Database
from server.storage.tables import notice_mails, users
from tests.unit.live.conftest import LANGUAGES, Layer

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
BASE = "https://reports.example.com/jindu"
READY = Notice(
    title="“{title}” is ready", body="Rows: {count}", url="/jobs/1", parameters={"title": "十月", "count": 9}
)
FAILED = Notice(title="“{title}” failed", level="error", url="/jobs/2", parameters={"title": "orders"})


class Desk:
    """Somebody who is told things, at a moment that moves."""

    def __init__(self, database: Database) -> None:
        self.database, self.now, self.is_set_up = database, NOON, True
        self.seals = Seals(Fernet(Fernet.generate_key()))
        self.mails = NoticeMails(
            languages=LANGUAGES,
            language="en",
            base=BASE,
            seals=self.seals,
            is_set_up=lambda: self.is_set_up,
            clock=lambda: self.now,
        )

    async def alice(self, **values: object) -> None:
        known = {"email": "alice@example.com", "email_confirmed_at": NOON, "mailed": {"finished": True}}
        async with self.database.write() as connection:
            await connection.execute(update(users).where(users.c.id == "alice").values(**known | values))

    async def tell(self, notice: Notice = READY, kind: NoticeKind = NoticeKind.FINISHED) -> None:
        async with self.database.write() as connection:
            await self.mails.put(connection, "alice", kind, notice)

    async def parcels(self) -> Sequence[Parcel]:
        async with self.database.read() as connection:
            return await latest_parcels(connection, limit=9)

    async def mail(self) -> Mail:
        (parcel,) = await self.parcels()
        assert isinstance(parcel.content, Mail)
        return parcel.content

    async def claimed(self) -> list[Parcel]:
        async with self.database.write() as connection:
            return await claim(connection, self.now)


@pytest.fixture
async def desk(database: Database) -> Desk:
    made = Desk(database)
    await made.alice()
    return made


async def test_nothing_leaves_unless_somebody_chose_it_and_owns_the_address(desk: Desk) -> None:
    await desk.tell(FAILED, NoticeKind.FAILED)
    for values in ({"email": ""}, {"email_confirmed_at": None}, {"disabled_at": NOON}, {"mailed": {"finished": False}}):
        await desk.alice(disabled_at=None)
        await desk.alice(**values)
        await desk.tell()
    await desk.alice(disabled_at=None)
    desk.is_set_up = False
    await desk.tell()
    assert await desk.parcels() == []
    desk.is_set_up = True
    await desk.tell()
    assert (await desk.mail()).recipients == ("alice@example.com",)


async def test_a_mail_says_what_happened_in_their_language_and_how_to_end_it(desk: Desk) -> None:
    await desk.alice(language="zh-CN", time_zone="Asia/Shanghai")
    await desk.tell()
    mail = await desk.mail()
    assert "十月" in mail.subject
    for shown in (mail.text, mail.html):
        assert f"{BASE}/jobs/1" in shown
        assert f"{BASE}/account#told" in shown
        assert "您选择了在下列情况下接收邮件：" in shown
        assert "导入或" in shown
    assert "20:00" in mail.html
    assert urlsplit(mail.unsubscribe).path == "/jindu/mail/stop"
    (code,) = parse_qs(urlsplit(mail.unsubscribe).query)["code"]
    opened = desk.seals.open(code, MailStop)
    assert opened == MailStop(user_id="alice", email="alice@example.com", kinds=("finished",))


async def test_several_within_a_short_time_are_one_mail(desk: Desk) -> None:
    await desk.alice(mailed={"finished": True, "failed": True})
    await desk.tell()
    assert await desk.claimed() == []  # more may come
    desk.now += timedelta(seconds=30)
    await desk.tell(FAILED, NoticeKind.FAILED)
    desk.now += timedelta(seconds=45)
    assert await desk.claimed() == []
    desk.now += timedelta(seconds=16)
    (parcel,) = await desk.claimed()
    mail = parcel.content
    assert isinstance(mail, Mail)
    assert mail.subject == "[Jindu] “十月” is ready, and 1 more"
    assert "2 notifications" in mail.html
    assert mail.text.index("十月") < mail.text.index("orders")
    assert "something failed" in mail.text
    await desk.tell()  # that one is on its way
    assert len(await desk.parcels()) == 2


async def test_it_does_not_wait_for_ever(desk: Desk) -> None:
    for _ in range(12):
        await desk.tell()
        desk.now += timedelta(seconds=30)
    assert len(await desk.parcels()) == 2
    (first,) = await desk.claimed()
    assert first.created_at == NOON
    assert desk.now - NOON <= timedelta(minutes=6)


async def test_of_very_many_the_first_are_shown_and_the_others_counted(desk: Desk) -> None:
    for _ in range(23):
        await desk.tell()
    mail = await desk.mail()
    assert mail.text.count("十月") == 20
    assert "And 3 more, in the bell." in mail.text
    assert mail.subject.endswith("and 22 more")


async def test_whoever_takes_the_mail_at_that_moment_takes_it_with_the_last_word(desk: Desk) -> None:
    """What is added moves the moment by which a sender claims it: who read it before claims nothing."""
    await desk.tell()
    (parcel,) = await desk.parcels()
    await desk.tell()
    (changed,) = await desk.parcels()
    assert changed.next_at is not None is not parcel.next_at
    assert changed.next_at > parcel.next_at


async def test_what_was_sent_is_forgotten_and_another_address_gets_no_part_of_it(desk: Desk) -> None:
    await desk.tell()
    desk.now += timedelta(minutes=2)
    (parcel,) = await desk.claimed()
    async with desk.database.write() as connection:
        await arrived(connection, parcel, desk.now)
    await desk.tell()
    async with desk.database.read() as connection:
        assert await connection.scalar(select(func.count()).select_from(notice_mails)) == 1
    await desk.alice(email="new@example.com")
    await desk.tell()
    latest = [each.content.recipients for each in await desk.parcels()]
    assert sorted(latest) == [("alice@example.com",), ("alice@example.com",), ("new@example.com",)]


async def test_notices_put_them_there_in_the_same_transaction(layer: Layer) -> None:
    desk = Desk(layer.database)
    await desk.alice(mailed={"finished": True, "announced": True, "account": True}, notifications={"finished": False})
    told = Notices(
        manager=layer.realtime.manager,
        broker=layer.realtime.broker,
        history=layer.realtime.history,
        database=layer.database,
        ways=[desk.mails],
    )
    with suppress(LookupError):
        async with layer.database.write() as connection:
            await told.keep_wanted(connection, "alice", READY)
            raise LookupError
    assert await desk.parcels() == []
    async with layer.database.write() as connection:
        assert await told.keep_wanted(connection, "alice", READY) == []  # not in the bell
        assert await told.keep_wanted(connection, "bob", READY)
    assert "十月" in (await desk.mail()).subject
    assert await told.notify_everybody(Notice(title="Back soon")) >= 2
    told.warn("alice", Notice(title="Your password was changed"))
    await told.notify_who_asked("alice", Notice(title="A test of the bell"))
    await told.close()
    text = (await desk.mail()).text
    assert text.index("十月") < text.index("Back soon") < text.index("Your password was changed")
    assert "A test of the bell" not in text
