"""A watch over rules that a test moves through time, without waiting for it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec
from sqlalchemy import insert, select

from server.alerts.measuring import Known, Measuring
from server.alerts.telling import AlertReaders, AlertTelling
from server.alerts.watch import EVERY_SECONDS, AlertWatch
from server.delivery.parcel import Channel
from server.engines.memory_broker import MemoryBroker
from server.languages import Languages
from server.live.notices import Notices
from server.monitoring.samples import SampleStore
from server.places import LOCALES
from server.realtime.history import History
from server.realtime.limits import LiveLimits
from server.realtime.manager import ConnectionManager
from server.storage.database import Database
from server.storage.tables import outbox, stream_messages, users

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)


class EverythingSetUp:
    def is_set_up(self, channel: Channel) -> bool:
        return True


def watching(
    database: Database, holder: str, *, clock: Callable[[], datetime], known: Known, is_alone: bool
) -> AlertWatch:
    history = History(database, keep_messages=100, keep_days=7)
    notices = Notices(
        manager=ConnectionManager(LiveLimits()), broker=MemoryBroker(), history=history, database=database
    )
    return AlertWatch(
        database=database,
        measuring=Measuring(database=database, store=SampleStore(kept_days=400), known=known, is_alone=is_alone),
        telling=AlertTelling(
            database=database,
            notices=notices,
            languages=Languages.load(LOCALES),
            readers=AlertReaders(recipients=("ops@example.com",), language="en", server="https://x.example"),
            outgoing=EverythingSetUp(),
            hurry=lambda: None,
        ),
        holder=holder,
        kept_days=400,
        clock=clock,
    )


async def add_administrator(database: Database) -> None:
    async with database.write() as connection:
        admin = {"id": "root", "name": "root", "name_key": "root", "password_hash": "", "role": "admin"}
        await connection.execute(insert(users).values(**admin, created_at=NOON))


async def mails_in(database: Database) -> list[str]:
    async with database.read() as connection:
        wanted = select(outbox.c.content).where(outbox.c.channel == "mail").order_by(outbox.c.id)
        contents = (await connection.scalars(wanted)).all()
    return [msgspec.json.decode(content)["text"] for content in contents]


class Night:
    """A watch, what it sees, and what it has told by now."""

    def __init__(self, database: Database) -> None:
        self.database, self.now = database, NOON
        self.lag, self.refused, self.backup_age = 1.0, 0, 0.0
        self.store = SampleStore(kept_days=400)
        self.watch = self.started("one")

    def started(self, holder: str) -> AlertWatch:
        async def age() -> float:
            return self.backup_age

        return watching(self.database, holder, clock=lambda: self.now, known={"backup_age": age}, is_alone=True)

    async def on(self, minutes: float) -> None:
        """So much time, with a sample every ten seconds and a look as often as there is one."""
        end = self.now + timedelta(minutes=minutes)
        while self.now < end:
            at = int(self.now.timestamp()) - int(self.now.timestamp()) % 10
            sample = {
                "loop_lag": [self.lag, self.lag, self.lag, 1],
                "handshakes_accepted": 100,
                "handshakes_refused": self.refused,
                "keeps_backups": [1, 1, 1, 1],
            }
            async with self.database.write() as connection:
                await self.store.add(connection, "a", at - 10, sample)
            await self.watch.look()
            self.now += timedelta(seconds=EVERY_SECONDS)

    async def mails(self) -> list[str]:
        return await mails_in(self.database)

    async def notices(self) -> list[str]:
        async with self.database.read() as connection:
            bodies = (await connection.scalars(select(stream_messages.c.body))).all()
        return [msgspec.json.decode(body)["level"] for body in bodies]
