"""Every door of the server, with something of every kind behind it: for tests that try all of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import aiohttp

from tests.functional.batches import made, put_template, reports_of
from tests.functional.importing import import_text, upload
from tests.functional.test_report_images import png
from tests.waiting import until
from views.api import ENDPOINTS
from views.routes import PAGES

TEMPLATE = """\
title: "{{ region }} of {{ today }}"
formats: [html, xlsx, pdf]
parameters:
  region: {type: text, each: "select distinct region from orders order by 1"}
queries:
  rows: select region, amount / (region <> 'South')::int as amount from orders where region = $region
blocks:
  - image: logo.png
  - heading: "{{ 'x' * 2 if false else region }}"
  - chart: {kind: bar, query: rows, x: region, y: amount}
  - table: {query: rows}
"""
OF_BROWSERS = "/push/subscriptions/{id}"  # made by whoever signed in with a password, and by no token
HOSTILE = "{{ [1]|batch(1000000000,'x')|list|length }}"
HOSTILE_TEMPLATE = f'title: t\nblocks:\n  - heading: "{HOSTILE}"\n'
Body = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """One request: where, and what is sent. `pattern` is the address with its placeholders."""

    method: str
    pattern: str
    path: str
    body: Body


async def prepared(client: aiohttp.ClientSession) -> dict[str, str]:
    """Something of every kind, by the placeholder in its address."""
    job_id = (await import_text(client, "region,amount\nNorth,1\nSouth,2\n"))["job_id"]
    upload_id = await upload(client, "a;b\n1;ä\n".encode("latin-1"), name="odd.csv")
    await upload(client, png(), name="logo.png")
    await put_template(client, "report", TEMPLATE)
    batch_id = (await made(client, "report"))["id"]
    report = next(item for item in await reports_of(client, batch_id) if item["artifacts"])
    planned = {"template": "report", "cron": "0 8 1 1 *", "name": "Yearly"}
    async with client.post("/api/v1/schedules", json=planned) as response:
        assert response.status == 201, await response.text()
        schedule = await response.json()
    wish = {"via": "webhook", "url": "https://hooks.invalid/secret"}
    async with client.post(f"/api/v1/batches/{batch_id}/deliveries", json={"deliveries": [wish]}) as response:
        assert response.status == 202, await response.text()
    delivery = await until(lambda: _delivery(client, batch_id))
    async with client.post("/api/v1/links", json={"batch": batch_id}) as response:
        assert response.status == 201, await response.text()
        link = await response.json()
    async with client.post(f"/api/v1/reports/{report['id']}/comments", json={"text": "South is missing"}) as response:
        assert response.status == 201, await response.text()
        comment = await response.json()
    kept = {"list": "batches", "name": "of mine", "query": {"q": ["x"]}}
    async with client.post("/api/v1/views", json=kept) as response:
        assert response.status == 201, await response.text()
        view = await response.json()
    return {
        "/views/{id}": f"/views/{view['id']}",
        OF_BROWSERS: f"/push/subscriptions/{view['id']}",  # where nothing is
        "/datasets/{name}": "/datasets/orders",
        "/templates/{name}": "/templates/report",
        "/uploads/{id}": f"/uploads/{upload_id}",
        "/imports/{job_id}": f"/imports/{job_id}",
        "/jobs/{id}": f"/jobs/{job_id}",
        "/batches/{id}": f"/batches/{batch_id}",
        "/reports/{id}": f"/reports/{report['id']}",
        "/reports/{report_id}": f"/reports/{report['id']}",
        "/schedules/{id}": f"/schedules/{schedule['id']}",
        "/deliveries/{id}": f"/deliveries/{delivery['id']}",
        "/links/{id}": f"/links/{link['id']}",
        "{kind}/{id}": f"report/{report['id']}",
        "{comment_id}": comment["id"],
        "/s/{secret}": "/s/" + link["url"].rpartition("/s/")[2],
        "{file:[^/]+}": report["artifacts"][0]["url"].rpartition("/")[2],
        "{number:\\d{1,9}}": "1",
        "{number}": "1",
        "{format}": "csv",
        "{section}": "system",
        "{gallery}": "data-quality",
    }


async def _delivery(client: aiohttp.ClientSession, batch_id: str) -> Body | None:
    async with client.get(f"/api/v1/batches/{batch_id}/deliveries") as response:
        items: list[Body] = (await response.json())["items"]
        return items[0] if items else None


def doors(places: dict[str, str]) -> Iterator[Door]:
    """Every door there is; those that take something away come last."""
    known = [(endpoint.method, f"/api/v1{endpoint.path}") for endpoint in ENDPOINTS]
    known += [(route.method, route.path) for route in PAGES]
    for method, pattern in sorted(known, key=lambda door: (_takes_away(*door), door[0] != "GET")):
        path = pattern
        for placeholder, value in places.items():
            path = path.replace(placeholder, value)
        for body in _bodies(method, pattern, places["/uploads/{id}"].rpartition("/")[2]):
            yield Door(method=method, pattern=pattern, path=_without_placeholders(path), body=body)


def _bodies(method: str, pattern: str, upload_id: str) -> list[Body]:
    """What is sent there: honest and hostile things for each that takes some; nothing elsewhere."""
    yaml = {"Content-Type": "application/yaml"}
    known: dict[tuple[str, str], list[Body]] = {
        ("GET", "/api/v1/datasets/{name}/rows"): [
            {"params": {"q": "o", "filter": "amount:gt:0", "order": "-amount"}},
            {"params": {"filter": "amount:gt:1e999"}},
        ],
        ("GET", "/datasets/{name}"): [{}, {"params": {"q": "o", "order": "amount"}}],
        ("GET", "/batches/new"): [{}, {"params": {"template": "report"}}],
        ("GET", "/templates/new"): [{}, {"params": {"sample": "monthly-sales"}}, {"params": {"dataset": "orders"}}],
        ("GET", "/imports/new"): [{"params": {"upload": upload_id}}],
        ("POST", "/api/v1/queries"): [{"json": {"sql": sql}} for sql in ("select 1", "select range(9999)", "nonsense")],
        ("POST", "/datasets/{name}/query"): [
            {"data": {"sql": "select * from orders"}},
            {"data": {"sql": "select * from orders", "download": "csv"}},
            {"data": {"sql": "nonsense"}},
        ],
        ("POST", "/api/v1/templates/{name}/preview"): [
            {"json": {"format": name, **source}}
            for name in ("html", "pdf", "xlsx")
            for source in ({}, {"source": HOSTILE_TEMPLATE})
        ],
        ("POST", "/templates/{name}/preview"): [{"data": {}}, {"data": {"source": HOSTILE_TEMPLATE}}],
        ("POST", "/api/v1/templates/{name}/check"): [
            {"data": text, "headers": yaml} for text in (TEMPLATE, HOSTILE_TEMPLATE, "a: [", "- &a [*a, *a]")
        ],
        ("POST", "/api/v1/templates/from-dataset"): [{"json": {"dataset": "orders", "language": HOSTILE}}],
        ("POST", "/api/v1/templates/from-gallery"): [
            {"json": {"gallery": name, "language": HOSTILE}} for name in ("data-quality", HOSTILE)
        ],
        ("PUT", "/api/v1/templates/{name}"): [{"data": TEMPLATE + "# again\n", "headers": yaml}],
        ("POST", "/api/v1/batches"): [
            {"json": {"template": "report", **given}}
            for given in (
                {},
                {"parameters": [{"region": "North"}]},
                {"parameters": [{"region": HOSTILE, "x": 1}]},
                {"parameters": {"query": "select 'North' as region"}},
            )
        ],
        ("POST", "/api/v1/batches/{id}/deliveries"): [
            {"json": {"deliveries": [{"via": via, "to": [HOSTILE], "body": HOSTILE, "url": HOSTILE, "path": HOSTILE}]}}
            for via in ("mail", "webhook", "folder", "link")
        ],
        ("POST", "/api/v1/deliveries/preview"): [
            {"json": {"template": "report", "deliveries": [{"via": "webhook", "url": "https://hooks.invalid/x"}]}},
            {"json": {"template": "report", "deliveries": [{"via": "link", "to_column": HOSTILE}]}},
        ],
        ("POST", "/batches/{id}/deliveries"): [{"data": {"via": "webhook", "to": HOSTILE, "subject": HOSTILE}}],
        ("GET", "/schedules"): [{}, {"params": {"month": "2027-02", "q": "y"}}, {"params": {"month": HOSTILE}}],
        ("GET", "/schedules/new"): [{}, {"params": {"template": "report"}}, {"params": {"runs": "import"}}],
        ("POST", "/schedules/new"): [
            {"data": {"template": "report", "repeat": each, "time": "08:00", "cron": HOSTILE}}
            for each in ("own", "last")
        ]
        + [{"data": {"runs": "import", "repeat": "daily", "folder": HOSTILE, "dataset": HOSTILE, "take": HOSTILE}}],
        ("POST", "/api/v1/schedules"): [
            {"json": {"template": "report", "cron": each}} for each in ("0 8 L * *", HOSTILE, "0 0 30 2 *")
        ]
        + [{"json": {"runs": "query", "cron": "0 8 * * *", "query": {"sql": HOSTILE, "rule": {"when": "rows"}}}}]
        + [{"json": {"runs": "import", "cron": "0 8 * * *", "import": {"folder": HOSTILE, "dataset": HOSTILE}}}],
        ("PATCH", "/api/v1/schedules/{id}"): [{"json": {"name": HOSTILE}}, {"json": {"time_zone": HOSTILE}}],
        ("POST", "/schedules/{id}/edit"): [{"data": {"repeat": "weekly", "time": "08:00", "time_zone": "UTC"}}],
        ("POST", "/batches/new"): [{"data": {"template": "report", "formats": "html"}}],
        ("POST", "/batches/new/expansion"): [{"data": {"template": "report"}}],
        ("POST", "/api/v1/imports"): [
            {"json": {"upload_id": upload_id, "dataset": "odd", "options": {"encoding": name}}}
            for name in ("latin-1", "utf-7", "idna", "zip")
        ],
        ("POST", "/imports"): [{"data": {"upload_id": upload_id, "dataset": "odd2"}}],
        ("POST", "/imports/preview"): [{"data": {"upload_id": upload_id}}],
        ("POST", "/api/v1/uploads/{id}/preview"): [
            {"json": {}},
            {"json": {"columns": [{"name": "a", "source": "a", "type": "integer", "min": 1e308}]}},
        ],
        ("GET", "/api/v1/uploads/{id}/preview"): [{}, {"params": {"encoding": "utf-16"}}],
        ("PATCH", "/api/v1/datasets/{name}"): [{"json": {"description": HOSTILE}}],
        ("POST", "/api/v1/reports/{id}/comments"): [{"json": {"text": f"{HOSTILE} @bob"}}],
        ("PATCH", "/api/v1/reports/{id}/comments/{comment_id}"): [{"json": {"text": HOSTILE}}],
        ("POST", "/reports/{id}/comments"): [{"data": {"text": HOSTILE}}],
        ("POST", "/reports/{id}/comments/{comment_id}"): [{"data": {"text": HOSTILE}}],
        ("POST", "/favourites/{kind}/{id}"): [{"data": {"on": "1"}}, {"data": {}}],
        ("POST", "/api/v1/events/{name}"): [{"json": {"text": HOSTILE}}],
    }
    if (method, pattern) in known:
        return known[method, pattern]
    return [
        {} if method in ("GET", "HEAD", "OPTIONS", "DELETE") else {"json": {}} if "/api/" in pattern else {"data": {}}
    ]


def _takes_away(method: str, pattern: str) -> bool:
    return method == "DELETE" or pattern.endswith(("/delete", "/logout", "/change", "/end-others"))


def _without_placeholders(path: str) -> str:
    """What stands for nothing that there is."""
    while "{" in path:
        before, _, rest = path.partition("{")
        path = f"{before}nothing{rest.partition('}')[2]}"
    return path
