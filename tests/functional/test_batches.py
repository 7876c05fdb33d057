"""Batches through the API: what is made, what fails alone, what can be tried again, who may see it."""

from __future__ import annotations

import csv
import html
import io
import json
import re
import time
import zipfile
from urllib.parse import quote

import aiohttp
import pytest

from tests.functional.batches import RIGHT, SALES, ended, made, put_template, read, reports_of, start
from tests.functional.importing import import_text
from tests.functional.live_client import live
from tests.waiting import until

INDEX = ["index.html", "index.csv"]
DATED = """\
title: "{{ month }} until {{ today }}"
formats: [pdf, xlsx, html]
parameters:
  month: {type: month, default: last_month}
queries:
  now: "select current_date as a, today() as b, now()::date as c, random() as d, uuid()::text as e"
blocks:
  - text: "{{ now.a }} {{ now.b }} {{ now.c }}"
  - table: {query: now}
"""


@pytest.fixture
async def alice(alice: aiohttp.ClientSession) -> aiohttp.ClientSession:
    """Alice, who has a dataset of three regions and a template."""
    await import_text(alice)
    await put_template(alice)
    return alice


async def test_each_value_gives_a_report_in_every_format(alice: aiohttp.ClientSession) -> None:
    batch = await made(alice)
    assert batch["state"] == "succeeded"
    assert batch["tally"]["succeeded"] == batch["total"] == 3
    assert batch["datasets"] == [{"name": "orders", "version": 1}]
    reports = await reports_of(alice, batch["id"])
    assert [report["parameters"]["region"] for report in reports] == ["North", "South", "华东"]
    assert [report["title"] for report in reports] == ["North sales", "South sales", "华东 sales"]
    files = [[artifact["file"] for artifact in report["artifacts"]] for report in reports]
    assert sorted(files[2]) == ["华东 sales.html", "华东 sales.xlsx"]


async def test_a_failing_report_fails_alone_and_says_why(alice: aiohttp.ClientSession) -> None:
    await put_template(alice, source=SALES)
    batch = await made(alice)
    assert batch["state"] == "succeeded"
    assert (batch["tally"]["succeeded"], batch["tally"]["failed"]) == (2, 1)
    [failed] = await reports_of(alice, batch["id"], "?state=failed")
    assert failed["parameters"] == {"region": "South"}
    assert "zero" in failed["error"]["message"].lower()
    job = await read(alice, f"/api/v1/jobs/{batch['job_id']}")
    assert (job["result"]["succeeded"], job["result"]["failed"]) == (2, 1)
    assert (job["progress"], job["total"]) == (3, 3)
    assert (job["outcome"], job["state_text"], job["missing"]) == ("partial", "Done · 1 failed", 1)
    assert batch["outcome"] == "partial"
    for page in ("/batches", f"/batches/{batch['id']}", "/"):
        async with alice.get(page) as response:
            assert "Done · 1 failed" in await response.text(), page
    by_row = RIGHT.replace(', each: "select distinct region from orders order by 1"', "")
    by_row = by_row.replace("queries:", "each_row: select unnest(['North', null]) as region\nqueries:")
    await put_template(alice, name="rows", source=by_row)
    batch = await made(alice, template="rows")
    assert (batch["tally"]["succeeded"], batch["tally"]["failed"]) == (1, 1)
    [failed] = await reports_of(alice, batch["id"], "?state=failed")
    assert failed["parameters"] == {"region": None}
    assert "“Region” needs a value." in failed["error"]["message"]
    async with alice.get(f"/batches/{batch['id']}") as response:
        assert response.status == 200


async def test_a_batch_of_which_everything_failed_fails(alice: aiohttp.ClientSession) -> None:
    await put_template(alice, source=SALES)
    batch = await made(alice, parameters=[{"region": "South"}])
    assert batch["state"] == "failed"
    job = await read(alice, f"/api/v1/jobs/{batch['job_id']}")
    assert job["error"]["code"] == "all_reports_failed"


