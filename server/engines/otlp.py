"""Traces and figures for a collector, by OpenTelemetry's own SDK and OTLP over HTTP. Its packages are an extra."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricExportResult,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from prometheus_client.metrics_core import Metric as Family

from server.logs import Sparing, about
from server.tracing import SpanFact, TraceSpan

_EXPORT_SECONDS = 5.0  # a stop waits for one last export of each kind
_SAYS_FAILURES = (
    "opentelemetry.exporter.otlp.proto.http.trace_exporter",
    "opentelemetry.exporter.otlp.proto.http.metric_exporter",
)
_W3C = TraceContextTextMapPropagator()
_UNITS = {"_seconds": "s", "_bytes": "By"}
_STANDARD = {  # names that OpenTelemetry's conventions have for it
    "method": "http.request.method",
    "route": "http.route",
    "status": "http.response.status_code",
    "scheme": "url.scheme",
    "database": "db.system.name",
    "function": "code.function.name",
}


class Otlp:
    """`Tracing`, and where figures go. Where to, with which headers and how many traces: `OTEL_*` say the rest."""

    def __init__(self, endpoint: str, *, version: str, node: str) -> None:
        self._resource = Resource.create({"service.version": version, "host.name": node}).merge(_named())
        base = endpoint.rstrip("/")
        self._figures = OTLPMetricExporter(f"{base}/v1/metrics", timeout=_EXPORT_SECONDS)
        self._provider = TracerProvider(resource=self._resource, shutdown_on_exit=False)
        self._provider.add_span_processor(
            BatchSpanProcessor(OTLPSpanExporter(f"{base}/v1/traces", timeout=_EXPORT_SECONDS))
        )
        self._tracer = self._provider.get_tracer("jindu", version)
        self._scope = InstrumentationScope("jindu", version)
        self._began = time.time_ns()
        self._sparing = Sparing(per_minute=1)  # a collector that is away would be said every five seconds
        for name in _SAYS_FAILURES:
            logging.getLogger(name).addFilter(self._sparing)

    @contextmanager
    def request(self, name: str, *, links: Sequence[str] = ()) -> Iterator[TraceSpan]:
        with self._beginning(name, trace.SpanKind.SERVER, links) as span:
            yield span

    @contextmanager
    def attempt(self, name: str, *, links: Sequence[str] = ()) -> Iterator[TraceSpan]:
        with self._beginning(name, trace.SpanKind.CONSUMER, links) as span:
            yield span

    @contextmanager
    def step(self, name: str) -> Iterator[TraceSpan]:
        # Not made the current one: a transaction may be let go of where it was not begun.
        around = trace.get_current_span()
        if not around.is_recording():
            yield _OtlpSpan(trace.INVALID_SPAN)
            return
        span = self._tracer.start_span(name, kind=trace.SpanKind.INTERNAL)
        with _ending(span) as told:
            yield told

    def here(self) -> str:
        carrier: dict[str, str] = {}
        _W3C.inject(carrier)
        return carrier.get("traceparent", "")

    def export(self, families: Sequence[Family]) -> bool:
        """Send the figures as they are now; False when they did not arrive, which is in the log. Takes a while."""
        now = time.time_ns()
        metrics = [metric for family in families if (metric := _metric(family, self._began, now))]
        scope = ScopeMetrics(scope=self._scope, metrics=metrics, schema_url="")
        told = ResourceMetrics(resource=self._resource, scope_metrics=[scope], schema_url="")
        return self._figures.export(MetricsData(resource_metrics=[told])) is MetricExportResult.SUCCESS

    def close(self) -> None:
        """Send what is left, and no more. Takes a while when nobody answers."""
        self._provider.shutdown()
        self._figures.shutdown()
        for name in _SAYS_FAILURES:
            logging.getLogger(name).removeFilter(self._sparing)

    @contextmanager
    def _beginning(self, name: str, kind: trace.SpanKind, links: Sequence[str]) -> Iterator[TraceSpan]:
        span = self._tracer.start_span(name, context=Context(), kind=kind, links=_linked(links))
        ids = span.get_span_context()
        with (
            trace.use_span(span, record_exception=False, set_status_on_exception=False),
            _ending(span) as told,
            about(trace_id=trace.format_trace_id(ids.trace_id), span_id=trace.format_span_id(ids.span_id)),
        ):
            yield told


class _OtlpSpan:
    __slots__ = ("_span",)

    def __init__(self, span: trace.Span) -> None:
        self._span = span

    def tell(self, **facts: SpanFact) -> None:
        self._span.set_attributes({_STANDARD.get(name, f"jindu.{name}"): value for name, value in facts.items()})

    def rename(self, name: str) -> None:
        self._span.update_name(name)

    def fail(self, code: str) -> None:
        self._span.set_status(trace.StatusCode.ERROR)
        self._span.set_attribute("error.type", code)


@contextmanager
def _ending(span: trace.Span) -> Iterator[_OtlpSpan]:
    """By its class alone is an error told: its text may quote what somebody wrote."""
    told = _OtlpSpan(span)
    try:
        yield told
    except Exception as error:
        told.fail(type(error).__qualname__)
        raise
    finally:
        span.end()


def _named() -> Resource:
    """Whoever runs several says `OTEL_SERVICE_NAME`."""
    found = Resource.create().attributes.get("service.name", "")
    return Resource({} if not str(found).startswith("unknown_service") else {"service.name": "jindu"})


def _linked(traceparents: Sequence[str]) -> list[trace.Link]:
    links = []
    for traceparent in traceparents:
        around = trace.get_current_span(_W3C.extract({"traceparent": traceparent}, Context())).get_span_context()
        if around.is_valid:
            links.append(trace.Link(around))
    return links


def _metric(family: Family, began: int, now: int) -> Metric | None:
    unit = next((unit for ending, unit in _UNITS.items() if family.name.endswith(ending)), "")
    data: Gauge | Sum | Histogram
    if family.type == "histogram":
        points = [_spread(labels, buckets, began, now) for labels, buckets in _by_labels(family).items()]
        data = Histogram(points, AggregationTemporality.CUMULATIVE)
    elif family.type in ("gauge", "counter"):
        numbers = [NumberDataPoint(each.labels, began, now, float(each.value)) for each in family.samples]
        data = Gauge(numbers) if family.type == "gauge" else Sum(numbers, AggregationTemporality.CUMULATIVE, True)
    else:  # which program this is: the resource says it
        return None
    return Metric(name=family.name, description=family.documentation, unit=unit, data=data)


def _by_labels(family: Family) -> Mapping[tuple[tuple[str, str], ...], dict[str, float]]:
    """For each set of labels the counts below each bound, and `sum`."""
    found: dict[tuple[tuple[str, str], ...], dict[str, float]] = {}
    for each in family.samples:
        labels = tuple((name, value) for name, value in each.labels.items() if name != "le")
        if each.name.endswith("_bucket"):
            found.setdefault(labels, {})[each.labels["le"]] = each.value
        elif each.name.endswith("_sum"):
            found.setdefault(labels, {})["sum"] = each.value
    return found


def _spread(
    labels: tuple[tuple[str, str], ...], buckets: Mapping[str, float], began: int, now: int
) -> HistogramDataPoint:
    """OTLP counts what is between two bounds, Prometheus what is below each."""
    below = {le: int(count) for le, count in buckets.items() if le != "sum"}
    sums = list(below.values())
    return HistogramDataPoint(
        attributes=dict(labels),
        start_time_unix_nano=began,
        time_unix_nano=now,
        count=sums[-1],
        sum=buckets.get("sum", 0.0),
        bucket_counts=[more - less for less, more in zip([0, *sums], sums, strict=False)],
        explicit_bounds=[float(le) for le in below if le != "+Inf"],
        min=None,  # type: ignore[arg-type]  # the protocol has no need of them
        max=None,  # type: ignore[arg-type]
    )
