"""The wizard's form as the server answers it, without a browser."""

from __future__ import annotations

import re

import aiohttp

from tests.functional.importing import ended, import_text, upload


async def post_form(client: aiohttp.ClientSession, **fields: str) -> tuple[int, str, str]:
    """Status, text and target of the answer."""
    async with client.post("/imports", data=fields, allow_redirects=False) as response:
        return response.status, await response.text(), response.headers.get("Location", "")


async def test_a_form_starts_the_import_as_it_stands(alice: aiohttp.ClientSession) -> None:
    upload_id = await upload(alice, "a;b,c\n1;2,3\n")
    status, _, target = await post_form(
        alice,
        **{
            "upload_id": upload_id,
            "delimiter": ",",
            "header": "yes",
            "c0.source": "a;b",
            "c0.name": "letters",
            "c0.type": "text",
            "c0.keep": "1",
            "c1.source": "c",
            "c1.name": "c",
            "c1.type": "integer",
        },
        dataset="mine",
        mode="create",
    )
    assert status == 303
    state = await ended(alice, target.rpartition("/")[2])
    assert (state["state"], state["row_count"]) == ("succeeded", 1)
    async with alice.get("/api/v1/datasets/mine/rows") as response:
        assert (await response.json())["items"] == [{"letters": "1;2"}]


async def test_a_mistake_stands_at_its_field(alice: aiohttp.ClientSession) -> None:
    await import_text(alice)
    upload_id = await upload(alice)
    status, text, _ = await post_form(alice, upload_id=upload_id, dataset="orders", mode="create")
    assert status == 409
    assert "There is already a dataset named “orders”" in text
    status, text, _ = await post_form(alice, upload_id=upload_id, dataset="Not Good", mode="create")
    assert status == 422
    assert "Use up to 63 small letters" in text
    status, text, _ = await post_form(alice, upload_id=upload_id, dataset="x", mode="create", reject_limit="many")
    assert status == 422
    assert "Write a whole number, or a share" in text


async def test_a_file_that_is_still_coming_shows_its_bar(alice: aiohttp.ClientSession) -> None:
    headers = {"Tus-Resumable": "1.0.0", "Upload-Length": "1000", "Upload-Metadata": "filename YS5jc3Y="}
    async with alice.post("/api/v1/uploads", headers=headers) as response:
        assert response.status == 201, await response.text()
        upload_id = response.headers["Location"].rpartition("/")[2]
    async with alice.get(f"/imports/new?upload={upload_id}") as response:
        text = await response.text()
    assert response.status == 200
    assert "still on its way" in text
    assert "data-live-on" in text


async def test_a_query_comes_as_csv(alice: aiohttp.ClientSession) -> None:
    await import_text(alice)
    fields = {"sql": "select region, amount from orders order by amount", "download": "csv"}
    async with alice.post("/datasets/orders/query", data=fields) as response:
        text = (await response.read()).decode("utf-8-sig")
    assert response.content_type == "text/csv"
    assert text.splitlines() == ["region,amount", "South,2.00", "华东,7.25", "North,10.50"]


async def test_changes_go_through_the_page_too(alice: aiohttp.ClientSession, bob: aiohttp.ClientSession) -> None:
    await import_text(alice)
    await import_text(alice, mode="append")
    for client, statuses in ((bob, (404, 404, 404)), (alice, (303, 303, 303))):
        for (path, fields), status in zip(
            (
                ("/datasets/orders/versions/1/restore", {}),
                ("/datasets/orders/change", {"name": "orders", "description": "All of them"}),
                ("/datasets/orders/delete", {}),
            ),
            statuses,
            strict=True,
        ):
            async with client.post(path, data=fields, allow_redirects=False) as response:
                assert response.status == status, path
    async with alice.get("/datasets/orders") as response:
        assert response.status == 404


async def test_a_file_like_one_before_is_read_the_same_way_on_demand(
    alice: aiohttp.ClientSession, bob: aiohttp.ClientSession
) -> None:
    columns = [{"name": "Where", "source": "region", "type": "text"}, {"name": "amount", "type": "text"}]
    await import_text(alice, name="orders 2026-03.csv", options={"columns": columns})
    upload_id = await upload(alice, name="orders 2026-04.csv")
    async with alice.get(f"/api/v1/uploads/{upload_id}/preview") as response:
        known = (await response.json())["known"]
    assert (known["dataset"], known["file"], known["why"]) == ("orders", "orders 2026-03.csv", "name")
    assert known["corrections"]["left_out"] == ["ordered_at", "paid"]
    async with alice.get(f"/imports/new?upload={upload_id}") as response:
        text = await response.text()
    assert "“orders 2026-03.csv” became “orders” on" in text
    assert "Read it the same way (4 corrections)" in text
    async with alice.get(f"/imports/new?upload={upload_id}&like=orders") as response:
        text = await response.text()
    assert "A file like this one" not in text
    for expected in ('value="Where"', 'name="dataset" value="orders"', 'value="replace" checked'):
        assert expected in text, expected
    kept = [box for box in re.findall("<input[^>]*data-keep[^>]*>", text) if "checked" in box]
    assert len(kept) == 2
    other = await upload(bob, name="orders 2026-04.csv")
    async with bob.get(f"/api/v1/uploads/{other}/preview") as response:
        assert (await response.json())["known"] is None


async def test_where_nothing_may_be_fetched_pages_lead_to_how_it_is_set(alice: aiohttp.ClientSession) -> None:
    for page in ("/imports/fetch", "/schedules/new?runs=import"):
        async with alice.get(page) as response:
            text = await response.text()
        assert "JINDU_IMPORT_FOLDERS" in text, page
        assert 'href="/help/en/administrators#fetching"' in text, page