async def test_retry_makes_only_the_failed_ones_and_leaves_the_others(alice: aiohttp.ClientSession) -> None:
    await put_template(alice, source=SALES)
    batch = await made(alice)
    before = await reports_of(alice, batch["id"], "?state=succeeded")
    async with alice.post(f"/api/v1/batches/{batch['id']}/retry", headers={"Idempotency-Key": "again"}) as response:
        assert response.status == 202
        again = await response.json()
    assert again["batch_id"] == batch["id"]
    assert again["job_id"] != batch["job_id"]
    after = await ended(alice, batch["id"])
    assert after["tally"]["failed"] == 1  # it fails as before: what was asked for has not changed
    assert await reports_of(alice, batch["id"], "?state=succeeded") == before
    async with alice.post(f"/api/v1/batches/{batch['id']}/retry", headers={"Idempotency-Key": "again"}) as response:
        assert (await response.json())["job_id"] == again["job_id"]


async def test_a_batch_without_failures_has_nothing_to_retry(alice: aiohttp.ClientSession) -> None:
    batch = await made(alice)
    async with alice.post(f"/api/v1/batches/{batch['id']}/retry") as response:
        assert response.status == 409
        assert "nothing to try again" in (await response.json())["detail"]


async def test_the_same_key_gives_the_same_batch(alice: aiohttp.ClientSession) -> None:
    first = await start(alice, key="once")
    second = await start(alice, key="once")
    assert (first["job_id"], first["batch_id"]) == (second["job_id"], second["batch_id"])
    assert (await read(alice, "/api/v1/batches"))["total"] == 1
    await ended(alice, first["batch_id"])


async def test_parameters_may_be_sets_or_the_rows_of_a_query(alice: aiohttp.ClientSession) -> None:
    chosen = await made(alice, parameters=[{"region": "华东"}, {"region": "North"}], formats=["html"])
    assert [r["parameters"]["region"] for r in await reports_of(alice, chosen["id"])] == ["华东", "North"]
    queried = await made(alice, parameters={"query": "select region from orders where amount > 5 order by amount"})
    assert [r["parameters"]["region"] for r in await reports_of(alice, queried["id"])] == ["华东", "North"]


@pytest.mark.parametrize(
    ("order", "field"),
    [
        ({"parameters": [{"region": "North"}, {"regoin": "South"}]}, "parameters[1].regoin"),
        ({"parameters": []}, "parameters"),
        ({"formats": ["docx"]}, "formats[0]"),
    ],
)
async def test_a_wrong_order_is_refused_with_the_field(
    alice: aiohttp.ClientSession, order: dict[str, object], field: str
) -> None:
    async with alice.post("/api/v1/batches", json={"template": "sales", **order}) as response:
        assert response.status == 422, await response.text()
        assert field in [error["field"] for error in (await response.json())["errors"]]
    assert (await read(alice, "/api/v1/batches"))["total"] == 0


async def test_an_unknown_template_is_not_found(alice: aiohttp.ClientSession) -> None:
    async with alice.post("/api/v1/batches", json={"template": "nothing"}) as response:
        assert response.status == 404


async def test_a_query_that_gives_no_rows_fails_the_job_with_a_reason(alice: aiohttp.ClientSession) -> None:
    batch = await made(alice, parameters={"query": "select region from orders where false"})
    job = await read(alice, f"/api/v1/jobs/{batch['job_id']}")
    assert batch["state"] == "failed"
    assert "nothing to report" in job["error"]["message"]


async def test_what_was_asked_for_stays_what_is_made(alice: aiohttp.ClientSession) -> None:
    batch = await made(alice)
    [first, *_] = await reports_of(alice, batch["id"])
    await import_text(alice, mode="replace", content="region,amount,ordered_at,paid\nNorth,99,2026-01-03,yes\n")
    await put_template(alice, source=RIGHT.replace("sales", "turnover"))
    kept = await read(alice, f"/api/v1/reports/{first['id']}")
    assert kept == first
    newer = await made(alice)
    assert newer["template_version"] == 2
    assert newer["datasets"] == [{"name": "orders", "version": 2}]


