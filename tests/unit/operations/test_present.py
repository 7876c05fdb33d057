"""What somebody should look at, and what not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import delete

from server.alerts.alert import moved
from server.alerts.store import DEFAULT_RULES, put_alert
from server.alerts.subjects import LEAST_REFUSED
from server.monitoring.samples import SampleStore
from server.monitoring.uptime import Heartbeat
from server.operations.monitoring import MonitoringOperations
from server.operations.present import Concern
from server.storage.tables import server_runs
from tests.unit.operations.conftest import House
from tests.unit.operations.monitored import NOON, remember_badly


async def test_a_rule_says_from_when_on_it_is_a_concern(monitoring: MonitoringOperations, house: House) -> None:
    await remember_badly(house, loop_lag=[1, 400, 400, 1], workers_died=1)
    assert (await monitoring.present(house.admin)).concerns == []  # 0.4 s, once, is nothing to look at
    for rule, threshold in (("loop_lag", 300), ("workers_died", 0)):
        await house.todo.alerts.change_rule(house.admin, rule, threshold=threshold)
    found = await monitoring.present(house.admin)
    assert (found.concerns, found.limits[Concern.LAG]) == ([Concern.WORKERS, Concern.LAG], 300)


async def test_what_an_alert_says_is_not_said_once_more_as_a_concern(
    monitoring: MonitoringOperations, house: House
) -> None:
    await remember_badly(house, loop_lag=[1, 5_000, 5_000, 1])
    assert (await monitoring.present(house.admin)).concerns == [Concern.LAG]
    rule = DEFAULT_RULES["loop_lag"]
    alert = moved(None, replace(rule, seconds=0), 5_000, NOON)
    assert alert is not None
    async with house.parts.storage.database.write() as connection:
        await put_alert(connection, alert)
    found = await monitoring.present(house.admin)
    assert (found.concerns, len(found.firing)) == ([], 1)


async def test_a_few_refused_connections_are_no_concern_however_few_there_were(
    monitoring: MonitoringOperations, house: House
) -> None:
    await remember_badly(house, handshakes_accepted=2, handshakes_refused=LEAST_REFUSED - 1)
    assert (await monitoring.present(house.admin)).concerns == []
    await remember_badly(house, handshakes_accepted=2, handshakes_refused=LEAST_REFUSED)
    assert (await monitoring.present(house.admin)).concerns == [Concern.HANDSHAKES]


async def test_workers_that_died_are_a_concern_where_too_many_did_at_one_node(
    monitoring: MonitoringOperations, house: House
) -> None:
    for node in ("a", "b"):
        await remember_badly(house, node=node, workers_died=3)
    found = await monitoring.present(house.admin)
    assert (found.workers_died, found.workers_died_at_one, found.concerns) == (6, 3, [])
    await remember_badly(house, node="b", workers_died=1)
    assert (await monitoring.present(house.admin)).concerns == [Concern.WORKERS]


async def test_that_a_node_hears_no_others_is_a_concern_where_there_are_others(
    monitoring: MonitoringOperations, house: House
) -> None:
    async with house.parts.storage.database.write() as connection:
        for node in ("a", "b"):
            await Heartbeat(node=node, version="1").begin(connection, NOON - timedelta(seconds=5))
            await SampleStore(kept_days=400).add(
                connection, node, int(NOON.timestamp()) - 10, {"broker_away": [1, 1, 1, 1]}
            )
    found = await monitoring.present(house.admin)
    assert (found.without_others, found.concerns) == (["a", "b"], [Concern.NODES])
    assert [(node.name, node.hears_others) for node in await monitoring.nodes(house.admin)] == [
        ("a", False),
        ("b", False),
    ]
    async with house.parts.storage.database.write() as connection:
        await connection.execute(delete(server_runs).where(server_runs.c.node == "b"))
    assert (await monitoring.present(house.admin)).concerns == []
