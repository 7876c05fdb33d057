"""Lines of a chart: rates a second, peaks beside averages, and nothing where nothing is known."""

from __future__ import annotations

import msgspec
import pytest

from server.monitoring.samples import StoredSample
from server.monitoring.series import CURVES, series_of, series_of_all


def stored(at: int, node: str = "a", **values: object) -> StoredSample:
    return StoredSample(node=node, at=at, values=msgspec.json.encode(values))


def test_a_step_without_a_sample_is_a_gap() -> None:
    samples = [stored(0, reports=20), stored(20, reports=5)]
    (series,) = series_of(samples, ["reports"], begin=0, end=40, step_seconds=10)
    assert series.unit == "reports/s"
    assert series.points == [(0, 2.0, 2.0), (10, None, None), (20, 0.5, 0.5), (30, None, None)]


def test_a_level_has_its_average_and_its_peak() -> None:
    (series,) = series_of([stored(0, connections=[1, 90, 105, 3])], ["connections"], begin=0, end=60, step_seconds=60)
    assert series.points == [(0, 35.0, 90)]


def test_the_step_under_way_counts_as_long_as_it_lasted() -> None:
    (series,) = series_of([stored(0, reports=30)], ["reports"], begin=0, end=15, step_seconds=60)
    assert series.points == [(0, 2.0, 2.0)]


def test_short_samples_are_put_together_for_a_long_step() -> None:
    samples = [stored(at, reports=at, connections=[1, at, at, 1]) for at in (0, 10, 20, 30)]
    reports, connections = series_of(samples, ["reports", "connections"], begin=0, end=40, step_seconds=20)
    assert [value for _, value, _ in reports.points] == [0.5, 2.5]
    assert [(value, most) for _, value, most in connections.points] == [(5.0, 10), (25.0, 30)]


def test_delays_are_percentiles_and_failures_a_share() -> None:
    sample = stored(0, delivery=[90, 0, 0, 0, 0, 10], handshakes_accepted=99, handshakes_refused=1)
    names = ["delivery_p50", "delivery_p99", "connection_failure_rate"]
    found = {each.metric: each.points[0][1] for each in series_of([sample], names, begin=0, end=10, step_seconds=10)}
    assert found["delivery_p50"] == pytest.approx(0.00028, abs=1e-4)
    assert 0.01 < (found["delivery_p99"] or 0) <= 0.02
    assert found["connection_failure_rate"] == 0.01


def test_nobody_who_came_is_no_failure() -> None:
    sample = stored(0, handshakes_accepted=0, handshakes_refused=0)
    (series,) = series_of([sample], ["connection_failure_rate"], begin=0, end=10, step_seconds=10)
    assert series.points == [(0, None, None)]


def test_memory_is_shared_out_among_connections_once_there_are_any() -> None:
    some = stored(0, memory=[100, 900, 6_000, 10], unsent_bytes=[0, 9, 30, 10], connections=[0, 5, 30, 10])
    hardly = stored(10, memory=[100, 900, 6_000, 10], unsent_bytes=[0, 9, 30, 10], connections=[0, 1, 9, 10])
    names = ["memory_per_connection", "unsent_per_connection"]
    memory, unsent = series_of([some, hardly], names, begin=0, end=20, step_seconds=10)
    assert memory.points == [(0, 200.0, 200.0), (10, None, None)]
    assert unsent.points == [(0, 1.0, 1.0), (10, None, None)]
    assert memory.unit == unsent.unit == "bytes"


def test_each_node_has_its_own_line() -> None:
    found = series_of([stored(0, reports=1), stored(0, "b", reports=2)], ["reports"], begin=0, end=10, step_seconds=10)
    assert [(each.node, each.points[0][1]) for each in found] == [("a", 0.1), ("b", 0.2)]


@pytest.mark.parametrize("name", sorted(CURVES))
def test_a_sample_of_another_version_breaks_no_line(name: str) -> None:
    (series,) = series_of([stored(0, unknown=1)], [name], begin=0, end=10, step_seconds=10)
    assert series.points == [(0, None, None)]


def test_the_whole_is_the_sum_the_worst_or_the_share_of_all_as_the_figure_demands() -> None:
    def of(node: str, lag: int, free: int, waiting: int, refused: int) -> StoredSample:
        levels = {"connections": 10, "loop_lag": lag, "disk_free": free, "jobs_waiting": waiting, "memory": 500}
        counts = {"reports": 5, "handshakes_accepted": 10 - refused, "handshakes_refused": refused}
        return stored(0, node, **{name: [value, value, value, 1] for name, value in levels.items()}, **counts)

    names = ["connections", "loop_lag", "disk_free", "jobs_waiting", "reports", "connection_failure_rate"]
    found = series_of_all(
        [of("a", 5, 70, 3, 0), of("b", 900, 40, 3, 4)],
        [*names, "memory_per_connection"],
        begin=0,
        end=10,
        step_seconds=10,
    )
    assert {each.node for each in found} == {""}
    assert [each.points for each in found] == [
        [(0, 20.0, 20)],
        [(0, 900.0, 900)],
        [(0, 40.0, 70)],
        [(0, 3.0, 3)],
        [(0, 1.0, 1.0)],
        [(0, 0.2, 0.2)],
        [(0, 50.0, 50.0)],
    ]


def test_a_node_that_took_over_from_another_is_not_counted_beside_it() -> None:
    """A minute of ten-second samples: half of it under one name, half under another; then both all the time."""
    renamed = [stored(0, "old", connections=[9, 12, 30, 3]), stored(0, "new", connections=[8, 11, 30, 3])]
    both = [stored(60, "a", connections=[9, 12, 60, 6]), stored(60, "b", connections=[8, 11, 60, 6])]
    (whole,) = series_of_all([*renamed, *both], ["connections"], begin=0, end=120, step_seconds=60)
    assert whole.points == [(0, 10.0, 12), (60, 20.0, 23)]


def test_where_nothing_is_known_there_is_no_line_of_the_whole() -> None:
    assert series_of_all([], ["connections"], begin=0, end=10, step_seconds=10) == []