async def test_reports_are_filtered_and_paged(alice: aiohttp.ClientSession) -> None:
    batch = await made(alice, formats=["html"])
    base = f"/api/v1/batches/{batch['id']}/reports"
    page = await read(alice, f"{base}?limit=2")
    assert (len(page["items"]), page["total"]) == (2, 3)
    rest = await read(alice, f"{base}?limit=2&cursor={page['next_cursor']}")
    assert [item["position"] for item in page["items"] + rest["items"]] == [1, 2, 3]
    assert rest["next_cursor"] is None
    assert [item["title"] for item in await reports_of(alice, batch["id"], "?q=华东")] == ["华东 sales"]
    assert await reports_of(alice, batch["id"], "?state=failed") == []


async def test_the_zip_holds_one_file_a_report_and_format(alice: aiohttp.ClientSession) -> None:
    batch = await made(alice)
    async with alice.get(f"/api/v1/batches/{batch['id']}/download.zip") as response:
        assert response.status == 200
        assert response.content_type == "application/zip"
        content = await response.read()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        assert len(archive.namelist()) == 6 + len(INDEX)
        assert {"华东 sales.xlsx", "华东 sales.html"} <= set(archive.namelist())
        assert all(entry.flag_bits & 0x800 for entry in archive.infolist() if not entry.filename.isascii())
    async with alice.get(f"/api/v1/batches/{batch['id']}/download.zip?format=xlsx") as response:
        sized = await response.read()
        assert response.content_length == len(sized)
    with zipfile.ZipFile(io.BytesIO(sized)) as archive:
        assert len(archive.namelist()) == 3 + len(INDEX)


async def test_same_titles_stay_apart_in_the_zip(alice: aiohttp.ClientSession) -> None:
    """By what differs; where the template says how files are called, by numbers."""
    told, numbered = RIGHT.replace('"{{ region }} sales"', "Sales"), RIGHT.replace("title:", "file_name: Sales\ntitle:")
    for source, wanted in (
        (told, ["Sales · North.xlsx", "Sales · South.xlsx", "Sales · 华东.xlsx"]),
        (numbered, ["Sales.xlsx", "Sales (2).xlsx", "Sales (3).xlsx"]),
    ):
        await put_template(alice, source=source)
        batch = await made(alice, formats=["xlsx"])
        async with alice.get(f"/api/v1/batches/{batch['id']}/download.zip") as response:
            names = zipfile.ZipFile(io.BytesIO(await response.read())).namelist()
        assert names == [*INDEX, *wanted]


async def test_the_index_of_the_zip_names_also_what_failed_and_why(alice: aiohttp.ClientSession) -> None:
    await put_template(alice, source=SALES)
    batch = await made(alice, formats=["xlsx"])
    async with alice.get(f"/api/v1/batches/{batch['id']}/download.zip") as response:
        archive = zipfile.ZipFile(io.BytesIO(await response.read()))
    north, south, east = csv.DictReader(io.StringIO(archive.read("index.csv").decode("utf-8-sig")))
    assert (north["title"], north["state"], north["xlsx"]) == ("North sales", "succeeded", "North sales.xlsx")
    assert (south["parameters.region"], south["state"], south["xlsx"]) == ("South", "failed", "")
    assert south["error_code"]
    assert "zero" in south["error"].lower()
    page = archive.read("index.html").decode()
    assert "2 of 3 reports were made" in page
    assert south["error"] in html.unescape(page)
    assert [quote(each["xlsx"]) in page for each in (north, east)] == [True, True]


