"""Rejected rows are corrected in place: judged as the import would, added once, the rest stays with its reasons."""

from __future__ import annotations

import asyncio
import io
import json
import re
from typing import Any

import aiohttp
import openpyxl
import pytest
from sqlalchemy import update

from server.settings import Settings
from server.storage.tables import jobs
from tests.conftest import new_user, running, signed_in
from tests.functional.importing import ended, import_text, upload

Client = aiohttp.ClientSession
Json = dict[str, Any]
ORDERS = "id,region,amount\n1,North,10\n2,South,x\n3,West\n4,East,4,5\n1,North,7\n5,South,-1\n6,North,60\n"
COLUMNS = [
    {"name": "id", "type": "integer", "unique": True},
    {"name": "region", "type": "text", "one_of": ["North", "South", "West", "East"]},
    {"name": "amount", "type": "decimal", "min": 0},
]
LINES = {3: ["2", "South", "x"], 4: ["3", "West", None], 5: ["4", "East", "4,5"], 7: ["5", "South", "-1"]}


async def get(client: Client, path: str, *, status: int = 200) -> Any:
    async with client.get(path if path.startswith("/api") else f"/api/v1{path}") as response:
        assert response.status == status, await response.text()
        return await response.json()


async def imported(client: Client, content: str | bytes = ORDERS, **given: Any) -> Json:
    return await import_text(client, content, options={"columns": COLUMNS}, **given)


async def send(client: Client, job_id: str, rows: dict[int, list[str | None]]) -> Json:
    """The correction, once it is over."""
    body = {"rows": [{"line": line, "cells": cells} for line, cells in rows.items()]}
    async with client.post(f"/api/v1/imports/{job_id}/rejects/rows", json=body) as response:
        assert response.status == 202, await response.text()
        started = await response.json()
    assert started["kind"] == "import_correction"
    return await ended(client, started["job_id"])


async def left(client: Client, job_id: str) -> Json:
    found: Json = await get(client, f"/imports/{job_id}/rejects/rows")
    return found


async def rows_of(client: Client, name: str = "orders") -> list[tuple[Any, ...]]:
    items = (await get(client, f"/datasets/{name}/rows?limit=200"))["items"]
    return [tuple(item.values()) for item in items]


async def test_every_cell_of_each_row_is_shown_with_what_is_wrong(alice: Client) -> None:
    state = await imported(alice)
    found = await left(alice, state["job_id"])
    assert (found["columns"], found["total"], found["corrected_count"]) == (["id", "region", "amount"], 5, 0)
    assert {row["line"]: row["cells"] for row in found["items"]} == LINES | {6: ["1", "North", "7"]}
    reasons = {row["line"]: [(each["column"], each["code"]) for each in row["reasons"]] for row in found["items"]}
    assert reasons == {
        3: [("amount", "not_a_number")],
        4: [(None, "too_few_cells")],
        5: [(None, "too_many_cells")],
        6: [("id", "not_unique")],
        7: [("amount", "below_minimum")],
    }
    page = await get(alice, f"/imports/{state['job_id']}/rejects/rows?limit=2")
    rest = await get(alice, f"/imports/{state['job_id']}/rejects/rows?limit=9&cursor={page['next_cursor']}")
    assert [row["line"] for row in page["items"] + rest["items"]] == [row["line"] for row in found["items"]]


