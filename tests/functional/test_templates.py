"""Templates through the API: stored with versions, refused with places, previewed with real data."""

from __future__ import annotations

import html
from typing import Any

import aiohttp
import msgspec
import pytest

from tests.conftest import Server
from tests.functional import batches
from tests.functional.batches import RIGHT, put_template, read
from tests.functional.importing import import_text

YAML = {"Content-Type": "application/yaml"}
WITHOUT_DATA = """\
title: Greeting
queries:
  answer: select 42 as number
blocks:
  - text: "The answer is {{ answer.number }}"
"""


async def put(client: aiohttp.ClientSession, source: str, *, status: int, **headers: str) -> dict[str, Any]:
    async with client.put("/api/v1/templates/t", data=source.encode(), headers=YAML | headers) as response:
        assert response.status == status, await response.text()
        answer: dict[str, Any] = await response.json()
        return answer


async def test_a_source_comes_back_as_it_was_sent(alice: aiohttp.ClientSession) -> None:
    saved = await put(alice, WITHOUT_DATA, status=201)
    assert (saved["name"], saved["title"], saved["version"]) == ("t", "Greeting", 1)
    async with alice.get("/api/v1/templates/t") as response:
        assert response.content_type == "application/yaml"
        assert await response.text() == WITHOUT_DATA
        assert response.headers["ETag"] == '"1"'


async def test_every_change_is_a_version_and_no_change_is_none(alice: aiohttp.ClientSession) -> None:
    await put(alice, WITHOUT_DATA, status=201)
    assert (await put(alice, WITHOUT_DATA, status=201))["version"] == 1
    assert (await put(alice, WITHOUT_DATA.replace("Greeting", "Hello"), status=200))["version"] == 2
    versions = await read(alice, "/api/v1/templates/t/versions")
    assert [version["number"] for version in versions["items"]] == [2, 1]
    async with alice.get("/api/v1/templates/t?version=1") as response:
        assert await response.text() == WITHOUT_DATA


async def test_a_stale_change_is_refused(alice: aiohttp.ClientSession) -> None:
    await put(alice, WITHOUT_DATA, status=201)
    await put(alice, WITHOUT_DATA.replace("42", "43"), status=200, **{"If-Match": '"1"'})
    problem = await put(alice, WITHOUT_DATA.replace("42", "44"), status=412, **{"If-Match": '"1"'})
    assert problem["code"] == "precondition_failed"
    await put(alice, WITHOUT_DATA, status=412, **{"If-None-Match": "*"})


async def test_a_wrong_template_is_refused_with_line_and_column(alice: aiohttp.ClientSession) -> None:
    problem = await put(alice, WITHOUT_DATA.replace("select 42 as", "selct 42 as"), status=422)
    assert problem["code"] == "template_problem"
    assert problem["errors"][0]["field"].startswith("3:")
    await read(alice, "/api/v1/templates/t", status=404)


async def test_an_unknown_dataset_is_named(alice: aiohttp.ClientSession) -> None:
    problem = await put(alice, RIGHT, status=422)
    assert "orders" in problem["errors"][0]["message"]


async def test_a_check_tells_the_columns_of_queries(alice: aiohttp.ClientSession) -> None:
    source = "title: T\nqueries:\n  a: select 1 as x, 2 as y\nblocks: [{table: {query: a}}]\n"
    async with alice.post("/api/v1/templates/t/check", data=source.encode(), headers=YAML) as response:
        assert (await response.json())["queries"] == {"a": ["x", "y"]}


@pytest.mark.parametrize(("language", "word"), [("en", "There is no dataset"), ("zh-CN", "查询“a”有误")])
async def test_the_editor_is_told_what_is_wrong_in_the_readers_language_and_with_their_data_alone(
    alice: aiohttp.ClientSession, bob: aiohttp.ClientSession, language: str, word: str
) -> None:
    await import_text(alice)
    source = "title: T\nqueries:\n  a: select region from orders\nblocks: [{table: {query: a}}]\n"
    async with alice.post("/template-check", data={"source": source}) as response:
        found = await response.json()
    assert (found["errors"], found["queries"]) == ([], {"a": ["region"]})
    async with bob.post("/language", data={"language": language}, allow_redirects=False) as response:
        assert response.status == 303
    async with bob.post("/template-check", data={"source": source}) as response:
        found = await response.json()
    assert word in found["errors"][0]["message"]
    assert found["queries"] == {}