async def test_the_same_order_as_of_the_same_day_gives_the_same_bytes(alice: aiohttp.ClientSession) -> None:
    """Whenever it is made: parameters, words for today in SQL, footers and all dates in the files follow `as_of`."""
    await put_template(alice, source=DATED)
    archives = []
    for _ in range(2):
        batch = await made(alice, as_of="2026-10-31")
        assert batch["as_of"] == "2026-10-31T23:59:59Z"
        async with alice.get(f"/api/v1/batches/{batch['id']}/download.zip") as response:
            archives.append(await response.read())
        made_by = int(time.time())
        await until(lambda: int(time.time()) > made_by)  # noqa: B023 – within the turn
    assert archives[0] == archives[1]
    with zipfile.ZipFile(io.BytesIO(archives[0])) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(2026, 10, 31, 23, 59, 58)}  # zip has even ones
        [name] = [name for name in archive.namelist() if name.endswith(".html") and name not in INDEX]
        text = archive.read(name).decode()
    assert name == "2026-09-01 until 2026-10-31.html"
    assert text.count("2026-10-31 2026-10-31 2026-10-31") == 1
    assert "As of 31 Oct 2026" in text


async def test_the_order_form_follows_the_day(alice: aiohttp.ClientSession) -> None:
    await put_template(alice, source=DATED)
    query = {"template": "sales", "as_of": "2026-03-15"}
    async with alice.get("/batches/new", params=query) as response:
        assert 'type="month" id="p.month" name="p.month" value="2026-02"' in await response.text()
    async with alice.post(
        "/batches/new", data={"template": "sales", "format": "html", "as_of": "2026-13-01"}
    ) as response:
        assert (response.status, 'id="as_of-error"' in await response.text()) == (422, True)
    async with alice.post("/batches/new", data={**query, "format": "html"}) as response:
        batch = await ended(alice, response.url.path.rpartition("/")[2])
        assert batch["as_of"] == "2026-03-15T23:59:59Z"


async def test_a_wrong_day_is_refused_with_its_field(alice: aiohttp.ClientSession) -> None:
    for wrong in ("yesterday", "2026-13-01", "2026-10-31T10:00:00", "0001-01-01", "9999-12-31"):
        async with alice.post("/api/v1/batches", json={"template": "sales", "as_of": wrong}) as response:
            assert response.status == 422, wrong
            assert [error["field"] for error in (await response.json())["errors"]] == ["as_of"]


async def test_reports_ordered_anew_speak_of_the_same_day(alice: aiohttp.ClientSession) -> None:
    await put_template(alice, source=SALES)
    batch = await made(alice, as_of="2026-10-31T10:00:00+08:00")
    async with alice.post(f"/api/v1/batches/{batch['id']}/reorder") as response:
        again = await ended(alice, (await response.json())["batch_id"])
    assert again["as_of"] == batch["as_of"] == "2026-10-31T02:00:00Z"


async def test_large_data_are_sorted_once_for_all_reports_and_none_is_the_worse(alice: aiohttp.ClientSession) -> None:
    rows = "".join(f"R{number * 7 % 34},{number}\n" for number in range(200_000))
    await import_text(alice, f"region,amount\n{rows}", name="many.csv", dataset="many")
    queries = {name: f"select {name}(amount) as n from many where region = $region" for name in ("sum", "min", "max")}
    texts = "".join(f" {name} {{{{ {name}.n }}}}." for name in queries)
    source = (
        'title: "{{ region }}"\nformats: [html]\nparameters:\n  region: {each: select distinct region from many}\n'
        f"queries: {json.dumps({f'{name}': sql for name, sql in queries.items()})}\nblocks: [{{text: '{texts}'}}]\n"
    )
    await put_template(alice, "many", source)
    batch = await made(alice, "many")
    assert batch["tally"]["succeeded"] == 34
    [report] = await reports_of(alice, batch["id"], "?q=R21")
    async with alice.get(report["artifacts"][0]["url"]) as response:
        page = await response.text()
    mine = [number for number in range(200_000) if number * 7 % 34 == 21]
    assert f"sum {sum(mine)}. min {mine[0]}. max {mine[-1]}." in page


