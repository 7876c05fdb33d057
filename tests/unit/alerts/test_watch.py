"""The watch over days, with a clock of its own: told once, in groups, not while somebody works on it, over restarts."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import insert, select

from server.alerts.alert import AlertChannel
from server.alerts.store import DEFAULT_RULES, all_rules, open_alerts, past_alerts, put_rule
from server.alerts.subjects import SUBJECT_BY_NAME
from server.alerts.windows import MaintenanceWindow, end_window, put_window
from server.clock import new_id
from server.storage.database import Database
from server.storage.tables import jobs, stream_messages
from tests.unit.alerts.night import NOON, Night, add_administrator


@pytest.fixture
async def night(database: Database) -> Night:
    await add_administrator(database)
    return Night(database)


async def test_a_quiet_night_tells_nobody_anything(night: Night) -> None:
    await night.on(10)
    assert (await night.mails(), await night.notices()) == ([], [])


async def test_what_fires_is_told_once_by_every_channel_and_its_end_once(night: Night) -> None:
    night.lag = 5_000
    await night.on(8)
    assert await night.notices() == ["error"]
    (mail,) = await night.mails()
    assert "Delay of the server itself: 5000 ms, above 1000 ms" in mail
    assert "https://x.example/admin/alerts" in mail
    night.lag = 1
    await night.on(8)
    assert await night.notices() == ["error", "success"]
    assert "well again after" in (await night.mails())[1]
    async with night.database.read() as connection:
        assert await open_alerts(connection) == []
        (alert,) = await past_alerts(connection, limit=9)
    assert alert.worst == 5_000


async def test_alice_and_bob_who_are_no_administrators_hear_nothing(night: Night) -> None:
    night.lag = 5_000
    await night.on(10)
    async with night.database.read() as connection:
        assert set((await connection.scalars(select(stream_messages.c.user_id))).all()) == {"root"}


async def test_what_goes_wrong_together_is_one_message(night: Night) -> None:
    night.lag, night.refused = 5_000, 50
    async with night.database.write() as connection:
        for name in ("loop_lag", "connection_failure_rate"):
            await put_rule(connection, replace(DEFAULT_RULES[name], seconds=60))
    await night.on(12)
    (mail,) = await night.mails()
    assert "Live connections refused: 33.3 %" in mail
    assert "Delay of the server itself" in mail


async def test_one_that_comes_and_goes_does_not_send_a_message_each_time(night: Night) -> None:
    for _ in range(12):
        night.lag = 5_000
        await night.on(2.5)
        night.lag = 1
        await night.on(0.5)
    assert len(await night.mails()) == 1


async def test_a_restart_repeats_nothing_and_forgets_nothing(night: Night) -> None:
    night.lag = 5_000
    await night.on(10)
    night.now += timedelta(minutes=20)  # away
    night.watch = night.started("two")
    await night.on(10)
    assert len(await night.mails()) == 1
    night.lag = 1
    await night.on(8)
    assert len(await night.mails()) == 2


async def test_another_node_looks_only_when_this_one_is_silent(night: Night) -> None:
    other = night.started("two")
    night.backup_age = 10 * 86_400
    await night.on(0.2)
    night.now += timedelta(seconds=15)
    await other.look()
    assert await night.mails() == []  # it was not its turn to tell
    night.now += timedelta(seconds=61)
    await other.look()
    assert len(await night.mails()) == 1


def planned(*, begin: datetime, minutes: float) -> MaintenanceWindow:
    return MaintenanceWindow(
        id=new_id(),
        begin=begin.replace(tzinfo=None),
        time_zone="UTC",
        seconds=minutes * 60,
        is_weekly=False,
        note="",
        created_by="admin",
        created_at=begin,
        ended_at=None,
    )


async def test_maintenance_silences_what_comes_and_goes_in_it_and_tells_what_stays(night: Night) -> None:
    window = planned(begin=NOON, minutes=20)
    async with night.database.write() as connection:
        await put_window(connection, window)
    night.lag, night.backup_age = 5_000, 10 * 86_400
    await night.on(5)
    night.lag = 1
    await night.on(14)
    assert await night.mails() == []
    await night.on(5)
    (mail,) = await night.mails()
    assert "backup" in mail
    assert "Delay" not in mail  # it came and went


async def test_news_and_recoveries_at_the_end_of_maintenance_stand_apart(night: Night) -> None:
    night.lag = 5_000
    await night.on(10)
    window = planned(begin=night.now, minutes=60)
    async with night.database.write() as connection:
        await put_rule(connection, replace(DEFAULT_RULES["loop_lag"], id="mine", threshold=500))
        await put_window(connection, window)
    night.lag = 600  # well for the one rule, too much for the other
    await night.on(12)
    async with night.database.write() as connection:
        await end_window(connection, window.id, night.now)
    await night.on(10)
    _, mail = await night.mails()
    told = mail.split("\n")
    firing, ended = told.index("What fires:"), told.index("What is over:")
    assert told[firing + 1].startswith("* Delay of the server itself: 600 ms, above 500 ms")
    assert told[ended + 1].startswith("* Delay of the server itself (above 1000 ms): well again after ")


async def test_a_few_refusals_are_no_alert(night: Night) -> None:
    async with night.database.write() as connection:
        await put_rule(connection, replace(DEFAULT_RULES["connection_failure_rate"], threshold=0.0001, seconds=0))
    at = int(night.now.timestamp()) - int(night.now.timestamp()) % 10
    async with night.database.write() as connection:
        await night.store.add(connection, "a", at - 10, {"handshakes_accepted": 1, "handshakes_refused": 19})
    await night.watch.look()
    assert await night.mails() == []
    async with night.database.read() as connection:
        assert await open_alerts(connection) == []


async def test_what_was_known_before_maintenance_is_not_told_again_after_it(night: Night) -> None:
    night.backup_age = 10 * 86_400
    await night.on(5)
    window = planned(begin=night.now, minutes=600)
    async with night.database.write() as connection:
        await put_window(connection, window)
    await night.on(10)
    async with night.database.write() as connection:
        await end_window(connection, window.id, night.now)
    await night.on(10)
    assert len(await night.mails()) == 1


async def test_a_rule_that_is_switched_off_ends_what_it_had_begun(night: Night) -> None:
    night.lag = 5_000
    await night.on(10)
    async with night.database.write() as connection:
        await put_rule(connection, replace(DEFAULT_RULES["loop_lag"], is_on=False))
    await night.on(6)
    assert len(await night.mails()) == 2
    async with night.database.read() as connection:
        assert await open_alerts(connection) == []


async def test_a_rule_tells_only_where_it_is_to(night: Night) -> None:
    async with night.database.write() as connection:
        await put_rule(connection, replace(DEFAULT_RULES["loop_lag"], channels=frozenset({AlertChannel.NOTICE})))
        (rule,) = [rule for rule in await all_rules(connection) if rule.is_changed]
    assert rule.id == "loop_lag"
    night.lag = 5_000
    await night.on(10)
    assert (await night.mails(), await night.notices()) == ([], ["error"])


async def test_a_script_that_falls_silent_and_jobs_that_wait(night: Night) -> None:
    def job(title: str, state: str, at: datetime, *, finished: datetime | None = None) -> dict[str, object]:
        return {
            "id": new_id(),
            "kind": "external",
            "owner_id": "alice",
            "title": title,
            "state": state,
            "unit": "steps",
            "created_at": at,
            "finished_at": finished,
        }

    async with night.database.write() as connection:
        old = NOON - timedelta(days=2)
        for values in (job("nightly", "succeeded", old, finished=old), job("x", "queued", NOON)):
            await connection.execute(insert(jobs).values(values))
        rule = replace(DEFAULT_RULES["loop_lag"], id="mine", target="nightly", threshold=90_000, seconds=0)
        await put_rule(connection, replace(rule, subject=SUBJECT_BY_NAME["script_silence"]))
    await night.on(20)
    mail = "\n".join(await night.mails())
    assert "No success of a script's job: nightly: 2 days, above 25 h" in mail
    assert "Longest wait for a turn in the queue: 16" in mail
