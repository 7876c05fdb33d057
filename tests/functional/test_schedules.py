"""Schedules over the API, by pages and on the command line; and that nobody sees another's."""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from server.settings import Settings
from tests.conftest import Server
from tests.functional.batches import ended, put_template
from tests.functional.command_line import as_user, run
from tests.functional.importing import import_text

Client = aiohttp.ClientSession


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    (tmp_path / "inbox").mkdir()
    return replace(settings, import_folders=(f"inbox={tmp_path / 'inbox'}",), import_hosts=("data.example.com",))


API = "/api/v1/schedules"
OWN = """\
title: Sales
formats: [html]
parameters:
  month: {type: month, default: last_month}
queries:
  rows: select region, sum(amount) as amount from orders group by region
blocks:
  - table: {query: rows}
"""


async def answer(client: Client, method: str, path: str, status: int = 200, **sent: Any) -> Any:
    async with client.request(method, path, allow_redirects=False, **sent) as response:
        text = await response.text()
        assert response.status == status, text[:600]
        return json.loads(text) if text.startswith("{") else response.headers.get("Location", text)


async def test_planned_run_paused_changed_and_deleted(
    server: Server, alice: Client, bob: Client, admin: Client
) -> None:
    await import_text(alice)
    await put_template(alice, "sales", OWN)
    new = {"template": "sales", "cron": "0 8 1 * *", "time_zone": "Asia/Shanghai", "name": "Monthly"}
    made = await answer(alice, "POST", API, 201, json=new)
    assert (made["state"], made["enabled"], made["missed"], made["overlap"]) == ("on", True, "once", "queue")
    assert len(made["next_at"]) == 5
    assert all(each["at"].endswith("08:00:00+08:00") for each in made["next_at"])
    one = f"{API}/{made['id']}"
    run_item = await answer(alice, "POST", f"{one}/run", 202, headers={"Idempotency-Key": "a"})
    assert (await answer(alice, "POST", f"{one}/run", 202, headers={"Idempotency-Key": "a"}))["id"] == run_item["id"]
    batch = await ended(alice, run_item["batch_id"])
    assert batch["state"] == "succeeded"
    (last,) = (await answer(alice, "GET", one))["last_runs"]
    assert (last["state"], last["cause"], last["outcome"]) == ("succeeded", "hand", "complete")

    # Nobody else sees it, at any door; administrators see all of them.
    for method, path, sent in (
        ("GET", one, {}),
        ("PATCH", one, {"json": {"enabled": False}}),
        ("DELETE", one, {}),
        ("POST", f"{one}/run", {}),
    ):
        await answer(bob, method, path, 404, **sent)
    page = f"/schedules/{made['id']}"
    for method, path in (("GET", page), ("GET", f"{page}/edit"), *(("POST", f"{page}/{act}") for act in ACTS)):
        await answer(bob, method, path, 404)
    assert (await answer(bob, "GET", API))["total"] == 0
    await answer(bob, "GET", f"{API}?whose=all", 403)
    (seen,) = (await answer(admin, "GET", f"{API}?whose=all&q=month"))["items"]
    assert seen["owner"] == "alice"
    listed = await answer(admin, "GET", "/schedules?whose=all")
    assert "Monthly" in listed
    assert "Monthly" not in await answer(bob, "GET", "/schedules")

    changed = await answer(alice, "PATCH", one, json={"after_import": "orders", "quiet_seconds": 30})
    assert (changed["cron"], changed["after_import"], changed["next_at"]) == (None, "orders", [])
    problem = await answer(alice, "POST", API, 422, json={**new, "deliveries": [{"via": "mail"}]})
    assert "deliveries" in json.dumps(problem)
    await answer(alice, "POST", API, 422, json={**new, "cron": "0 8 31 2 *"})

    user = as_user(server, alice)
    listed = await run("schedule", "list", "--json", **user)
    assert json.loads(listed.out)["id"] == made["id"]
    paused = await run("schedule", "pause", made["id"], **user)
    assert "paused (by_hand)" in paused.out
    resumed = await run("schedule", "resume", made["id"], "0" * 26, **user)
    assert (resumed.status, "  on  " in resumed.out) == (1, True)
    tried = await run("schedule", "run", made["id"], "--to-me", **user)
    assert (tried.status != 0, "by mail" in tried.error) == (True, True)  # there is none to send
    again = await run("schedule", "run", made["id"], "--wait", "--json", **user)
    assert (again.status, json.loads(again.out.splitlines()[0])["cause"]) == (0, "hand"), again
    await answer(alice, "DELETE", one, 204)
    assert (await answer(alice, "GET", f"/api/v1/batches/{batch['id']}"))["state"] == "succeeded"