async def test_a_batch_is_deleted_with_its_files(alice: aiohttp.ClientSession) -> None:
    batch = await made(alice)
    [report, *_] = await reports_of(alice, batch["id"])
    async with alice.delete(f"/api/v1/batches/{batch['id']}") as response:
        assert response.status == 204
    for path in (f"/api/v1/batches/{batch['id']}", f"/api/v1/reports/{report['id']}", report["artifacts"][0]["url"]):
        await read(alice, path, status=404)


async def test_a_deleted_dataset_is_told_before_anything_is_made(alice: aiohttp.ClientSession) -> None:
    async with alice.delete("/api/v1/datasets/orders") as response:
        assert response.ok
    async with alice.post("/api/v1/batches", json={"template": "sales"}) as response:
        assert response.status == 422
        problem = await response.json()
    assert problem["code"] == "template_problem"
    assert "orders" in problem["errors"][0]["message"]


async def test_every_step_is_told_live(alice: aiohttp.ClientSession) -> None:
    async with live(alice, "tab") as socket:
        started = await start(alice)
        event = f"batch:{started['batch_id']}"
        await socket.send(type="subscribe", events=[event])
        await ended(alice, started["batch_id"])
        done = await socket.next(lambda m: m["type"] == "job" and m["state"] == "succeeded", seconds=20)
        assert done["detail"]["succeeded"] == 3
        progress = [m for m in socket.seen if m["type"] == "batch_report_progress"]
        assert progress[-1]["unit"] == "reports"
        assert [m["progress"] for m in progress] == sorted(m["progress"] for m in progress)
        assert (await socket.next("notification"))["title"] == "Reports “Region sales” are ready"
        await socket.send(type="ping")
        await socket.next("pong")
        steps = [m["data"] for m in socket.seen if m["type"] == "event" and m["event"] == event]
        assert steps[-1]["state"] == "succeeded"


async def test_nobody_else_may_know_of_it(alice: aiohttp.ClientSession, bob: aiohttp.ClientSession) -> None:
    batch = await made(alice)
    [report, *_] = await reports_of(alice, batch["id"])
    base = f"/api/v1/batches/{batch['id']}"
    for path in (base, f"{base}/reports", f"{base}/download.zip", f"/api/v1/reports/{report['id']}"):
        await read(bob, path, status=404)
    await read(bob, report["artifacts"][0]["url"], status=404)
    async with bob.post(f"{base}/retry") as response:
        assert response.status == 404
    async with bob.delete(base) as response:
        assert response.status == 404
    for page in ("", "/header", "/tiles", "/states"):
        async with bob.get(f"/batches/{batch['id']}{page}") as response:
            assert response.status == 404
    async with bob.get(f"/reports/{report['id']}") as response:
        assert response.status == 404
    assert (await read(bob, "/api/v1/batches"))["items"] == []
    assert (await read(alice, base))["tally"]["succeeded"] == 3


async def test_an_admin_sees_it(alice: aiohttp.ClientSession, admin: aiohttp.ClientSession) -> None:
    batch = await made(alice)
    assert (await read(admin, f"/api/v1/batches/{batch['id']}"))["total"] == 3


async def test_an_unknown_id_is_not_found_whatever_it_looks_like(alice: aiohttp.ClientSession) -> None:
    for path in ("/api/v1/batches/0", "/api/v1/batches/%E5%8C%97/reports", "/api/v1/reports/x/y.pdf"):
        await read(alice, path, status=404)


SEVERAL = """\
title: "{{ regions | join('+') }} · {{ period.from }}"
formats: [html]
parameters:
  paid: {type: boolean, default: true}
  regions: {type: list, options: "select distinct region from orders where paid = $paid order by 1"}
  period: {type: range, default: last_month}
queries:
  q: select sum(amount) as n from orders where region in $regions
blocks:
  - text: "{{ q.n }}"
"""


