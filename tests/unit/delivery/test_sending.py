"""By any channel: what each service takes, at its pace, until it has failed for a day, and told without its address."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import msgspec
import pytest
from cryptography.fernet import Fernet

from server.auth.seals import Seals
from server.delivery.messages import ChannelMessage, ChannelReceipt, ChannelTarget, ChannelVia
from server.delivery.sending import ChannelSending
from server.errors import InvalidInput, NotDelivered
from server.languages import Languages
from server.places import LOCALES
from server.storage.database import Database
from tests.chat_doubles import KEY, SECRET, Outside, hanging, saying
from tests.unit.delivery.channels.tellings import MESSAGE, NOON
from tests.unit.delivery.outgoing import posts_to_localhost

LANGUAGES = Languages.load(LOCALES)
HOOKS = [via for via in ChannelVia if via is not ChannelVia.S3]


class NoStore:
    is_set_up = False

    def refusal(self, path: str) -> str | None:
        return "There is none."

    async def put(self, target: ChannelTarget, message: ChannelMessage) -> ChannelReceipt:
        raise AssertionError


class World:
    """Both sides, and one clock for them."""

    def __init__(self, database: Database, side: Outside) -> None:
        self.side = side
        self.sending = ChannelSending(
            posts=posts_to_localhost(clock=lambda: self.now),
            prefix=NoStore(),
            database=database,
            languages=LANGUAGES,
            clock=lambda: self.now,
        )

    @property
    def now(self) -> datetime:
        return self.side.now

    def later(self, **how_much: float) -> None:
        self.side.now += timedelta(**how_much)

    async def send(self, via: ChannelVia, **changed: object) -> ChannelReceipt:
        message = msgspec.structs.replace(MESSAGE, **changed)
        target = self.side.target(via)
        return await self.sending.send(target, message, delivery_id="01delivery", event_id="01event")

    async def refused(self, via: ChannelVia) -> NotDelivered:
        with pytest.raises(NotDelivered) as raised:
            await self.send(via)
        assert KEY not in raised.value.text + repr(raised.value)
        return raised.value


@pytest.fixture
async def world(database: Database) -> AsyncIterator[World]:
    async with Outside(NOON).listening() as side:
        yield World(database, side)


async def test_each_service_takes_what_it_is_told(world: World) -> None:
    for via in HOOKS:
        await world.send(via)
        await world.send(via, text="长" * 40_000) if via is ChannelVia.WEBHOOK else None
        world.later(minutes=1)
        await world.send(via, text="长" * 40_000)
        world.later(minutes=1)
    assert [via for via, _ in world.side.taken] == [ChannelVia.WEBHOOK] + [via for via in HOOKS for _ in range(2)]


async def test_chats_are_told_in_the_language_of_the_message(world: World) -> None:
    await world.send(ChannelVia.WECOM, language="zh-CN", text="长" * 9_000)
    ((_, shown),) = world.side.taken
    assert "[打开]" in shown
    assert "已缩短" in shown


async def test_a_webhook_is_signed_anew_each_time_and_keeps_its_ids(world: World) -> None:
    world.side.mood = saying(503)
    await world.refused(ChannelVia.WEBHOOK)
    world.later(hours=3)
    world.side.mood = None
    await world.send(ChannelVia.WEBHOOK)  # the double refuses a signature that is older than five minutes
    (head,) = world.side.headers
    assert (head["webhook-id"], head["jindu-delivery"]) == ("01event", "01delivery")


async def test_the_pause_that_a_place_asks_for_is_kept_for_all_that_go_there(world: World) -> None:
    world.side.mood = saying(429, Retry_After="120")
    assert (await world.refused(ChannelVia.WEBHOOK)).retry_after == 120
    world.side.mood = None
    world.later(seconds=60)
    waiting = await world.refused(ChannelVia.WEBHOOK)
    assert (waiting.was_tried, waiting.retry_after, world.side.asked) == (False, 60, 1)
    await world.send(ChannelVia.SLACK)  # another place
    world.later(seconds=60)
    await world.send(ChannelVia.WEBHOOK)


async def test_a_ban_of_dingtalk_is_sat_out(world: World) -> None:
    world.side.mood = saying(200, '{"errcode": 130101, "errmsg": "send too fast"}')
    error = await world.refused(ChannelVia.DINGTALK)
    assert (error.is_final, error.was_tried, error.retry_after) == (False, True, 600)
    world.side.mood = None
    world.later(seconds=599)
    assert not (await world.refused(ChannelVia.DINGTALK)).was_tried
    world.later(seconds=1)
    await world.send(ChannelVia.DINGTALK)


async def test_a_flood_is_spread_and_none_of_it_lost(world: World) -> None:
    """Of forty at once each comes back when it was told to, and no minute has more than twenty."""
    due = dict.fromkeys(range(40), NOON)
    sent: list[datetime] = []
    refusals = 0
    while due:
        number = min(due, key=lambda each: due[each])
        world.side.now = max(due[number], world.now)
        try:
            await world.send(ChannelVia.WECOM)
        except NotDelivered as error:
            refusals += not error.was_tried
            due[number] = world.now + timedelta(seconds=error.retry_after or 0)
        else:
            sent.append(world.now)
            del due[number]
    assert len(world.side.taken) == 40
    assert 36 <= refusals < 80  # nobody comes again and again
    for begin in sent:
        assert sum(begin <= at < begin + timedelta(minutes=1) for at in sent) <= 20
    assert sent[-1] - NOON < timedelta(minutes=4)


async def test_a_place_is_given_up_after_a_day_of_failures_and_not_after_one(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.side.mood = saying(500)
    with caplog.at_level(logging.WARNING, "jindu.delivery"):
        for _ in range(8):
            assert not (await world.refused(ChannelVia.WEBHOOK)).is_final
            world.later(hours=3)
        assert not (await world.refused(ChannelVia.WEBHOOK)).is_final  # the last straw
    asked = world.side.asked
    world.side.mood = None
    error = await world.refused(ChannelVia.WEBHOOK)
    assert error.is_final
    assert "for a day" in error.text
    assert world.side.asked == asked
    assert [record.getMessage() for record in caplog.records] == ["localhost failed for a day and is given up"]
    assert KEY not in caplog.text
    await world.sending.allow_again(world.side.target(ChannelVia.WEBHOOK))
    await world.send(ChannelVia.WEBHOOK)
    world.side.mood = saying(500)
    assert not (await world.refused(ChannelVia.WEBHOOK)).is_final


async def test_failures_long_apart_and_those_before_a_success_do_not_count(world: World) -> None:
    world.side.mood = saying(500)
    await world.refused(ChannelVia.WEBHOOK)
    world.later(days=20)
    await world.refused(ChannelVia.WEBHOOK)
    assert not (await world.refused(ChannelVia.WEBHOOK)).is_final
    world.later(hours=23)
    world.side.mood = None
    await world.send(ChannelVia.WEBHOOK)
    world.side.mood = saying(500)
    world.later(hours=2)
    await world.refused(ChannelVia.WEBHOOK)
    assert not (await world.refused(ChannelVia.WEBHOOK)).is_final


async def test_who_hangs_may_have_taken_it_unless_it_can_tell_repeats(world: World) -> None:
    world.side.mood = hanging()
    assert (await world.refused(ChannelVia.WECOM)).may_have_arrived
    error = await world.refused(ChannelVia.WEBHOOK)
    assert (error.may_have_arrived, error.is_final) == (False, False)


async def test_what_cannot_be_right_is_refused_while_it_is_written(world: World) -> None:
    def fields(target: ChannelTarget) -> list[str]:
        with pytest.raises(InvalidInput) as raised:
            world.sending.require(target)
        return [problem.field for problem in raised.value.errors]

    world.sending.require(world.side.target(ChannelVia.WEBHOOK))
    assert fields(ChannelTarget(via=ChannelVia.WEBHOOK, url="https://127.0.0.1/")) == ["url"]
    assert fields(ChannelTarget(via=ChannelVia.SLACK, url="", secret="x")) == ["secret", "url"]
    assert fields(ChannelTarget(via=ChannelVia.FEISHU, url="http://localhost/" + "x" * 2_000, secret="a\nb")) == [
        "url",
        "secret",
    ]
    assert fields(ChannelTarget(via=ChannelVia.S3, path="x")) == ["path"]
    assert [world.sending.is_set_up(via) for via in (ChannelVia.S3, ChannelVia.SLACK)] == [False, True]


def test_a_target_is_sealed_and_shows_its_host_alone() -> None:
    target = ChannelTarget(via=ChannelVia.SLACK, url=f"https://hooks.slack.com/services/{KEY}", secret=SECRET)
    assert (target.shown, repr(target)) == ("hooks.slack.com", "ChannelTarget(slack: hooks.slack.com)")
    seals = Seals(Fernet(Fernet.generate_key()))
    sealed = seals.seal(target)
    assert KEY not in sealed
    assert seals.open(sealed, ChannelTarget) == target
    assert ChannelTarget(via=ChannelVia.S3, path="").shown == "/"
    assert ChannelTarget(via=ChannelVia.SLACK, url="https://[").shown == ""
