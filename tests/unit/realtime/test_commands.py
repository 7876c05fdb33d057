"""What a client may say, and what it is answered: one reply for each frame, whatever the frame is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from server.auth.permissions import Principal
from server.engines.memory_broker import MemoryBroker
from server.errors import NotFound
from server.languages import Languages
from server.realtime import codec
from server.realtime.broker import event_topic
from server.realtime.close_codes import CloseCode
from server.realtime.commands import Commands
from server.realtime.history import History, KeptMessage
from server.realtime.job_fields import JobFields
from server.realtime.replay import Replay
from server.realtime.topics import Topics
from server.storage.database import Database
from tests.unit.realtime.links import MemoryLink
from tests.unit.realtime.people import join, manager_of

LANGUAGES = Languages.load(Path("locales"))
Json = dict[str, Any]


class RememberingBroker(MemoryBroker):
    def __init__(self) -> None:
        super().__init__()
        self.topics: list[str] = []

    async def join(self, topic: str) -> None:
        self.topics.append(topic)
        await super().join(topic)


class House:
    def __init__(self, database: Database, **limits: Any) -> None:
        self.database = database
        self.manager = manager_of(**limits)
        self.history = History(database)
        self.broker = RememberingBroker()
        self.commands = Commands(
            manager=self.manager,
            history=self.history,
            topics=Topics(broker=self.broker, manager=self.manager, forget=self.history.forget),
            languages=LANGUAGES,
            authorise=_authorise,
            snapshot=_snapshot,
            replay=Replay(_render),
        )
        self.link: MemoryLink = join(self.manager, "alice")

    async def say(self, frame: str | Json | None) -> Json:
        """The answer to one frame."""
        assert self.link.connection is not None
        before = len(self.link.messages)
        await self.commands.handle(self.link.connection, json.dumps(frame) if isinstance(frame, dict) else frame)
        (answer,) = self.link.messages[before:]
        return answer


async def _authorise(principal: Principal, event: str) -> None:
    if event == "secret":
        raise NotFound
    if event == "broken":
        raise ZeroDivisionError


def _snapshot(principal: Principal, language: str) -> list[JobFields]:
    return []


def _render(kept: KeptMessage, language: str) -> bytes:
    return codec.encode({"type": "notification", "offset": kept.offset, "title": kept.body.decode()})


async def test_each_command_has_its_answer_which_repeats_the_id(database: Database) -> None:
    house = House(database)
    for command, answer in (("ping", "pong"), ("jobs", "jobs"), ("hello", "echo")):
        found = await house.say({"type": command, "id": "x"})
        assert (found["type"], found["id"]) == (answer, "x")


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (None, "unsupported_frame"),
        ("{", "invalid_json"),
        ("[]", "invalid_message"),
        ('{"type":"subscribe"}', "invalid_message"),
        ('{"type":"auth","token":"x"}', "already_authenticated"),
        ('{"type":"subscribe","events":["secret"]}', "not_found"),
        ('{"type":"subscribe","events":["' + "x" * 200 + '"]}', "invalid_message"),
    ],
)
async def test_what_cannot_be_done_is_answered_by_an_error(database: Database, frame: str | None, code: str) -> None:
    found = await House(database).say(frame)
    assert (found["type"], found["code"]) == ("error", code)


async def test_all_events_are_subscribed_or_none_and_listened_to_before(database: Database) -> None:
    house = House(database)
    assert (await house.say({"type": "subscribe", "events": ["news", "secret"]}))["type"] == "error"
    assert not house.manager.has_subscribers("news")
    assert house.broker.topics == []
    assert (await house.say({"type": "subscribe", "events": ["news", "more"]}))["status"] == "subscribed"
    assert house.broker.topics == [event_topic("news"), event_topic("more")]
    assert (await house.say({"type": "unsubscribe", "events": ["news", "unknown"]}))["status"] == "unsubscribed"
    assert (house.manager.has_subscribers("news"), house.manager.has_subscribers("more")) == (False, True)


async def test_more_than_the_limit_cannot_be_subscribed(database: Database) -> None:
    house = House(database, subscriptions=2)
    assert (await house.say({"type": "subscribe", "events": ["a", "b"]}))["status"] == "subscribed"
    assert (await house.say({"type": "subscribe", "events": ["c"]}))["code"] == "too_many_subscriptions"


async def test_history_gives_what_was_kept_after_a_position_page_by_page(database: Database) -> None:
    house = House(database)
    await house.history.load("alice")
    for text in ("one", "two", "three"):
        async with database.write() as connection:
            kept = await house.history.append(connection, "alice", type="notification", body=text.encode())
        house.history.arrives("alice", kept.position)
    since = {"epoch": kept.epoch, "offset": 0}
    page = await house.say({"type": "history", "since": since, "limit": 2})
    assert [message["title"] for message in page["messages"]] == ["one", "two"]
    assert (page["offset"], page["remaining"], page["recovered"]) == (2, 1, True)
    newest = await house.say({"type": "history", "limit": 1})
    assert [message["title"] for message in newest["messages"]] == ["three"]
    lost = await house.say({"type": "history", "since": {"epoch": "other", "offset": 0}})
    assert (lost["messages"], lost["recovered"]) == ([], False)


async def test_our_own_faults_are_told_as_such_and_end_nothing(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    house = House(database)
    found = await house.say({"type": "subscribe", "events": ["broken"], "id": 5})
    assert (found["code"], found["id"]) == ("internal_error", 5)
    assert "command failed" in caplog.text
    assert (await house.say({"type": "ping"}))["type"] == "pong"


async def test_who_sends_too_much_is_warned_once(database: Database) -> None:
    house = House(database, messages_per_second=0.001, message_burst=2)
    assert house.link.connection is not None
    for _ in range(5):
        await house.commands.handle(house.link.connection, '{"type":"ping"}')
    assert [message["type"] for message in house.link.messages] == ["pong", "pong", "error"]
    assert house.link.messages[-1]["code"] == "rate_limited"
    assert house.link.connection.refused == 3
    assert house.link.closed_with in (None, CloseCode.RATE_LIMIT)
