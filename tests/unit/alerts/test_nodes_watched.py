"""Which nodes should be there, which are gone, and how each one does: from runs and samples alone."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
import pytest

from server.alerts.nodes_watched import NodeSamples, idle_seconds, nodes_of, watched_nodes
from server.alerts.subject import WHOLE
from server.monitoring.samples import StoredSample
from server.monitoring.uptime import Run, RunEnding
from tests.unit.alerts.night import NOON


def ago(seconds: float) -> datetime:
    return NOON - timedelta(seconds=seconds)


def run(node: str, begin: float, end: float, ending: RunEnding | None = None, role: str = "all") -> Run:
    """It lived from `begin` to `end` seconds ago."""
    return Run(node=node, version="1", role=role, started_at=ago(begin), seen_at=ago(end), ending=ending)


def sample(node: str, seconds_ago: int, **figures: object) -> StoredSample:
    return StoredSample(node=node, at=int(NOON.timestamp()) - seconds_ago, values=msgspec.json.encode(figures))


def samples(*five_minutes: StoredSample) -> NodeSamples:
    return NodeSamples(five_minutes=five_minutes, hour=(), week=())


def level(value: float) -> list[float]:
    return [value, value, value, 1]


@pytest.mark.parametrize(
    ("runs", "unheard"),
    [
        ([run("a", 900, 5), run("b", 900, 100)], {"a": 5, "b": 100}),
        ([run("a", 900, 100, RunEnding.STOPPED)], {}),
        ([run("a", 900, 100, RunEnding.RESTORED)], {}),
        ([run("a", 900, 300, RunEnding.STOPPED), run("a", 290, 5)], {"a": 5}),  # started anew
        ([run("a", 900, 300), run("a", 290, 100, RunEnding.STOPPED)], {}),  # it crashed once, and was stopped since
        ([run("a", 900, 300), run("b", 290, 5)], {"a": 300, "b": 5}),  # of another name who can say?
        ([run("a", 900, -3_000, RunEnding.CLOCK_SET), run("a", 600, 400)], {"a": 400}),  # its clock was set back
        ([run("a", 900, 300, RunEnding.SILENT), run("a", 200, 5)], {"a": 5}),
        ([run("a", 200_000, 90_000)], {}),  # nobody waits for it any more
        ([run("a", 900, -3)], {"a": 0}),  # of a clock that is ahead
    ],
)
def test_a_node_that_did_not_stop_in_order_should_be_there(runs: list[Run], unheard: dict[str, float]) -> None:
    assert watched_nodes(runs, NOON, is_alone=False) == unheard


def test_a_server_that_is_alone_is_there_whatever_its_name_was() -> None:
    expected = watched_nodes([run("old", 900, 300), run("new", 290, 5)], NOON, is_alone=True)
    assert expected == {WHOLE: 0.0}
    nodes, _ = nodes_of(
        samples(sample("old", 60, loop_lag=level(9)), sample("new", 10, loop_lag=level(5))), expected, NOON
    )
    assert nodes[WHOLE].five_minutes["loop_lag"] == [5, 9, 14, 2]


def test_each_node_has_its_own_figures() -> None:
    found = samples(sample("a", 20, loop_lag=level(1)), sample("b", 20, loop_lag=level(900)), sample("c", 20))
    nodes, gone = nodes_of(found, {"a": 5.0, "b": 100.0}, NOON)
    assert {name: node.five_minutes["loop_lag"][1] for name, node in nodes.items()} == {"a": 1, "b": 900}
    assert (nodes["b"].unheard_seconds, gone) == (100.0, {})


def test_of_a_node_that_is_long_gone_nothing_else_is_known() -> None:
    nodes, gone = nodes_of(samples(), {"a": 5.0, "b": 3_000.0}, NOON)
    assert (list(nodes), list(gone), gone["b"].unheard_seconds) == (["a"], ["b"], 3_000.0)


@pytest.mark.parametrize(
    ("seen", "seconds"),
    [
        ([(50, 0), (40, 1), (30, 1), (20, 1)], 30),
        ([(50, 1), (40, 1), (20, 0)], 0),
        ([(200, 1), (100, 1), (20, 1)], 180),
        ([(200, 0), (100, 1)], None),  # an old answer says nothing of now
        ([], None),
    ],
)
def test_for_how_long_a_node_has_been_without(seen: list[tuple[int, int]], seconds: float | None) -> None:
    found = samples(*(sample("a", at, files_away=level(away), broker_away=level(away)) for at, away in seen))
    nodes, _ = nodes_of(found, {"a": 5.0, "b": 5.0}, NOON)
    assert (nodes["a"].deaf_seconds, nodes["a"].without_files_seconds) == (seconds, seconds)


def test_where_one_node_is_left_there_is_nobody_to_be_heard() -> None:
    found = samples(*(sample("a", at, broker_away=level(1)) for at in (200, 100, 20)))
    nodes, _ = nodes_of(found, {"a": 5.0, "b": 100.0}, NOON)
    assert nodes["a"].deaf_seconds == 0


@pytest.mark.parametrize(
    ("runs", "seconds"),
    [
        ([run("a", 900, 5)], 5),
        ([run("web", 900, 5, role="web"), run("w", 900, 100, role="worker")], 100),
        ([run("web", 900, 5, role="web"), run("w", 900, 100, RunEnding.STOPPED, role="worker")], 100),
        ([run("web", 900, 5, role="web")], 900),  # there never was a worker
        ([], None),
    ],
)
def test_since_when_nobody_runs_jobs(runs: list[Run], seconds: float | None) -> None:
    assert idle_seconds(runs, NOON) == seconds
