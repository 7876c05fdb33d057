"""What a request says is taken as it is meant or refused by name; nothing is read past in silence."""

from __future__ import annotations

import io
from typing import Any

import aiohttp
import msgspec

from server.http.endpoint import Endpoint, NoQuery
from tests.functional.doors import doors, prepared
from tests.functional.importing import upload
from views.api import ENDPOINTS

Client = aiohttp.ClientSession
Json = dict[str, Any]


async def told(client: Client, path: str, query: str) -> tuple[int, list[str]]:
    """The status, and which fields are wrong."""
    async with client.get(f"{path}?{query}") as response:
        body = await response.json() if response.content_type.endswith("json") else {}
        assert response.status != 200 or "errors" not in body
        return response.status, [error["field"] for error in body.get("errors", ())]


def with_query() -> dict[str, Endpoint]:
    found = {each.path: each for each in ENDPOINTS if each.method == "GET" and each.query is not NoQuery}
    assert len(found) > 15
    return found


async def test_every_list_refuses_parameters_it_does_not_know_doubled_ones_and_null(admin: Client) -> None:
    endpoints = with_query()
    paths = {door.pattern: door.path for door in doors(await prepared(admin))}
    for pattern, endpoint in endpoints.items():
        path, known = paths[f"/api/v1{pattern}"], {info.encode_name for info in msgspec.structs.fields(endpoint.query)}
        assert await told(admin, path, "lmit=10") == (422, ["lmit"]), path
        assert await told(admin, path, "Limit=1&a%5B%5D=2&limit2=") == (422, ["Limit", "a[]", "limit2"]), path
        if "limit" in known:
            for query in ("limit=1&limit=1", "limit=null", "limit=0", "limit=1001", "limit=", "limit=1e1x"):
                assert await told(admin, path, query) == (422, ["limit"]), (path, query)
            if not path.endswith(("/diff", "/folders/nothing")):  # one version to be compared, and no folder
                assert (await told(admin, path, "limit=1"))[0] == 200, path
        if "cursor" in known:
            for query in ("cursor=", "cursor=x&cursor=y"):
                assert (await told(admin, path, query))[0] == 422, (path, query)


async def test_moments_and_choices_are_never_null_nor_numbers(alice: Client) -> None:
    for query in ("until=null", "until=null&until=null", "since=0", "since=2026-01-01", "state=gone", "state=null"):
        assert (await told(alice, "/api/v1/jobs", query))[0] == 422, query
    assert (await told(alice, "/api/v1/jobs", "since=2026-01-01T00:00:00Z&state=queued&state=failed"))[0] == 200


async def test_short_lists_have_pages_of_ones_own(alice: Client, bob: Client) -> None:
    for name in ("first", "second"):
        async with alice.post("/api/v1/tokens", json={"name": name}) as response:
            assert response.status == 201
    seen: list[str] = []
    cursor = ""
    while True:
        async with alice.get(f"/api/v1/tokens?limit=2{cursor}") as response:
            page: Json = await response.json()
        seen += [item["name"] for item in page["items"]]
        assert page["total"] == 3
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert sorted(seen) == ["first", "second", "tests"]
    async with alice.get("/api/v1/tokens?q=FIRS") as response:
        page = await response.json()
    assert ([item["name"] for item in page["items"]], page["total"]) == (["first"], 1)
    async with bob.get("/api/v1/tokens?q=FIRS") as response:
        assert (await response.json())["items"] == []


async def test_a_whole_number_may_be_written_as_other_languages_do(alice: Client) -> None:
    async with alice.post("/api/v1/jobs", json={"title": "t", "total": 3.0, "detail": {"big": 1e308}}) as response:
        assert response.status == 202, await response.text()
        job_id = (await response.json())["job_id"]
    async with alice.get(f"/api/v1/jobs/{job_id}") as response:
        job = await response.json()
        assert (job["total"], job["detail"]) == (3, {"big": 1e308})
    for total in ("3", True, 1e300):
        async with alice.post("/api/v1/jobs", json={"title": "t", "total": total}) as response:
            assert response.status == 422, total
            assert (await response.json())["errors"][0]["field"] == "total"


