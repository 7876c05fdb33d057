"""Checks of columns and limits of rejects as people order them: by the API, in the wizard, again for the next file."""

from __future__ import annotations

import copy
from typing import Any

import aiohttp

from tests.functional.importing import ended, import_text, start, upload

CUSTOMERS = "id,name\nc1,Anna\nc2,Paul\nc3,Eva\n"
ORDERS = "order,customer\n1,c1\n2,c9\n3,\n4,c2\n"
REFERRING = [{"name": "order"}, {"name": "customer", "reference": {"dataset": "customers", "column": "id"}}]


async def test_values_occur_in_an_own_dataset_and_in_nobody_elses(
    alice: aiohttp.ClientSession, bob: aiohttp.ClientSession
) -> None:
    await import_text(alice, CUSTOMERS, dataset="customers")
    state = await import_text(alice, ORDERS, dataset="orders", options={"columns": REFERRING})
    assert (state["row_count"], state["rejected_count"]) == (3, 1)
    async with alice.get(state["links"]["rejects"]) as response:
        (reject,) = (await response.json())["items"]
    assert (reject["line"], reject["column"], reject["code"]) == (3, "customer", "not_in_reference")
    assert "“c9” does not occur in the column “id” of the dataset “customers”" in reject["message"]
    body: Any = {"dataset": "orders", "options": {"columns": copy.deepcopy(REFERRING)}}
    async with bob.post("/api/v1/imports/check", json=body) as response:
        problem = await response.json()
    assert (response.status, problem["code"]) == (422, "reference_missing")
    assert problem["errors"][0]["field"] == "options.columns[1].reference"

    body["options"]["columns"][1]["reference"]["owner"] = "alice"
    for grants, status in ([{"user": "bob", "right": "view"}], 204), ([], 422):
        async with alice.put("/api/v1/datasets/customers/access", json={"grants": grants}) as response:
            assert response.status == 200
        async with bob.post("/api/v1/imports/check", json=body) as response:
            assert response.status == status, await response.text()
        if grants:
            shared = await import_text(bob, ORDERS, dataset="orders", options=body["options"])
            assert (shared["row_count"], shared["rejected_count"]) == (3, 1)
            from_hers = {"dataset": "customers", "owner": "alice"}
            async with bob.post("/api/v1/templates/from-dataset", json=from_hers) as response:
                assert '"alice"."customers"' in (await response.json())["source"]


async def test_what_was_checked_is_offered_for_the_next_file_and_stands_in_the_wizard(
    alice: aiohttp.ClientSession,
) -> None:
    await import_text(alice, CUSTOMERS, dataset="customers")
    checked: list[dict[str, Any]] = [
        {"name": "id", "type": "text", "pattern": "c[0-9]", "max_length": 2, "one_of": ["c1", "c2", "c3", "c4"]},
        {"name": "name", "type": "text", "min_length": 3, "reference": {"dataset": "customers", "column": "name"}},
    ]
    await import_text(alice, CUSTOMERS, dataset="people", options={"columns": checked})
    upload_id = await upload(alice, CUSTOMERS.replace("c3", "c33"))
    async with alice.get(f"/api/v1/uploads/{upload_id}/preview") as response:
        known = (await response.json())["known"]
    assert known["dataset"] == "people"
    assert [{"source": column["name"]} | column for column in checked] == known["corrections"]["columns"]
    async with alice.get("/imports/new", params={"upload": upload_id, "like": "people"}) as response:
        page = await response.text()
    for name, value in (
        ("c0.pattern", "c[0-9]"), ("c0.max_length", "2"), ("c0.one_of", "c1, c2, c3, c4"), ("c1.min_length", "3"),
        ("c1.reference", "customers.name"),
    ):  # fmt: skip
        assert f'name="{name}" value="{value}"' in page


async def test_the_wizard_says_at_its_field_which_check_cannot_be(alice: aiohttp.ClientSession) -> None:
    upload_id = await upload(alice, CUSTOMERS)
    form = {
        "upload_id": upload_id, "dataset": "people", "mode": "create", "reject_limit": "50%",
        "c0.source": "id", "c0.name": "id", "c0.type": "text", "c0.keep": "1",
        "c1.source": "name", "c1.name": "name", "c1.type": "text", "c1.keep": "1",
    }  # fmt: skip
    for field, wrong, told in (
        ("c0.pattern", "(?=a)", "RE2"),
        ("c0.min_length", "many", "Write a whole number."),
        ("c1.reference", "nothing", "customers.id"),
        ("c1.reference", "nobody.id", "You have no dataset"),
    ):
        async with alice.post("/imports", data=form | {field: wrong}, allow_redirects=False) as response:
            text = await response.text()
        assert response.status in (200, 422), text
        place = field.replace(".", "-")
        assert f'id="{place}-error">' in text
        assert told in text.split(f'id="{place}-error">')[1].split("</p>")[0]
    async with alice.post("/imports", data=form | {"c0.pattern": "c[12]"}, allow_redirects=False) as response:
        assert response.status == 303
    state = await ended(alice, response.headers["Location"].rpartition("/")[2])
    assert (state["row_count"], state["rejected_count"]) == (2, 1)


async def test_a_share_of_rejects_stops_an_import_which_keeps_its_list(alice: aiohttp.ClientSession) -> None:
    upload_id = await upload(alice, "id\n" + "x\n" * 6 + "1\n" * 94)
    columns = [{"name": "id", "type": "integer"}]
    job_id = await start(alice, upload_id, dataset="numbers", options={"columns": columns}, reject_limit="5%")
    state = await ended(alice, job_id)
    assert (state["state"], state["error"]["code"]) == ("failed", "too_many_rejects")
    async with alice.get(state["links"]["rejects"]) as response:
        assert (await response.json())["total"] == 6
    job_id = await start(alice, upload_id, dataset="numbers", options={"columns": columns}, reject_limit="6%")
    assert (await ended(alice, job_id))["row_count"] == 94
    for wrong in ("101%", "5", "-1%", "%"):
        body = {"dataset": "x", "reject_limit": wrong}
        async with alice.post("/api/v1/imports/check", json=body) as response:
            assert response.status == 422
