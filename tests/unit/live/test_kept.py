"""What is kept is in nobody's language, and says the same live and when somebody comes back for it."""

from __future__ import annotations

import msgspec

from server.clock import utc_now
from server.jobs.job import Job, State
from server.jobs.outcomes import Notice
from server.live.kept import job_body, notice_body
from server.realtime.broker import KeptTold
from server.realtime.history_rules import JOB, NOTIFICATION
from server.realtime.protocol import Position
from server.texts import phrase
from tests.unit.live.conftest import LANGUAGES, Layer, person
from tests.waiting import flushed


async def keep(layer: Layer, kind: str, body: bytes) -> None:
    async with layer.database.write() as connection:
        kept = await layer.realtime.history.append(connection, "alice", type=kind, body=body)
    layer.realtime.broker.send(kept.as_told())


async def test_a_message_says_the_same_live_and_later_in_each_language(layer: Layer) -> None:
    links = {language: await layer.join(person("alice", language=language)) for language in ("en", "zh-CN")}
    await keep(layer, NOTIFICATION, notice_body(Notice(title="This is a test", level="success")))
    await keep(
        layer,
        JOB,
        job_body(
            Job(
                id="j1",
                kind="data_import",
                owner_id="alice",
                title="销售",
                unit="rows",
                created_at=utc_now(),
                state=State.SUCCEEDED,
                parameters={"secret": 1},
            )
        ),
    )
    await flushed(layer.realtime.manager)
    stored = await layer.realtime.history.newest("alice", 10)
    for language, link in links.items():
        later = [msgspec.json.decode(layer.live.kept.render(kept, language)) for kept in stored]
        assert link.messages == later
        assert [message["offset"] for message in later] == [1, 2]
        assert later[0]["title"] == LANGUAGES.of(language).gettext("This is a test")
        assert "parameters" not in later[1]


async def test_numbers_stand_in_notifications_as_on_pages_but_not_those_of_a_reason(layer: Layer) -> None:
    link = await layer.join(person("alice"))
    reason = phrase("Line {line} is wrong.", line=2026)
    told = Notice(title="{rows} rows", body="{reason}", parameters={"rows": 49_880, "reason": reason})
    await keep(layer, NOTIFICATION, notice_body(told))
    await flushed(layer.realtime.manager)
    (message,) = link.messages
    assert (message["title"], message["body"]) == ("49,880 rows", "Line 2026 is wrong.")


async def test_one_publication_for_many_gives_each_their_own_offset(layer: Layer) -> None:
    hers, his, others = [await layer.join(person(name)) for name in ("alice", "bob", "carol")]
    history = layer.realtime.history
    for offset in range(1, 9):  # until now, of his alone
        history.arrives("bob", Position(epoch=history.position("bob").epoch, offset=offset))
    positions = {
        name: Position(epoch=history.position(name).epoch, offset=offset) for name, offset in (("alice", 1), ("bob", 9))
    }
    layer.realtime.broker.send(
        KeptTold(type=NOTIFICATION, body=notice_body(Notice(title="All")), at=utc_now(), positions=positions)
    )
    await flushed(layer.realtime.manager)
    assert [message["offset"] for message in hers.messages] == [1]
    assert [message["offset"] for message in his.messages] == [9]
    assert others.messages == []
    assert history.position("bob").offset == 9


async def test_a_level_that_is_none_is_told_as_info(layer: Layer) -> None:
    link = await layer.join(person("alice"))
    await keep(layer, NOTIFICATION, notice_body(Notice(title="Odd", level="loud")))
    await flushed(layer.realtime.manager)
    assert [message["level"] for message in link.messages] == ["info"]