ACTS = ("edit", "pause", "resume", "run", "delete")


async def test_schedules_of_who_left_go_to_somebody_else(
    server: Server, alice: Client, bob: Client, admin: Client
) -> None:
    await import_text(alice)
    await put_template(alice, "sales", OWN)
    ids = []
    for name in ("Monthly", "Yearly", "Daily"):
        new = {"template": "sales", "cron": "0 8 1 1 *", "time_zone": "UTC", "name": name}
        ids.append((await answer(alice, "POST", API, 201, json=new))["id"])
    grant = {"grants": [{"user": "bob", "right": "view"}]}
    for kind in ("templates/sales", "datasets/orders"):
        await answer(alice, "PUT", f"/api/v1/{kind}/access", json=grant)
    known = {each["name"]: each for each in (await answer(admin, "GET", "/api/v1/admin/users"))["items"]}
    user, page = f"/api/v1/admin/users/{known['alice']['id']}", f"/admin/users/{known['alice']['id']}"
    assert (known["alice"]["schedules"], known["bob"]["schedules"]) == (3, 0)
    assert "3 schedules of theirs are on." in await answer(admin, "GET", page)
    doors = [(f"{API}/{ids[0]}/hand-over", {"json": {"to": "bob"}}), (f"{user}/hand-over", {"json": {"to": "bob"}})]
    doors += [(f"{page}/hand-over", {"data": {"to": "bob"}}), (f"/schedules/{ids[0]}/take-over", {})]
    for who in (alice, bob):
        for door, given in doors:
            await answer(who, "POST", door, 403, **given)

    # Before she leaves one goes by itself; then she is disabled, and the page offers the others.
    moved = await answer(admin, "POST", f"{API}/{ids[0]}/hand-over", json={"to": "bob"})
    assert (moved["owner"], moved["state"]) == ("bob", "on")
    problem = await answer(admin, "POST", f"{API}/{ids[1]}/hand-over", 422, json={"to": "nobody"})
    assert problem["errors"][0]["field"] == "to"
    at = await answer(admin, "POST", page, 303, data={"disabled": "yes"})
    assert at == f"{page}#schedules"
    await server.parts.operations.schedules.scheduler.look()
    assert (await answer(admin, "GET", user))["schedules"] == 2
    shown = await answer(admin, "GET", f"/schedules/{ids[1]}")
    assert "Take over" in shown
    assert await answer(admin, "POST", f"/schedules/{ids[1]}/take-over", 303) == f"/schedules/{ids[1]}"
    assert "Take over" not in await answer(admin, "GET", f"/schedules/{ids[1]}")
    assert "There is no active user named" in await answer(
        admin, "POST", f"{page}/hand-over", 422, data={"to": "alice"}
    )
    done = await answer(admin, "POST", f"{page}/hand-over", data={"to": "bob"})
    assert "1 schedule was handed over to bob" in done
    assert {each["name"] for each in (await answer(bob, "GET", API))["items"]} == {"Monthly", "Daily"}
    assert "is yours now" in str(await answer(bob, "GET", "/notifications"))
    assert await answer(admin, "POST", f"{user}/hand-over", json={"to": "bob"}) == {"handed": [], "left": []}
    lines = (await answer(admin, "GET", "/api/v1/admin/audit?limit=500"))["items"]
    assert [line["action"] for line in lines].count("schedule.hand_over") == 3


