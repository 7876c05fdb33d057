"""Imports over the API: preview, start, follow, rejects; and nothing of it for anybody else."""

from __future__ import annotations

import csv
import io

import aiohttp
import pytest

from tests.functional.importing import ORDERS, ended, import_text, start, upload

MANY = "id,amount\n" + "".join(f"{number},{'x' if number % 10 == 0 else number}\n" for number in range(1, 201))
AS_NUMBERS = {"columns": [{"name": "id", "type": "integer"}, {"name": "amount", "type": "decimal"}]}


async def test_a_preview_says_what_the_file_looks_like(alice: aiohttp.ClientSession) -> None:
    upload_id = await upload(alice)
    async with alice.get(f"/api/v1/uploads/{upload_id}/preview") as response:
        preview = await response.json()
    assert response.status == 200
    assert (preview["format"], preview["encoding"], preview["delimiter"], preview["header"]) == (
        "csv",
        "utf-8",
        ",",
        True,
    )
    assert [(column["name"], column["type"]) for column in preview["columns"]] == [
        ("region", "text"),
        ("amount", "decimal"),
        ("ordered_at", "date"),
        ("paid", "boolean"),
    ]
    assert preview["rows"][2][0] == "华东"


async def test_a_preview_is_read_again_with_other_options(alice: aiohttp.ClientSession) -> None:
    upload_id = await upload(alice, "a;b,c\n1;2,3\n")
    async with alice.get(f"/api/v1/uploads/{upload_id}/preview", params={"delimiter": ";"}) as response:
        by_query = await response.json()
    async with alice.post(f"/api/v1/uploads/{upload_id}/preview", json={"delimiter": ","}) as response:
        by_body = await response.json()
    assert [column["name"] for column in by_query["columns"]] == ["a", "b,c"]
    assert [column["name"] for column in by_body["columns"]] == ["a;b", "c"]


async def test_a_wrong_option_is_named(alice: aiohttp.ClientSession) -> None:
    upload_id = await upload(alice)
    async with alice.post(f"/api/v1/uploads/{upload_id}/preview", json={"delimiter": ",,,,,"}) as response:
        problem = await response.json()
    assert response.status == 422
    assert problem["errors"][0]["field"] == "delimiter"


async def test_what_is_no_table_is_said_where_people_look(alice: aiohttp.ClientSession) -> None:
    upload_id = await upload(alice, b"", name="empty.csv")
    async with alice.get(f"/api/v1/uploads/{upload_id}/preview") as response:
        problem = await response.json()
    assert response.status == 422
    assert "empty" in problem["detail"]


async def test_a_file_becomes_a_dataset(alice: aiohttp.ClientSession) -> None:
    state = await import_text(alice)
    assert (state["dataset"], state["version"], state["row_count"], state["rejected_count"]) == ("orders", 1, 3, 0)
    async with alice.get(state["links"]["dataset"]) as response:
        dataset = await response.json()
    assert (dataset["row_count"], dataset["version"]) == (3, 1)
    assert [column["name"] for column in dataset["columns"]] == ["region", "amount", "ordered_at", "paid"]


async def test_starting_answers_where_to_look(alice: aiohttp.ClientSession) -> None:
    upload_id = await upload(alice)
    async with alice.post("/api/v1/imports", json={"upload_id": upload_id, "dataset": "orders"}) as response:
        started = await response.json()
    assert response.status == 202
    assert response.headers["Location"] == started["links"]["self"] == f"/api/v1/imports/{started['job_id']}"
    assert started["kind"] == "data_import"
    await ended(alice, started["job_id"])


async def test_the_same_key_gives_the_same_import(alice: aiohttp.ClientSession) -> None:
    upload_id = await upload(alice)
    jobs = set()
    for _ in range(2):
        body = {"upload_id": upload_id, "dataset": "orders"}
        async with alice.post("/api/v1/imports", json=body, headers={"Idempotency-Key": "monday"}) as response:
            assert response.status == 202, await response.text()
            jobs.add((await response.json())["job_id"])
        await ended(alice, next(iter(jobs)))  # also once the dataset exists
    assert len(jobs) == 1


