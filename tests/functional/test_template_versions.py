"""Versions of a template: who saved them and what they changed, compared, brought back, and nobody overwritten."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from tests.functional import batches
from tests.functional.batches import put_template, read
from tests.functional.importing import import_text

YAML = {"Content-Type": "application/yaml"}
FIRST = """\
title: Greeting
queries:
  answer: select 42 as number
blocks:
  - text: "The answer is {{ answer.number }}"
"""
SECOND = FIRST.replace("Greeting", "Hello").replace("42", "43")
THIRD = SECOND + '  - text: "More"\n'
PAGE = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
async def told(alice: aiohttp.ClientSession) -> aiohttp.ClientSession:
    """Alice, whose template has three versions."""
    for source, note in ((FIRST, ""), (SECOND, "Another answer"), (THIRD, "")):
        async with alice.put("/api/v1/templates/t", params={"note": note}, data=source, headers=YAML) as response:
            assert response.status in (200, 201), await response.text()
    return alice


async def restore(client: aiohttp.ClientSession, number: int, *, status: int = 201, **headers: str) -> dict[str, Any]:
    async with client.post(f"/api/v1/templates/t/versions/{number}/restore", headers=headers) as response:
        assert response.status == status, await response.text()
        answer: dict[str, Any] = await response.json()
        return answer


async def test_the_list_says_who_saved_what_and_how_much_it_changed(told: aiohttp.ClientSession) -> None:
    listed = (await read(told, "/api/v1/templates/t/versions"))["items"]
    wanted = ("number", "saved_by", "note", "lines_added", "lines_removed", "restored_from")
    assert [tuple(version[name] for name in wanted) for version in listed] == [
        (3, "alice", "", 1, 0, None),
        (2, "alice", "Another answer", 2, 2, None),
        (1, "alice", "", 5, 0, None),
    ]
    second = await read(told, listed[1]["links"]["self"])
    assert (second["source"], second["note"]) == (SECOND, "Another answer")


async def test_two_versions_are_compared_line_by_line(told: aiohttp.ClientSession) -> None:
    newest = await read(told, "/api/v1/templates/t/diff")
    assert (newest["from"], newest["to"], newest["added"], newest["removed"]) == (2, 3, 1, 0)
    diff = await read(told, "/api/v1/templates/t/diff?from=1&to=2")
    changed = [line for hunk in diff["hunks"] for line in hunk if line["change"] == "changed"]
    assert [(line["before"], line["after"]) for line in changed] == [
        ("title: Greeting", "title: Hello"),
        ("  answer: select 42 as number", "  answer: select 43 as number"),
    ]
    assert (await read(told, "/api/v1/templates/t/diff?from=2&to=1"))["added"] == 2
    await read(told, "/api/v1/templates/t/diff?to=1", status=422)
    await read(told, "/api/v1/templates/t/diff?from=9", status=404)


async def test_an_old_version_comes_back_as_a_new_one(told: aiohttp.ClientSession) -> None:
    assert (await restore(told, 1))["version"] == 4
    async with told.get("/api/v1/templates/t") as response:
        assert await response.text() == FIRST
    listed = (await read(told, "/api/v1/templates/t/versions"))["items"]
    assert [(version["number"], version["restored_from"]) for version in listed] == [
        (4, 1),
        (3, None),
        (2, None),
        (1, None),
    ]
    assert (await restore(told, 1))["version"] == 4  # it is in force already
    await restore(told, 9, status=404)
    await restore(told, 2, status=412, **{"If-Match": '"3"'})


async def test_a_version_comes_back_although_its_data_is_gone(alice: aiohttp.ClientSession) -> None:
    await import_text(alice)
    await put_template(alice, "t", batches.RIGHT)
    await put_template(alice, "t", FIRST)
    async with alice.delete("/api/v1/datasets/orders") as response:
        assert response.status == 200
    assert "orders" in (await restore(alice, 1))["warnings"][0]["message"]
    async with alice.get("/api/v1/templates/t") as response:
        assert await response.text() == batches.RIGHT


async def test_pages_show_versions_differences_and_sources(told: aiohttp.ClientSession) -> None:
    expected = {
        "/templates/t/versions": ["Another answer", "alice", "2 lines removed"],
        "/templates/t/versions/1": ["select 42"],
        "/templates/t/diff?from=1&to=2": ["<del>Greeting</del>", "<ins>Hello</ins>", "Restore version 1"],
        "/templates/t/diff?from=1&to=2&whole&view=unified": ["The answer is"],
        "/templates/t/diff": ["More"],
        "/templates/t": ["Another answer"],
    }
    for page, texts in expected.items():
        async with told.get(page) as response:
            text = await response.text()
            assert response.status == 200, text
            assert all(each in text for each in texts), (page, text)
    async with told.get("/templates/t/diff?to=1") as response:
        assert response.status == 422
    async with told.post("/templates/t/versions/2/restore", headers=PAGE) as response:
        assert response.url.path == "/templates/t"
        assert "Hello" in await response.text()


async def test_what_is_being_written_is_compared_with_the_newest_version(told: aiohttp.ClientSession) -> None:
    mine = THIRD.replace("More", "Mine")
    async with told.post("/templates/t/compare", data={"source": mine}, headers=PAGE) as response:
        text = await response.text()
    assert response.status == 200, text
    assert 'data-version="3"' in text
    assert "<del>More</del>" in text
    assert "<ins>Mine</ins>" in text


async def test_a_batch_leads_to_the_version_it_was_made_with_and_to_no_other(alice: aiohttp.ClientSession) -> None:
    await put_template(alice, "t", FIRST)
    batch = await batches.made(alice, "t")
    await put_template(alice, "t", SECOND)
    (report,) = await batches.reports_of(alice, batch["id"])
    for page in (f"/batches/{batch['id']}", f"/reports/{report['id']}"):
        async with alice.get(page) as response:
            assert 'href="/templates/t/versions/1"' in await response.text()
    async with alice.delete("/api/v1/templates/t") as response:
        assert response.status == 204
    await put_template(alice, "t", SECOND)  # another template of that name
    async with alice.get(f"/batches/{batch['id']}") as response:
        assert "/templates/t/versions/1" not in await response.text()


async def test_versions_are_nobody_elses(told: aiohttp.ClientSession, bob: aiohttp.ClientSession) -> None:
    for path in ("versions", "versions/1", "diff", "diff?from=1&to=2"):
        await read(bob, f"/api/v1/templates/t/{path}", status=404)
        async with bob.get(f"/templates/t/{path}") as response:
            assert response.status == 404
    await restore(bob, 1, status=404)
    for path in ("versions/1/restore", "compare"):
        async with bob.post(f"/templates/t/{path}", data={"source": "x"}, headers=PAGE) as response:
            assert response.status == 404
    assert (await read(told, "/api/v1/templates/t/versions"))["total"] == 3