async def test_pages_need_no_cron(alice: Client) -> None:
    await import_text(alice)
    await put_template(alice, "sales", OWN)
    assert "/schedules/new?template=sales" in await answer(alice, "GET", "/schedules/new")
    form = {"template": "sales", "repeat": "weekly", "weekday": "4", "time": "17:30", "time_zone": "Europe/Berlin"}
    page = await answer(alice, "POST", "/schedules/new", 303, data={**form, "p.month": "this_month", "format": "xlsx"})
    made = await answer(alice, "GET", f"/api/v1{page}")
    assert (made["cron"], made["parameters"], made["formats"]) == ("30 17 * * 5", [{"month": "this_month"}], ["xlsx"])
    assert "every Friday at 17:30, Europe/Berlin" in await answer(alice, "GET", page)
    edit = await answer(alice, "GET", f"{page}/edit")
    assert '<option value="this_month" selected>' in edit
    await answer(alice, "POST", f"{page}/edit", 303, data={**form, "repeat": "import", "after_import": "orders"})
    assert (await answer(alice, "GET", f"/api/v1{page}"))["after_import"] == "orders"
    wrong = await answer(alice, "POST", f"{page}/edit", 422, data={**form, "repeat": "own", "cron": "soon"})
    assert "Write five fields" in wrong
    await answer(alice, "POST", f"{page}/run", 303)
    assert "by hand" in await answer(alice, "GET", page)
    assert "after an import into orders" in await answer(alice, "GET", "/templates/sales")
    for month in ("2026-12", "nonsense", "9999-99"):
        await answer(alice, "GET", f"/schedules?month={month}")


async def test_an_import_is_planned_shown_and_seen_by_nobody_else(
    server: Server, alice: Client, bob: Client, tmp_path: Path
) -> None:
    file = tmp_path / "inbox" / "orders.csv"
    file.write_text("id,amount\n1,10\n2,20\n3\n")
    os.utime(file, (1_700_000_000, 1_700_000_000))
    plan = {"folder": "inbox", "file": "orders*.csv", "dataset": "orders"}
    new = {"runs": "import", "import": plan, "cron": "0 6 * * *", "time_zone": "UTC", "name": "From the inbox"}
    made = await answer(alice, "POST", API, 201, json=new)
    assert (made["runs"], made["template"], made["import"]["file"]) == ("import", None, "orders*.csv")
    one, page = f"{API}/{made['id']}", f"/schedules/{made['id']}"
    for method, path in (("GET", one), ("PATCH", one), ("POST", f"{one}/run"), ("GET", page), ("GET", f"{page}/edit")):
        await answer(bob, method, path, 404, **({"json": {"enabled": False}} if method == "PATCH" else {}))
    await answer(alice, "POST", f"{page}/run", 303)
    last = await over(alice, one)
    assert (last["state"], last["outcome"]) == ("succeeded", "partial")
    assert last["result"] == {"file": "orders.csv", "imported": 2, "rejected": 1}
    shown = await answer(alice, "GET", page)
    assert "2 rows" in shown
    assert "1 rejected" in shown
    assert f"/imports/{last['job_id']}" in shown
    await answer(alice, "POST", f"{one}/run", 202, headers={"Idempotency-Key": "meant twice"})
    assert (await over(alice, one, 2))["result"] == {"nothing_new": True}
    assert "Nothing new." in await answer(alice, "GET", page)

    form = {"runs": "import", "folder": "inbox", "file": "*.csv", "take": "each", "dataset": "orders", "mode": "append"}
    form |= {"repeat": "daily", "time": "07:00", "time_zone": "UTC", "profile": "found"}
    await answer(alice, "POST", f"{page}/edit", 303, data=form)
    changed = await answer(alice, "GET", one)
    assert changed["import"] == {
        **plan,
        "options": {},
        "file": "*.csv",
        "take": "each",
        "mode": "append",
        "profile": "found",
    }
    assert '<option value="each" selected>' in await answer(alice, "GET", f"{page}/edit")
    new_page = await answer(alice, "GET", "/schedules/new?runs=import")
    assert "data.example.com" in new_page
    address = form | {"folder": "", "url": "https://data.example.com/a.csv?key=s3cret", "dataset": "others"}
    other = await answer(alice, "POST", "/schedules/new", 303, data=address | {"mode": "replace"})
    assert "s3cret" not in await answer(alice, "GET", other)
    wrong = await answer(alice, "POST", "/schedules/new", 422, data=address | {"url": "https://10.0.0.1/a.csv"})
    assert "Files are not fetched from this host" in wrong
    for broken in ({"import": {**plan, "dataset": ""}}, {"import": None}, {"template": "sales"}, {"runs": "batch"}):
        await answer(alice, "POST", API, 422, json={**new, **broken})
    await answer(alice, "PATCH", one, 422, json={"runs": "batch"})
    listed = await run("schedule", "list", **as_user(server, alice))
    assert "  import  inbox/*.csv → orders" in listed.out


