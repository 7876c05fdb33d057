"""The server counts what really happens at its doors, tells administrators, and Prometheus where that is allowed."""

from __future__ import annotations

import asyncio
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import insert

from server.monitoring.pulse import LastPulse, Pulse
from server.monitoring.sampler import Sampler
from server.storage.tables import server_runs
from tests.conftest import Server, signed_in
from tests.functional.command_line import as_user, run
from tests.functional.live_client import live
from tests.process import ServerProcess
from tests.waiting import until

Client = aiohttp.ClientSession


async def metrics(client: Client) -> dict[tuple[str, ...], float]:
    async with client.get("/metrics") as response:
        assert response.status == 200
        assert response.content_type == "text/plain"
        text = await response.text()
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def refusals(server: Server, admin: Client) -> dict[str, float]:
    found = await metrics(admin)
    return {key[1]: value for key, value in found.items() if key[0] == "jindu_handshakes_refused_total"}


async def test_handshakes_are_counted_by_how_they_ended(server: Server, alice: Client, admin: Client) -> None:
    async with live(alice, "laptop") as socket:
        await socket.next("connection")
        async with alice.get("/events?client_id=phone") as stream:
            assert stream.status == 200
            found = await metrics(admin)
    assert found["jindu_handshakes_accepted_total", "websocket"] == 1
    assert found["jindu_handshakes_accepted_total", "events"] == 1
    async with aiohttp.ClientSession(server.url) as stranger:
        async with stranger.get("/events") as response:
            assert response.status == 401
        for headers in ({"Authorization": "Bearer wrong"}, {"Origin": "https://elsewhere.example"}):
            with pytest.raises(aiohttp.WSServerHandshakeError):
                await stranger.ws_connect("/ws/x", headers=headers)
        async with stranger.ws_connect("/ws/x") as socket:
            await socket.send_json({"type": "auth", "token": "wrong"})
            await socket.receive()
    assert await until(lambda: refusals(server, admin)) == {
        **dict.fromkeys(("not_signed_in", "token_unknown", "forbidden", "signed_out"), 1)
    }


async def test_messages_both_ways_are_counted_by_type_with_their_delay(
    server: Server, alice: Client, admin: Client
) -> None:
    async with live(alice, "laptop") as socket:
        await socket.next("connection")
        for number in range(3):
            await socket.send(type="ping", id=number)
            await socket.next("pong")
        await socket.send(type="subscribe", events=["job:nobodys"])
        await socket.next("error")
        found = await metrics(admin)
    assert found["jindu_messages_received_total", "ping"] == 3
    assert found["jindu_messages_sent_total", "pong"] == 3
    assert found["jindu_messages_sent_total", "connection"] == 1
    assert sum(value for key, value in found.items() if key[0] == "jindu_errors_sent_total") == 1
    assert found["jindu_delivery_seconds_count",] >= 5
    assert found["jindu_sent_bytes_total",] > 300


async def test_jobs_of_scripts_run_as_much_as_others(alice: Client, admin: Client) -> None:
    async with alice.post("/api/v1/jobs", json={"title": "Nightly"}) as response:
        job = await response.json()
    assert (await metrics(admin))[("jindu_jobs_running",)] == 1
    async with alice.patch(f"/api/v1/jobs/{job['job_id']}", json={"state": "succeeded"}) as response:
        assert response.status == 200
    assert (await metrics(admin))[("jindu_jobs_running",)] == 0


async def test_jobs_and_requests_are_counted_without_a_series_for_each(alice: Client, admin: Client) -> None:
    for _ in range(2):
        async with alice.post("/api/v1/jobs/demonstration", json={"seconds": 0, "total": 3}) as response:
            assert response.status == 202
        async with alice.get("/api/v1/nothing/here") as response:
            assert response.status == 404

    async def ended() -> dict[tuple[str, ...], float] | None:
        found = await metrics(admin)
        return found if found.get(("jindu_jobs_ended_total", "demonstration", "succeeded")) == 2 else None

    found = await until(ended)
    assert found["jindu_http_requests_total", "POST", "/api/v1/jobs/demonstration", "202"] == 2
    assert found["jindu_http_requests_total", "GET", "unmatched", "404"] == 2
    assert found["jindu_job_duration_seconds_count", "demonstration"] == 2


async def test_metrics_are_closed_to_everybody_else(server: Server, alice: Client) -> None:
    async with alice.get("/metrics") as response:
        assert response.status == 403
    async with aiohttp.ClientSession(server.url) as stranger, stranger.get("/metrics") as response:
        assert response.status == 401