async def test_what_can_be_written_is_told_with_ones_own_data_alone(
    server: Server, alice: aiohttp.ClientSession, bob: aiohttp.ClientSession
) -> None:
    await import_text(alice, "region,amount\nNorth,1\n")
    told = await read(alice, "/template-vocabulary")
    assert told["datasets"] == {"orders": ["region", "amount"]}
    assert told["types"] == {"orders": {"region": "text", "amount": "integer"}}
    assert told["shapes"]["column"]["total"]["options"] == ["sum", "average", "min", "max", "count"]
    assert [block["name"] for block in told["blocks"]][:3] == ["heading", "text", "kpis"]
    await put_template(alice, source=WITHOUT_DATA)
    assert await included(alice) == ["sales"]
    others = await read(bob, "/template-vocabulary")
    assert (others["datasets"], others["types"]) == ({}, {})
    assert await included(bob) == []
    async with aiohttp.ClientSession(server.url) as nobody, nobody.get("/template-vocabulary") as response:
        assert "shapes" not in await response.text()


async def included(client: aiohttp.ClientSession) -> list[str]:
    """What can be chosen to be included."""
    names: list[str] = (await read(client, "/template-vocabulary"))["shapes"]["block include"]["include"]["options"]
    return names


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("", "The template is empty"),
        ("title: x\nparameters: {p: {type: text}}\nblocks: [{text: x}]\n", "Give the parameter a default"),
    ],
    ids=["empty", "without a value"],
)
async def test_a_preview_that_cannot_be_says_what_to_do(alice: aiohttp.ClientSession, source: str, said: str) -> None:
    async with alice.post("/templates/draft/preview", data={"source": source}) as response:
        page = await response.text()
        assert response.status == 200, page
    assert said in page
    assert "parameters[" not in page


@pytest.mark.parametrize(("language", "title"), [("en", "My report"), ("zh-CN", "我的报表")])
async def test_a_new_template_works_and_begins_in_the_reader_s_language(
    alice: aiohttp.ClientSession, language: str, title: str
) -> None:
    async with alice.get("/templates/new", headers={"Accept-Language": language}) as response:
        source = html.unescape((await response.text()).partition("<textarea")[2].partition(">")[2].partition("</")[0])
    assert f'title: "{title}"' in source
    await put(alice, source.lstrip("\n"), status=201)


async def test_only_the_editor_may_write_styles_and_only_with_its_own_word(alice: aiohttp.ClientSession) -> None:
    words = []
    for _ in range(2):
        async with alice.get("/templates/new") as response:
            policy = response.headers["Content-Security-Policy"]
            word = policy.partition("style-src 'self' 'nonce-")[2].partition("'")[0]
            assert len(word) > 20
            assert f'data-nonce="{word}"' in await response.text()
            assert "unsafe" not in policy
            words.append(word)
    assert words[0] != words[1]
    async with alice.get("/templates") as response:
        assert "nonce" not in response.headers["Content-Security-Policy"]


async def test_a_check_stores_nothing(alice: aiohttp.ClientSession) -> None:
    source = WITHOUT_DATA + "  - table: {query: nothing}\n"
    async with alice.post("/api/v1/templates/t/check", data=source.encode(), headers=YAML) as response:
        assert response.status == 200
        checked = await response.json()
    assert [issue["line"] for issue in checked["errors"]] == [6]
    assert "nothing" in checked["errors"][0]["message"]
    assert (await read(alice, "/api/v1/templates"))["items"] == []


async def test_a_warning_does_not_keep_it_from_being_stored(alice: aiohttp.ClientSession) -> None:
    saved = await put(alice, WITHOUT_DATA.replace("queries:", "queries:\n  unused: select 1"), status=201)
    assert "unused" in saved["warnings"][0]["message"]


@pytest.mark.parametrize("name", ["New", "a b", "new", "-x", "x" * 64])
async def test_names_that_cannot_stand_in_addresses_are_refused(alice: aiohttp.ClientSession, name: str) -> None:
    async with alice.put(f"/api/v1/templates/{name}", data=WITHOUT_DATA.encode(), headers=YAML) as response:
        assert response.status == 422


@pytest.mark.parametrize(("body", "kind", "status"), [(b"\xff\xfe\x00", "application/yaml", 400), (b"{}", "a/b", 415)])
async def test_what_is_no_text_is_refused(alice: aiohttp.ClientSession, body: bytes, kind: str, status: int) -> None:
    async with alice.put("/api/v1/templates/t", data=body, headers={"Content-Type": kind}) as response:
        assert response.status == status


async def test_a_preview_is_the_report_with_real_data(alice: aiohttp.ClientSession) -> None:
    await import_text(alice)
    await put_template(alice)
    async with alice.post("/api/v1/templates/sales/preview", json={"parameters": {"region": "South"}}) as response:
        assert response.status == 200, await response.text()
        assert response.content_type == "text/html"
        assert "sandbox" in response.headers["Content-Security-Policy"]
        assert "South" in await response.text()
    async with alice.post("/api/v1/templates/sales/preview", json={"format": "pdf"}) as response:
        assert (await response.read()).startswith(b"%PDF")


