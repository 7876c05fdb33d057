"""A dry run reads all of a file and says what importing it would do; nothing changes until somebody imports it."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from tests.functional.importing import ended, import_text, start, upload

ORDERS = "Orders of March\n\nid,amount\n1,10\n2,x\n3,30\n"
COLUMNS = {"columns": [{"name": "id", "unique": True}, {"name": "amount", "type": "integer"}]}
Client = aiohttp.ClientSession


async def get(client: Client, path: str) -> Any:
    async with client.get(f"/api/v1{path}") as response:
        return await response.json()


async def checked(client: Client, content: str = ORDERS, **given: Any) -> dict[str, Any]:
    upload_id = await upload(client, content)
    return await ended(client, await start(client, upload_id, dry_run=True, options=COLUMNS, **given))


async def test_it_says_what_would_happen_and_changes_nothing(alice: Client) -> None:
    state = await checked(alice)
    would = state["result"]
    assert (state["state"], state["kind"], state["dry_run"], state["version"]) == (
        "succeeded",
        "import_check",
        True,
        None,
    )
    assert (would["imported_count"], would["rejected_count"], would["row_count"], would["version"]) == (2, 1, 2, 1)
    assert (would["rejected_by"], would["named"]) == (
        {"not_a_number": 1},
        {"above_table": 1, "blank": 1, "header": 1},
    )
    assert would["columns"] == {"id": "integer", "amount": "integer"}
    assert (await get(alice, "/datasets"))["items"] == []
    (reject,) = (await get(alice, f"/imports/{state['job_id']}/rejects"))["items"]
    assert (reject["line"], reject["column"], reject["raw"]) == (5, "amount", "2,x")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"mode": "append"}, {"row_count": 4, "version": 2}),
        (
            {"mode": "upsert", "key": ["id"]},
            {"row_count": 3, "inserted": 1, "updated": 1, "unchanged": 0, "version": 2},
        ),
        ({"mode": "replace"}, {"row_count": 2, "version": 2}),
    ],
    ids=["append", "upsert", "replace"],
)
async def test_it_tells_what_the_dataset_would_become(
    alice: Client, given: dict[str, Any], told: dict[str, Any]
) -> None:
    await import_text(alice, "id,amount\n1,5\n2,20\n", dataset="orders", options=COLUMNS)
    would = (await checked(alice, **given))["result"]
    assert {name: would[name] for name in told} == told
    dataset = await get(alice, "/datasets/orders")
    assert (dataset["version"], dataset["row_count"]) == (1, 2)


async def test_what_would_fail_fails_with_its_reason_and_list(alice: Client) -> None:
    state = await checked(alice, reject_limit=0)
    assert (state["state"], state["error"]["code"], state["rejected_count"]) == ("failed", "too_many_rejects", 1)
    assert (await get(alice, f"/imports/{state['job_id']}/rejects"))["total"] == 1
    await import_text(alice, "id,other\n1,5\n", dataset="orders")
    state = await checked(alice, mode="append")
    assert (state["state"], state["error"]["code"]) == ("failed", "columns_do_not_fit")


async def test_it_is_imported_with_one_request_which_may_come_twice(alice: Client, bob: Client) -> None:
    state = await checked(alice, reject_limit="50%")
    job_id = state["job_id"]
    async with bob.post(f"/api/v1/imports/{job_id}/import") as response:
        assert response.status == 404
    jobs = set()
    for _ in range(2):
        async with alice.post(f"/api/v1/imports/{job_id}/import") as response:
            assert response.status == 202
            jobs.add((await response.json())["job_id"])
    (imported,) = jobs
    done = await ended(alice, imported)
    assert (done["kind"], done["row_count"], done["rejected_count"], done["version"]) == ("data_import", 2, 1, 1)
    async with alice.post(f"/api/v1/imports/{imported}/import") as response:
        assert (response.status, (await response.json())["code"]) == (409, "not_checked")
    # Its list goes with it, and the import's own stays.
    async with alice.delete(f"/api/v1/jobs/{job_id}") as response:
        assert response.status == 204
    assert (await get(alice, f"/imports/{imported}/rejects"))["total"] == 1


async def test_the_wizard_checks_imports_and_changes_the_order(alice: Client, bob: Client) -> None:
    upload_id = await upload(alice, ORDERS)
    form = {
        "upload_id": upload_id, "dataset": "march", "mode": "create", "reject_limit": "50%",
        "c0.source": "id", "c0.name": "number", "c0.type": "integer", "c0.keep": "1", "c0.min": "1",
        "c1.source": "amount", "c1.name": "amount", "c1.type": "integer",
    }  # fmt: skip
    async with alice.post("/imports", data=form | {"check": "1"}, allow_redirects=False) as response:
        assert response.status == 303
    job_id = response.headers["Location"].rpartition("/")[2]
    assert (await ended(alice, job_id))["result"]["columns"] == {"number": "integer"}
    async with alice.get(f"/imports/{job_id}") as response:
        page = await response.text()
    assert "nothing was changed" in page
    assert "Would be imported" in page
    assert f'action="/imports/{job_id}/import"' in page
    async with alice.get(f"/imports/new?upload={upload_id}&order={job_id}") as response:
        wizard = await response.text()
    for field in (
        'name="c0.name" id="c0-name" value="number"',
        'name="c0.min" value="1"',
        'value="50%"',
        'value="march"',
    ):
        assert field in wizard
    async with bob.get(f"/imports/{job_id}") as response:
        assert response.status == 404
    async with bob.post(f"/imports/{job_id}/import", allow_redirects=False) as response:
        assert response.status == 404
    async with alice.post(f"/imports/{job_id}/import", allow_redirects=False) as response:
        assert response.status == 303
    assert (await ended(alice, response.headers["Location"].rpartition("/")[2]))["row_count"] == 3
