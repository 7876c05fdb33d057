"""What moved since the batch before, in the API and on the batch's page."""

from __future__ import annotations

import aiohttp

from tests.functional.batches import Json, ended, made, put_template, read
from tests.functional.importing import import_text

SOURCE = """\
title: "{{ region }}"
formats: [html]
parameters:
  region: {each: select distinct region from orders order by 1}
  month: {type: month, default: last_month}
queries:
  q: select sum(amount) as n, count(*) as orders from orders where region = $region
blocks:
  - kpis:
      - {label: Revenue, value: q.n, format: currency, currency: EUR}
      - {label: Orders, value: q.orders}
      - {label: Region, value: "region"}
"""
LATER = "region,amount,ordered_at,paid\nNorth,21,2026-01-03,yes\nSouth,2,2026-01-01,no\nWest,7.25,2026-01-02,yes\n"


async def comparison(client: aiohttp.ClientSession, batch: Json, query: str = "") -> Json:
    return await read(client, f"/api/v1/batches/{batch['id']}/comparison{query}")


async def test_the_figures_that_moved_most_are_told(alice: aiohttp.ClientSession, bob: aiohttp.ClientSession) -> None:
    await import_text(alice)
    await put_template(alice, source=SOURCE)
    first = await made(alice)
    assert await comparison(alice, first) == {
        "before": None, "compared": 0, "only_now": 0, "only_before": 0, "not_made": 0, "changed": 0, "unpaired": 0,
        "moved": [],
    }  # fmt: skip
    async with alice.get(f"/batches/{first['id']}") as response:
        assert "What moved most" not in await response.text()
    await import_text(alice, LATER, mode="replace")
    second = await made(alice, as_of="2026-05-05")
    found = await comparison(alice, second)
    [moved] = found.pop("moved")
    assert found.pop("before")["id"] == first["id"]
    assert found == {"compared": 2, "only_now": 1, "only_before": 1, "not_made": 0, "changed": 1, "unpaired": 0}
    assert (moved["title"], moved["label"], moved["change"]) == ("North", "Revenue", 1.0)
    assert (moved["before"]["text"], moved["after"]["text"]) == ("€10.50", "€21.00")
    async with alice.get(f"/batches/{second['id']}") as response:
        page = await response.text()
    assert "What moved most" in page
    assert "+100.0%" in page
    assert f'href="/batches/{first["id"]}"' in page
    third = await made(alice)
    assert (await comparison(alice, third))["changed"] == 0
    assert (await comparison(alice, third, f"?with={first['id']}"))["changed"] == 1
    await import_text(bob)
    await put_template(bob, source=SOURCE)
    others = await made(bob)
    for mine, theirs in ((others["id"], first["id"]), (first["id"], "")):
        async with bob.get(f"/api/v1/batches/{mine}/comparison?with={theirs}") as response:
            assert response.status == 404
    assert (await comparison(bob, await ended(bob, others["id"])))["before"] is None
