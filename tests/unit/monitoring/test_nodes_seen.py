"""Which nodes there are: those that are up, that stopped, and of which nothing is heard."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from server.monitoring.nodes_seen import NodeStanding, nodes_seen
from server.monitoring.samples import StoredSample, summed_by_node
from server.monitoring.uptime import Run, RunEnding

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)


def run(node: str, *, heard: float, ending: RunEnding | None = None, role: str = "web", version: str = "1") -> Run:
    """Began an hour before it was heard of for the last time, so many seconds ago."""
    seen_at = NOW - timedelta(seconds=heard)
    began = seen_at - timedelta(hours=1)
    return Run(node=node, version=version, role=role, started_at=began, seen_at=seen_at, ending=ending)


def sample(node: str, seconds: int, **values: Any) -> StoredSample:
    return StoredSample(node=node, at=int(NOW.timestamp()) - seconds, values=msgspec.json.encode(values))


def test_what_needs_a_look_stands_first() -> None:
    runs = [
        run("rests", heard=3_600, ending=RunEnding.STOPPED),
        run("b", heard=5),
        run("a", heard=5),
        run("killed", heard=300),
        run("left", heard=90_000),
        run("of a backup", heard=60, ending=RunEnding.RESTORED),
    ]
    assert [(node.name, node.standing.value) for node in nodes_seen(runs, [], {}, NOW)] == [
        ("killed", "lost"),
        ("a", "up"),
        ("b", "up"),
        ("rests", "stopped"),
    ]


@pytest.mark.parametrize("ending", [RunEnding.SILENT, RunEnding.CLOCK_SET])
def test_one_that_went_on_is_up_since_it_did(ending: RunEnding) -> None:
    before, after = run("a", heard=600, ending=ending), run("a", heard=5, version="2")
    (node,) = nodes_seen([before, after], [], {}, NOW)
    assert (node.standing, node.started_at, node.version) == (NodeStanding.UP, after.started_at, "2")
    (frozen,) = nodes_seen([before], [], {}, NOW)
    assert frozen.standing is NodeStanding.LOST


def test_figures_are_the_newest_and_the_worst_of_the_hour_of_each() -> None:
    last = [sample("a", 20, connections=[9, 9, 9, 1]), sample("a", 10, connections=[2, 3, 5, 2], jobs_running=[1] * 4)]
    hour = [
        sample("a", 3_000, loop_lag=[1, 812, 900, 6], broker_words_lost=4, broker_lines_lost=1),
        sample("a", 60, loop_lag=[1, 7, 12, 6], broker_words_lost=1),
        sample("b", 60, loop_lag=[1, 5_000, 5_001, 6]),
    ]
    node, other = nodes_seen([run("a", heard=1), run("b", heard=1)], last, summed_by_node(hour), NOW)
    assert (node.connections, node.jobs_running, node.memory_bytes) == (3, 1, None)
    assert (node.loop_lag_ms, node.words_lost, node.lines_lost) == (812, 5, 1)
    assert (other.connections, other.loop_lag_ms, other.words_lost) == (None, 5_000, 0)


def test_whether_it_reaches_the_rest_is_known_only_of_one_that_is_up_and_has_to() -> None:
    last = [
        sample("a", 10, broker_away=[1] * 4, files_away=[0, 0, 0, 1]),
        sample("gone", 10, broker_away=[1] * 4, connections=[7] * 4),
    ]
    gone, node, alone = nodes_seen([run("a", heard=1), run("alone", heard=1), run("gone", heard=60)], last, {}, NOW)
    assert (node.hears_others, node.reaches_files) == (False, True)
    assert (alone.hears_others, alone.reaches_files) == (None, None)
    assert (gone.hears_others, gone.connections) == (None, None)