async def test_what_is_being_written_can_be_previewed_before_it_is_saved(alice: aiohttp.ClientSession) -> None:
    order = {"source": WITHOUT_DATA.replace("42", "4711")}
    async with alice.post("/api/v1/templates/draft/preview", json=order) as response:
        assert response.status == 200, await response.text()
        assert "4711" in await response.text()


async def test_the_list_says_what_each_asks_for_and_reads(alice: aiohttp.ClientSession) -> None:
    await import_text(alice)
    await put_template(alice)
    await put(alice, WITHOUT_DATA, status=201)
    page = await read(alice, "/api/v1/templates?q=region")
    assert [item["name"] for item in page["items"]] == ["sales"]
    [item] = page["items"]
    assert item["datasets"] == ["orders"]
    assert [(p["name"], p["each"]) for p in item["parameters"]] == [("region", True)]
    first = await read(alice, "/api/v1/templates?limit=1")
    assert (first["total"], first["items"][0]["name"]) == (2, "sales")


async def test_a_template_is_deleted_and_its_reports_stay(alice: aiohttp.ClientSession) -> None:
    await put(alice, WITHOUT_DATA, status=201)
    async with alice.delete("/api/v1/templates/t", headers={"If-Match": '"7"'}) as response:
        assert response.status == 412
    async with alice.delete("/api/v1/templates/t") as response:
        assert response.status == 204
    await read(alice, "/api/v1/templates/t", status=404)


async def test_nobody_else_may_know_of_it(alice: aiohttp.ClientSession, bob: aiohttp.ClientSession) -> None:
    await put(alice, WITHOUT_DATA, status=201)
    for path in ("", "/versions"):
        await read(bob, f"/api/v1/templates/t{path}", status=404)
    async with bob.post("/api/v1/templates/t/preview", json={}) as response:
        assert response.status == 404
    async with bob.delete("/api/v1/templates/t") as response:
        assert response.status == 404
    for page in ("/templates/t", "/templates/t/edit", "/templates/t/preview"):
        async with bob.get(page) as response:
            assert response.status == 404
    assert (await read(bob, "/api/v1/templates"))["total"] == 0
    assert (await read(alice, "/api/v1/templates"))["total"] == 1


async def test_samples_are_given_once_and_keep_what_was_changed(alice: aiohttp.ClientSession) -> None:
    async with alice.post("/templates/samples", headers={"Sec-Fetch-Site": "same-origin"}) as response:
        assert response.status == 200
        assert "monthly-sales" in await response.text()
    names = [item["name"] for item in (await read(alice, "/api/v1/templates"))["items"]]
    assert len(names) >= 3
    await put_template(alice, names[0], WITHOUT_DATA)
    async with alice.post("/templates/samples", headers={"Sec-Fetch-Site": "same-origin"}) as response:
        assert response.status == 200
    async with alice.get(f"/api/v1/templates/{names[0]}") as response:
        assert await response.text() == WITHOUT_DATA


async def test_a_viewer_may_look_but_not_write(server: Server, admin: aiohttp.ClientSession) -> None:
    async with admin.post("/api/v1/tokens", json={"name": "read only", "scopes": ["read"]}) as response:
        assert response.status == 201, await response.text()
        token = (await response.json())["token"]
    async with aiohttp.ClientSession(server.url, headers={"Authorization": f"Bearer {token}"}) as reader:
        await read(reader, "/api/v1/templates")
        async with reader.put("/api/v1/templates/t", data=WITHOUT_DATA.encode(), headers=YAML) as response:
            assert response.status == 403
        async with reader.post("/api/v1/batches", json={"template": "t"}) as response:
            assert response.status == 403


@pytest.mark.parametrize("form", ["html", "pdf", "xlsx"])
async def test_half_a_character_is_an_error_of_the_template_or_the_parameter(
    alice: aiohttp.ClientSession, form: str
) -> None:
    source = 'title: t\nparameters: {p: {type: text, default: a}}\nblocks:\n  - text: "{{ %s }}"\n'
    for expression in ("'\\\\ud800'", "range"):
        wanted = {"parameters": {}, "format": form, "source": source % expression}
        async with alice.post("/api/v1/templates/t/preview", json=wanted) as response:
            problem = await response.json()
            assert (response.status, problem["code"]) == (422, "report_failed"), problem
            assert "line 4" in problem["detail"]
    body = b'{"parameters": {"p": "\\ud800"}, "format": "%s", "source": %s}' % (
        form.encode(),
        msgspec.json.encode(source % "p"),
    )
    headers = {"Content-Type": "application/json"}
    async with alice.post("/api/v1/templates/t/preview", data=body, headers=headers) as response:
        assert response.status in (400, 422), await response.text()
    await put_template(alice, "half", source % "'\\\\ud800'")
    order = await batches.start(alice, "half", formats=[form])
    await batches.ended(alice, order["batch_id"])
    (report,) = await batches.reports_of(alice, order["batch_id"])
    assert (report["state"], report["error"]["code"]) == ("failed", "report_failed"), report
