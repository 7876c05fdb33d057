"""Rules as administrators change them, tests of each channel with what really became of them, and only for them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from sqlalchemy import select

from server.alerts.alert import AlertChannel
from server.auth.permissions import Principal
from server.clock import utc_now
from server.delivery.outbox import put_parcel
from server.delivery.parcel import Hook, ParcelState
from server.errors import Conflict, Forbidden, InvalidInput, NotFound
from server.operations.alerts import AlertOperations, by_cause
from server.storage.tables import audit
from tests.unit.operations.conftest import House


@pytest.fixture
def alerts(house: House) -> AlertOperations:
    return house.todo.alerts


def fields(error: InvalidInput) -> set[str]:
    return {problem.field for problem in error.errors}


async def test_sensible_rules_are_on_from_the_beginning(alerts: AlertOperations, house: House) -> None:
    standings = await alerts.rules(house.admin)
    assert len(standings) >= 12
    assert all(each.rule.is_on and not each.rule.is_changed and not each.alerts for each in standings)
    assert sum(map(len, by_cause(standings).values())) == len(standings)
    known = {each.rule.id: each.value for each in standings}
    assert (known["job_waiting"], known["backup_age"]) == (0, None)


async def test_a_rule_is_changed_and_set_back(alerts: AlertOperations, house: House) -> None:
    changed = await alerts.change_rule(
        house.admin, "loop_lag", threshold=50, seconds=10, is_on=False, channels=[AlertChannel.MAIL]
    )
    assert (changed.threshold, changed.seconds, changed.is_on, changed.channels) == (50, 10, False, {AlertChannel.MAIL})
    assert changed.is_changed
    assert (await alerts.change_rule(house.admin, "loop_lag", is_on=True)).threshold == 50
    await alerts.remove_rule(house.admin, "loop_lag")
    (again,) = [each.rule for each in await alerts.rules(house.admin) if each.rule.id == "loop_lag"]
    assert (again.threshold, again.is_changed) == (1_000, False)
    async with house.parts.storage.database.read() as connection:
        actions = (await connection.scalars(select(audit.c.action).order_by(audit.c.id))).all()
    assert actions[-3:] == ["alert_rule.change", "alert_rule.change", "alert_rule.reset"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"threshold": float("nan")}, "threshold"),
        ({"threshold": 1.5}, "threshold"),
        ({"threshold": -1}, "threshold"),
        ({"seconds": 10**9}, "seconds"),
        ({"seconds": -1}, "seconds"),
    ],
)
async def test_what_no_rule_can_have_is_said_beside_its_field(
    alerts: AlertOperations, house: House, change: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidInput) as error:
        await alerts.change_rule(house.admin, "disk_left", **change)
    assert fields(error.value) == {field}


async def test_a_rule_of_a_scripts_jobs_is_added_and_deleted(alerts: AlertOperations, house: House) -> None:
    rule = await alerts.add_rule(house.admin, subject="script_silence", target=" nightly ", threshold=3_600)
    assert (rule.target, rule.is_on, rule.is_changed) == ("nightly", True, True)
    assert any(each.rule.id == rule.id for each in await alerts.rules(house.admin))
    await alerts.remove_rule(house.admin, rule.id)
    with pytest.raises(NotFound):
        await alerts.change_rule(house.admin, rule.id, is_on=False)
    for wrong in ({"subject": "script_silence"}, {"subject": "memory", "target": "x"}):
        with pytest.raises(InvalidInput) as error:
            await alerts.add_rule(house.admin, **wrong)
        assert fields(error.value) == {"target"}
    with pytest.raises(InvalidInput) as error:
        await alerts.add_rule(house.admin, subject="happiness")
    assert fields(error.value) == {"subject"}


async def test_what_a_rule_says_already_no_other_one_says(alerts: AlertOperations, house: House) -> None:
    async def add(**wanted: Any) -> str:
        return (await alerts.add_rule(house.admin, **{"subject": "loop_lag", **wanted})).id

    with pytest.raises(Conflict, match="just this") as error:  # of those that are there by themselves
        await add()
    assert [problem.field for problem in error.value.errors] == ["threshold"]
    second = await add(threshold=50)
    for same in ({"threshold": 50}, {"threshold": 50, "channels": [AlertChannel.MAIL]}):
        with pytest.raises(Conflict):
            await add(**same)
    longer = await add(threshold=50, seconds=600)
    with pytest.raises(Conflict):
        await alerts.change_rule(house.admin, second, seconds=600)
    assert not (await alerts.change_rule(house.admin, longer, threshold=50, is_on=False)).is_on
    await alerts.remove_rule(house.admin, second)
    await add(threshold=50)
    assert await add(subject="script_silence", target="a") != await add(subject="script_silence", target="b")


async def test_a_test_by_notification_reaches_who_asked(alerts: AlertOperations, house: House) -> None:
    tried = await alerts.test(house.admin, AlertChannel.NOTICE)
    assert tried.state is ParcelState.SENT
    page = await house.todo.notifications.latest(house.admin)
    assert page.items[0].title == "This is a test of the alerts"


@pytest.mark.parametrize("channel", [AlertChannel.MAIL, AlertChannel.WEBHOOK])
async def test_what_is_not_set_up_is_not_tested(alerts: AlertOperations, house: House, channel: AlertChannel) -> None:
    assert not alerts.channels(house.admin)[channel]
    with pytest.raises(InvalidInput, match="set up"):
        await alerts.test(house.admin, channel)


async def test_what_lies_in_the_outbox_can_be_tried_again(alerts: AlertOperations, house: House) -> None:
    async with house.parts.storage.database.write() as connection:
        parcel_id = await put_parcel(connection, Hook(payload={}), subject="x", now=utc_now())
    parcel = await alerts.send_again(house.admin, parcel_id)
    assert (parcel.state, parcel.attempts) == (ParcelState.WAITING, 1)
    assert parcel.error is not None
    (shown,) = await alerts.outbox(house.admin)
    assert shown.id == parcel_id
    with pytest.raises(NotFound):
        await alerts.send_again(house.admin, "01nothing")


async def test_there_is_no_history_and_no_heartbeat_yet(alerts: AlertOperations, house: House) -> None:
    assert await alerts.history(house.admin) == ([], None, 0)
    assert not alerts.heartbeat(house.admin).is_set_up


CALLS: list[Callable[[AlertOperations, Principal], Coroutine[Any, Any, Any]]] = [
    lambda alerts, who: alerts.rules(who),
    lambda alerts, who: alerts.change_rule(who, "loop_lag", is_on=False),
    lambda alerts, who: alerts.add_rule(who, subject="memory"),
    lambda alerts, who: alerts.remove_rule(who, "loop_lag"),
    lambda alerts, who: alerts.history(who),
    lambda alerts, who: alerts.outbox(who),
    lambda alerts, who: alerts.send_again(who, "x"),
    lambda alerts, who: alerts.test(who, AlertChannel.NOTICE),
]


@pytest.mark.parametrize("call", CALLS)
async def test_alice_may_do_none_of_it(
    alerts: AlertOperations,
    house: House,
    call: Callable[[AlertOperations, Principal], Coroutine[Any, Any, Any]],
) -> None:
    with pytest.raises(Forbidden):
        await call(alerts, house.alice)
    for plain in (alerts.channels, alerts.heartbeat):
        with pytest.raises(Forbidden):
            plain(house.alice)
