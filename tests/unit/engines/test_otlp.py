"""Spans hold names, ids and codes; errors are told by their class, and figures by what they count."""

from __future__ import annotations

import asyncio
import sys

import pytest
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily

from server.app.engines import ENGINES
from server.engines.otlp import Otlp
from server.errors import ConfigurationError
from server.logs import about
from tests.functional.otlp_double import OtlpDouble, facts, otlp_double


def made(double: OtlpDouble) -> Otlp:
    return Otlp(double.url, version="1.2.3", node="node-a")


async def test_a_step_belongs_to_what_is_under_way_and_stands_alone_nowhere() -> None:
    async with otlp_double() as double:
        otlp = made(double)
        with otlp.step("lonely") as step:
            step.tell(rows=1)
        with otlp.request("GET /x") as span:
            span.rename("GET /y")
            here = otlp.here()
            with otlp.step("database read") as step:
                step.tell(database="sqlite", waited_seconds=0.5)
        with otlp.attempt("job x", links=[here, "made up"]):
            pass
        assert otlp.here() == ""
        await asyncio.to_thread(otlp.close)
    step_span, request, job = double.spans()
    assert [step_span.name, request.name, job.name] == ["database read", "GET /y", "job x"]
    assert (step_span.parent_span_id, step_span.trace_id) == (request.span_id, request.trace_id)
    assert facts(step_span.attributes) == {"db.system.name": "sqlite", "jindu.waited_seconds": 0.5}
    assert [link.span_id for link in job.links] == [request.span_id]
    assert job.trace_id != request.trace_id
    assert {
        "service.version": "1.2.3",
        "host.name": "node-a",
        "service.name": "jindu",
    }.items() <= double.resource().items()


async def test_an_error_is_told_by_its_class_and_not_by_its_text() -> None:
    async with otlp_double() as double:
        otlp = made(double)
        with pytest.raises(ValueError, match="Atlantis"), otlp.request("GET /x"), otlp.step("worker read"):
            raise ValueError("cannot read 'Atlantis'")
        await asyncio.to_thread(otlp.close)
    assert [facts(span.attributes)["error.type"] for span in double.spans()] == ["ValueError", "ValueError"]
    assert "Atlantis" not in double.whole()


async def test_figures_are_those_of_the_families_without_which_program_it_is() -> None:
    gauge = GaugeMetricFamily("jindu_disk_free_bytes", "Room.", labels=("kind",))
    gauge.add_metric(("a",), 4.0)
    async with otlp_double() as double:
        otlp = made(double)
        assert await asyncio.to_thread(otlp.export, [gauge, InfoMetricFamily("jindu_build", "x")])
        await asyncio.to_thread(otlp.close)
    (figure,) = double.newest_figures().values()
    assert (figure.name, figure.unit, figure.description) == ("jindu_disk_free_bytes", "By", "Room.")
    (point,) = figure.gauge.data_points
    assert (point.as_double, facts(point.attributes)) == (4.0, {"kind": "a"})


async def test_figures_that_did_not_arrive_are_said_once(caplog: pytest.LogCaptureFixture) -> None:
    otlp = Otlp("http://127.0.0.1:9", version="1", node="a")
    with about(request="x"):
        for _ in range(3):
            assert not await asyncio.to_thread(otlp.export, [])
    assert len([record for record in caplog.records if record.levelname == "ERROR"]) == 1
    await asyncio.to_thread(otlp.close)


async def test_the_name_that_somebody_gave_the_service_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "reports-of-sales")
    async with otlp_double() as double:
        otlp = made(double)
        with otlp.request("GET /x"):
            pass
        await asyncio.to_thread(otlp.close)
    assert double.resource()["service.name"] == "reports-of-sales"


def test_without_its_packages_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "server.engines.otlp", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(ConfigurationError, match=r"jindu-server\[opentelemetry\]"):
        ENGINES.collector("http://localhost:4318")