async def test_those_that_fit_become_a_version_and_the_others_stay_with_their_reasons(alice: Client) -> None:
    state = await imported(alice)
    job_id = state["job_id"]
    done = await send(
        alice,
        job_id,
        {
            3: ["2", "South", "20"],  # right
            4: ["3", "West", None],  # as it was: no row of three cells
            5: ["4", "Nowhere", "4.5"],  # a new mistake
            6: ["6", "North", "7"],  # a number that the import has taken
            7: ["2", "South", "1"],  # and one that stands in this very correction
        },
    )
    result = done["result"]
    assert done["state"] == "succeeded"
    assert (result["version"], result["before"], result["corrected_count"], result["wrong_count"]) == (2, 1, 1, 4)
    assert await rows_of(alice) == [(1, "North", 10), (6, "North", 60), (2, "South", 20)]
    dataset = await get(alice, "/datasets/orders")
    assert (dataset["version"], dataset["row_count"], dataset["rejected_count"]) == (2, 3, 4)
    found = await left(alice, job_id)
    assert (found["total"], found["corrected_count"]) == (4, 1)
    assert {row["line"]: (row["cells"], row["reasons"][0]["code"]) for row in found["items"]} == {
        4: (["3", "West", None], "too_few_cells"),
        5: (["4", "Nowhere", "4.5"], "not_one_of"),
        6: (["6", "North", "7"], "not_unique"),
        7: (["2", "South", "1"], "not_unique"),
    }
    # What the import itself left out stays on record.
    assert (await get(alice, f"/imports/{job_id}"))["rejected_count"] == 5
    assert (await get(alice, f"/imports/{job_id}/rejects"))["total"] == 5
    done = await send(
        alice, job_id, {4: ["3", "West", "3"], 5: ["4", "East", "4.5"], 6: ["8", "North", "7"], 7: ["9", "East", "0"]}
    )
    assert (done["result"]["version"], done["result"]["left_count"]) == (3, 0)
    assert await left(alice, job_id) | {"dataset": ""} == {
        "items": [], "next_cursor": None, "total": 0, "columns": ["id", "region", "amount"], "dataset": "",
        "corrected_count": 5,
    }  # fmt: skip
    assert len(await rows_of(alice)) == 7


async def test_where_none_fits_nothing_is_added(alice: Client) -> None:
    state = await imported(alice)
    done = await send(alice, state["job_id"], {3: ["2", "South", "y"], 7: ["5", "South", "-2"]})
    assert (done["state"], done["error"]["code"], done["version"]) == ("failed", "none_corrected", None)
    assert (await get(alice, "/datasets/orders"))["version"] == 1
    found = {row["line"]: row["cells"] for row in (await left(alice, state["job_id"]))["items"]}
    assert found == LINES | {6: ["1", "North", "7"]}


async def test_of_two_tabs_only_one_adds_a_row(alice: Client) -> None:
    state = await imported(alice)
    mine = {3: ["2", "South", "20"], 7: ["5", "South", "1"]}
    hers = {3: ["2", "South", "21"], 4: ["3", "West", "3"]}
    both = await asyncio.gather(send(alice, state["job_id"], mine), send(alice, state["job_id"], hers))
    assert [done["state"] for done in both] == ["succeeded", "succeeded"]
    assert sum(done["result"]["corrected_count"] for done in both) == 3
    assert sorted(row[0] for row in await rows_of(alice)) == [1, 2, 3, 5, 6]
    late = await send(alice, state["job_id"], mine)
    assert (late["state"], late["error"]["code"]) == ("failed", "already_corrected")
    found = await left(alice, state["job_id"])
    assert [row["line"] for row in found["items"]] == [5, 6]


async def test_rows_of_a_merged_file_are_merged_as_well(alice: Client) -> None:
    await import_text(alice, "id,region,amount,note\n1,North,10,a\n2,South,20,b\n", dataset="orders")
    text = "id,amount\n1,11\n2,x\n1,12\n3,30\n"
    columns = [{"name": "id", "type": "integer"}, {"name": "amount", "type": "integer"}]
    state = await import_text(alice, text, mode="upsert", key=["id"], options={"columns": columns})
    await import_text(alice, "id,region,amount,note\n7,West,70,c\n", mode="append")
    assert (state["row_count"], state["rejected_count"]) == (3, 2)
    done = await send(alice, state["job_id"], {3: ["2", "22"], 4: ["1", "12"]})
    assert (done["result"]["corrected_count"], done["result"]["updated"], done["result"]["inserted"]) == (1, 1, 0)
    assert [row[:3] for row in await rows_of(alice)] == [
        (1, "North", 11), (2, "South", 22), (3, None, 30), (7, "West", 70),
    ]  # fmt: skip
    assert [row["line"] for row in (await left(alice, state["job_id"]))["items"]] == [4]


