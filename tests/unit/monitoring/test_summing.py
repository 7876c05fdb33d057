"""From counters that only rise to what happened, and from ten seconds to hours: nothing lost, no peak erased."""

from __future__ import annotations

from server.metrics import quantile_of
from server.monitoring.metrics import BY_NAME
from server.monitoring.summing import CountedSince, together
from tests.unit.monitoring.readings import Parts


def test_a_count_is_what_came_since_the_last_time() -> None:
    parts, differences = Parts(), CountedSince()
    traffic = parts.manager.traffic
    traffic.sent["pong"] += 3
    first = differences.since_last(parts.readings())
    traffic.sent["pong"] += 2
    traffic.sent["job"] += 1
    second = differences.since_last(parts.readings())
    assert (first["messages_sent"], second["messages_sent"]) == (3, 3)
    assert differences.since_last(parts.readings())["messages_sent"] == 0


def test_a_count_that_begins_anew_takes_nothing_back() -> None:
    parts, differences = Parts(), CountedSince()
    parts.manager.traffic.sent_bytes = 500
    differences.since_last(parts.readings())
    parts.manager.traffic.sent_bytes = 20  # of a worker that was replaced, say
    assert differences.since_last(parts.readings())["bytes_sent"] == 0


def test_peaks_and_sums_survive_being_put_together() -> None:
    parts, differences, samples = Parts(), CountedSince(), []
    for connected in (5, 90, 10):
        parts.connections_open = connected
        parts.manager.traffic.accepted["websocket"] += connected
        samples.append(differences.since_last(parts.readings()))
    minute = together(samples)
    assert minute["connections"] == [5, 90, 105, 3]
    assert minute["handshakes_accepted"] == 105
    assert together([together(samples[:2]), samples[2]]) == minute


def test_delays_are_added_as_counts_so_that_percentiles_stay_true() -> None:
    parts, differences = Parts(), CountedSince()
    delivery = parts.manager.traffic.delivery
    delivery.observe(0.0015, times=990)
    quiet = differences.since_last(parts.readings())["delivery"]
    delivery.observe(4.0, times=10)
    busy = differences.since_last(parts.readings())["delivery"]
    bounds = BY_NAME["delivery"].bounds
    assert (quantile_of(bounds, busy, 0.5) or 0) > 2
    both = together([{"delivery": quiet}, {"delivery": busy}])["delivery"]
    assert 0.001 < (quantile_of(bounds, both, 0.98) or 0) <= 0.002
    assert (quantile_of(bounds, both, 0.995) or 0) > 2


def test_what_another_version_counted_does_no_harm() -> None:
    assert together([{"forgotten": 5, "reports": 1}, {"reports": 2}]) == {"reports": 3}
    assert together([{"delivery": [1, 2]}, {"delivery": [1, 2, 3]}]) == {"delivery": [1, 2, 3]}