async def test_a_key_that_is_too_long_is_refused_at_every_door_that_takes_one(admin: Client) -> None:
    """Also where the request would be refused for another reason, or nothing would be begun."""
    taking = {(each.method, f"/api/v1{each.path}") for each in ENDPOINTS if each.takes_key}
    tried = set()
    for door in doors(await prepared(admin)):
        if (door.method, door.pattern) in taking:
            for key in ("k" * 201, ""):
                headers = {**door.body.get("headers", {}), "Idempotency-Key": key}
                async with admin.request(door.method, door.path, **{**door.body, "headers": headers}) as response:
                    assert response.status == 422, (door, await response.text())
                    assert (await response.json())["errors"][0]["field"] == "Idempotency-Key"
            tried.add((door.method, door.pattern))
    assert tried == taking
    assert len(taking) >= 6


async def test_a_form_does_not_pass_over_headers_of_tus(alice: Client) -> None:
    """A checksum that nobody looks at would be a promise that nobody keeps."""
    for name, value in {"Upload-Checksum": "sha256 AAAA", "Upload-Length": "5", "Tus-Resumable": "1.0.0"}.items():
        form = aiohttp.FormData()
        form.add_field("file", io.BytesIO(b"a,b\n1,2\n"), filename="a.csv")
        async with alice.post("/api/v1/uploads", data=form, headers={name: value}) as response:
            assert response.status == 400
            assert name in (await response.json())["detail"]
    async with alice.get("/api/v1/uploads") as response:
        assert (await response.json())["total"] == 0
    await upload(alice)


async def test_a_nul_is_refused_wherever_text_is_sent(alice: Client) -> None:
    async with alice.post("/api/v1/tokens", json={"name": "a\0b"}) as response:
        assert (response.status, (await response.json())["errors"][0]["field"]) == (422, "name")
    job = {"title": "t", "kind": "script", "parameters": {"list": [{"a\0": "b"}]}}
    async with alice.post("/api/v1/external-jobs", json=job) as response:
        assert 400 <= response.status < 500
    async with alice.post("/login", data={"username": "alice\0", "password": "x"}) as response:
        assert response.status == 422
        assert "NUL" in await response.text()
    for path in ("/api/v1/jobs?q=%00", "/api/v1/datasets?q=%00", "/api/v1/uploads?limit=5&q=a%00b"):
        async with alice.get(path) as response:
            assert (response.status, (await response.json())["errors"][0]["field"]) == (422, "q"), path
    for path in ("/api/v1/datasets/a%00b", "/ws/a%00b", "/jobs?q=%00", "/static/%00"):
        async with alice.get(path) as response:
            assert response.status == 422, path
            assert "NUL" in await response.text()


async def test_half_a_character_is_refused_wherever_text_is_sent(alice: Client) -> None:
    """As JSON escapes it, or as UTF-8 would have it: no database can store it."""
    headers = {"Content-Type": "application/json"}
    for body, field in ((rb'{"name": "a\ud800"}', "name"), (rb'{"name": "a", "scopes": ["\udfff b"]}', "scopes[0]")):
        async with alice.post("/api/v1/tokens", data=body, headers=headers) as response:
            problem = await response.json()
            assert (response.status, problem["errors"][0]["field"]) == (422, field)
            assert "half a character" in problem["errors"][0]["message"]
    async with alice.post("/api/v1/tokens", data=rb'{"name": "\ud83d\ude00"}', headers=headers) as response:
        assert response.status == 201  # two halves are one
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for body in (b"username=alice%ED%A0%80&password=x", b"username=alice\xed\xbf\xbf&password=x"):
        async with alice.post("/login", data=body, headers=form) as response:
            assert response.status == 422
            assert "half a character" in await response.text()
    async with alice.get("/api/v1/jobs?q=%ED%A0%80") as response:
        assert (response.status, (await response.json())["items"]) == (200, [])  # it is no text, and finds nothing


async def test_metadata_of_an_upload_with_nul_is_refused_by_its_key(alice: Client) -> None:
    for key, value in (("filename", "YQBi"), ("department", "AA==")):
        headers = {"Tus-Resumable": "1.0.0", "Upload-Length": "3", "Upload-Metadata": f"{key} {value}"}
        async with alice.post("/api/v1/uploads", headers=headers) as response:
            assert response.status == 422
            assert f"{key} in Upload-Metadata has the character NUL" in await response.text()