async def test_a_form_offers_several_values_and_two_days_and_brings_them_to_the_report(
    alice: aiohttp.ClientSession,
) -> None:
    await put_template(alice, "several", SEVERAL)
    async with alice.get("/batches/new?template=several") as response:
        page = await response.text()
    assert [f'name="p.regions.each" value="{region}"' in page for region in ("North", "South", "华东")] == [
        True,
        False,
        True,
    ]
    assert page.count('type="date" name="p.period.') == 2
    async with alice.get("/batches/new?template=several&p.paid=false") as response:
        assert 'name="p.regions.each" value="South"' in await response.text()
    form = [("template", "several"), ("format", "html"), ("p.regions.each", "North"), ("p.regions.each", "华东"),
            ("p.period.from", "2026-01-01"), ("p.period.to", "2026-01-31")]  # fmt: skip
    async with alice.post("/batches/new", data=form) as response:
        assert response.status == 200, await response.text()
        batch_id = response.url.path.rpartition("/")[2]
    batch = await ended(alice, batch_id)
    assert batch["name"] == "North, 华东 · January 2026"
    [report] = await reports_of(alice, batch_id)
    assert report["parameters"] == {
        "paid": True, "regions": ["North", "华东"], "period": {"from": "2026-01-01", "to": "2026-01-31"},
    }  # fmt: skip
    async with alice.get(f"/reports/{report['id']}") as response:
        page = await response.text()
    assert "<dd>North, 华东</dd>" in page
    assert "<dd>2026-01-01 – 2026-01-31</dd>" in page
    form[-1] = ("p.period.to", "2025-12-31")
    async with alice.post("/batches/new", data=form) as response:
        page = await response.text()
        assert response.status == 422
    assert "The range ends before it begins: 2026-01-01 to 2025-12-31." in html.unescape(page)
    assert 'value="North" checked' in page  # nothing that was chosen is lost


async def test_what_must_be_chosen_is_not_chosen_by_itself(alice: aiohttp.ClientSession) -> None:
    parameters = "{region: {type: choice, options: [North, South]}, paid: {type: boolean, default: false}}"
    await put_template(alice, "one", f"title: x\nformats: [html]\nparameters: {parameters}\nblocks: [{{text: x}}]\n")
    async with alice.get("/batches/new?template=one") as response:
        page = await response.text()
    assert re.search(r'name="p.region" required>\s*<option value="">choose …</option>', page)
    async with alice.get("/batches/new?template=one&p.region=South") as response:
        page = await response.text()
    assert "choose …" not in page
    assert "<span>South · no</span>" in page
    async with alice.get("/templates/one") as response:
        assert "usually no" in await response.text()


async def test_a_batch_keeps_what_its_template_included(
    alice: aiohttp.ClientSession, bob: aiohttp.ClientSession
) -> None:
    await put_template(bob, "head", "title: x\nblocks: [{text: words of bob}]\n")
    source = "title: Whole\nformats: [html]\nblocks:\n  - include: head\n"
    headers = {"Content-Type": "application/yaml"}
    async with alice.put("/api/v1/templates/whole", data=source.encode(), headers=headers) as response:
        assert response.status == 422
        assert "no template “head” of yours" in await response.text()
    await put_template(alice, "head", "title: x\nblocks: [{text: words of alice}]\n")
    await put_template(alice, "whole", source)
    async with alice.post("/api/v1/templates/whole/preview", json={}) as response:
        assert "words of alice" in await response.text()
    batch = await made(alice, "whole")
    [report] = await reports_of(alice, batch["id"])
    async with alice.get(report["artifacts"][0]["url"]) as response:
        page = await response.text()
    assert "words of alice" in page
    assert "With: head (version 1)" in page
    async with alice.get(f"/reports/{report['id']}") as response:
        assert "/templates/whole/versions/1" in await response.text()
