"""Every page that the router has, with something on each: what shots are taken of, and what axe looks at."""

from __future__ import annotations

from typing import Any

import aiohttp

from tests.functional import batches
from tests.functional.importing import ORDERS, import_text, upload
from views.routes import PAGES

Client = aiohttp.ClientSession
Json = dict[str, Any]
# What scripts of pages ask for, or machines, or what comes as a file.
NO_PAGES = frozenset(
    {
        "/healthz", "/readyz", "/metrics", "/docs/events.json", "/help/pictures/{file}",
        "/websocket-test/connections", "/account/devices", "/service-worker.js", "/manifest.webmanifest",
        "/account/brand/logo", "/admin/brand/logo", "/home/live", "/home/overview",
        "/jobs/rows", "/jobs/{id}/detail", "/admin/overview", "/admin/health",
        "/admin/connections/rows", "/admin/alerts/now", "/wall/figures", "/wall/history", "/admin/audit/export",
        "/template-vocabulary", "/templates/{name}/preview", "/batches/{id}/header", "/batches/{id}/row",
        "/batches/{id}/tiles", "/batches/values", "/batches/export.csv", "/batches/export.zip", "/batches/{id}/states",
        "/batches/{id}/deliveries", "/reports/{id}/detail", "/reports/{id}/comments",
        "/datasets/{name}/facts",
        "/datasets/{name}/columns/profiles", "/datasets/{name}/columns/shapes", "/datasets/{name}/query/names",
        "/login/openid", "/login/openid/callback", "/send/receivers", "/s/{secret}/reports/{report_id}/{file:[^/]+}",
        "/s/{secret}/download.zip", "/s/{secret}/combined.pdf",
    }
)  # fmt: skip
# Steps of ways in, each of which has a browser test of its own that walks there.
ON_THE_WAY = frozenset(
    {"/setup", "/login/code", "/account/linked", "/mail/confirm", "/mail/stop", "/unsubscribe/{code}"}
)
_SHARED = "/s/{secret}"
FOR_STRANGERS = frozenset(
    {"/login", "/invitation", "/reset-password", "/wall", "/offline", _SHARED, f"{_SHARED}/reports/{{report_id}}"}
)
SECTIONS_LOOKED_AT = ("account", "uploads", "live")  # of the reference: the longest, with files, the shortest
ROUTES = frozenset(route.path for route in PAGES if route.method == "GET") - NO_PAGES - ON_THE_WAY
# The contents, what is found, the longest document, one in the other language, and one with wide tables.
_HELP = {
    "/help": ["/help", "/help?q=import"],
    "/help/{name}": ["/help/zh-CN"],
    "/help/{language}/{chapter}": ["/help/en/analysts", "/help/zh-CN/administrators", "/help/zh-CN/operations"],
}
NO_HELP = frozenset({*_HELP, "/wall", "/offline"})  # it is the help itself; nobody presses anything; there is no server
_MANY = 1_000
_WRONG = "West,a lot,2026-01-05,yes\n"
_SECTIONS = ("connections", "storage", "settings")


async def furnished(client: Client) -> dict[str, list[str]]:
    """Addresses by route, once an administrator has imported, written, ordered, invited and failed a little."""
    dataset = await _dataset(client)
    template = await _template(client)
    return {
        **_plain(),
        **_HELP,
        **dataset,
        **template,
        **await _batches(client),
        **await _jobs(client),
        **await _people(client),
        "/docs/api/{section}": [f"/docs/api/{section}" for section in SECTIONS_LOOKED_AT],
        "/admin/{section}": [f"/admin/{section}" for section in _SECTIONS],
    }


async def of_a_thousand(client: Client) -> str:
    """The page of a batch of a thousand reports of which few are made: it is cancelled once they are listed."""
    parameters = [{"region": f"Region {number}"} for number in range(_MANY)]
    started = await batches.start(client, formats=["html"], parameters=parameters)
    await batches.when(client, started["batch_id"], lambda batch: batch["total"] == _MANY)
    await _post(client, f"/api/v1/jobs/{started['job_id']}/cancel", {})
    await batches.ended(client, started["batch_id"])
    return f"/batches/{started['batch_id']}"


def _plain() -> dict[str, list[str]]:
    return {path: [path] for path in ROUTES if "{" not in path}


async def _dataset(client: Client) -> dict[str, list[str]]:
    await import_text(client)
    amount = {"name": "amount", "type": "decimal"}
    options = {"columns": [{"name": "region"}, amount, {"name": "ordered_at"}, {"name": "paid"}]}
    job = (await import_text(client, ORDERS + _WRONG, mode="append", reject_limit=10, options=options))["job_id"]
    waiting = await upload(client, ORDERS, name="orders-november.csv")
    name = "/datasets/{name}"
    return {
        name: ["/datasets/orders"],
        **{
            f"{name}/{page}": [f"/datasets/orders/{page}"]
            for page in ("columns", "versions", "diff", "settings", "access")
        },
        f"{name}/query": ["/datasets/orders/query"],
        "/imports/new": [f"/imports/new?upload={waiting}"],
        "/imports/{job_id}": [f"/imports/{job}"],
        "/imports/{job_id}/rejects": [f"/imports/{job}/rejects"],
        "/imports/{job_id}/correct": [f"/imports/{job}/correct"],
    }


