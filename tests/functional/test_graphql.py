"""GraphQL: what may be asked, by whom, how much of it, and how a socket of it behaves."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import gc
import logging
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import jsonschema_rs
import pytest
from graphql import get_introspection_query

from server.auth.permissions import Principal
from server.http import turns
from server.jobs.outcomes import Notice
from server.settings import Settings
from tests.conftest import PASSWORDS, Server, new_user, serving, signed_in
from tests.contract.test_asyncapi import SCHEMA as ASYNCAPI
from tests.functional.batches import made, put_template, reports_of
from tests.functional.browsing import browser, sign_in
from tests.functional.graphql_client import PROTOCOL, asked, codes, graphql_events, graphql_socket
from tests.functional.importing import import_text
from tests.waiting import until

Client = aiohttp.ClientSession
JOBS = """subscription { jobs {
  __typename ... on Joined { position recovered } ... on JobUpdate { position job { jobId state } } } }"""
NOTES = """subscription($since: String) { notifications(since: $since) {
  __typename ... on Joined { position recovered } ... on Notification { position title } } }"""
START = """mutation($seconds: Float!, $key: String) {
  startDemonstration(seconds: $seconds, idempotencyKey: $key) { jobId state } }"""
ONE = "subscription($id: ID!) { job(id: $id) { ... on JobUpdate { job { state } } ... on JobRemoved { jobId } } }"
TEMPLATE = """\
title: "{{ r }}"
formats: [html]
parameters:
  r: {type: text, each: [a]}
blocks:
  - heading: "{{ r }}"