async def test_a_check_of_a_query_is_planned_shown_and_seen_by_nobody_else(alice: Client, bob: Client) -> None:
    await import_text(alice)
    form = {"runs": "query", "sql": "select region, amount from orders", "rule": "above", "column": "amount"}
    form |= {"limit": "1000000", "of": "any", "repeat": "daily", "time": "07:00", "time_zone": "UTC", "name": "Large"}
    page = await answer(alice, "POST", "/schedules/new", 303, data=form)
    one = f"/api/v1{page}"
    made = await answer(alice, "GET", one)
    rule = {"when": "above", "column": "amount", "limit": 1000000, "of": "any"}
    assert (made["runs"], made["query"]) == ("query", {"sql": form["sql"], "rule": rule})
    for method, path in (("GET", page), ("GET", f"{page}/edit"), ("POST", f"{page}/run"), ("GET", one)):
        await answer(bob, method, path, 404)
    await answer(alice, "POST", f"{page}/run", 303)
    kept = (await over(alice, one))["result"]
    assert (kept["is_broken"], kept["is_told"]) == (False, False)
    assert kept["sentence"] == "In no row “amount” is above 1000000."
    edit = await answer(alice, "GET", f"{page}/edit")
    assert '<option value="above" selected>' in edit
    assert 'value="1000000"' in edit
    await answer(alice, "POST", f"{page}/edit", 303, data=form | {"rule": "rows", "each_time": "1"})
    await answer(alice, "POST", f"{page}/run", 303)
    broken = await over(alice, one, 2)
    assert (broken["result"]["is_broken"], broken["result"]["is_told"]) == (True, True)
    shown = await answer(alice, "GET", page)
    assert "Rule broken" in shown
    assert broken["result"]["sentence"] in shown
    assert "“Large” breaks its rule" in await answer(alice, "GET", "/notifications")
    wrong = await answer(alice, "POST", "/schedules/new", 422, data=form | {"sql": "select nothing from orders"})
    assert "Not saved" in wrong
    for broken_rule in ({"when": "above"}, {"when": "rows", "limit": 3}, {"when": "odd"}):
        query = {"sql": form["sql"], "rule": broken_rule}
        await answer(alice, "POST", API, 422, json={"runs": "query", "cron": "0 8 * * *", "query": query})


async def test_backups_are_for_administrators(alice: Client, bob: Client, admin: Client) -> None:
    new = {"runs": "backup", "cron": "0 3 * * *", "time_zone": "UTC", "backup": {"keep": 3}}
    await answer(bob, "POST", API, 403, json=new)
    await answer(bob, "GET", "/schedules/new?runs=backup", 403)
    await answer(bob, "POST", "/schedules/new", 403, data={"runs": "backup", "keep": "3", "repeat": "daily"})
    assert "runs=backup" not in await answer(bob, "GET", "/schedules/new")
    assert "runs=backup" in await answer(admin, "GET", "/schedules/new?runs=backup")
    problem = await answer(admin, "POST", API, 422, json=new)  # this server has no place for them
    assert problem["errors"][0]["field"] == "backup"
    await answer(admin, "POST", "/schedules/new", 422, data={"runs": "backup", "keep": "many", "repeat": "daily"})
    await import_text(alice)
    await put_template(alice, "sales", OWN)
    made = await answer(alice, "POST", API, 201, json={"template": "sales", "cron": "0 8 1 * *"})
    await answer(alice, "PATCH", f"{API}/{made['id']}", 403, json={"runs": "backup", "backup": {"keep": 1}})


async def over(client: Client, one: str, count: int = 1) -> Any:
    """The newest of so many runs, once nothing goes on any more."""
    async with asyncio.timeout(30):
        while True:
            runs = (await answer(client, "GET", one))["last_runs"]
            if len(runs) == count and runs[0]["state"] in ("succeeded", "failed") and runs[0]["result"]:
                return runs[0]
            await asyncio.sleep(0.02)
