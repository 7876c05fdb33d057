"""Browsers are told what somebody chose, in their language, once, and only while nobody looks at a page of ours."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from cryptography.fernet import Fernet
from sqlalchemy import delete, func, insert, select, update

from server.auth.seals import Seals
from server.base_path import BasePath
from server.delivery.parcel import Channel, Push
from server.delivery.posting import Posting
from server.delivery.push import PushGone, PushKey, PushKeys, PushTarget, hold_pushes
from server.errors import NotDelivered
from server.jobs.outcomes import Notice
from server.live.notice_kinds import NoticeKind
from server.live.notice_pushes import NoticePushes, PushCarrier
from server.realtime.presence import LOOKING
from server.storage.tables import outbox, push_subscriptions, sessions, users
from tests.unit.live.conftest import LANGUAGES, Layer, person

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
READY = Notice(title="“{title}” is ready", url="/jobs/1", parameters={"title": "十月"})


class Services:
    """All push services there are: they keep what they are sent, or say why not."""

    is_set_up = True

    def __init__(self) -> None:
        self.sent: list[tuple[str, dict[str, Any], int]] = []
        self.error: NotDelivered | None = None

    def problem(self, target: PushTarget) -> tuple[str, str] | None:
        return None

    def new_key(self) -> PushKey:
        return PushKey(private="p")

    def public_key(self, key: PushKey) -> str:
        return "k"

    async def send(self, target: PushTarget, key: PushKey, content: bytes, *, topic: str, seconds: int) -> None:
        if self.error is not None:
            raise self.error
        self.sent.append((target.endpoint, msgspec.json.decode(content), seconds))


class Desk:
    """Somebody with two browsers, at a moment that moves."""

    def __init__(self, layer: Layer) -> None:
        self.layer, self.database, self.now = layer, layer.database, NOON
        self.services, self.seals = Services(), Seals(Fernet(Fernet.generate_key()))
        clock = lambda: self.now  # noqa: E731
        self.pushes = NoticePushes(
            languages=LANGUAGES, language="en", service=self.services, base_path=BasePath("/jindu"), clock=clock
        )
        self.carrier = PushCarrier(
            database=self.database,
            seals=self.seals,
            service=self.services,
            keys=PushKeys(database=self.database, seals=self.seals, service=self.services),
            presences=layer.realtime.presences,
            clock=clock,
        )
        self.posting = Posting({Channel.PUSH: self.carrier}, database=self.database, clock=clock)

    async def browser(self, name: str, *kinds: str, user_id: str = "alice", sealed: str = "") -> None:
        target = PushTarget(endpoint=f"https://push.example.com/{name}", p256dh="", auth="")
        later = {"created_at": NOON, "last_seen_at": NOON, "expires_at": NOON + timedelta(days=9)}
        own = {"id": name, "user_id": user_id}
        async with self.database.write() as connection:
            await connection.execute(insert(sessions).values(**own, **later, secret_hash=name))
            await connection.execute(
                insert(push_subscriptions).values(
                    **own,
                    session_id=name,
                    endpoint_hash=name,
                    host="push.example.com",
                    sealed=sealed or self.seals.seal(target),
                    kinds=list(kinds),
                    created_at=NOON,
                )
            )

    async def tell(self, notice: Notice = READY, kind: NoticeKind = NoticeKind.FINISHED) -> None:
        async with self.database.write() as connection:
            await self.pushes.put(connection, "alice", kind, notice)

    async def told(self) -> list[str]:
        """To which browsers what went, now that all is sent that is due."""
        await self.posting.post()
        return sorted(endpoint.rpartition("/")[2] for endpoint, _, _ in self.services.sent)

    async def waiting(self) -> Sequence[Push]:
        async with self.database.read() as connection:
            rows = await connection.scalars(select(outbox.c.content))
            return [msgspec.json.decode(content, type=Push) for content in rows]

    async def subscriptions(self) -> int:
        async with self.database.read() as connection:
            return await connection.scalar(select(func.count()).select_from(push_subscriptions)) or 0

    async def set(self, table: Any, name: str, **values: Any) -> None:
        async with self.database.write() as connection:
            await connection.execute(update(table).where(table.c.id == name).values(**values))


@pytest.fixture
def desk(layer: Layer) -> Desk:
    return Desk(layer)


async def test_each_browser_is_told_what_was_chosen_there_and_no_row_is_left(desk: Desk) -> None:
    await desk.browser("phone", "failed")
    await desk.browser("desk", "failed", "finished")
    await desk.browser("other", "failed", "finished", user_id="bob")
    await desk.tell()
    assert await desk.told() == ["desk"]
    ((_, shown, seconds),) = desk.services.sent
    assert (shown["title"], shown["url"], seconds) == ("“十月” is ready", "/jindu/jobs/1", 86_400)
    assert set(shown) == {"title", "body", "url", "tag"}
    assert await desk.waiting() == []
    assert await desk.told() == ["desk"]  # once


async def test_it_is_in_the_language_of_whoever_is_told_and_short(desk: Desk) -> None:
    await desk.set(users, "alice", language="zh-CN")
    await desk.browser("phone", "finished")
    long = Notice(title="“{title}” failed", body="行" * 1_000, url="/x" * 400, parameters={"title": "十月"})
    await desk.tell(long)
    (note,) = await desk.waiting()
    assert "十月" in note.title
    assert "failed" not in note.title
    assert note.body.endswith("行…")
    assert len(note.body.encode()) <= 1_200
    assert note.url == "/jindu/notifications"


async def test_announcements_reach_those_who_chose_them_and_nobody_in_between(desk: Desk) -> None:
    for user_id in ("alice", "bob", "carol"):
        await desk.browser(f"of-{user_id}", "announced", user_id=user_id)
    async with desk.database.write() as connection:
        await desk.pushes.put_for_some(connection, ["alice", "carol"], NoticeKind.ANNOUNCED, READY)
    assert await desk.told() == ["of-alice", "of-carol"]


async def test_nobody_is_told_twice_who_looks_at_a_page(desk: Desk) -> None:
    await desk.browser("phone", "finished")
    program = await desk.layer.join(person("alice", token_id="t"), events=(LOOKING,))
    hidden = await desk.layer.join(person("alice", session_id="desk"))
    await desk.tell()
    assert await desk.told() == ["phone"]  # neither is somebody who looks
    manager = desk.layer.realtime.manager
    assert hidden.connection
    manager.subscribe(hidden.connection, [LOOKING])
    await desk.tell()
    assert await desk.told() == ["phone"]
    assert await desk.waiting() == []
    manager.unsubscribe(hidden.connection, [LOOKING])
    await desk.tell()
    assert await desk.told() == ["phone", "phone"]
    assert program.connection


async def test_whoever_signed_out_ran_out_of_time_or_was_disabled_is_told_nothing(desk: Desk) -> None:
    await desk.browser("phone", "finished")
    await desk.tell()
    await desk.set(users, "alice", disabled_at=NOON)
    await desk.told()
    await desk.tell()
    await desk.set(users, "alice", disabled_at=None)
    assert await desk.told() == []
    await desk.set(sessions, "phone", expires_at=NOON)
    await desk.tell()
    await desk.set(sessions, "phone", expires_at=NOON + timedelta(days=9))
    await desk.tell()
    async with desk.database.write() as connection:
        await connection.execute(delete(sessions).where(sessions.c.id == "phone"))
    assert await desk.subscriptions() == 0
    assert await desk.told() == []
    assert await desk.waiting() == []


async def test_what_fails_is_tried_again_until_it_is_too_old(desk: Desk) -> None:
    await desk.browser("phone", "finished")
    desk.services.error = NotDelivered("{host} answered {status}.", host="x", status=503, retry_after=600)
    await desk.tell()
    assert await desk.told() == []
    desk.services.error = None
    desk.now += timedelta(seconds=500)  # before the time that the push service asked for
    assert await desk.told() == []
    desk.now += timedelta(seconds=101)
    assert await desk.told() == ["phone"]
    await desk.tell()
    desk.now += timedelta(days=1)
    assert await desk.told() == ["phone"]
    assert await desk.waiting() == []
    assert desk.carrier.statistics() == {"failed": 1, "sent": 1, "needless": 1}


@pytest.mark.parametrize("error", [PushGone("gone", is_final=True), None])
async def test_a_browser_that_is_gone_or_cannot_be_read_is_forgotten(desk: Desk, error: NotDelivered | None) -> None:
    await desk.browser("phone", "finished", sealed="" if error else "of another key")
    desk.services.error = error
    await desk.tell()
    assert await desk.told() == []
    assert (await desk.subscriptions(), await desk.waiting()) == (0, [])


async def test_a_restored_server_tells_nobody_until_their_browser_has_been_there(desk: Desk) -> None:
    await desk.browser("phone", "finished")
    async with desk.database.write() as connection:
        await hold_pushes(connection, NOON)
    await desk.tell()
    assert await desk.told() == []
    await desk.set(sessions, "phone", last_seen_at=NOON + timedelta(seconds=1))
    await desk.tell()
    assert await desk.told() == ["phone"]


async def test_a_thousand_waiting_ones_do_not_take_an_hour(desk: Desk) -> None:
    """Who is looked after in tens is looked after again at once."""
    await desk.browser("phone", "finished")
    for _ in range(12):
        await desk.tell()
    await desk.told()
    assert len(desk.services.sent) == 10
    assert len(await desk.told()) == 12
