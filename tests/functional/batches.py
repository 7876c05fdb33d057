"""Templates, batches and their jobs through the API, as tests need them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import aiohttp

from tests.waiting import OF_ENDS_SECONDS, until

DEADLINE_SECONDS = 60.0
Json = dict[str, Any]

# One report a region; the one of South divides by zero, as nobody there has paid.
SALES = """\
title: "{{ region }} sales"
description: Sales of one region
formats: [html, xlsx]
parameters:
  region: {type: text, label: Region, each: "select distinct region from orders order by 1"}
queries:
  totals: select sum(amount) as revenue, count(*) filter (paid) as paid from orders where region = $region
blocks:
  - heading: "{{ region }}"
  - text: "Revenue {{ totals.revenue }}, a paid order {{ totals.revenue / totals.paid }}"
"""
RIGHT = SALES.replace("totals.revenue / totals.paid", "totals.paid")


async def put_template(client: aiohttp.ClientSession, name: str = "sales", source: str = RIGHT) -> Json:
    headers = {"Content-Type": "application/yaml"}
    async with client.put(f"/api/v1/templates/{name}", data=source.encode(), headers=headers) as response:
        assert response.status in (200, 201), await response.text()
        saved: Json = await response.json()
        return saved


def slow_template(length: int) -> str:
    """Of reports that take the longer, by its square, the longer the texts are that each compares."""
    return f"""\
title: Slow
formats: [html]
parameters:
  i: {{type: integer}}
queries:
  rows: select sum(levenshtein(repeat(region, {length}), repeat(region, {length} + $i))) as n from orders
blocks:
  - kpis: [{{label: n, value: rows.n}}]
"""


def counting_template(reports: int) -> str:
    """Of so many reports that each count for a while, so that there is a middle to be cut short in."""
    return f"""\
title: "Number {{{{ number }}}}"
formats: [html]
parameters:
  number: {{type: integer, each: {list(range(1, reports + 1))}}}
queries:
  counted: select count(*) as n from range(20000000) t(i) where i % 7 = $number % 7
blocks:
  - text: "{{{{ counted.n }}}}"
"""


async def start(client: aiohttp.ClientSession, template: str = "sales", *, key: str = "", **order: Any) -> Json:
    headers = {"Idempotency-Key": key} if key else {}
    async with client.post("/api/v1/batches", json={"template": template, **order}, headers=headers) as response:
        assert response.status == 202, await response.text()
        started: Json = await response.json()
        return started


async def read(client: aiohttp.ClientSession, path: str, *, status: int = 200) -> Json:
    async with client.get(path) as response:
        assert response.status == status, await response.text()
        answer: Json = await response.json()
        return answer


async def reports_of(client: aiohttp.ClientSession, batch_id: str, query: str = "") -> list[Json]:
    items: list[Json] = (await read(client, f"/api/v1/batches/{batch_id}/reports{query}"))["items"]
    return items


async def ended(client: aiohttp.ClientSession, batch_id: str) -> Json:
    """The batch once its newest job is over."""

    async def over() -> Json | None:
        batch = await read(client, f"/api/v1/batches/{batch_id}")
        return batch if batch["state"] in ("succeeded", "failed", "cancelled") else None

    return await until(over, seconds=DEADLINE_SECONDS, step=OF_ENDS_SECONDS) or {}


async def when(
    client: aiohttp.ClientSession, batch_id: str, fits: Callable[[Json], bool], *, seconds: float = 60.0
) -> Json:
    """The batch as soon as it fits."""

    async def found() -> Json | None:
        batch = await read(client, f"/api/v1/batches/{batch_id}")
        return batch if fits(batch) else None

    return await until(found, seconds=seconds) or {}


async def made(client: aiohttp.ClientSession, template: str = "sales", **order: Any) -> Json:
    """A whole batch, however it ended."""
    return await ended(client, (await start(client, template, **order))["batch_id"])