"""


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return dataclasses.replace(
        settings, graphql=True, ping_interval_seconds=0.5, pong_timeout_seconds=3.0, auth_deadline_seconds=1.0
    )


@pytest.fixture
async def viewer(server: Server, admin: Client, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Client]:
    monkeypatch.setitem(PASSWORDS, "vera", "correct-horse-vera")
    async with await new_user(server, admin, "vera", role="viewer") as client:
        yield client


async def test_nobody_sees_what_is_anothers_by_any_field(server: Server, alice: Client, bob: Client) -> None:
    job_id = (await import_text(alice, "region,amount\nNorth,1\nSouth,2\n"))["job_id"]
    await put_template(alice, "report", TEMPLATE)
    batch_id = (await made(alice, "report"))["id"]
    report_id = (await reports_of(alice, batch_id))[0]["id"]
    own = {
        "job": f'job(id: "{job_id}") {{ jobId state title detail createdAt }}',
        "jobs": "jobs { total items { jobId } }",
        "dataset": 'dataset(name: "orders") { name rowCount columns { name type } }',
        "datasets": "datasets { total items { name columnCount } }",
        "batch": f'batch(id: "{batch_id}") {{ id state tally {{ succeeded }} }}',
        "batches": "batches { total items { id } }",
        "reports": f'reports(batchId: "{batch_id}") {{ total items {{ id state artifacts {{ file url }} }} }}',
        "report": f'report(id: "{report_id}") {{ id title parameters }}',
        "notifications": "notifications { unread items { title url isUnread } }",
        "me": "me { name role scopes }",
    }
    async with alice.get("/graphql/schema.graphql") as response:
        schema = (await response.text()).split("type Query {")[1].split("\n}")[0]
    fields = {
        line.split("(")[0].split(":")[0].strip()
        for line in schema.splitlines()
        if line.startswith("  ") and not line.startswith("   ")
    }
    assert {each for each in fields if each.isidentifier()} == set(own)
    hers = await asked(alice, "{" + " ".join(own.values()) + "}")
    assert "errors" not in hers, hers
    data = hers["data"]
    assert data["job"] == {**data["job"], "jobId": job_id, "state": "SUCCEEDED"}
    assert data["dataset"] == {
        "name": "orders",
        "rowCount": 2,
        "columns": [{"name": "region", "type": "text"}, {"name": "amount", "type": "integer"}],
    }
    assert data["batch"] == {"id": batch_id, "state": "SUCCEEDED", "tally": {"succeeded": 1}}
    assert (data["jobs"]["total"], data["datasets"]["total"], data["batches"]["total"]) == (3, 1, 1)
    (made_report,) = data["reports"]["items"]
    async with alice.get(made_report["artifacts"][0]["url"]) as response:
        assert response.status == 200
    assert data["me"]["name"] == "alice"
    his = await asked(bob, "{" + " ".join(own.values()) + "}")
    assert codes(his) == ["not_found"] * 5, his
    empty = {name: his["data"][name] for name in ("job", "dataset", "batch", "reports", "report")}
    assert set(empty.values()) == {None}
    assert [his["data"][name]["total"] for name in ("jobs", "datasets", "batches")] == [0, 0, 0]
    assert his["data"]["notifications"] == {"unread": 0, "items": []}
    for mutation in ("cancelJob", "retryJob"):
        assert codes(await asked(bob, f'mutation {{ {mutation}(id: "{job_id}") {{ jobId }} }}')) == ["not_found"]
    for mutation, inner in (("retryBatch", "batchId"), ("cancelBatch", "id")):
        assert codes(await asked(bob, f'mutation {{ {mutation}(id: "{batch_id}") {{ {inner} }} }}')) == ["not_found"]
    async with graphql_socket(bob) as socket:
        for name, query in {
            "a": f'subscription {{ job(id: "{job_id}") {{ __typename }} }}',
            "b": f'subscription {{ event(name: "batch:{batch_id}") {{ data }} }}',
            "c": f'subscription {{ live(events: ["job:{job_id}"]) }}',
        }.items():
            await socket.start(query, name)
            error = await socket.next("error", operation_id=name)
            assert error["payload"][0]["extensions"]["code"] == "not_found"


async def test_what_may_not_be_done_is_refused_and_what_may_is_done_once(
    server: Server, admin: Client, alice: Client, viewer: Client
) -> None:
    first = await asked(alice, START, seconds=60.0, key="mine")
    again = await asked(alice, START, seconds=60.0, key="mine")
    job_id = first["data"]["startDemonstration"]["jobId"]
    assert again["data"]["startDemonstration"]["jobId"] == job_id
    stopped = await asked(alice, f'mutation {{ cancelJob(id: "{job_id}") {{ state }} }}')
    assert stopped["data"]["cancelJob"]["state"] in ("CANCELLED", "RUNNING")
    async with admin.get("/api/v1/admin/audit", params={"action": "job.cancel"}) as response:
        assert [line["subject_id"] for line in (await response.json())["items"]] == [job_id]
    async with alice.post("/api/v1/tokens", json={"name": "r", "scopes": ["read"]}) as response:
        reading = {"Authorization": f"Bearer {(await response.json())['token']}"}
    async with aiohttp.ClientSession(server.url, headers=reading) as reader:
        for client in (reader, viewer):
            assert codes(await asked(client, "{ me { id } jobs { total } }")) == []
            assert codes(await asked(client, START, seconds=1.0)) == ["forbidden"]
            assert codes(await asked(client, 'mutation { orderBatch(order: {template: "x"}) { batchId } }')) == [
                "forbidden"
            ]
            async with graphql_socket(client) as socket:
                await socket.start(JOBS)
                assert (await socket.data())["__typename"] == "Joined"
    orders = {
        '{template: "nothing"}': "not_found",
        '{template: "x", parameters: 1}': "invalid_input",
        '{template: "x", parameters: [], parameterQuery: "select 1"}': "invalid_input",
        f'{{template: "x", name: "{"x" * 301}"}}': "invalid_input",
        '{template: "x\\u0000"}': "invalid_input",
    }
    for order, code in orders.items():
        found = await asked(alice, f"mutation {{ orderBatch(order: {order}) {{ batchId }} }}")
        assert codes(found) == [code], order
    await put_template(alice, "report", TEMPLATE)
    order = "mutation($order: BatchOrder!) { orderBatch(order: $order) { batchId job { kind } } }"
    wanted = {"template": "report", "parameters": [{"r": "a"}, {"r": "b"}], "name": "Mine", "formats": ["HTML"]}
    started = (await asked(alice, order, order=wanted))["data"]["orderBatch"]
    assert started["job"]["kind"] == "batch_report"

    async def is_made() -> bool:
        found = await asked(alice, f'{{ batch(id: "{started["batchId"]}") {{ name tally {{ succeeded }} }} }}')
        return bool(found["data"]["batch"] == {"name": "Mine", "tally": {"succeeded": 2}})

    async with asyncio.timeout(60):
        while not await is_made():
            await asyncio.sleep(0.05)


async def test_who_comes_in_and_by_what(server: Server, alice: Client) -> None:
    token = alice.headers["Authorization"].removeprefix("Bearer ")
    query = {"query": "{ me { name } }"}
    async with aiohttp.ClientSession(server.url) as nobody:
        async with nobody.post("/graphql", json=query) as response:
            assert response.status == 401
        async with nobody.get("/graphql/schema.graphql") as response:
            assert response.status == 401
        for init in ({}, {"token": "wrong"}, {"token": 1}, {"token": "x" * 5_000}):
            async with graphql_socket(nobody, is_introduced=False) as socket:
                await socket.send(type="connection_init", payload=init)
                assert await socket.closed_with() == 4403
        async with graphql_socket(nobody, init={"token": token}) as socket:
            await socket.start("{ me { name } }")
            assert (await socket.data())["name"] == "alice"
            assert (await socket.next())["type"] == "complete"
        async with graphql_socket(nobody, is_introduced=False) as socket:
            await socket.start("{ me { name } }")
            assert await socket.closed_with() == 4401
        async with graphql_socket(nobody, is_introduced=False) as socket:
            assert await socket.closed_with() == 4408
        with pytest.raises(aiohttp.WSServerHandshakeError, match="401"):
            async with graphql_socket(nobody, headers={"Authorization": "Bearer wrong"}):
                pass
        with pytest.raises(aiohttp.WSServerHandshakeError, match="422"):
            async with alice.ws_connect("/graphql", protocols=["graphql-ws"]):
                pass
    foreign = {"Origin": "https://elsewhere.example"}
    async with browser(server) as page:
        await sign_in(page, "alice")
        async with page.post("/graphql", json=query) as response:
            assert (await response.json())["data"]["me"]["name"] == "alice"
        async with page.post("/graphql", json=query, headers=foreign) as response:
            assert response.status == 403
        async with page.post("/graphql", data="query=%7Bme%7Bname%7D%7D") as response:
            assert response.status == 415
        for headers in (foreign, {"Origin": "null"}):
            with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
                async with graphql_socket(page, headers=headers):
                    pass
        async with graphql_socket(page, headers={"Origin": server.url}) as socket:
            await socket.start("{ me { name } }")
            assert (await socket.data())["name"] == "alice"
            await page.post("/logout", allow_redirects=False)
            assert await socket.closed_with() == 4500  # without having asked for anything
    async with alice.post("/graphql", json=query, headers={"Accept": "text/event-stream"} | foreign) as response:
        assert response.status == 403


TOO_LARGE = {
    "length": "{ me { id } }" + " " * 20_000,
    "tokens": "{ " + "me { id } " * 400 + "}",
    "levels": "{ me " + "{ a " * 30 + "}" * 30 + "}",
    "nested": "{ a " * 3_000,
    "aliases": "{ " + " ".join(f"a{number}: me {{ id }}" for number in range(30)) + "}",
    "of one name": "{ " + "me { id } " * 21 + "}",
    "fragments": "{ me { id } }" + " ".join(f"fragment F{number} on Me {{ id }}" for number in range(30)),
    "doubled fragments": "{ ...F0 }"
    + " ".join(f"fragment F{number} on Query {{ ...F{number + 1} ...F{number + 1} }}" for number in range(15))
    + " fragment F15 on Query { me { id } }",
    "directives": "{ me " + "@include(if: true) " * 40 + "{ id } }",
    "cost": "{ jobs(first: 100) { items { " + " ".join(f"x{n}: title" for n in range(20)) + " } } }",
    "cost by a variable": "query($n: Int! = 100) { datasets(first: $n) { items { columns(first: $n) { name } } } }",
}


async def test_what_asks_for_too_much_is_told_what_to_do_and_holds_nobody_up(
    server: Server, alice: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    for name, query in TOO_LARGE.items():  # the server of tests fails when its loop is held
        found = await asked(alice, query)
        assert codes(found) in (["too_large"], ["malformed_request"]), (name, found)
        assert "data" not in found
    wrong = {
        "{ me { id }": "malformed_request",
        "": "malformed_request",
        "{ nothing }": "invalid_input",
        "{ job { jobId } }": "invalid_input",
        "{ jobs(first: 101) { total } }": "invalid_input",
        "{ jobs(first: -1) { total } }": "invalid_input",
        '{ jobs(after: "x") { total } }': "invalid_input",
        "{ ...A } fragment A on Query { ...A }": "invalid_input",
        "query A { me { id } } query B { me { id } }": "invalid_input",
        "subscription { jobs { __typename } }": "invalid_input",
        '{ job(id: "\\ud800") { jobId } }': "malformed_request",
        "fragment A on Query { me { id } }": "invalid_input",
    }
    for query, code in wrong.items():
        found = await asked(alice, query)
        assert codes(found) == [code], (query, found)
    for body, status in (
        ("[]", 422),
        ("{}", 422),
        ('{"query": 1}', 422),
        ("no json", 400),
        ('{"query": "{me}", "variables": []}', 422),
    ):
        async with alice.post("/graphql", data=body, headers={"Content-Type": "application/json"}) as response:
            assert response.status == status, body
    new = {"Accept": "application/graphql-response+json"}
    for query, status in (("{ me { id } }", 200), ("{ nothing }", 400), (TOO_LARGE["length"], 413)):
        async with alice.post("/graphql", json={"query": query}, headers=new) as response:
            assert (response.status, response.content_type) == (status, "application/graphql-response+json")
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


async def test_the_schema_can_be_learnt_and_pages_are_sent_to_where_it_is_tried(server: Server, alice: Client) -> None:
    for _ in range(2):
        found = await asked(alice, get_introspection_query())
        assert "errors" not in found
        assert len(found["data"]["__schema"]["types"]) > 30
    async with alice.get("/docs/events.json") as response:
        document = await response.json()
    jsonschema_rs.Draft7Validator(ASYNCAPI).validate(document)
    assert document["channels"]["graphql"]["servers"] == [{"$ref": "#/servers/graphql"}]
    async with alice.get("/docs/events") as response:
        assert response.status == 200
    async with alice.get("/graphql", headers={"Accept": "text/html"}, allow_redirects=False) as response:
        assert (response.status, response.headers["Location"]) == (303, "/docs/graphql")
    async with alice.get("/graphql") as response:
        assert (response.status, response.headers["Allow"]) == (405, "POST")


async def test_where_it_is_off_there_is_nothing_of_it(settings: Settings) -> None:
    async with (
        serving(dataclasses.replace(settings, graphql=False)) as server,
        await signed_in(server, "admin") as admin,
    ):
        for path in ("/graphql", "/graphql/schema.graphql", "/docs/graphql"):
            async with admin.get(path) as response:
                assert response.status == 404, path
        async with admin.post("/graphql", json={"query": "{ me { id } }"}) as response:
            assert response.status == 404
        async with admin.get("/docs", headers={"Accept": "text/html"}) as response:
            assert "GraphQL" not in await response.text()


async def test_what_goes_wrong_inside_is_logged_and_not_told(
    server: Server, alice: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(server.parts.operations.jobs, "list", broken)
    found = await asked(alice, "{ me { name } jobs { total } }")
    assert codes(found) == ["internal_error"]
    assert "secret" not in str(found)
    assert found["data"]["me"]["name"] == "alice"
    assert "ZeroDivisionError" in caplog.text
    caplog.clear()
    async with alice.post(
        "/graphql", json={"query": '{ job(id: "x") { jobId } }'}, headers={"Accept-Language": "zh-CN"}
    ) as response:
        assert (await response.json())["errors"][0]["extensions"]["code"] == "not_found"


async def test_many_operations_over_one_socket(server: Server, alice: Client) -> None:
    async with graphql_socket(alice) as socket:
        await socket.start(JOBS, "jobs")
        joined = await socket.data("jobs")
        assert joined == {"__typename": "Joined", "position": joined["position"], "recovered": False}
        await socket.start(NOTES, "notes")
        assert (await socket.data("notes"))["__typename"] == "Joined"
        started = await asked(alice, START, seconds=0.2)
        job_id = started["data"]["startDemonstration"]["jobId"]
        states, offsets = [], []
        while "SUCCEEDED" not in states:
            item = await socket.data("jobs")
            assert item["job"]["jobId"] == job_id
            states.append(item["job"]["state"])
            if item["position"]:
                offsets.append(int(item["position"].split(":")[1]))
        assert offsets == list(range(offsets[0], offsets[0] + len(offsets)))
        await _tell(server, alice, "Something")
        note = await socket.data("notes")
        assert note["title"] == "Something"
        await socket.start(ONE, "job", id=job_id)
        assert (await socket.data("job"))["job"]["state"] == "SUCCEEDED"
        async with alice.delete(f"/api/v1/jobs/{job_id}") as response:
            assert response.status == 204
        assert (await socket.data("job")) == {"jobId": job_id}
        await socket.start('subscription { event(name: "test_events") { event data } }', "event")
        await until(lambda: server.parts.realtime.manager.count_subscribers("test_events") == 1, seconds=10)
        async with alice.post("/api/v1/events/test_events", json={"a": [1]}) as response:
            assert response.status in (200, 202)
        assert await socket.data("event") == {"event": "test_events", "data": {"a": [1]}}
        await socket.send(type="ping", payload={"n": 1})
        assert await socket.next("pong") == {"type": "pong", "payload": {"n": 1}}
        await socket.send(type="complete", id="jobs")
        await socket.send(type="complete", id="unknown")
        await until(lambda: server.parts.realtime.manager.statistics().connections == 2, seconds=10)
        await socket.start("subscription { jobs { nothing } }", "wrong")
        assert (await socket.next("error"))["id"] == "wrong"
        for _ in range(3):  # an id, a place and a connection are free as soon as they are given up
            await socket.send(type="complete", id="notes")
            await socket.start(NOTES, "notes")
            while (await socket.data("notes"))["__typename"] != "Joined":
                pass
        assert server.parts.realtime.manager.statistics().connections == 2
        await socket.start(NOTES, "notes")
        assert await socket.closed_with() == 4409
    async with graphql_socket(alice) as socket:
        await socket.start(NOTES, since=note["position"])
        assert (await socket.data())["recovered"]
    async with graphql_socket(alice) as socket:
        for number in range(21):
            await socket.start('subscription { event(name: "x") { data } }', str(number))
        error = await socket.next("error")
        assert error["payload"][0]["extensions"]["code"] in ("too_many_operations", "connection_limit")
        await socket.send(type="connection_init")
        assert await socket.closed_with() == 4429
    for text in ("nonsense", "[]", '{"type": "start"}', '{"type": "subscribe", "id": 1}'):
        async with graphql_socket(alice) as socket:
            await socket.socket.send_str(text)
            assert await socket.closed_with() == 4400


async def test_operations_over_sockets_take_turns_with_requests_of_their_user(
    server: Server, alice: Client, bob: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "_MOST_SECONDS", 60.0)
    user_id = (await asked(alice, "{ me { id } }"))["data"]["me"]["id"]
    async with graphql_socket(alice) as socket, graphql_socket(bob) as another:
        async with contextlib.AsyncExitStack() as requests:
            for _ in range(4):
                await requests.enter_async_context(server.web.in_turn_of(user_id))
            await socket.start("{ me { name } }")
            await another.start("{ me { name } }")
            assert (await another.data())["name"] == "bob"  # asked later, answered first
            await socket.send(type="ping")
            assert (await socket.next())["type"] == "pong"
        assert (await socket.data())["name"] == "alice"


async def test_nobody_takes_all_places_of_their_network_with_sockets_that_follow_nothing(
    settings: Settings,
) -> None:
    async with (
        serving(dataclasses.replace(settings, max_connections_per_user=2)) as server,
        await signed_in(server, "admin") as admin,
        await new_user(server, admin, "alice") as alice,
        graphql_socket(admin) as followed,
        graphql_socket(admin),
    ):
        await followed.start(NOTES)
        await followed.data()
        async with graphql_socket(admin), graphql_socket(admin, is_introduced=False) as fourth:
            await fourth.send(type="connection_init")
            assert await fourth.closed_with() == 4505
            assert fourth.close_reason.startswith("You have 2 connections open (limit 2)")
            async with graphql_socket(alice):
                pass
        async with graphql_socket(admin):  # their places are free again
            pass


async def test_nothing_published_is_told_and_what_is_over_is_complete(server: Server, alice: Client) -> None:
    async with graphql_socket(alice) as socket:
        await socket.start('subscription { event(name: "free.z") { data } }', "event")
        await until(lambda: server.parts.realtime.manager.subscribed_users("free.z"))
        headers = {"Content-Type": "application/json"}
        async with alice.post("/api/v1/events/free.z", data="null", headers=headers) as response:
            assert response.status == 200, await response.text()
        assert await socket.data("event") == {"data": None}
        async with alice.post("/api/v1/jobs", json={"title": "Sums", "total": 1}) as response:
            job_id = (await response.json())["job_id"]
        async with alice.patch(f"/api/v1/jobs/{job_id}", json={"state": "succeeded"}) as response:
            assert response.status == 200, await response.text()
        items = "... on JobRemoved { jobId } ... on JobUpdate { timestamp }"
        follow = f'subscription {{ job(id: "{job_id}") {{ {items} }} }}'
        await socket.start(follow, "job")
        await socket.next("next", operation_id="job")
        async with alice.delete(f"/api/v1/jobs/{job_id}") as response:
            assert response.status in (200, 204), await response.text()
        assert await socket.data("job") == {"jobId": job_id}
        await socket.next("complete", operation_id="job")


async def test_a_subscription_ends_with_the_right_to_what_it_is_about(
    server: Server, alice: Client, bob: Client
) -> None:
    await import_text(alice, "region,amount\nNorth,1\n")

    async def share(*grants: dict[str, str]) -> None:
        async with alice.put("/api/v1/datasets/orders/access", json={"grants": grants}) as response:
            assert response.status == 200, await response.text()

    await share({"user": "bob", "right": "view"})
    async with bob.get("/api/v1/datasets/orders?owner=alice") as response:
        name = f"dataset:{(await response.json())['id']}"
    event = "subscription($name: String!) { event(name: $name) { data } }"
    async with graphql_socket(bob) as socket, graphql_events(bob, event, name=name) as stream:
        await socket.start(event, name=name)
        await until(lambda: server.parts.realtime.manager.count_subscribers(name) == 2)
        await share()
        assert (await socket.data())["data"] == (await stream.data())["data"] == {"access": "ended"}
        ended = await socket.next()
        assert (ended["type"], codes({"errors": ended["payload"]})) == ("error", ["not_found"])
        assert codes(await stream.next() or {}) == ["not_found"]
        assert await stream.next() is None
        await socket.start("{ me { name } }", "2")  # the socket itself goes on
        assert (await socket.data("2"))["name"] == "bob"
    await until(lambda: not server.parts.realtime.manager.active_connections, seconds=15)


async def test_one_subscription_too_many_is_told_by_its_close_code(settings: Settings) -> None:
    async with (
        serving(dataclasses.replace(settings, max_connections_per_user=1)) as server,
        await signed_in(server, "admin") as admin,
        graphql_socket(admin) as socket,
    ):
        await socket.start(JOBS)
        assert (await socket.data())["__typename"] == "Joined"
        await socket.start(JOBS, "2")
        over = {"code": "connection_limit", "closeCode": 4505, "reconnect": False}
        (error,) = (await socket.next("error", operation_id="2"))["payload"]
        assert error["extensions"] == over
        assert "close some" in error["message"]
        async with graphql_events(admin, JOBS) as stream:
            (error,) = (await stream.next() or {})["errors"]
            assert error["extensions"] == over


async def test_what_was_not_executed_has_no_data(alice: Client) -> None:
    body = {"query": "query($n: Int!) { jobs(first: $n) { total } }", "operationName": ""}
    headers = {"Accept": "application/graphql-response+json"}
    async with alice.post("/graphql", json=body, headers=headers) as response:
        found = await response.json()
        assert (response.status, list(found), codes(found)) == (400, ["errors"], ["invalid_input"])
    start = "mutation($key: String) { startDemonstration(idempotencyKey: $key) { jobId } }"
    (error,) = (await asked(alice, start, key="x" * 300))["errors"]
    assert error["extensions"]["errors"][0]["field"] == "idempotencyKey"


async def test_streams_of_one_operation(server: Server, alice: Client) -> None:
    async with graphql_events(alice, "{ me { name } }") as events:
        assert await events.data() == {"name": "alice"}
        assert await events.next() is None
        assert events.is_complete
    async with graphql_events(alice, "{ nothing }") as events:
        found = await events.next()
        assert "data" not in (found or {"data": "missing"})
    async with graphql_events(alice, 'subscription { event(name: "job:unknown") { data } }') as events:
        assert codes(await events.next() or {}) == ["not_found"]
        assert await events.next() is None
        assert events.is_complete
    async with graphql_events(alice, 'subscription { jobs(clientId: "no such id!") { __typename } }') as events:
        assert codes(await events.next() or {}) == ["invalid_client_id"]
    async with graphql_events(alice, NOTES) as events:
        position = (await events.data())["position"]
    await _tell(server, alice, "While away")
    async with graphql_events(alice, NOTES, since=position) as events:
        assert (await events.data())["recovered"]
        assert (await events.data())["title"] == "While away"


async def test_whoever_is_cut_off_leaves_nothing(
    server: Server, alice: Client, caplog: pytest.LogCaptureFixture
) -> None:
    manager = server.parts.realtime.manager
    await asked(alice, "{ me { id } }")
    gc.collect()
    before = len(asyncio.all_tasks())
    for number in range(40):
        async with alice.ws_connect("/graphql", protocols=[PROTOCOL], autoclose=False) as socket:
            await socket.send_json({"type": "connection_init"})
            for operation in range(number % 4):
                await socket.send_json({"type": "subscribe", "id": str(operation), "payload": {"query": NOTES}})
            if number % 3:
                await socket.receive()
            _cut(socket._response)
    for number in range(20):
        async with graphql_events(alice, JOBS) as events:
            if number % 2:
                await events.next()
            _cut(events.response)
    async with asyncio.timeout(30):
        while manager.active_connections or len(asyncio.all_tasks()) > before:
            await asyncio.sleep(0.05)
    statistics = manager.statistics()
    assert (statistics.connections, statistics.held, statistics.unsent_bytes) == (0, 0, 0)
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []


async def test_who_says_nothing_is_found_out_and_who_floods_is_ended(server: Server, alice: Client) -> None:
    async with graphql_socket(alice) as socket, graphql_events(alice, NOTES) as events:
        await socket.start(NOTES)
        for each in (socket, events):
            assert (await each.data())["__typename"] == "Joined"
        listening = asyncio.create_task(socket.data())  # answers pings meanwhile
        await asyncio.gather(*(_found_out(alice, query) for query in (None, NOTES)))
        await _tell(server, alice, "Still there")  # who is only quiet is not taken for gone
        assert (await listening)["title"] == (await events.data())["title"] == "Still there"
    async with graphql_socket(alice) as opened:

        async def flood() -> None:
            while not opened.socket.closed:
                await opened.send(type="ping")
                await asyncio.sleep(0)

        flooding = asyncio.create_task(flood())
        assert await opened.closed_with(seconds=30) == 4504
        flooding.cancel()
        await asyncio.wait([flooding])


async def test_a_socket_without_a_subscription_is_sent_away_too_when_the_server_stops(
    server: Server, alice: Client
) -> None:
    async with graphql_socket(alice) as idle, graphql_socket(alice, is_introduced=False) as unknown:
        await server.app.shutdown()
        assert await idle.closed_with() == 4000
        assert await unknown.closed_with() == 4000
    with pytest.raises(aiohttp.WSServerHandshakeError, match="503"):
        async with graphql_socket(alice):
            pass


async def test_what_is_asked_over_a_socket_when_the_server_stops_is_answered(
    server: Server, alice: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_asked, may_answer = asyncio.Event(), asyncio.Event()
    me = server.parts.operations.accounts.me

    async def slowly(principal: Principal) -> Any:
        is_asked.set()
        await may_answer.wait()
        return await me(principal)

    async with graphql_socket(alice) as socket:
        await socket.start(NOTES, "notes")
        await socket.data("notes")
        monkeypatch.setattr(server.parts.operations.accounts, "me", slowly)
        await socket.start("{ me { name } }", "me")
        await is_asked.wait()
        await server.app.shutdown()
        may_answer.set()
        assert (await socket.data("me"))["name"] == "alice"
        assert await socket.closed_with() == 4000
        assert "retry in" in socket.close_reason


async def test_below_a_base_path_addresses_are_as_they_are_asked_for(settings: Settings) -> None:
    async with serving(dataclasses.replace(settings, base_path="/jindu")) as server:
        async with await signed_in(server, "admin") as probe:
            token = probe.headers["Authorization"]
        async with aiohttp.ClientSession(f"{server.url}/jindu/", headers={"Authorization": token}) as admin:
            async with admin.post("api/v1/admin/broadcast", json={"title": "All", "url": "/jobs"}) as response:
                assert response.status == 201, await response.text()
            async with admin.ws_connect("graphql", protocols=[PROTOCOL]) as socket:
                await socket.send_json({"type": "connection_init"})
                await socket.receive()
                query = "{ notifications { items { url } } }"
                await socket.send_json({"type": "subscribe", "id": "1", "payload": {"query": query}})
                (told,) = (await socket.receive_json())["payload"]["data"]["notifications"]["items"]
                assert told["url"] == "/jindu/jobs"


async def _tell(server: Server, client: Client, title: str) -> None:
    user_id = (await asked(client, "{ me { id } }"))["data"]["me"]["id"]
    await server.parts.live.notices.notify_who_asked(user_id, Notice(title=title))


async def _found_out(client: Client, query: str | None) -> None:
    """With a subscription and without one."""
    async with client.ws_connect("/graphql", protocols=[PROTOCOL], autoping=False) as socket:
        await socket.send_json({"type": "connection_init"})
        if query is not None:
            await socket.send_json({"type": "subscribe", "id": "1", "payload": {"query": query}})
        async with asyncio.timeout(20):  # pings are not answered
            while (await socket.receive()).type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.PING):
                pass
        assert socket.close_code == 4002


def _cut(response: aiohttp.ClientResponse) -> None:
    assert response.connection is not None
    assert response.connection.transport is not None
    response.connection.transport.abort()