async def _template(client: Client) -> dict[str, list[str]]:
    await batches.put_template(client)
    await batches.put_template(client, source=batches.RIGHT.replace("Sales of one region", "Sales of a region"))
    name = "/templates/{name}"
    return {
        name: ["/templates/sales"],
        **{f"{name}/{page}": [f"/templates/sales/{page}"] for page in ("edit", "versions", "diff", "access")},
        name + r"/versions/{number:\d{1,9}}": ["/templates/sales/versions/1"],
        "/templates/new": ["/templates/new"],
    }


async def _batches(client: Client) -> dict[str, list[str]]:
    batch = await batches.made(client)
    await _post(client, "/api/v1/admin/groups", {"name": "Finance", "members": ["admin"]})
    grants = [{"group": "Finance", "right": "edit"}, {"everyone": True, "right": "view"}]
    async with client.put(f"/api/v1/batches/{batch['id']}/access", json={"grants": grants}) as response:
        assert response.status == 200, await response.text()
    reports = await batches.read(client, f"/api/v1/batches/{batch['id']}/reports")
    report = reports["items"][0]["id"]
    planned = {"template": "sales", "cron": "0 8 L * *", "time_zone": "Asia/Shanghai", "name": "End of the month"}
    schedule = (await _post(client, "/api/v1/schedules", planned))["id"]
    await _post(client, f"/api/v1/schedules/{schedule}/run", {})
    for text in ("East is missing a week, @admin.", "See https://example.com/orders, @nobody"):
        await _post(client, f"/api/v1/reports/{report}/comments", {"text": text})
    for thing in (f"report/{report}", f"batch/{batch['id']}"):
        async with client.put(f"/api/v1/favourites/{thing}") as response:
            assert response.status == 204, await response.text()
    links = ({"batch": batch["id"]}, {"report": report}, {"report": report, "password": "monsoon"})
    shared = ["/s/" + (await _post(client, "/api/v1/links", link))["url"].rpartition("/s/")[2] for link in links]
    return {
        _SHARED: shared,
        f"{_SHARED}/reports/{{report_id}}": [f"{shared[0]}/reports/{report}"],
        "/batches": [
            "/batches",
            "/batches?by=report&value=region%3DNorth&state=succeeded",
            "/batches?value=region%3DX",
        ],
        "/batches/together": ["/batches/together?action=share"],
        "/batches/new": ["/batches/new?template=sales"],
        "/batches/{id}": [f"/batches/{batch['id']}"],
        "/batches/{id}/access": [f"/batches/{batch['id']}/access"],
        "/reports/{id}": [f"/reports/{report}"],
        "/schedules/new": [
            "/schedules/new",
            "/schedules/new?template=sales",
            "/schedules/new?runs=import",
            "/schedules/new?runs=query",
        ],
        "/schedules/{id}": [f"/schedules/{schedule}"],
        "/schedules/{id}/edit": [f"/schedules/{schedule}/edit"],
    }


async def _jobs(client: Client) -> dict[str, list[str]]:
    """Two as scripts push them: one under way, one failed."""
    begin = {"title": "Nightly ETL", "total": 120_000, "unit": "rows", "stage": "loading", "message": "Reading orders"}
    changes: list[Json] = [
        {"progress": 48_213, "detail": {"rejected": 17, "source": "erp-2"}},
        {"progress": 9_001, "state": "failed", "error": "ConnectionError: the warehouse does not answer"},
    ]
    pages = []
    for change in changes:
        job = (await _post(client, "/api/v1/jobs", begin))["job_id"]
        async with client.patch(f"/api/v1/jobs/{job}", json=change) as response:
            assert response.status == 200, await response.text()
        pages.append(f"/jobs/{job}")
    return {"/jobs/{id}": pages}


async def _people(client: Client) -> dict[str, list[str]]:
    invitation = (await _post(client, "/api/v1/admin/invitations", {"role": "editor"}))["link"]
    body = {"username": "li.wei", "password": "correct-horse-li-wei", "role": "editor"}
    user = await _post(client, "/api/v1/admin/users", body)
    reset = (await _post(client, f"/api/v1/admin/users/{user['id']}/reset-link", {}))["link"]
    wall = (await _post(client, "/api/v1/admin/walls", {"name": "Control room"}))["address"]
    oldest = (await batches.read(client, "/api/v1/admin/connections"))["items"][:1]
    return {
        "/admin/users/{id}": [f"/admin/users/{user['id']}"],
        "/invitation": [_path(invitation)],
        "/reset-password": [_path(reset)],
        "/wall": [_path(wall)],
        "/admin/connections/{id}/close": [f"/admin/connections/{each['connection_id']}/close" for each in oldest],
    }


def _path(link: str) -> str:
    return "/" + link.partition("://")[2].partition("/")[2] if "://" in link else link


async def _post(client: Client, path: str, body: Json) -> Json:
    async with client.post(path, json=body) as response:
        assert response.status < 300, await response.text()
        answer: Json = await response.json()
        return answer