async def test_nothing_is_added_to_what_took_its_place(alice: Client) -> None:
    state = await imported(alice)
    await imported(alice, "id,region,amount\n1,North,1\n", mode="replace")
    problem = await get(alice, f"/imports/{state['job_id']}/rejects/rows", status=409)
    assert problem["code"] == "dataset_replaced"
    state = await imported(alice, mode="replace")
    async with alice.post("/api/v1/datasets/orders/versions/2/restore") as response:
        assert response.status == 201
    body = {"rows": [{"line": 3, "cells": ["2", "South", "20"]}]}
    async with alice.post(f"/api/v1/imports/{state['job_id']}/rejects/rows", json=body) as response:
        assert (response.status, (await response.json())["code"]) == (409, "dataset_replaced")


async def test_nobody_else_sees_or_corrects_them(alice: Client, bob: Client, admin: Client) -> None:
    state = await imported(alice)
    base = f"/imports/{state['job_id']}"
    body = {"rows": [{"line": 3, "cells": ["2", "South", "20"]}]}
    for path in (f"/api/v1{base}/rejects/rows", f"/api/v1{base}/rejects/file", f"{base}/correct"):
        async with bob.get(path) as response:
            assert response.status == 404
    for client in (bob, admin):
        async with client.post(f"/api/v1{base}/rejects/rows", json=body) as response:
            assert response.status == 404
        async with client.post(f"{base}/correct", data={"r3.2": "3"}, allow_redirects=False) as response:
            assert response.status == 404
    assert (await get(alice, "/datasets/orders"))["version"] == 1


async def test_who_may_edit_a_dataset_sees_and_corrects_what_others_brought_into_it(alice: Client, bob: Client) -> None:
    first = await imported(alice)
    access = "/api/v1/datasets/orders/access"
    async with alice.put(access, json={"grants": [{"user": "bob", "right": "edit"}]}) as response:
        assert response.status == 200
    second = await imported(bob, ORDERS.replace("1,North,10", "7,North,10"), owner="alice", mode="append")

    for client, other, key in ((alice, second, "12"), (bob, first, "2")):
        base = f"/imports/{other['job_id']}"
        for path in (base, f"{base}/rejects", f"{base}/correct"):
            async with client.get(path) as response:
                assert response.status == 200, path
        corrected = await send(client, other["job_id"], {3: [key, "South", "20"]})
        assert (corrected["state"], corrected["result"]["corrected_count"]) == ("succeeded", 1), corrected["error"]
    assert ("12", "South", "20") in [tuple(map(str, row)) for row in await rows_of(alice)]
    async with alice.get(f"/imports/{second['job_id']}") as response:
        assert "Change options" not in await response.text()  # the file is Bob's
    async with alice.put(access, json={"grants": []}) as response:
        assert response.status == 200
    await get(bob, f"/imports/{first['job_id']}/rejects/rows", status=404)
    body = {"rows": [{"line": 5, "cells": ["4", "East", "4"]}]}
    async with bob.post(f"/api/v1/imports/{second['job_id']}/rejects/rows", json=body) as response:
        assert response.status == 404  # of their own import, which went into what is not theirs any more
    async with bob.get(f"/imports/{second['job_id']}") as response:
        assert response.status == 200


@pytest.mark.parametrize(
    ("rows", "field"),
    [
        ([], "rows"),
        ([{"line": 3, "cells": ["2", "South"]}], "rows[0].cells"),
        ([{"line": 3, "cells": ["2", "a", "b"]}, {"line": 3, "cells": ["2", "a", "b"]}], "rows"),
    ],
    ids=["none", "too few cells", "twice"],
)
async def test_what_is_no_row_is_refused(alice: Client, rows: list[Json], field: str) -> None:
    state = await imported(alice)
    async with alice.post(f"/api/v1/imports/{state['job_id']}/rejects/rows", json={"rows": rows}) as response:
        assert (response.status, (await response.json())["errors"][0]["field"]) == (422, field)