async def test_rejected_rows_are_listed_with_line_and_reason(alice: aiohttp.ClientSession) -> None:
    state = await import_text(alice, MANY, options=AS_NUMBERS)
    assert (state["row_count"], state["rejected_count"]) == (180, 20)
    rejects = []
    cursor = ""
    while cursor is not None:
        async with alice.get(
            state["links"]["rejects"], params={"limit": 7, "cursor": cursor} if cursor else {"limit": 7}
        ) as response:
            page = await response.json()
        rejects += page["items"]
        cursor = page["next_cursor"]
    assert page["total"] == 20
    assert [reject["line"] for reject in rejects] == list(range(11, 202, 10))
    assert (rejects[0]["column"], rejects[0]["raw"]) == ("amount", "10,x")
    assert "x" in rejects[0]["message"]


async def test_rejects_come_as_files(alice: aiohttp.ClientSession) -> None:
    state = await import_text(alice, MANY, options=AS_NUMBERS)
    async with alice.get(state["links"]["rejects"] + ".csv") as response:
        rows = list(csv.reader(io.StringIO((await response.read()).decode("utf-8-sig"))))
    assert response.content_type == "text/csv"
    assert rows[0] == ["line", "column", "code", "message", "raw"]
    assert len(rows) == 21
    async with alice.get(state["links"]["rejects"] + ".json") as response:
        assert len(await response.json()) == 20
    async with alice.get(state["links"]["rejects"] + ".exe") as response:
        assert response.status == 404


async def test_a_cursor_that_is_not_ours_is_refused(alice: aiohttp.ClientSession) -> None:
    state = await import_text(alice, MANY, options=AS_NUMBERS)
    for cursor in ("7", "-1", "abc", "99999999"):
        async with alice.get(state["links"]["rejects"], params={"cursor": cursor}) as response:
            assert response.status == 422


async def test_too_many_rejects_stop_the_import_and_publish_nothing(alice: aiohttp.ClientSession) -> None:
    upload_id = await upload(alice, MANY)
    state = await ended(alice, await start(alice, upload_id, options=AS_NUMBERS, reject_limit=5))
    assert state["state"] == "failed"
    assert "5" in state["error"]["message"]
    async with alice.get("/api/v1/datasets/orders") as response:
        assert response.status == 404


async def test_creating_what_exists_is_refused_at_once(alice: aiohttp.ClientSession) -> None:
    await import_text(alice)
    upload_id = await upload(alice)
    async with alice.post("/api/v1/imports", json={"upload_id": upload_id, "dataset": "orders"}) as response:
        problem = await response.json()
    assert (response.status, problem["code"]) == (409, "dataset_exists")
    assert "“replace” or “append”" in problem["detail"]


async def test_appending_adds_rows_and_replacing_drops_them(alice: aiohttp.ClientSession) -> None:
    await import_text(alice)
    appended = await import_text(alice, "paid,region,amount,ordered_at\nno,West,1,2026-02-01\n", mode="append")
    assert (appended["version"], appended["row_count"]) == (2, 4)
    async with alice.get("/api/v1/datasets/orders/rows") as response:
        rows = (await response.json())["items"]
    assert [row["region"] for row in rows] == ["North", "South", "华东", "West"]
    assert rows[3] == {"region": "West", "amount": 1.0, "ordered_at": "2026-02-01", "paid": False}
    replaced = await import_text(alice, ORDERS, mode="replace")
    assert (replaced["version"], replaced["row_count"]) == (3, 3)


