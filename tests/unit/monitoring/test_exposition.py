"""What Prometheus reads follows its conventions: checked by the rules that its own linter has."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from server.http.traffic import HttpTraffic
from server.monitoring.exposition import exposition
from server.realtime.broker import BrokerStatistics
from tests.unit.monitoring.readings import Parts

_BASE_UNITS = ("seconds", "bytes", "ratio", "total", "info")
_OTHER_UNITS = re.compile(r"_(milliseconds|ms|minutes|hours|days|kilobytes|kb|mb|megabytes|percent)(_|$)")


def full() -> dict[str, Any]:
    parts = Parts()
    traffic = parts.manager.traffic
    traffic.accepted["websocket"] += 3
    traffic.refused["connection_limit"] += 1
    traffic.sent["pong"] += 7
    traffic.wrote(messages=7, size_bytes=700, waited_seconds=0.003)
    traffic.wrote(messages=1, size_bytes=70, waited_seconds=90)
    pool = SimpleNamespace(busy=1, died=0, started=2, size=2)
    requests = HttpTraffic()
    return (
        parts.readings()
        | dict.fromkeys(("workers", "interactive", "exports"), pool)
        | {"requests": requests.statistics(), "broker": BrokerStatistics(), "files_away": False}
    )


def test_all_names_and_units_are_as_the_linter_wants() -> None:
    text = exposition(full(), version="1.2.3").decode()
    families = list(text_string_to_metric_families(text))
    assert len(families) > 25
    for family in families:
        assert re.fullmatch(r"jindu_[a-z_]+", family.name)
        assert family.documentation.endswith(".")
        assert not _OTHER_UNITS.search(family.name)
        names = {sample.name for sample in family.samples}
        if family.type == "counter":
            assert all(name.endswith("_total") for name in names)
        elif family.type == "gauge":
            assert not any(name.endswith(("_total", "_count", "_sum", "_bucket")) for name in names)
        elif family.type == "histogram":
            assert family.name.endswith("_seconds")
    assert {family.type for family in families} == {"counter", "gauge", "histogram"}


def test_values_are_those_of_the_parts() -> None:
    found = {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(exposition(full(), version="1.2.3").decode())
        for sample in family.samples
    }
    assert found["jindu_build_info", ("version", "1.2.3")] == 1
    assert found["jindu_handshakes_refused_total", ("reason", "connection_limit")] == 1
    assert found["jindu_messages_sent_total", ("type", "pong")] == 7
    assert found["jindu_sent_bytes_total",] == 770
    assert found["jindu_cpu_seconds_total", ("role", "workers")] == 5


def test_memory_of_a_connection_is_told_while_there_is_one() -> None:
    readings = full()
    assert b"jindu_memory_per_connection_bytes" not in exposition(readings, version="1")
    readings["connections"] = SimpleNamespace(
        **{name: getattr(readings["connections"], name) for name in ("closed", "by_transport", "refused", "conflated")},
        connections=4,
        users=1,
        subscriptions=0,
        unsent_bytes=0,
    )
    assert b"jindu_memory_per_connection_bytes 50.0" in exposition(readings, version="1")


def test_buckets_rise_and_end_with_all() -> None:
    text = exposition(full(), version="1").decode()
    (family,) = [each for each in text_string_to_metric_families(text) if each.name == "jindu_delivery_seconds"]
    buckets = [sample for sample in family.samples if sample.name.endswith("_bucket")]
    assert [sample.value for sample in buckets] == sorted(sample.value for sample in buckets)
    assert (buckets[-1].labels["le"], buckets[-1].value) == ("+Inf", 8)
    (total,) = [sample.value for sample in family.samples if sample.name.endswith("_sum")]
    assert round(total, 3) == 90.021


def test_a_process_without_a_web_application_has_no_requests() -> None:
    readings = full()
    del readings["requests"]
    assert b"jindu_http" not in exposition(readings, version="1")