def _sheet(rows: list[list[Any]]) -> bytes:
    workbook, stream = openpyxl.Workbook(), io.BytesIO()
    for row in rows:
        workbook.active.append(row)
    workbook.save(stream)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("orders.txt", "id;region;amount\n1;Zürich;10\n2;Köln;x\n3;Genève;30\n".encode("cp1252")),
        ("orders.xlsx", _sheet([["id", "region", "amount"], [1, "Zürich", 10], [2, "Köln", "x"], [3, "Genève", 30]])),
        (
            "orders.jsonl",
            "".join(
                json.dumps({"id": number, "region": region, "amount": amount}) + "\n"
                for number, region, amount in ((1, "Zürich", 10), (2, "Köln", "x"), (3, "Genève", 30))
            ).encode(),
        ),
    ],
    ids=["csv", "xlsx", "jsonl"],
)
async def test_the_rest_comes_in_the_files_own_layout_and_may_come_back(
    alice: Client, name: str, content: bytes
) -> None:
    columns = [{"name": "id"}, {"name": "region", "type": "text"}, {"name": "amount", "type": "integer"}]
    state = await import_text(alice, content, name=name, options={"columns": columns})
    assert (state["row_count"], state["rejected_count"]) == (2, 1)
    async with alice.get(f"/api/v1/imports/{state['job_id']}/rejects/file") as response:
        assert response.status == 200
        taken = await response.read()
        assert f"orders-rejects.{name.rpartition('.')[2]}" in response.headers["Content-Disposition"]
        assert response.charset == ("windows-1252" if name.endswith(".txt") else None)
    corrected = _with_20(taken, name)
    upload_id = await upload(alice, corrected, name=f"again-{name}")
    preview = await get(alice, f"/uploads/{upload_id}/preview")
    assert [column["name"] for column in preview["columns"]] == ["id", "region", "amount"]
    assert "reason_column" in [warning["code"] for warning in preview["warnings"]]
    await import_text(alice, corrected, name=f"again-{name}", mode="append")
    assert [row[1] for row in await rows_of(alice)] == ["Zürich", "Genève", "Köln"]
    rest = await left(alice, state["job_id"])
    assert (rest["items"], rest["total"], rest["corrected_count"]) == ([], 0, 1)
    (reject,) = (await get(alice, f"/imports/{state['job_id']}/rejects"))["items"]
    done = await send(alice, state["job_id"], {reject["line"]: ["2", "Köln", "21"]})
    assert done["error"]["code"] == "already_corrected"


def _with_20(taken: bytes, name: str) -> bytes:
    """What a person does to it in the program it came from."""
    if name.endswith(".txt"):
        text = taken.decode("cp1252")
        assert text.splitlines()[0] == "id;region;amount;jindu_reject_row;jindu_reject_reason"
        return re.sub("Köln;x;(.*?);.*", r"Köln;20;\1;", text).encode("cp1252")
    if name.endswith(".jsonl"):
        row = json.loads(taken)
        assert (row["id"], row["amount"]) == (2, "x")
        return json.dumps(row | {"amount": 20, "jindu_reject_reason": ""}).encode()
    workbook, stream = openpyxl.load_workbook(io.BytesIO(taken)), io.BytesIO()
    sheet = workbook.active
    assert [cell.value for cell in sheet[2]][:3] == [2, "Köln", "x"] or [cell.value for cell in sheet[2]][:3] == [
        "2",
        "Köln",
        "x",
    ]
    sheet["C2"], sheet["E2"] = 20, None
    workbook.save(stream)
    return stream.getvalue()


