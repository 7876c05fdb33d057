"""Whoever changes something, by whatever door, leaves a line in the audit log: each such door is gone through."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
from aiohttp.test_utils import unused_port
from sqlalchemy import func, select

from server.auth.audit_actions import DETAILS
from server.clock import utc_now
from server.delivery.mail_choices import MailProof, MailStop
from server.delivery.outbox import put_parcel
from server.delivery.parcel import Hook
from server.settings import Settings
from server.storage.tables import audit
from tests.conftest import PASSWORDS, Server
from tests.functional.batches import SALES, put_template
from tests.functional.batches import ended as batch_ended
from tests.functional.browsing import browser, sign_in
from tests.functional.doors import doors
from tests.functional.importing import ended, import_text, start, upload
from tests.functional.live_client import live
from tests.functional.test_accounts_admin import id_of
from tests.functional.test_report_images import png
from tests.functional.ways_in import BEGINNINGS, of_links, of_passkeys, of_second_factors
from tests.push_double import PushDouble
from tests.unit.operations.conftest import SALES as OWN_SALES

Client = aiohttp.ClientSession
READING = ("GET", "HEAD", "OPTIONS")
ELSEWHERE = {
    "report.export_list",
    "report.export_files",
    "identity.link",
    "identity.unlink",
    "session.refuse",
    "retention.sweep",
    "upload.join",
    "audit.export",
    "delivery.refuse",
    "delivery.allow",
    "delivery.trial",
    "schedule.trial",
    "schedule.hand_over",
    "delivery.unhold",
    "peer.offer",  # by the live connection: tests/unit/operations/test_peer_offers.py
    "peer.accept",
    "peer.decline",
}
PUBLIC = "http://localhost"  # which passkeys belong to
NUMBER = "{number:\\d{1,9}}"
MARKED = "id,n\n0,0\n1,x1\n2,x2\n3,x3\n"
COLUMNS = {"columns": [{"name": "id", "type": "integer"}, {"name": "n", "type": "integer"}]}
YAML = {"Content-Type": "application/yaml"}
# Doors by which nothing changes that anybody could ask about, and why.
SILENT = {
    **dict.fromkeys(
        (
            "POST /account/brand/picture",
            "POST /admin/brand/picture",
            "POST /api/v1/deliveries/preview",
            "POST /api/v1/imports/check",
            "POST /api/v1/queries",
            "POST /api/v1/templates/from-dataset",
            "POST /api/v1/templates/from-gallery",
            "POST /api/v1/templates/{name}/check",
            "POST /api/v1/templates/{name}/preview",
            "POST /api/v1/uploads/{id}/preview",
            "POST /batches/new/expansion",
            "POST /datasets/{name}/query",
            "POST /imports/preview",
            "POST /template-check",
            "POST /templates/{name}/compare",
            "POST /templates/{name}/preview",
        ),
        "only looks",
    ),
    **dict.fromkeys(BEGINNINGS, "keeps nothing"),
    **dict.fromkeys(("POST /api/v1/jobs", "PATCH /api/v1/jobs/{id}"), "scripts do it by the thousand; see the job"),
    **dict.fromkeys(
        ("PATCH /api/v1/uploads/{id}", "POST /api/v1/uploads/{id}", "POST /api/v1/uploads/{id}/pause"),
        "the bytes of a file whose beginning was written down",
    ),
    **dict.fromkeys(
        (
            "POST /api/v1/reports/{id}/comments",
            "POST /reports/{id}/comments",
            "PATCH /api/v1/reports/{id}/comments/{comment_id}",
            "POST /reports/{id}/comments/{comment_id}",
        ),
        "the comment itself says who wrote it, and when",
    ),
    **dict.fromkeys(
        (
            "PUT /api/v1/favourites/{kind}/{id}",
            "DELETE /api/v1/favourites/{kind}/{id}",
            "POST /favourites/{kind}/{id}",
        ),
        "what one marks for oneself",
    ),
    **dict.fromkeys(
        ("POST /api/v1/batches/cancel", "POST /api/v1/batches/retry"), "as the door of one batch: /batches/together"
    ),
    "POST /s/{secret}": "opens what was shared, for whoever knows its password: openings are counted",
    "POST /notifications/read": "what one has seen oneself",
    "POST /websocket-test/notification": "a notice for oneself, to try the connection",
    "POST /account/linked": "leads to the provider: tests/functional/test_openid.py",
    "POST /account/linked/{id}/unlink": "tests/functional/test_openid.py",
    "POST /unsubscribe/{code}": "tests/functional/test_deliveries.py",
    "POST /schedules/{id}/optouts/{optout_id}/delete": "tests/functional/test_deliveries.py",
    **dict.fromkeys(
        (
            "POST /api/v1/admin/users/{user_id}/hand-over",
            "POST /admin/users/{id}/hand-over",
            "POST /api/v1/schedules/{id}/hand-over",
            "POST /schedules/{id}/take-over",
        ),
        "tests/functional/test_schedules.py",
    ),
    "DELETE /api/v1/held-addresses/{id}": "tests/functional/test_bounces.py",
    "POST /held-addresses/{id}/delete": "tests/functional/test_bounces.py",
    "POST /setup": "before there is anybody: tests/unit/operations/test_first_run.py",
}


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    (tmp_path / "inbox").mkdir()
    (tmp_path / "inbox" / "a.csv").write_text("a\n1\n")
    mail = {"smtp_host": "localhost", "smtp_port": unused_port(), "mail_from": "jindu@example.com"}
    return replace(settings, public_url=PUBLIC, import_folders=(f"inbox={tmp_path / 'inbox'}",), **mail)


@dataclass(slots=True)
class Walk:
    """Goes through doors and asks for one more line after each."""

    server: Server
    seen: set[str]

    async def through(
        self, client: Client, door: str, path: str = "", *, key: str = "", lines: int = 1, **sent: Any
    ) -> Any:
        """`path` is the address where the pattern has placeholders; the answer is JSON, or where a page leads to."""
        self.seen.add(door)
        method, _, pattern = door.partition(" ")
        before = await self._count()
        async with client.request(method, path or pattern, allow_redirects=False, **sent) as response:
            text = await response.text()
            assert response.status < 400, f"{door}: {response.status} {text[:500]}"
            assert await self._count() >= before + lines, f"{door} left no line"
            if response.headers.get("Content-Type", "").startswith("application/json") and text:
                return (await response.json()).get(key, "") if key else await response.json()
            return response.headers.get("Location", text)

    async def _count(self) -> int:
        async with self.server.parts.storage.database.read() as connection:
            return await connection.scalar(select(func.count()).select_from(audit)) or 0


@pytest.fixture
def walk(server: Server) -> Walk:
    return Walk(server=server, seen=set())


async def test_every_door_that_changes_something_leaves_a_line(
    walk: Walk, server: Server, admin: Client, alice: Client
) -> None:
    await of_the_account(walk, server, alice)
    await of_administrators(walk, admin, alice)
    await of_alerts(walk, server, admin)
    await of_second_factors(walk.through, server, admin, alice)
    await of_passkeys(walk.through, server, admin, alice, origin=PUBLIC)
    await of_links(walk.through, server, admin, await id_of(admin, "alice"))
    for client, api, page in (
        (alice, "/api/v1/brand", "/account/brand"),
        (admin, "/api/v1/admin/brand", "/admin/brand"),
    ):
        await of_brands(walk, client, api, page)
    await of_files_and_jobs(walk, alice)
    await of_views(walk, alice)
    await of_datasets(walk, alice)
    await got(admin, "/api/v1/datasets/orders?owner=alice")  # of another: a line, though nothing changes
    await of_templates_and_batches(walk, alice)
    await of_comments(walk, admin, alice)
    places = dict.fromkeys(["/uploads/{id}"], "/uploads/x")
    changing = {f"{door.method} {door.pattern}" for door in doors(places) if door.method not in READING}
    assert changing - walk.seen - SILENT.keys() == set(), "say here how they are gone through, or why they are silent"
    assert (walk.seen | SILENT.keys()) - changing == set(), "there are no such doors"
    await hold_no_secret(server, admin)


async def hold_no_secret(server: Server, admin: Client) -> None:
    """In the lines of all actions, as anybody can read them."""
    async with admin.get("/api/v1/admin/audit/export", params={"format": "jsonl"}) as response:
        told = await response.text()
    async with server.parts.storage.database.read() as connection:
        actions = set(await connection.scalars(select(audit.c.action)))
    assert DETAILS.keys() - actions <= ELSEWHERE
    for secret in (*PASSWORDS.values(), "a-long-enough-one", "another-horse-alice", "monsoon"):
        assert secret not in told
    assert re.search(r"jindu_\w{8}|argon2|sha256", told) is None


async def of_comments(walk: Walk, admin: Client, alice: Client) -> None:
    """The owner of a report deletes what others wrote about it."""
    batch = await walk.through(alice, "POST /api/v1/batches", json={"template": "sales"}, key="batch_id")
    await batch_ended(alice, batch)
    report = (await got(alice, f"/api/v1/batches/{batch}/reports"))["items"][0]["id"]
    at = f"/reports/{report}/comments"
    for door in (
        "DELETE /api/v1/reports/{id}/comments/{comment_id}",
        "POST /reports/{id}/comments/{comment_id}/delete",
    ):
        async with admin.post(f"/api/v1{at}", json={"text": "not so"}) as response:
            comment = (await response.json())["id"]
        path = f"/api/v1{at}/{comment}" if "api" in door else f"{at}/{comment}/delete"
        await walk.through(alice, door, path)


async def of_the_account(walk: Walk, server: Server, alice: Client) -> None:
    go = walk.through
    new = {"current": PASSWORDS["alice"], "new": "another-horse-alice"}
    async with browser(server) as here, browser(server) as there:
        await go(here, "POST /login", data={"username": "alice", "password": PASSWORDS["alice"]})
        await sign_in(there, "alice")
        await go(here, "POST /account", data={"username": "alice", "language": "en", "time_zone": "UTC"})
        await go(here, "POST /language", data={"language": "zh-CN", "next": "/"})
        await go(here, "POST /account/sessions/end-others")
        await sign_in(there, "alice")
        other = await other_session(here)
        await go(here, "POST /account/sessions/{session_id}/end", f"/account/sessions/{other}/end")
        await sign_in(there, "alice")
        other = await other_session(here)
        await go(here, "DELETE /api/v1/sessions/{session_id}", f"/api/v1/sessions/{other}")
        await go(here, "DELETE /api/v1/sessions")
        await go(here, "POST /account/tokens", data={"name": "t", "scope_read": "on", "days": "30"})
        token = (await got(here, "/api/v1/tokens"))["items"][0]["id"]
        await go(here, "POST /account/tokens/{token_id}/delete", f"/account/tokens/{token}/delete")
        form = {"current_password": new["current"], "new_password": new["new"], "new_password_again": new["new"]}
        await go(here, "POST /account/password", data=form)
        back = {"current_password": new["new"], "new_password": new["current"]}
        await go(here, "POST /api/v1/me/password", json=back)
        await go(here, "POST /logout")
    await go(alice, "PATCH /api/v1/me", json={"time_zone": "Asia/Tokyo"})
    await of_mail(walk, server, alice)
    await of_push(walk, server)
    token = await go(alice, "POST /api/v1/tokens", json={"name": "t"}, key="id")
    await go(alice, "DELETE /api/v1/tokens/{token_id}", f"/api/v1/tokens/{token}")


async def of_mail(walk: Walk, server: Server, alice: Client) -> None:
    go, seals = walk.through, server.parts.auth.seals
    await go(alice, "PATCH /api/v1/me/mail", json={"address": "a@example.com", "kinds": {"failed": True}})
    await go(alice, "POST /api/v1/me/mail/confirmation")
    mine = {"user_id": (await got(alice, "/api/v1/me"))["id"], "email": "a@example.com"}
    code = quote(seals.seal(MailProof(**mine)))
    stop = quote(seals.seal(MailStop(**mine, kinds=("failed",))))
    async with browser(server) as anybody:
        await go(anybody, "POST /mail/stop", f"/mail/stop?code={stop}", data={"List-Unsubscribe": "One-Click"})
        await sign_in(anybody, "alice")
        await go(anybody, "POST /account/notifications", data={"bell_failed": "1", "mail_failed": "1"})
        await go(anybody, "POST /account/mail/confirmation")
        await go(anybody, "POST /mail/confirm", f"/mail/confirm?code={code}")
        await go(anybody, "POST /account/mail", data={"address": "b@example.com"})


async def of_push(walk: Walk, server: Server) -> None:
    browsers = PushDouble(url="https://fcm.googleapis.com")
    async with browser(server) as here:
        await sign_in(here, "alice")
        made = await walk.through(here, "POST /api/v1/push/subscriptions", json=browsers.subscription("a"), key="id")
        await walk.through(here, "DELETE /api/v1/push/subscriptions/{id}", f"/api/v1/push/subscriptions/{made}")


async def of_administrators(walk: Walk, admin: Client, alice: Client) -> None:
    go = walk.through
    carol = await go(
        admin, "POST /api/v1/admin/users", json={"username": "carol", "password": "a-long-enough-one"}, key="id"
    )
    await go(admin, "PATCH /api/v1/admin/users/{user_id}", f"/api/v1/admin/users/{carol}", json={"role": "viewer"})
    await go(admin, "POST /admin/users/{id}", f"/admin/users/{carol}", data={"disabled": "yes"})
    await go(admin, "POST /admin/users", data={"username": "dan", "password": "a-long-enough-one", "role": "viewer"})
    await go(admin, "POST /api/v1/admin/broadcast", json={"title": "Hello"})
    await go(admin, "POST /admin/broadcast", data={"title": "Hello"})
    for door, path in (
        ("DELETE /api/v1/admin/connections/{connection_id}", "/api/v1/admin/connections/{}"),
        ("POST /admin/connections/{id}/close", "/admin/connections/{}/close"),
    ):
        async with live(alice) as socket:
            connection_id = (await socket.next("connection"))["connection_id"]
            await go(admin, door, path.format(connection_id))
    await go(alice, "POST /api/v1/events/{name}", "/api/v1/events/shop", json={})
    group = "/api/v1/admin/groups"
    await go(admin, f"POST {group}", json={"name": "Finance", "members": ["carol"]})
    await go(admin, f"PATCH {group}/{{name}}", f"{group}/Finance", json={"members": []})
    await go(admin, f"DELETE {group}/{{name}}", f"{group}/Finance")
    await go(admin, "POST /admin/groups", data={"name": "Sales", "members": "carol"})
    await go(admin, "POST /admin/groups/{name}", "/admin/groups/Sales", data={"name": "Sold", "members": ""})
    await go(admin, "POST /admin/groups/{name}/delete", "/admin/groups/Sold/delete")


async def of_alerts(walk: Walk, server: Server, admin: Client) -> None:
    go, api, page = walk.through, "/api/v1/admin", "/admin/alerts"
    new = {"subject": "script_silence", "target": "nightly"}
    first = await go(admin, f"POST {api}/alerts/rules", json=new, key="id")
    await go(admin, f"PATCH {api}/alerts/rules/{{rule_id}}", f"{api}/alerts/rules/{first}", json={"on": False})
    await go(admin, f"DELETE {api}/alerts/rules/{{rule_id}}", f"{api}/alerts/rules/{first}")
    await go(admin, f"POST {page}/rules", data=new)
    await go(admin, f"POST {page}/rules/{{id}}", f"{page}/rules/loop_lag", data={"threshold": "5", "minutes": "1"})
    await go(admin, f"POST {page}/rules/{{id}}/delete", f"{page}/rules/loop_lag/delete")
    await go(admin, f"POST {api}/alerts/test", json={"channel": "notice"})
    await go(admin, f"POST {page}/test", data={"channel": "notice"})
    async with server.parts.storage.database.write() as connection:
        parcel = await put_parcel(connection, Hook(payload={}), subject="x", now=utc_now())
    await go(admin, f"POST {api}/outbox/{{parcel_id}}/send-again", f"{api}/outbox/{parcel}/send-again")
    await go(admin, f"POST {page}/outbox/{{id}}/again", f"{page}/outbox/{parcel}/again")
    window = await go(admin, f"POST {api}/maintenance", json={"minutes": 5}, key="id")
    await go(admin, f"DELETE {api}/maintenance/{{window_id}}", f"{api}/maintenance/{window}")
    await go(admin, f"POST {page}/maintenance", data={"when": "now", "maintenance_minutes": "5"})
    async with admin.get(f"{api}/maintenance") as response:
        window = (await response.json())["items"][0]["id"]
    await go(admin, f"POST {page}/maintenance/{{id}}/end", f"{page}/maintenance/{window}/end")
    wall = await go(admin, f"POST {api}/walls", json={"name": "Hall"}, key="id")
    await go(admin, f"DELETE {api}/walls/{{wall_id}}", f"{api}/walls/{wall}")
    await go(admin, f"POST {page}/walls", data={"name": "Hall"})
    async with admin.get(f"{api}/walls") as response:
        wall = (await response.json())["items"][0]["id"]
    await go(admin, f"POST {page}/walls/{{id}}/delete", f"{page}/walls/{wall}/delete")


async def of_brands(walk: Walk, client: Client, api: str, page: str) -> None:
    go = walk.through
    picture = {"Content-Type": "image/png"}
    await go(client, f"PUT {api}", json={"header": "Acme"})
    await go(client, f"PUT {api}/logo", data=png(), headers=picture)
    await go(client, f"DELETE {api}/logo")
    await go(client, f"DELETE {api}")
    await go(client, f"POST {page}", data={"header": "Acme", "accent": "#123456"})
    await go(client, f"PUT {api}/logo", data=png(), headers=picture)
    await go(client, f"POST {page}/logo/delete")
    await go(client, f"POST {page}/delete")


async def of_files_and_jobs(walk: Walk, alice: Client) -> None:
    go = walk.through
    form = aiohttp.FormData()
    form.add_field("file", b"a\n1\n", filename="a.csv")
    first = await go(alice, "POST /api/v1/uploads", data=form, key="id")
    await go(alice, "DELETE /api/v1/uploads/{id}", f"/api/v1/uploads/{first}")
    await go(alice, "POST /uploads/{id}/delete", f"/uploads/{await upload(alice)}/delete")
    await go(alice, "POST /api/v1/fetches", json={"folder": "inbox", "file": "a.csv"})
    await go(alice, "POST /imports/fetch", data={"folder": "inbox", "file": "a.csv"})
    for way in ("POST /api/v1/jobs/{id}/cancel", "POST /jobs/{id}/cancel"):
        job = await go(alice, "POST /api/v1/jobs/demonstration", json={"seconds": 60}, key="job_id")
        await go(alice, way, way.partition(" ")[2].replace("{id}", job))
        again = way.replace("cancel", "retry")
        await go(alice, again, again.partition(" ")[2].replace("{id}", job))
        await walk.through(alice, "POST /api/v1/jobs/cancel", json={"ids": [job]})
        if "api" in way:
            await go(alice, "DELETE /api/v1/jobs/{id}", f"/api/v1/jobs/{job}")
        else:
            await go(alice, "POST /jobs/{id}/delete", f"/jobs/{job}/delete")
    job = await go(alice, "POST /api/v1/jobs/demonstration", json={"seconds": 60}, key="job_id")
    await go(alice, "POST /jobs/together", data={"action": "cancel", "ids": job, "sure": "yes"})
    await go(alice, "POST /api/v1/jobs/retry", json={"ids": [job]})
    await go(alice, "POST /api/v1/jobs/cancel", json={"ids": [job]})
    await go(alice, "POST /api/v1/jobs/delete", json={"ids": [job]})


async def of_views(walk: Walk, alice: Client) -> None:
    go, form = walk.through, {"list": "jobs", "name": "a", "query": "state=failed"}
    for name in ("b", "c"):
        body = {"list": "batches", "name": name, "query": {"state": ["failed"]}}
        view = await go(alice, "POST /api/v1/views", json=body, key="id")
        await go(alice, "PATCH /api/v1/views/{id}", f"/api/v1/views/{view}", json={"shared": True})
        await go(alice, "POST /views/{id}", f"/views/{view}", data={"name": name})
        if name == "b":
            await go(alice, "DELETE /api/v1/views/{id}", f"/api/v1/views/{view}")
        else:
            await go(alice, "POST /views/{id}/delete", f"/views/{view}/delete")
    await go(alice, "POST /views", data=form)


async def of_datasets(walk: Walk, alice: Client) -> None:
    go = walk.through
    file = await upload(alice)
    job = await go(alice, "POST /api/v1/imports", json={"upload_id": file, "dataset": "orders"}, key="job_id")
    assert (await ended(alice, job))["state"] == "succeeded"
    checks = [
        await go(
            alice, "POST /api/v1/imports", json={"upload_id": file, "dataset": name, "dry_run": True}, key="job_id"
        )
        for name in ("checked", "checked2")
    ]
    for check, way in zip(checks, ("/api/v1/imports/{job_id}/import", "/imports/{job_id}/import"), strict=True):
        assert (await ended(alice, check))["state"] == "succeeded"
        await go(alice, f"POST {way}", way.replace("{job_id}", check))
    await go(alice, "POST /imports", data={"upload_id": file, "upload": file, "dataset": "odd", "mode": "create"})
    failed = await start(alice, await upload(alice, MARKED), dataset="bad", options=COLUMNS, reject_limit=0)
    assert (await ended(alice, failed))["state"] == "failed"
    await go(alice, "POST /imports/{job_id}/retry", f"/imports/{failed}/retry")
    await go(alice, "POST /imports/{job_id}/cancel", f"/imports/{failed}/cancel")
    marked = str((await import_text(alice, MARKED, dataset="marked", options=COLUMNS))["job_id"])
    rows = {"rows": [{"line": 3, "cells": ["1", "1"]}]}
    correcting = await go(
        alice,
        "POST /api/v1/imports/{job_id}/rejects/rows",
        f"/api/v1/imports/{marked}/rejects/rows",
        json=rows,
        key="job_id",
    )
    assert (await ended(alice, correcting))["state"] == "succeeded"
    async with alice.get(f"/imports/{marked}/correct") as response:
        shown = re.findall(r'<input [^>]*name="([^"]+)"[^>]*? value="([^"]*)"', await response.text())
    form = {name: value.replace("x", "") for name, value in shown if re.match(r"r\d|was\d", name)}
    await go(alice, "POST /imports/{job_id}/correct", f"/imports/{marked}/correct", data=form)
    at = "/api/v1/datasets/orders"
    await go(alice, "PATCH /api/v1/datasets/{name}", at, json={"description": "x"})
    await go(
        alice, "POST /datasets/{name}/change", "/datasets/orders/change", data={"description": "y", "name": "orders"}
    )
    await of_sharing(walk, alice, "datasets/{name}", "datasets/orders")
    await go(alice, "POST /api/v1/datasets/{name}/versions/{number}/restore", f"{at}/versions/1/restore")
    await go(alice, f"POST /datasets/{{name}}/versions/{NUMBER}/restore", "/datasets/orders/versions/1/restore")
    saved = await go(alice, "POST /api/v1/queries/saved", json={"name": "q", "sql": "select 1"}, key="id")
    await go(alice, "PATCH /api/v1/queries/saved/{id}", f"/api/v1/queries/saved/{saved}", json={"name": "r"})
    await go(alice, "DELETE /api/v1/queries/saved/{id}", f"/api/v1/queries/saved/{saved}")
    await go(alice, "DELETE /api/v1/queries/history")
    form = {"query_name": "q", "sql": "select 1"}
    await go(alice, "POST /datasets/{name}/query/save", "/datasets/orders/query/save", data=form)
    saved = (await got(alice, "/api/v1/queries/saved"))["items"][0]["id"]
    forget = "POST /datasets/{name}/query/saved/{query_id}/delete"
    await go(alice, forget, f"/datasets/orders/query/saved/{saved}/delete")
    await go(alice, "POST /datasets/{name}/query/forget", "/datasets/orders/query/forget")
    await go(alice, "POST /datasets/{name}/delete", "/datasets/marked/delete", data={"confirm": "marked"})


async def of_templates_and_batches(walk: Walk, alice: Client) -> None:
    go = walk.through
    at = "/api/v1/templates/regions"
    await go(alice, "PUT /api/v1/templates/{name}", at, data=OWN_SALES, headers=YAML)
    await put_template(alice, "regions", OWN_SALES + "# again\n")
    await go(alice, "POST /api/v1/templates/{name}/versions/{number}/restore", f"{at}/versions/1/restore")
    await go(alice, f"POST /templates/{{name}}/versions/{NUMBER}/restore", "/templates/regions/versions/2/restore")
    await of_sharing(walk, alice, "templates/{name}", "templates/regions")
    await go(alice, "DELETE /api/v1/templates/{name}", at)
    await put_template(alice, "regions", OWN_SALES)
    await go(alice, "POST /templates/{name}/delete", "/templates/regions/delete")
    await go(alice, "POST /templates/samples")
    await go(alice, "POST /templates/gallery/{gallery}", "/templates/gallery/data-quality")
    await go(alice, "POST /samples")
    await put_template(alice, "sales", SALES.replace("html, xlsx", "html"))  # one of its reports fails
    first = await go(alice, "POST /api/v1/batches", json={"template": "sales"}, key="batch_id")
    place = await go(alice, "POST /batches/new", data={"template": "sales", "format": "html"})
    for prefix, batch in (("/api/v1/batches", first), ("/batches", place.rpartition("/")[2])):
        await batch_ended(alice, batch)
        await of_sharing(walk, alice, "batches/{id}", f"batches/{batch}")
        await of_deliveries(walk, alice, batch, prefix)
        await go(alice, f"POST {prefix}/{{id}}/reorder", f"{prefix}/{batch}/reorder")
        await go(alice, f"POST {prefix}/{{id}}/retry", f"{prefix}/{batch}/retry")
        await go(alice, f"POST {prefix}/{{id}}/cancel", f"{prefix}/{batch}/cancel")
        await batch_ended(alice, batch)
        await share(walk, alice, batch, is_api="api" in prefix)
        delete = "DELETE /api/v1/batches/{id}" if "api" in prefix else "POST /batches/{id}/delete"
        await go(alice, delete, delete.partition(" ")[2].replace("{id}", batch))
    await of_batches_together(walk, alice)
    await of_schedules(walk, alice)
    await go(alice, "DELETE /api/v1/datasets/{name}", "/api/v1/datasets/odd")


async def of_deliveries(walk: Walk, alice: Client, batch: str, prefix: str) -> None:
    go, place = walk.through, f"{prefix}/{batch}/deliveries"
    hook = {"via": "webhook", "url": "https://hooks.invalid/x"}
    given: Any = (
        {"json": {"deliveries": [hook]}} if "api" in prefix else {"data": {"via": "webhook", "to": hook["url"]}}
    )
    await go(alice, f"POST {prefix}/{{id}}/deliveries", place, **given)
    await go(alice, f"POST {prefix}/{{id}}/deliveries/release", f"{place}/release")
    await walk.server.parts.operations.deliveries.sending.settle()
    async with alice.get(f"/api/v1/batches/{batch}/deliveries") as response:
        delivery = (await response.json())["items"][0]["id"]
    door = prefix.replace("batches", "deliveries")
    await go(alice, f"POST {door}/{{id}}/retry", f"{door}/{delivery}/retry")


async def of_schedules(walk: Walk, alice: Client) -> None:
    """One over the API, one by pages; the last stops, because its template is deleted."""
    go, api = walk.through, "/api/v1/schedules"
    await put_template(alice, "planned", OWN_SALES)
    new = {"template": "planned", "cron": "0 8 1 1 *"}
    first = await go(alice, f"POST {api}", json=new, key="id")
    await go(alice, f"PATCH {api}/{{id}}", f"{api}/{first}", json={"enabled": False})
    await go(alice, f"POST {api}/{{id}}/run", f"{api}/{first}/run")
    await go(alice, f"DELETE {api}/{{id}}", f"{api}/{first}")
    form = {"template": "planned", "repeat": "daily", "time": "08:00"}
    page = await go(alice, "POST /schedules/new", data=form)
    await go(alice, "POST /schedules/{id}/edit", f"{page}/edit", data=form | {"repeat": "last"})
    for act in ("pause", "resume", "run"):
        await go(alice, f"POST /schedules/{{id}}/{act}", f"{page}/{act}")
    async with alice.delete("/api/v1/templates/planned") as response:
        assert response.status == 204
    await walk.server.parts.operations.schedules.scheduler.look()
    await go(alice, "POST /schedules/{id}/delete", f"{page}/delete")


async def of_batches_together(walk: Walk, alice: Client) -> None:
    """What was ordered anew is left: two batches."""
    async with alice.get("/api/v1/batches") as response:
        (first, second) = [each["id"] for each in (await response.json())["items"]]
    for batch in (first, second):
        await batch_ended(alice, batch)
    sent = {"filter": {}, "expected": 2}
    await walk.through(alice, "POST /api/v1/batches/share", json=sent | {"grant": {"everyone": True, "right": "view"}})
    await walk.through(alice, "POST /batches/together", data={"action": "retry", "expected": "2"})
    for batch in (first, second):
        await batch_ended(alice, batch)
    await walk.through(alice, "POST /api/v1/batches/delete", json=sent)


async def share(walk: Walk, alice: Client, batch: str, *, is_api: bool) -> None:
    """By a link whose address stands in no line."""
    if is_api:
        made = await walk.through(alice, "POST /api/v1/links", json={"batch": batch, "password": "monsoon"}, key="id")
        await walk.through(alice, "DELETE /api/v1/links/{id}", f"/api/v1/links/{made}")
        return
    place = await walk.through(alice, "POST /links", data={"batch": batch})
    made = place.partition("?link=")[2].partition("#")[0]
    await walk.through(alice, "POST /links/{id}/delete", f"/links/{made}/delete")


async def of_sharing(walk: Walk, alice: Client, pattern: str, path: str) -> None:
    grants = {"grants": [{"user": "carol", "right": "view"}]}
    await walk.through(alice, f"PUT /api/v1/{pattern}/access", f"/api/v1/{path}/access", json=grants)
    await walk.through(alice, f"POST /{pattern}/access", f"/{path}/access", data={"with": "carol"})


async def got(client: Client, path: str) -> Any:
    async with client.get(path) as response:
        assert response.status == 200, await response.text()
        return await response.json()


async def other_session(client: Client) -> str:
    sessions = (await got(client, "/api/v1/sessions"))["items"]
    return str(next(each for each in sessions if not each["is_current"])["id"])
