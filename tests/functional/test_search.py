"""`/api/v1/search` through the server: everything that is made is found by its owner, and by nobody else."""

from __future__ import annotations

from typing import Any

import aiohttp

from tests.conftest import Server
from tests.functional.batches import made, put_template
from tests.functional.importing import import_text
from tests.functional.test_sharing import call

TEMPLATE = """\
title: "{{ region }} – {{ month }}"
formats: [html]
parameters:
  region: {type: text, each: "select distinct region from orders order by 1"}
  month: {type: text, default: 2026-10}
blocks:
  - heading: "{{ region }}"
"""


async def hits(client: aiohttp.ClientSession, q: str, **asked: Any) -> list[tuple[str, str]]:
    found = await call(client, "GET", "/api/v1/search", params={"q": q} | asked)
    return [(each["kind"], each["name"]) for each in found["items"] if each["id"]]


async def test_reports_are_found_by_their_parameters_and_by_whom_they_are_shared_with(
    server: Server, admin: aiohttp.ClientSession, alice: aiohttp.ClientSession, bob: aiohttp.ClientSession
) -> None:
    await import_text(alice, "region,amount\nEurope,1\n欧洲,2\n", dataset="orders")
    await put_template(alice, "monthly", TEMPLATE)
    batch = await made(alice, template="monthly", name="Autumn 销售")
    words = ("october europe", "十月 欧洲", "2026-10 欧", "autumn", "amount", "monthly", "alice")
    nothing: dict[str, list[Any]] = {q: [] for q in words}
    mine = {q: await hits(alice, q, limit=50) for q in words}
    assert mine["october europe"] == [("report", "Europe – 2026-10")]
    assert mine["十月 欧洲"] == mine["2026-10 欧"] == [("report", "欧洲 – 2026-10")]
    assert {("batch", "Autumn 销售"), ("report", "欧洲 – 2026-10")} <= {*mine["autumn"]}
    assert mine["amount"] == [("column", "amount")]
    assert ("template", "monthly") in mine["monthly"]
    assert mine["alice"] == []
    assert ("user", "alice") in await hits(admin, "alice")

    found = (await call(alice, "GET", "/api/v1/search", params={"q": "欧洲", "kind": "report"}))["items"][0]
    assert (found["said"], found["owner"], found["parts"][0]) == (
        "Autumn 销售",
        None,
        {"text": "欧洲", "is_hit": True},
    )
    async with alice.get(found["url"]) as page:
        assert page.status == 200
    assert {q: await hits(bob, q) for q in words} == nothing

    place = f"/api/v1/batches/{batch['id']}/access"
    grants = await call(alice, "PUT", place, json={"grants": [{"user": "bob", "right": "view"}]})
    assert grants["grants"]
    assert await hits(bob, "十月 欧洲") == [("report", "欧洲 – 2026-10")]
    assert await hits(bob, "autumn", kind="batch") == [("batch", "Autumn 销售")]
    assert await hits(bob, "amount") == await hits(bob, "orders", kind="dataset") == []  # the data stay closed
    shared = (await call(bob, "GET", "/api/v1/search", params={"q": "autumn", "kind": "batch"}))["items"][0]
    assert shared["owner"] == "alice"
    await call(alice, "PUT", place, json={"grants": []})
    assert {q: await hits(bob, q) for q in words} == nothing

    helped = (await call(alice, "GET", "/api/v1/search", params={"q": "share", "kind": "doc"}))["items"]
    pages = [each["url"] for each in helped if "/help/" in each["url"]]
    async with alice.get(pages[0]) as page:
        assert page.status == 200

    async with alice.delete(f"/api/v1/batches/{batch['id']}") as gone:
        assert gone.status == 204
    assert await hits(alice, "十月 欧洲") == await hits(alice, "autumn", kind="batch") == []
    async with alice.get("/api/v1/search", params={"q": "@"}) as refused, aiohttp.ClientSession(server.url) as nobody:
        assert (refused.status, (await refused.json())["code"]) == (422, "no_words")
        async with nobody.get("/api/v1/search", params={"q": "orders"}) as stranger:
            assert stranger.status == 401
