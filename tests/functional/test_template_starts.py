"""Templates made from a dataset: the doors, and that nobody gets one from what is somebody else's."""

from __future__ import annotations

from html import unescape
from typing import Any

import aiohttp
import pytest

from tests.functional.batches import made, put_template, read, reports_of
from tests.functional.importing import import_text

YAML = {"Content-Type": "application/yaml"}
START = "/api/v1/templates/from-dataset"


async def started(client: aiohttp.ClientSession, status: int = 200, **given: Any) -> dict[str, Any]:
    async with client.post(START, json={"dataset": "orders"} | given) as response:
        assert response.status == status, await response.text()
        answer: dict[str, Any] = await response.json()
        return answer


async def test_a_started_template_is_stored_as_it_is_and_makes_a_report(alice: aiohttp.ClientSession) -> None:
    await import_text(alice)
    start = await started(alice)
    assert start["name"] == "orders"
    assert "sum(amount) as amount" in start["source"]
    assert (await read(alice, "/api/v1/templates"))["items"] == []  # nothing is stored
    for name in ("orders", "orders-2"):
        assert (await started(alice))["name"] == name
        headers = YAML | {"If-None-Match": "*"}
        async with alice.put(f"/api/v1/templates/{name}", data=start["source"].encode(), headers=headers) as response:
            assert (response.status, (await response.json())["warnings"]) == (201, [])
    async with alice.post("/api/v1/templates/orders/preview", json={}) as response:
        assert response.status == 200, await response.text()
        assert "3 rows from 1 Jan 2026 to 3 Jan 2026." in await response.text()


async def test_name_and_language_can_be_said(alice: aiohttp.ClientSession) -> None:
    await import_text(alice)
    start = await started(alice, name="订单月报", language="zh-CN")
    assert start["name"] == "订单月报"
    assert "每日 Amount" in start["source"]
    assert (await started(alice, status=422, name="No name"))["code"] == "invalid_input"


async def test_one_report_for_each_value_of_a_column_is_two_clicks(alice: aiohttp.ClientSession) -> None:
    cities = "".join(f"{city},{amount}\n" for city in ("Rome", "Oslo") for amount in range(10))
    await import_text(alice, f"city,amount\n{cities}")
    start = await started(alice, each="city")
    assert start["each"] == ["city"]
    assert "(select * from orders where city = $city)" in start["source"]
    async with alice.get("/templates/new?dataset=orders&each=city") as response:
        page = unescape(await response.text())
    assert start["source"].strip() in page
    assert "<option selected>city</option>" in page
    problem = await started(alice, status=422, each="amount")
    assert problem["detail"] == "There cannot be one report for each “amount”; columns that fit are: city."
    await put_template(alice, "orders", start["source"])
    batch = await made(alice, template="orders", formats=["html"])
    assert {report["parameters"]["city"] for report in await reports_of(alice, batch["id"])} == {"Oslo", "Rome"}


async def test_values_are_counted_where_rows_were_appended(alice: aiohttp.ClientSession) -> None:
    """The statistics of parts do not tell how many values are different in all of them."""
    rows = "".join(f"{city},{amount}\n" for city in ("Rome", "Oslo") for amount in range(10))
    await import_text(alice, f"city,amount\n{rows}")
    await import_text(alice, f"city,amount\n{rows}", mode="append")
    assert "# “city” has few values (2): all are shown." in (await started(alice))["source"]


async def test_a_dataset_opens_the_editor_with_its_report(alice: aiohttp.ClientSession) -> None:
    await import_text(alice)
    async with alice.get("/datasets/orders") as response:
        assert 'href="/templates/new?dataset=orders"' in await response.text()
    async with alice.get("/templates") as response:
        assert '<option value="orders">' in await response.text()
    async with alice.get("/templates/new?dataset=orders", headers={"Accept-Language": "en"}) as response:
        page = unescape(await response.text())
    assert (await started(alice))["source"].strip() in page
    assert 'value="orders"' in page


@pytest.mark.parametrize("name", ["orders", "nothing"])
async def test_nobody_starts_from_what_is_not_theirs(
    alice: aiohttp.ClientSession, bob: aiohttp.ClientSession, name: str
) -> None:
    await import_text(alice)
    problem = await started(bob, status=404, dataset=name)
    assert problem["detail"] == f"There is no dataset named “{name}”."
    async with bob.get(f"/templates/new?dataset={name}") as response:
        assert response.status == 404
    async with bob.get("/templates") as response:
        assert "orders" not in await response.text()
