"""Whoever collects OpenTelemetry is told what happens, how it hangs together, and nothing that is anybody's."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from pathlib import Path

import aiohttp

from server.settings import Settings
from tests.conftest import PASSWORDS, serving, signed_in
from tests.functional.importing import ended, upload
from tests.functional.live_client import live
from tests.functional.otlp_double import OtlpDouble, facts, otlp_double
from tests.process import ServerProcess
from tests.waiting import until

ROWS = "region,partner\nAtlantis,Lemuria\n"
STRANGERS_TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


async def work(client: aiohttp.ClientSession) -> str:
    """An import, a query with values, a page with a query string; the import's job."""
    upload_id = await upload(client, ROWS.encode())
    asked = {"upload_id": upload_id, "dataset": "orders"}
    trace = {"traceparent": f"00-{STRANGERS_TRACE}-00f067aa0ba902b7-01", "tracestate": "x=Nineveh"}
    async with client.post("/api/v1/imports", json=asked, headers=trace) as response:
        job_id: str = (await response.json())["job_id"]
    await ended(client, job_id)
    query = {"sql": "SELECT * FROM orders WHERE region = 'Gomorrah'"}
    async with client.post("/api/v1/queries/run", json=query) as response:
        await response.read()
    async with client.get("/jobs?q=Babylon") as response:
        assert response.status == 200
    async with live(client, "laptop") as socket:
        await socket.next("connection")
    return job_id


async def test_traces_hang_together_and_hold_nothing_of_anybody(settings: Settings) -> None:
    async with otlp_double() as double:
        wanted = dataclasses.replace(settings, otlp_endpoint=double.url, otlp_seconds=0.2)
        async with serving(wanted) as server, await signed_in(server, "admin") as admin:
            token = admin.headers["Authorization"].removeprefix("Bearer ")
            job_id = await work(admin)
            await until(lambda: _figures(double))
        _judge_traces(double, job_id)
        figures = double.newest_figures()
        for secret in (token, PASSWORDS["admin"], "Atlantis", "Lemuria", "Gomorrah", "Babylon", "Nineveh", "SELECT"):
            assert secret not in double.whole()
    assert figures["jindu_jobs_running"].gauge.data_points[0].as_double == 0
    ended_jobs = {str(facts(x.attributes)): x.as_double for x in figures["jindu_jobs_ended"].sum.data_points}
    assert ended_jobs[str({"kind": "data_import", "state": "succeeded"})] == 1
    assert figures["jindu_jobs_ended"].sum.is_monotonic
    spread = figures["jindu_job_duration_seconds"].histogram.data_points
    (took,) = [point for point in spread if facts(point.attributes) == {"kind": "data_import"}]
    assert figures["jindu_job_duration_seconds"].unit == "s"
    assert (took.count, sum(took.bucket_counts), len(took.bucket_counts)) == (1, 1, len(took.explicit_bounds) + 1)


async def _figures(double: OtlpDouble) -> bool:
    figures = double.newest_figures()
    return "data_import" in str(figures.get("jindu_jobs_ended"))


def _judge_traces(double: OtlpDouble, job_id: str) -> None:
    assert double.resource()["service.name"] == "jindu"
    (asked,) = double.spans(name="POST /api/v1/imports")
    told = facts(asked.attributes)
    assert (told["http.request.method"], told["http.route"], told["http.response.status_code"]) == (
        "POST",
        "/api/v1/imports",
        202,
    )
    assert len(told["jindu.request_id"]) == 16
    # A caller's trace is linked to; it is not the caller who says which trace this belongs to.
    assert [link.trace_id.hex() for link in asked.links] == [STRANGERS_TRACE]
    assert asked.trace_id.hex() != STRANGERS_TRACE
    assert not asked.parent_span_id
    (job,) = [span for span in double.spans(name="job data_import") if facts(span.attributes)["jindu.job_id"] == job_id]
    assert [(link.trace_id, link.span_id) for link in job.links] == [(asked.trace_id, asked.span_id)]
    assert facts(job.attributes)["jindu.job_state"] == "succeeded"
    parts = [span for span in double.spans() if span.parent_span_id == job.span_id]
    names = {span.name for span in parts}
    assert {"database write", "database read"} <= names
    assert any(name.startswith("worker ") for name in names)
    assert all(span.trace_id == job.trace_id for span in parts)
    (page,) = double.spans(name="GET /jobs")
    assert "?" not in str(facts(page.attributes))
    assert not [span for span in double.spans() if "/ws" in span.name], "live connections are figures, not traces"


async def test_a_job_that_fails_says_its_code_alone(settings: Settings) -> None:
    async with otlp_double() as double:
        wanted = dataclasses.replace(settings, otlp_endpoint=double.url)
        async with serving(wanted) as server, await signed_in(server, "admin") as admin:
            upload_id = await upload(admin, ROWS.encode())
            columns = [{"name": "region", "type": "integer"}, {"name": "partner"}]
            asked = {"upload_id": upload_id, "dataset": "sodom", "options": {"columns": columns}}
            async with admin.post("/api/v1/imports", json=asked) as response:
                job_id = (await response.json())["job_id"]
            await ended(admin, job_id)
            async with admin.post(f"/api/v1/jobs/{job_id}/retry") as response:
                assert response.status == 200
            await ended(admin, job_id)
            async with admin.get("/api/v1/jobs/nobody") as response:
                assert response.status == 404
        job, again = double.spans(name="job data_import")
        (retry,) = double.spans(name="POST /api/v1/jobs/{id}/retry")
        assert [link.span_id for link in again.links] == [retry.span_id]
        assert job.status.code == 2
        assert facts(job.attributes)["error.type"] == "all_rejected"
        assert "sodom" not in double.whole()
        missing = [span for span in double.spans() if span.name.startswith("GET /api/v1/jobs/{")]
        answers = [facts(span.attributes)["http.response.status_code"] for span in missing]
        assert answers[-1] == 404
        assert {span.status.code for span in missing} == {0}, "what people ask for wrongly is no fault of ours"


async def test_lines_of_the_log_name_the_trace(tmp_path: Path) -> None:
    async with otlp_double() as double:
        environ = {"JINDU_LOG_FORMAT": "json", "JINDU_WORKERS": "1", "OTEL_EXPORTER_OTLP_ENDPOINT": double.url}
        process = ServerProcess(tmp_path / "data", environ=environ)
        await asyncio.to_thread(process.start)
        try:
            async with await signed_in(process, "admin") as admin:
                job_id = await work(admin)
        finally:
            await asyncio.to_thread(process.stop)
        lines = [json.loads(line) for line in process.log if line.startswith("{")]
        (job,) = double.spans(name="job data_import")
        (asked,) = double.spans(name="POST /api/v1/imports")
    (answer,) = [line for line in lines if line["message"] == "POST /api/v1/imports"]
    assert (answer["trace_id"], answer["span_id"]) == (asked.trace_id.hex(), asked.span_id.hex())
    (end,) = [line for line in lines if line.get("job") == job_id and line["message"] == "job ended"]
    assert (end["trace_id"], end["span_id"]) == (job.trace_id.hex(), job.span_id.hex())


async def test_a_collector_that_is_away_holds_nobody_up(settings: Settings) -> None:
    wanted = dataclasses.replace(settings, otlp_endpoint="http://127.0.0.1:9", otlp_seconds=0.1)
    async with serving(wanted) as server, await signed_in(server, "admin") as admin:
        await work(admin)
