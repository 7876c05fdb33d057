"""The server process never parses, compiles or decodes what a user wrote: worker processes do.

A request is JSON, a form or bytes to be stored; everything else in it (templates, expressions, SQL, files, pictures)
may be made to take all memory and time there is, and must not do so where everybody's connections are.
"""

from __future__ import annotations

import traceback
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import aiohttp
import chardet
import duckdb
import jinja2.sandbox
import pytest
import python_calamine
import quickjs
import ruamel.yaml
import typst
import xlsxwriter
import yarl
from pyarrow import csv as arrow_csv
from pyarrow import parquet as arrow_parquet

from server.datasets import conversion
from server.reports import images
from server.reports.sandbox import Sandbox
from tests.conftest import Server
from tests.functional.batches import made, put_template, reports_of
from tests.functional.importing import import_text, upload
from tests.functional.test_report_images import png
from views.api import ENDPOINTS
from views.routes import PAGES

EVALUATING: list[tuple[Any, str]] = [
    (duckdb, "connect"),
    (duckdb, "execute"),
    (duckdb, "sql"),
    (ruamel.yaml.YAML, "__init__"),
    (Sandbox, "__init__"),
    (jinja2.sandbox.SandboxedEnvironment, "__init__"),
    (conversion, "open_file"),
    (images, "read_image"),
    (chardet, "detect"),
    (zipfile.ZipFile, "__init__"),
    (arrow_csv, "open_csv"),
    (arrow_csv, "read_csv"),
    (arrow_parquet, "ParquetFile"),
    (arrow_parquet, "read_table"),
    (python_calamine, "load_workbook"),
    (quickjs, "Context"),
    (typst, "compile"),
    (typst, "Compiler"),
    (xlsxwriter.Workbook, "__init__"),
]

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
HOSTILE = "{{ [1]|batch(1000000000,'x')|list|length }}"
HOSTILE_TEMPLATE = f'title: t\nblocks:\n  - heading: "{HOSTILE}"\n'
Body = dict[str, Any]


class Probe:
    """Notes where the server process evaluated something, and lets it."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def watch(self, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> None:
        original: Callable[..., Any] = getattr(owner, name)

        def noted(*arguments: Any, **named: Any) -> Any:
            self.found.append(f"{name} in\n" + "".join(traceback.format_stack(limit=8)[:-1]))
            return original(*arguments, **named)

        monkeypatch.setattr(owner, name, noted)


@pytest.fixture
def probe(server: Server, monkeypatch: pytest.MonkeyPatch) -> Probe:
    probe = Probe()
    for owner, name in EVALUATING:
        probe.watch(monkeypatch, owner, name)
    return probe


async def test_no_operation_evaluates_in_the_server(server: Server, admin: aiohttp.ClientSession, probe: Probe) -> None:
    places = await _prepared(admin)
    asked: list[tuple[str, str]] = []
    for method, path, body in _requests(places):
        async with admin.request(method, yarl.URL(path, encoded=True), allow_redirects=False, **body) as response:
            await response.read()
            asked.append((method, path))
            assert response.status < 500, (method, path, await response.text())
    assert len(asked) > 100
    assert not probe.found, "\n".join(probe.found)


async def test_the_probe_sees_what_is_evaluated(probe: Probe) -> None:
    Sandbox({})
    duckdb.connect().close()
    assert len(probe.found) >= 2


async def _prepared(client: aiohttp.ClientSession) -> dict[str, str]:
    """Something of every kind, by the placeholder in its address."""
    job_id = (await import_text(client, "region,amount\nNorth,1\nSouth,2\n"))["job_id"]
    upload_id = await upload(client, "a;b\n1;ä\n".encode("latin-1"), name="odd.csv")
    await upload(client, png(), name="logo.png")
    await put_template(client, "report", TEMPLATE)
    batch_id = (await made(client, "report"))["id"]
    report = next(item for item in await reports_of(client, batch_id) if item["artifacts"])
    return {
        "/datasets/{name}": "/datasets/orders",
        "/templates/{name}": "/templates/report",
        "/uploads/{id}": f"/uploads/{upload_id}",
        "/imports/{job_id}": f"/imports/{job_id}",
        "/jobs/{id}": f"/jobs/{job_id}",
        "/batches/{id}": f"/batches/{batch_id}",
        "/reports/{id}": f"/reports/{report['id']}",
        "{file:[^/]+}": report["artifacts"][0]["url"].rpartition("/")[2],
        "{number:\\d{1,9}}": "1",
        "{number}": "1",
        "{format}": "csv",
        "{section}": "system",
        "upload": upload_id,
    }


def _requests(places: dict[str, str]) -> Iterator[tuple[str, str, Body]]:
    """Every door there is; those that take something away come last."""
    doors = [(endpoint.method, f"/api/v1{endpoint.path}") for endpoint in ENDPOINTS]
    doors += [(route.method, route.path) for route in PAGES]
    for method, pattern in sorted(doors, key=lambda door: (_takes_away(*door), door[0] != "GET")):
        path = pattern
        for placeholder, value in places.items():
            path = path.replace(placeholder, value)
        for body in _bodies(method, pattern, places["upload"]):
            yield method, _without_placeholders(path), body


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
        ("GET", "/templates/new"): [{}, {"params": {"sample": "monthly-sales"}}],
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
