"""A collector of OpenTelemetry's, as far as we need one: it takes traces and figures by OTLP over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span


class OtlpDouble:
    def __init__(self) -> None:
        self.traces: list[ExportTraceServiceRequest] = []
        self.figures: list[ExportMetricsServiceRequest] = []
        self.url = ""

    def spans(self, *, name: str = "") -> list[Span]:
        scopes = (scope for told in self.traces for one in told.resource_spans for scope in one.scope_spans)
        return [span for scope in scopes for span in scope.spans if name in ("", span.name)]

    def newest_figures(self) -> dict[str, Metric]:
        if not self.figures:
            return {}
        return {
            metric.name: metric
            for one in self.figures[-1].resource_metrics
            for scope in one.scope_metrics
            for metric in scope.metrics
        }

    def resource(self) -> dict[str, Any]:
        return facts(self.traces[0].resource_spans[0].resource.attributes)

    def whole(self) -> str:
        """All that ever came, as text."""
        return "\n".join(map(str, (*self.traces, *self.figures)))

    async def take_traces(self, request: web.Request) -> web.Response:
        self.traces.append(ExportTraceServiceRequest.FromString(await request.read()))
        return web.Response()

    async def take_figures(self, request: web.Request) -> web.Response:
        self.figures.append(ExportMetricsServiceRequest.FromString(await request.read()))
        return web.Response()


def facts(attributes: Iterable[Any]) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}


@asynccontextmanager
async def otlp_double() -> AsyncIterator[OtlpDouble]:
    double = OtlpDouble()
    app = web.Application()
    app.router.add_post("/v1/traces", double.take_traces)
    app.router.add_post("/v1/metrics", double.take_figures)
    async with TestServer(app) as server:
        double.url = str(server.make_url("")).rstrip("/")
        yield double
