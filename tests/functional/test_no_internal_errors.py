"""Nothing that can be sent makes the server answer 5xx; every door gets values that fit no number, name or database."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import aiohttp

from tests.functional.batches import ended, made, put_template
from tests.functional.importing import ended as import_ended
from tests.functional.importing import import_text, start, upload

Client = aiohttp.ClientSession
# As JSON text: Python's own writer would round or refuse some of them.
NUMBERS = (
    "-1",
    "0",
    "1",
    "2147483648",
    "9007199254740993",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775809",
    "18446744073709551616",
    "1e19",
    "-1e19",
    "1e308",
    "1e309",
    "-1e999999",
    "5e-324",
    "1.5",
    "1" + "0" * 400,
    "9" * 5_000,
    "null",
    "true",
    '"1"',
    '"x"',
    '"\\u0000"',
    '"\\ud800"',
    "[]",
    "{}",
    "[[[[]]]]",
    '""',
    '"' + "x" * 10_000 + '"',
    "NaN",
)
TEXTS = (
    "",
    " ",
    "-1",
    "9223372036854775808",
    "9" * 5_000,
    "1.9223372036854775808",
    "1.9" + "9" * 30,
    "\x00",
    "\u202e😀",
    "'\"%00",
    "../..",
    "a" * 3_000,
    "1e999",
    "NaN",
    "٣²½",
    "*",
    "2026-99-99T00:00:00Z",
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59-23:59",
)


def bodies(template: dict[str, Any]) -> Iterator[bytes]:
    """The body with each of its values replaced by each of the numbers, at every depth."""
    for place in _places(template):
        for number in NUMBERS:
            yield json.dumps(_with(template, place, "@@")).replace('"@@"', number).encode()


def _places(value: Any, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    keys = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield (*before, key)
        yield from _places(value[key], (*before, key))


def _with(value: Any, place: tuple[Any, ...], new: Any) -> Any:
    if not place:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[place[0]] = _with(value[place[0]], place[1:], new)
    return copy


async def send(client: Client, method: str, path: str, body: bytes | None = None, *, kind: str = "json") -> str:
    headers = {"Content-Type": f"application/{kind}"} if body is not None else {}
    async with client.request(method, path, data=body, headers=headers, allow_redirects=False) as response:
        text = await response.text(errors="replace")
        assert response.status < 500, (method, path[:200], (body or b"")[:200], text[:500])
        assert "internal_error" not in text, (method, path[:200], (body or b"")[:200])
        return text


async def test_bodies_of_any_values_are_taken_or_refused(alice: Client) -> None:
    await import_text(alice)
    await put_template(alice)
    upload_id = await upload(alice)
    column = {
        "name": "amount",
        "source": "amount",
        "type": "integer",
        "min": 1,
        "max": 2,
        "format": "1",
        "one_of": ["1"],
    }
    options = {"skip_rows": 0, "delimiter": ",", "quote": '"', "encoding": "utf-8", "sheet": "a", "columns": [column]}
    doors: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", "/jobs/demonstration", {"seconds": 0, "total": 1, "fail_at": 0}),
        ("POST", "/jobs", {"title": "a", "total": 1, "unit": "a", "stage": "a", "message": "a", "detail": {"a": 1}}),
        ("POST", "/imports", {"upload_id": upload_id, "dataset": "x", "mode": "create", "reject_limit": 1}),
        ("POST", f"/uploads/{upload_id}/preview", options),
        ("POST", "/queries", {"sql": "select $a as a", "parameters": {"a": 1}, "limit": 1}),
        ("POST", "/templates/sales/preview", {"format": "html", "parameters": {"region": "North"}, "source": "a"}),
        (
            "POST",
            "/batches",
            {"template": "sales", "name": "a", "formats": ["html"], "parameters": [{"region": "North"}]},
        ),
        ("PATCH", "/datasets/orders", {"description": "a"}),
    ]
    for method, path, template in doors:
        for body in bodies(template):
            await send(alice, method, f"/api/v1{path}", body)
        for body in (b"", b"[", b"[]", b"\xff", b"null", b"[" * 50_000, b'{"a":' * 50_000, b"{}" * 9, b"\x00"):
            await send(alice, method, f"/api/v1{path}", body)


async def test_addresses_of_any_values_are_taken_or_refused(alice: Client) -> None:
    state = await import_text(alice)
    await put_template(alice)
    batch = await made(alice)
    upload_id = await upload(alice)
    rejected = await import_ended(alice, await start(alice, upload_id, dataset="again"))
    lists = {
        "/jobs": ("limit", "cursor", "q", "state", "kind", "since", "until"),
        "/datasets": ("limit", "cursor", "q"),
        "/datasets/orders/rows": ("limit", "cursor", "q", "filter", "order"),
        "/templates": ("limit", "cursor", "q"),
        "/templates/sales": ("version",),
        "/batches": ("limit", "cursor", "q", "template"),
        f"/batches/{batch['id']}/reports": ("limit", "cursor", "state", "q"),
        f"/batches/{batch['id']}/download.zip": ("formats",),
        f"/imports/{state['job_id']}/rejects": ("limit", "cursor", "code"),
        f"/imports/{rejected['job_id']}/rejects.csv": ("exact",),
        "/datasets/orders/export.csv": ("exact", "owner"),
        "/uploads": ("limit", "cursor", "q"),
        f"/uploads/{upload_id}/preview": ("encoding", "delimiter", "quote", "header", "sheet", "skip_rows"),
    }
    for path, names in lists.items():
        for name in names:
            for text in TEXTS:
                await send(alice, "GET", f"/api/v1{path}?{name}={quote(text)}")
    for kind in ("amount", "region", "ordered_at", "paid"):
        for operator in ("eq", "lt", "contains", "null"):
            for text in TEXTS:
                await send(alice, "GET", f"/api/v1/datasets/orders/rows?filter={kind}:{operator}:{quote(text)}")
    places = (
        "/jobs/{}",
        "/jobs/{}/log",
        "/datasets/{}",
        "/datasets/{}/rows",
        "/datasets/orders/versions/{}",
        "/datasets/{}/export.csv",
        "/datasets/orders/export.{}",
        "/templates/{}",
        "/templates/{}/versions",
        "/batches/{}",
        "/batches/{}/reports",
        "/imports/{}",
        "/imports/{}/rejects.csv",
        "/uploads/{}",
        "/uploads/{}/preview",
        "/reports/{}",
    )
    for place in places:
        for text in TEXTS:
            await send(alice, "GET", f"/api/v1{place.format(quote(text, safe=''))}")
    for text in TEXTS:
        await send(alice, "POST", f"/api/v1/datasets/orders/versions/{quote(text, safe='')}/restore", b"{}")
        await send(
            alice,
            "POST",
            f"/datasets/orders/versions/{quote(text, safe='')}/restore",
            b"",
            kind="x-www-form-urlencoded",
        )


async def test_a_demonstration_within_no_time_at_all_succeeds(alice: Client) -> None:
    job = json.loads(await send(alice, "POST", "/api/v1/jobs/demonstration", b'{"seconds": 5e-324, "total": 100}'))
    state = ""
    while state not in ("succeeded", "failed"):
        state = json.loads(await send(alice, "GET", f"/api/v1/jobs/{job['job_id']}"))["state"]
    assert state == "succeeded"


async def test_queries_and_templates_that_nothing_could_hold_say_so(alice: Client) -> None:
    await import_text(alice)
    for sql in (
        "select 10::hugeint ** 30",
        "select 'nan'::double, 'inf'::double",
        "select repeat('x', 10)::blob",
        "select uuid()",
        "select interval '1 year'",
        "select time '10:00', timestamptz '2026-01-01'",
        "select {'a': [1, null]}, map {'a': 1}",
        "select 12345678901234567890123456789.1234567890::decimal(38, 9)",
        "select date '290000-01-01'",
        "select '-infinity'::date",
        "select bitstring '101'",
        "select 'infinity'::timestamp",
        "select '\u0000'",
        "select chr(0)",
        "select null",
        "values (1)",
        "select -0.0",
        "select [[[[[[1]]]]]]",
        'select 1 as ""',
        "select 1 as a, 2 as a, 3 as A",
        "select range(5)",
        "select to_json(1)",
        "select 'x'::enum('x')",
        "select union_value(a := 1)",
        "select 1::utinyint",
        "select 2::uhugeint ** 127",
        "\x00",
        "select 1\x00",
    ):
        await send(alice, "POST", "/api/v1/queries", json.dumps({"sql": sql}).encode())
    for source in (
        "title: 0b" + "1" * 200_000,
        "title: '{{ 1|decimal(100000000) }}'\nblocks:\n  - heading: x",
        "\x00",
        "a: &a [*a]",
    ):
        await send(alice, "PUT", "/api/v1/templates/odd", source.encode(), kind="yaml")
        await send(alice, "POST", "/api/v1/templates/odd/check", source.encode(), kind="yaml")
    faults = "title: x\nblocks:\n" + "  - nothing: x\n" * 6_000
    problem = json.loads(await send(alice, "PUT", "/api/v1/templates/odd", faults.encode(), kind="yaml"))
    assert len(problem["errors"]) == 50
    check = json.loads(await send(alice, "POST", "/api/v1/templates/odd/check", faults.encode(), kind="yaml"))
    assert len(check["errors"]) == 50
    batch = await made(alice) if await put_template(alice) else {}
    assert (await ended(alice, batch["id"]))["state"] == "succeeded"
    order = {"template": "sales", "parameters": [{f"p{n}": n} for n in range(300)]}
    problem = json.loads(await send(alice, "POST", "/api/v1/batches", json.dumps(order).encode()))
    assert len(problem["errors"]) == 50


async def test_deleting_a_dataset_while_it_is_exported_is_no_error_of_ours(alice: Client) -> None:
    for file_format in ("csv", "parquet", "xlsx"):
        await import_text(alice, "region,amount\n" + "North,1\n" * 50_000)
        path = f"/api/v1/datasets/orders/export.{file_format}"
        rows = "/api/v1/datasets/orders/rows?q=x"
        async with asyncio.TaskGroup() as together:
            for _ in range(4):
                together.create_task(send(alice, "GET", path))
                together.create_task(send(alice, "GET", rows))
            together.create_task(send(alice, "DELETE", "/api/v1/datasets/orders"))
