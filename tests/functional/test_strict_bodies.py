"""Bodies say what is meant, or are refused with a reason: no field is ignored, none is empty or too deep."""

from __future__ import annotations

import json
import os
import subprocess
import typing
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import aiohttp
import msgspec
import pytest

from server.clock import utc_now
from server.operations.account_fields import time_zones
from tests.conftest import Server
from tests.functional import batches
from tests.functional.browsing import browser, sign_in
from tests.functional.importing import import_text
from views import api
from views.time_zones import time_zone_choices

ROOT = Path(__file__).parents[2]
JSON = {"Content-Type": "application/json"}


def open_structs(kind: Any, seen: set[Any]) -> list[str]:
    """Names of what takes fields that it does not know, in `kind` and all that is in it."""
    found: list[str] = []
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and kind not in seen:
        seen.add(kind)
        found += [] if kind.__struct_config__.forbid_unknown_fields else [kind.__name__]
        for field in msgspec.structs.fields(kind):
            found += open_structs(field.type, seen)
    for part in typing.get_args(kind):
        found += open_structs(part, seen)
    return found


def test_no_body_of_the_api_takes_fields_that_it_ignores() -> None:
    for module in iter_modules(api.__path__):
        for endpoint in getattr(import_module(f"views.api.{module.name}"), "ENDPOINTS", []):
            assert open_structs(endpoint.body, set()) == [], endpoint.name


@pytest.mark.parametrize(
    "change",
    [
        {"role": "admin"},
        {"name": "alice", "role": "admin"},
        {"is_admin": True},
        {"id": "x"},
        {"scopes": ["admin"]},
        {"notifications": {"finished": True, "failed": True, "other": True}},
    ],
)
async def test_a_change_of_ones_account_names_the_field_it_does_not_know(
    alice: aiohttp.ClientSession, change: dict[str, Any]
) -> None:
    async with alice.patch("/api/v1/me", json=change) as response:
        assert response.status == 422, await response.text()
    async with alice.get("/api/v1/me") as response:
        assert (await response.json())["role"] == "editor"


async def test_unknown_fields_are_refused_everywhere(
    alice: aiohttp.ClientSession, admin: aiohttp.ClientSession
) -> None:
    for client, method, path, body in (
        (alice, "POST", "/api/v1/tokens", {"name": "t", "scope": ["read"]}),
        (alice, "POST", "/api/v1/me/password", {"current_password": "a", "new_password": "b" * 20, "x": 1}),
        (admin, "POST", "/api/v1/admin/users", {"username": "zoe", "password": "p" * 20, "role": "viewer", "x": 1}),
        (admin, "POST", "/api/v1/admin/broadcast", {"title": "t", "x": 1}),
        (alice, "POST", "/api/v1/queries", {"sql": "select 1", "x": 1}),
    ):
        async with client.request(method, path, json=body) as response:
            assert response.status == 422, (path, await response.text())


async def test_a_token_may_do_something(alice: aiohttp.ClientSession) -> None:
    async with alice.post("/api/v1/tokens", json={"name": "t", "scopes": []}) as response:
        problem = await response.json()
    assert response.status == 422
    assert problem["errors"][0]["field"] == "scopes"


async def test_what_is_nested_deeper_than_anybody_means_is_refused_with_a_sentence(
    server: Server, alice: aiohttp.ClientSession
) -> None:
    await import_text(alice)
    await batches.put_template(alice)
    places = (
        ("POST", "/api/v1/queries", '{{"sql": "select $a as a", "parameters": {{"a": {}}}}}'),
        ("POST", "/api/v1/jobs", '{{"title": "t", "detail": {{"a": {}}}}}'),
        ("POST", "/api/v1/batches", '{{"template": "sales", "parameters": [{{"region": {}}}]}}'),
        ("POST", "/api/v1/templates/sales/preview", '{{"parameters": {{"region": {}}}, "format": "html"}}'),
        ("PATCH", "/api/v1/me", '{{"name": {}}}'),
    )
    for depth in (90, 101, 300, 450, 990, 1_100, 20_000):
        for opened, closed in (("[", "]"), ('{"a":', "}")):
            deep = opened * depth + '"]}"' + closed * depth
            for method, path, body in places:
                async with alice.request(method, path, data=body.format(deep), headers=JSON) as response:
                    told = await response.text()
                assert response.status < 500, (path, depth, told)
                assert response.status in (400, 413) or depth < 100, (path, depth, told)
                assert "recursion" not in told.lower(), (path, depth)
    async with browser(server) as reader:
        await sign_in(reader, "alice")
        form = {"template": "sales", "offered": "2", "pick": '{"a":' * 900 + "1" + "}" * 900, "format": "html"}
        async with reader.post("/batches/new", data=form) as response:
            assert response.status in (400, 422)


async def test_brackets_in_texts_are_no_levels(alice: aiohttp.ClientSession) -> None:
    text = '[{"\\' * 500
    async with alice.post("/api/v1/queries", json={"sql": "select $a as a", "parameters": {"a": text}}) as response:
        assert response.status == 200
        assert (await response.json())["items"] == [{"a": text}]
    many = json.dumps({"sql": "select len($a) as n", "parameters": {"a": [[1]] * 3_000}})
    async with alice.post("/api/v1/queries", data=many, headers=JSON) as response:
        assert (await response.json())["items"] == [{"n": 3_000}]


@pytest.mark.parametrize(
    "zone", ["localtime", "posixrules", "Factory", "posix/Asia/Shanghai", "right/UTC", "../UTC", "/etc/localtime", ""]
)
async def test_what_is_no_zone_of_the_world_is_not_taken(alice: aiohttp.ClientSession, zone: str) -> None:
    assert zone not in time_zones()
    assert zone not in [name for name, _ in time_zone_choices(utc_now(), chosen="UTC")]
    async with alice.patch("/api/v1/me", json={"time_zone": zone}) as response:
        assert response.status == 422


@pytest.mark.parametrize(("blocks", "status"), [(499, 201), (500, 201), (501, 422), (502, 422)])
async def test_a_template_has_at_most_500_blocks(alice: aiohttp.ClientSession, blocks: int, status: int) -> None:
    source = "title: t\nblocks:\n" + "  - text: x\n" * blocks
    headers = {"Content-Type": "application/yaml"}
    async with alice.put("/api/v1/templates/t", data=source.encode(), headers=headers) as response:
        assert response.status == status, await response.text()


@pytest.mark.parametrize(
    ("given", "expected"),
    [({}, "serve"), ({"PORT": "8100"}, "serve --port 8100"), ({"JINDU_PORT": "8200"}, "serve")],
)
def test_make_run_leaves_the_port_to_the_settings(given: dict[str, str], expected: str) -> None:
    """`JINDU_PORT` is read by the server itself; a flag would go before it."""
    environ = {name: value for name, value in os.environ.items() if name not in ("PORT", "JINDU_PORT")} | given
    shown = subprocess.run(
        ["make", "--dry-run", "--no-print-directory", "run"],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout.splitlines()[-1].strip().endswith(expected)