async def test_the_grid_marks_cells_adds_what_fits_and_keeps_what_was_typed(alice: Client) -> None:
    state = await imported(alice, 'id,region,amount\n1,North,10\n2,"South\nEast",x\n3,West,y\n4,Up,z\n', name="odd.csv")
    job_id = state["job_id"]
    async with alice.get(f"/imports/{job_id}") as response:
        assert f'href="/imports/{job_id}/correct"' in await response.text()
    page = await _page(alice, job_id)
    assert 'name="r5.2" value="y"' in page
    assert _invalid(page) == {"r3.1", "r3.2", "r5.2", "r6.1", "r6.2"}
    # As a browser sends it: all rows of the page, line ends in its own way, one of them changed in vain.
    form = {
        "r3.0": "2", "r3.1": "South\r\nEast", "r3.2": "x", "r5.0": "3", "r5.1": "West", "r5.2": "yes",
        "r6.0": "4", "r6.1": "Up", "r6.2": "z",
    }  # fmt: skip
    page = await _corrected(alice, job_id, form)
    assert "The row does not fit yet; it says why." in page
    assert 'name="r5.2" value="yes"' in page
    page = await _corrected(alice, job_id, form | {"r5.2": "30"})
    assert "Version 2: 1 corrected row added to version 1" in page
    assert 'name="r5.2"' not in page
    assert await rows_of(alice) == [(1, "North", 10), (3, "West", 30)]
    async with alice.get("/datasets/orders") as response:
        assert "2 rows left out" in await response.text()


async def _page(client: Client, job_id: str) -> str:
    async with client.get(f"/imports/{job_id}/correct") as response:
        assert response.status == 200
        return await response.text()


def _invalid(page: str) -> set[str]:
    fields = re.findall(r"<(?:input|textarea)[^>]*>", page)
    return {re.findall(r'name="([^"]*)"', field)[0] for field in fields if "aria-invalid" in field}


async def _corrected(client: Client, job_id: str, form: dict[str, str]) -> str:
    async with client.post(f"/imports/{job_id}/correct", data=form, allow_redirects=False) as response:
        assert response.status == 303
        target = response.headers["Location"]
    await ended(client, target.rpartition("after=")[2])
    async with client.get(target) as response:
        assert response.status == 200
        return await response.text()


async def test_an_attempt_repeated_after_a_crash_adds_its_rows_once(settings: Settings) -> None:
    async with running(settings) as server:
        async with await signed_in(server, "admin") as admin, await new_user(server, admin, "alice") as alice:
            import_id = (await imported(alice))["job_id"]
            job_id = (await send(alice, import_id, {3: ["2", "South", "20"], 7: ["5", "South", "1"]}))["job_id"]
        # As if the process had died after the version was committed and before the job was.
        async with server.parts.storage.database.write() as connection:
            await connection.execute(
                update(jobs).where(jobs.c.id == job_id).values(state="running", result=None, finished_at=None)
            )
    async with running(settings) as server, await signed_in(server, "alice") as alice:
        done = await ended(alice, job_id)
        assert (done["state"], done["result"]["corrected_count"], done["result"]["version"]) == ("succeeded", 2, 2)
        assert [row[0] for row in await rows_of(alice)] == [1, 6, 2, 5]
        assert (await left(alice, import_id))["total"] == 3


async def test_a_list_that_went_with_its_job_is_not_begun_again(alice: Client) -> None:
    state = await imported(alice)
    done = await send(alice, state["job_id"], {3: ["2", "South", "20"]})
    async with alice.delete(f"/api/v1/jobs/{done['job_id']}") as response:
        assert response.status == 204
    problem = await get(alice, f"/imports/{state['job_id']}/rejects/rows", status=410)
    assert problem["code"] == "rejects_removed"
    again = {"rows": [{"line": 3, "cells": ["2", "South", "20"]}]}
    async with alice.post(f"/api/v1/imports/{state['job_id']}/rejects/rows", json=again) as response:
        assert response.status == 202
        job_id = (await response.json())["job_id"]
    assert (await ended(alice, job_id))["error"]["code"] == "rejects_removed"
    assert (await get(alice, "/datasets/orders"))["version"] == 2
