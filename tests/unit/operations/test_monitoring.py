"""What administrators see of the server's past: what was counted, when it was up, and only they."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import insert

from server.auth.permissions import Principal
from server.errors import Forbidden, InvalidInput, NotSignedIn
from server.monitoring.uptime import GapKind, Heartbeat
from server.operations.monitoring import LinesOf, LookBack, MonitoringOperations
from server.storage.tables import server_runs
from tests.unit.operations.conftest import House, refused
from tests.unit.operations.monitored import NOON, remember, remember_badly


async def test_lines_over_an_hour_with_gaps_before_the_start(monitoring: MonitoringOperations, house: House) -> None:
    await remember(house, minutes=2)
    found = await monitoring.history(house.admin, LookBack.HOUR, ["messages_sent", "connection_failure_rate"])
    sent, failed = found.series
    assert (found.step_seconds, len(sent.points), sent.unit) == (10, 360, "messages/s")
    assert [value for _, value, _ in sent.points[-13:]] == [None, *[4.0] * 12]
    assert failed.points[-1][1] == 0.01
    assert [run.node for run in found.runs] == ["a"]


async def test_a_day_is_drawn_from_minutes(monitoring: MonitoringOperations, house: House) -> None:
    await remember(house, minutes=2)
    found = await monitoring.history(house.admin, LookBack.DAY, ["messages_sent"])
    assert (found.step_seconds, len(found.series[0].points)) == (60, 1_440)
    assert [value for _, value, _ in found.series[0].points[-2:]] == [4.0, 4.0]


async def test_a_metric_that_there_is_not_is_named_with_all_there_are(
    monitoring: MonitoringOperations, house: House
) -> None:
    with pytest.raises(InvalidInput) as error:
        await monitoring.history(house.admin, LookBack.HOUR, ["reports", "happiness"])
    (problem,) = error.value.errors
    assert problem.field == "metrics"
    assert problem.parameters["name"] == "happiness"
    assert "delivery_p99" in str(problem.parameters["known"])


async def test_how_it_does_now(monitoring: MonitoringOperations, house: House) -> None:
    await remember(house, minutes=60)
    found = await monitoring.present(house.admin)
    assert (found.messages_per_second_out, found.messages_per_second_in) == (4.0, 2.0)
    assert found.connection_failure_rate == 0.01
    assert 5 < (found.delivery_p50_ms or 0) <= (found.delivery_p99_ms or 0) <= 10
    assert found.availability["24h"].share == 1.0
    assert found.up == ["a"]


async def test_a_server_of_which_nothing_is_known_claims_nothing(
    monitoring: MonitoringOperations, house: House
) -> None:
    found = await monitoring.present(house.admin)
    assert (found.messages_per_second_out, found.connection_failure_rate, found.delivery_p99_ms) == (None, None, None)
    assert found.availability["30d"].share is None
    assert found.nodes == ()


async def test_an_outage_is_in_each_time_that_it_fell_into(monitoring: MonitoringOperations, house: House) -> None:
    lived = {"started_at": NOON - timedelta(days=10), "seen_at": NOON - timedelta(days=2)}
    async with house.parts.storage.database.write() as connection:
        await connection.execute(insert(server_runs).values(id="1", node="a", version="1", ending=None, **lived))
        await Heartbeat(node="a", version="1").begin(connection, NOON - timedelta(seconds=5))
    found = await monitoring.availability(house.admin)
    assert found["24h"].down_seconds == 86_400 - 5
    assert {gap.kind for gap in found["7d"].gaps} == {GapKind.DOWN}
    assert (found["7d"].share or 1) > (found["24h"].share or 1)


async def test_nodes_are_drawn_together_or_one_alone_also_one_that_is_gone(
    monitoring: MonitoringOperations, house: House
) -> None:
    await remember(house, minutes=2)
    await remember_badly(house, node="gone", messages_sent=30)
    whole = await monitoring.history(house.admin, LookBack.HOUR, ["messages_sent"], lines_of=LinesOf.WHOLE)
    assert ([each.node for each in whole.series], whole.nodes) == ([""], ["a", "gone"])
    known = [value for _, value, _ in whole.series[0].points if value is not None]
    assert known == [3.0, *[4.0] * 12]
    gone = await monitoring.history(house.admin, LookBack.HOUR, ["messages_sent"], node="gone")
    assert [(each.node, [value for _, value, _ in each.points if value]) for each in gone.series] == [("gone", [3.0])]
    assert (gone.runs, gone.nodes) == ([], ["a", "gone"])
    nothing = await monitoring.history(house.admin, LookBack.HOUR, ["messages_sent"], node="never")
    assert nothing.series == []


async def test_only_administrators_see_it(monitoring: MonitoringOperations, house: House) -> None:
    for asked in (
        monitoring.present(house.alice),
        monitoring.availability(house.alice),
        monitoring.nodes(house.alice),
        monitoring.history(house.alice, LookBack.HOUR, ["reports"]),
        monitoring.exposition(house.alice, address="127.0.0.1"),
    ):
        with refused(Forbidden):
            await asked


@pytest.mark.parametrize("address", ["10.2.3.4", "::ffff:10.2.3.4", "2001:db8::7"])
async def test_an_allowed_address_may_read_the_metrics(
    monitoring: MonitoringOperations, house: House, address: str
) -> None:
    assert b"jindu_connections " in await monitoring.exposition(None, address=address)


@pytest.mark.parametrize("address", ["127.0.0.1", "11.0.0.1", "2001:db9::7", "", "unix"])
async def test_nobody_else_may(monitoring: MonitoringOperations, house: House, admin: Principal, address: str) -> None:
    with refused(NotSignedIn):
        await monitoring.exposition(None, address=address)
    assert await monitoring.exposition(admin, address=address)