async def test_appending_to_nothing_is_refused(alice: aiohttp.ClientSession) -> None:
    upload_id = await upload(alice)
    body = {"upload_id": upload_id, "dataset": "orders", "mode": "append"}
    async with alice.post("/api/v1/imports", json=body) as response:
        problem = await response.json()
    assert response.status == 422
    assert problem["errors"][0]["field"] == "dataset"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"dataset": "Bad Name"}, "dataset"),
        ({"dataset": "orders", "mode": "overwrite"}, "mode"),
        ({"dataset": "orders", "reject_limit": -1}, "reject_limit"),
        ({"dataset": "orders", "options": {"columns": [{"name": "a", "type": "money"}]}}, "options.columns[0].type"),
    ],
)
async def test_a_wrong_value_is_named(alice: aiohttp.ClientSession, body: dict[str, object], field: str) -> None:
    upload_id = await upload(alice)
    async with alice.post("/api/v1/imports", json={"upload_id": upload_id, **body}) as response:
        problem = await response.json()
    assert response.status == 422
    assert problem["errors"][0]["field"] == field


async def test_columns_are_renamed_typed_and_left_out(alice: aiohttp.ClientSession) -> None:
    columns = [{"name": "where", "source": "region"}, {"name": "sum", "source": "amount", "type": "text"}]
    await import_text(alice, options={"columns": columns})
    async with alice.get("/api/v1/datasets/orders/rows") as response:
        assert (await response.json())["items"][0] == {"where": "North", "sum": "10.50"}


async def test_nobody_else_sees_or_uses_it(alice: aiohttp.ClientSession, bob: aiohttp.ClientSession) -> None:
    upload_id = await upload(alice)
    state = await ended(alice, await start(alice, upload_id))
    for method, path, body in (
        ("GET", f"/api/v1/uploads/{upload_id}/preview", None),
        ("POST", f"/api/v1/uploads/{upload_id}/preview", {}),
        ("POST", "/api/v1/imports", {"upload_id": upload_id, "dataset": "mine"}),
        ("GET", f"/api/v1/imports/{state['job_id']}", None),
        ("GET", f"/api/v1/imports/{state['job_id']}/rejects", None),
        ("GET", f"/api/v1/imports/{state['job_id']}/rejects.csv", None),
        ("GET", f"/api/v1/imports/{state['job_id']}/rejects.json", None),
    ):
        async with bob.request(method, path, json=body) as response:
            assert response.status == 404, (method, path, await response.text())


async def test_an_import_of_another_kind_of_job_is_not_found(alice: aiohttp.ClientSession) -> None:
    upload_id = await upload(alice)
    async with alice.get(f"/api/v1/uploads/{upload_id}") as response:
        job_id = (await response.json())["job_id"]
    async with alice.get(f"/api/v1/imports/{job_id}") as response:
        assert response.status == 404


async def test_a_preview_tells_how_the_file_differs_from_an_own_dataset(
    alice: aiohttp.ClientSession, bob: aiohttp.ClientSession
) -> None:
    await import_text(alice)
    other = "Region,amount,ordered at,discount\nNorth,1.5,2026-01-01,2\n"
    for client, lost in ((alice, ["paid"]), (bob, None)):
        upload_id = await upload(client, other)
        async with client.get(f"/api/v1/uploads/{upload_id}/preview?dataset=orders") as response:
            told = (await response.json())["difference"]
        assert (told and told["lost"]) == lost  # what is not theirs is not there
    async with alice.post(f"/api/v1/uploads/{await upload(alice, other)}/preview?dataset=orders", json={}) as response:
        told = (await response.json())["difference"]
    assert told == {
        "lost": ["paid"],
        "added": ["discount"],
        "renamed": [{"dataset": "ordered_at", "file": "ordered at"}],
        "types": [],
        "notations": [],
    }


async def test_what_is_to_be_looked_at_stands_in_the_result_too(alice: aiohttp.ClientSession) -> None:
    state = await import_text(alice, "n,day\n1,01/02/2026\n2,03/04/2026\n")
    (warning,) = state["result"]["warnings"]
    assert warning["code"] == "ambiguous_dates"
    assert "“day”" in warning["message"]