async def test_history_and_statistics_over_the_api(server: Server, alice: Client, admin: Client) -> None:
    sampler: Sampler = server.parts.monitoring.sampler
    async with sampler.running(), live(alice, "laptop") as socket:
        await socket.next("connection")
        await sampler.sample()
        async with admin.get("/api/v1/admin/statistics") as response:
            found = await response.json()
        assert found["connection_failure_rate"] == 0
        for time in ("24h", "7d", "30d", "90d"):
            uptime = found["availability"][time]
            assert (uptime["share"], uptime["whole"]) == (1, False)
            assert uptime["known_seconds"] < 600
            assert datetime.fromisoformat(uptime["known_since"]) > datetime.now(UTC) - timedelta(minutes=10)
        async with admin.get("/admin", headers={"Accept": "text/html"}) as response:
            page = await response.text()
        assert "available in 30 days" not in page
        assert "100% available, known since <" in page
        assert page.count('class="tile__note">known since ') == 2
        async with admin.post("/api/v1/admin/walls", json={"name": "Hall"}) as response:
            assert response.status == 201
            key = (await response.json())["address"].partition("/wall#")[2]
        screen = aiohttp.ClientSession(server.url, headers={"Authorization": f"Wall {key}"})
        async with screen, screen.get("/wall/figures") as response:
            assert re.search("known since [^<]* · 100% in 24 hours", await response.text())
        assert found["messages_per_second"]["out"] > 0
        assert found["delivery_ms"]["p99"] is not None
        assert len(found["nodes"]) == 1
        query = {"range": "1h", "metrics": "connections,memory"}
        async with admin.get("/api/v1/admin/monitoring", params=query) as response:
            history = await response.json()
    connections, memory = history["series"]
    assert connections["points"][-1][1:] == [1, 1]
    assert memory["points"][-1][1] > 10_000_000
    assert history["step_seconds"] == 10
    assert datetime.fromisoformat(history["runs"][-1]["started_at"]) <= datetime.now(UTC)
    for wrong in ("x", "", "reports,", ",".join(["reports"] * 21)):
        async with admin.get("/api/v1/admin/monitoring", params={"metrics": wrong}) as response:
            assert response.status == 422
            (problem,) = (await response.json())["errors"]
            assert problem["field"] == "metrics"
    for path in ("/api/v1/admin/monitoring", "/api/v1/admin/nodes", "/api/v1/admin/statistics"):
        async with alice.get(path) as response:
            assert response.status == 403


async def test_nodes_are_listed_on_the_page_and_the_command_line(server: Server, admin: Client, alice: Client) -> None:
    sampler: Sampler = server.parts.monitoring.sampler
    now = datetime.now(UTC)
    others: dict[str, dict[str, Any]] = {
        "killed": {"version": "9.9", "seen_at": now - timedelta(minutes=5), "ending": None},
        "resting": {"version": "9.9", "seen_at": now - timedelta(minutes=9), "ending": "stopped"},
        "worker-2": {"version": "9.9", "seen_at": now, "ending": None, "role": "worker"},
    }
    async with sampler.running():
        await sampler.sample()
        alone = await run("nodes", **as_user(server, admin))
        assert (alone.status, len(alone.out.splitlines())) == (0, 1)
        assert 'id="admin-nodes"' not in await _overview(admin)
        async with server.parts.storage.database.write() as connection:
            for name, told in others.items():
                await connection.execute(insert(server_runs).values(id=name, node=name, started_at=now, **told))
        listed = await run("nodes", "--json", **as_user(server, admin))
        page = await _overview(admin)
    lines = [json.loads(line) for line in listed.out.splitlines()]
    assert [(line["node"], line["state"]) for line in (lines[0], lines[-1])] == [
        ("killed", "lost"),
        ("resting", "stopped"),
    ]
    (ours,) = [line for line in lines if line["node"] not in others]
    assert (ours["state"], ours["connections"], ours["jobs_running"]) == ("up", 0, 0)
    assert listed.status == 1  # as one is lost
    table = page.partition('id="admin-nodes"')[2]
    assert re.findall("Not heard of|worker-2|Stopped", table) == ["Not heard of", "worker-2", "Stopped"]
    assert "They run different versions" in table
    refused = await run("nodes", **as_user(server, alice))
    assert (refused.status, refused.out) == (2, "")


async def _overview(admin: Client) -> str:
    async with admin.get("/admin", headers={"Accept": "text/html"}) as response:
        return await response.text()


async def test_a_server_that_was_killed_was_there_to_its_last_second(tmp_path: Path) -> None:
    """The heartbeat in the database is ten seconds apart; the last one is that of the start."""
    process = ServerProcess(tmp_path / "data")
    await asyncio.to_thread(process.start)
    try:
        first = await until(lambda: asyncio.to_thread(Pulse(tmp_path / "data" / "alive").last))

        def later() -> LastPulse | None:
            found = Pulse(tmp_path / "data" / "alive").last()
            return found if found and (found.at - first.at).total_seconds() > 3 else None

        last = await until(lambda: asyncio.to_thread(later))
        await asyncio.to_thread(process.kill)
        await asyncio.to_thread(process.start)
        async with await signed_in(process, "admin") as admin, admin.get("/api/v1/admin/statistics") as response:
            uptime = (await response.json())["availability"]["24h"]
            (gap,) = uptime["gaps"]
        assert datetime.fromisoformat(gap["begin"]) >= last.at
        assert gap["kind"] == "down"
    finally:
        await asyncio.to_thread(process.kill)
