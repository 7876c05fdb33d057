"""What a query gives is told as it is: in JSON, in CSV files and on pages."""

from __future__ import annotations

import csv
import html
import io
from typing import Any

import aiohttp
import pytest

from tests.conftest import Server
from tests.functional.browsing import browser, sign_in
from tests.functional.importing import import_text
from tests.functional.test_queries_api import query

VALUES: list[tuple[str, Any, str]] = [
    ("'infinity'::date", "infinity", "DATE"),
    ("'-infinity'::date", "-infinity", "DATE"),
    ("'infinity'::timestamp", "infinity", "TIMESTAMP"),
    ("'-infinity'::timestamp_s", "-infinity", "TIMESTAMP_S"),
    ("'9999-12-31'::date", "9999-12-31", "DATE"),
    ("'0001-01-01'::date", "0001-01-01", "DATE"),
    ("'2026-02-03'::date", "2026-02-03", "DATE"),
    ("'5881580-07-10'::date", "5881580-07-10", "DATE"),
    ("'9999-12-31 23:59:59.999999'::timestamp", "9999-12-31T23:59:59.999999", "TIMESTAMP"),
    ("'2020-01-01 00:00:00.123456789'::timestamp_ns", "2020-01-01 00:00:00.123456789", "TIMESTAMP_NS"),
    ("interval '1 year'", "1 year", "INTERVAL"),
    ("interval '-3 months'", "-3 months", "INTERVAL"),
    ("interval '14 months 3 days'", "1 year 2 months 3 days", "INTERVAL"),
    ("interval '3 days'", "3 days, 0:00:00", "INTERVAL"),
    ("'nan'::double", "NaN", "DOUBLE"),
    ("1e308 * 10", "Infinity", "DOUBLE"),
    ("-1e308 * 10", "-Infinity", "DOUBLE"),
    ("'inf'::float", "Infinity", "FLOAT"),
    (r"'\xAA\xBB'::blob", "aabb", "BLOB"),
    ("''::blob", "", "BLOB"),
    ("null::date", None, "DATE"),
    ("null::double", None, "DOUBLE"),
    ("null::interval", None, "INTERVAL"),
    ("1.5::double", 1.5, "DOUBLE"),
    ("2::hugeint * 9223372036854775807", "18446744073709551614", "HUGEINT"),
]


@pytest.mark.parametrize(("expression", "value", "kind"), VALUES, ids=[each[0] for each in VALUES])
async def test_a_value_is_told_as_it_is(alice: aiohttp.ClientSession, expression: str, value: Any, kind: str) -> None:
    status, answer = await query(alice, f"select {expression} as v, 1 as v;  -- and so on")
    assert status == 200, answer
    assert answer["items"] == [{"v": value, "v_2": 1}]
    assert answer["columns"][0] == {"name": "v", "type": kind}


async def test_values_in_lists_and_structs_are_told_too(alice: aiohttp.ClientSession) -> None:
    for expression, value in (
        ("['infinity'::date, '2026-01-01'::date]", "[infinity, 2026-01-01]"),
        ("['2026-01-01'::date]", ["2026-01-01"]),
        ("{'a': interval '1 year'}", "{'a': 1 year}"),
        ("{'a': 'nan'::double, 'b': [1e308 * 10]}", {"a": "NaN", "b": ["Infinity"]}),
        (r"['\xAA'::blob]", ["aa"]),
    ):
        status, answer = await query(alice, f"select {expression} as v")
        assert (status, answer["items"]) == (200, [{"v": value}]), expression


async def test_one_column_tells_ends_and_days_apart_in_their_order(alice: aiohttp.ClientSession) -> None:
    days = "unnest(['9999-12-31'::date, 'infinity', null, '-infinity', '2026-01-01'])"
    _, answer = await query(alice, f"select {days} as d order by d desc nulls last")
    told = [item["d"] for item in answer["items"]]
    assert told == ["infinity", "9999-12-31", "2026-01-01", "-infinity", None]


async def test_pages_and_csv_files_say_the_same(server: Server, alice: aiohttp.ClientSession) -> None:
    await import_text(alice)
    selected = ", ".join(f"{expression} as v{number}" for number, (expression, _, _) in enumerate(VALUES))
    async with browser(server) as reader:
        await sign_in(reader, "alice")
        form = {"sql": f"select {selected}"}
        async with reader.post("/datasets/orders/query", data=form | {"download": "csv"}) as response:
            assert response.status == 200
            rows = list(csv.reader(io.StringIO(await response.text(encoding="utf-8-sig"))))
        async with reader.post("/datasets/orders/query", data=form) as response:
            assert response.status == 200
            page = html.unescape(await response.text())
    expected = ["" if value is None else str(value).replace("T", " ") for _, value, _ in VALUES]
    assert [cell.removeprefix("'") for cell in rows[1]] == expected
    for text in expected:
        assert text in page


async def test_mistakes_are_still_found_at_their_place(alice: aiohttp.ClientSession) -> None:
    for sql in ("select current_date as d,\n  'x'::int as n", "select current_date,\n nothing"):
        status, problem = await query(alice, sql)
        assert status == 422
        assert problem["code"] == "query_error"
