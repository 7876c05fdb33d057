"""A job's log as people and programs read it: page by page, whole as a file, with marks where lines are missing."""

from __future__ import annotations

import html

import aiohttp

from server.jobs.job_log import line_now
from tests.conftest import Server
from tests.functional.browsing import HTML
from tests.functional.importing import ended, start, upload
from tests.functional.test_jobs_api import get

Client = aiohttp.ClientSession


async def chatty(client: Client) -> str:
    """A script's job that said 160 things at once and ended."""
    async with client.post("/api/v1/jobs", json={"title": "Crawl"}) as response:
        assert response.status == 202
        job_id = str((await response.json())["job_id"])
    for number in range(160):
        last = {"state": "succeeded"} if number == 159 else {}
        body = {"message": f"page <{number}>"} | last
        async with client.patch(f"/api/v1/jobs/{job_id}", json=body) as response:
            assert response.status == 200, await response.text()
    return job_id


async def test_a_log_is_read_in_pages_and_downloaded_whole_by_its_owner_alone(alice: Client, bob: Client) -> None:
    job_id = await chatty(alice)
    page = await get(alice, f"/jobs/{job_id}/log", limit="2")
    lines = page["items"]
    mark, last = lines
    assert (last["message"], last["left_out"], page["truncated"]) == ("page <159>", 0, True)
    assert (mark["level"], mark["message"]) == ("gap", f"… {mark['left_out']} messages left out …")
    while page["next_cursor"]:
        page = await get(alice, f"/jobs/{job_id}/log", limit="9", cursor=page["next_cursor"])
        lines = page["items"] + lines
    assert (lines[0]["message"], page["truncated"], page["total"]) == ("page <0>", False, len(lines))
    assert sum(line["left_out"] or 1 for line in lines) == 160
    async with alice.get(f"/api/v1/jobs/{job_id}/log.txt") as response:
        assert response.content_type == "text/plain"
        assert response.headers["Content-Disposition"].startswith("attachment")
        text = await response.text()
    assert text.startswith("--- Attempt 1 ---\n")
    assert [line["message"] for line in lines] == [line.split(maxsplit=2)[2] for line in text.splitlines()[1:]]
    for path in ("log", "log.txt"):
        async with bob.get(f"/api/v1/jobs/{job_id}/{path}") as response:
            assert response.status == 404
    async with alice.get(f"/api/v1/jobs/{job_id}/log", params={"cursor": "x"}) as response:
        assert response.status == 422


async def test_lines_are_found_by_their_words_and_levels(alice: Client, bob: Client) -> None:
    job_id = await chatty(alice)
    found = await get(alice, f"/jobs/{job_id}/log", q="PAGE <15")
    assert {line["message"] for line in found["items"]} <= {f"page <15{digit}>" for digit in ("", *range(10))}
    assert found["items"][-1]["message"] == "page <159>"
    assert found["total"] == len(found["items"])
    assert {line["level"] for line in (await get(alice, f"/jobs/{job_id}/log", level="gap"))["items"]} == {"gap"}
    assert (await get(alice, f"/jobs/{job_id}/log", level="error"))["items"] == []
    async with alice.get(f"/api/v1/jobs/{job_id}/log", params={"level": "loud"}) as response:
        assert response.status == 422
    async with bob.get(f"/api/v1/jobs/{job_id}/log", params={"q": "page"}) as response:
        assert response.status == 404
    async with alice.get(f"/jobs/{job_id}", params={"q": "no such words"}, headers=HTML) as response:
        page = await response.text()
    assert "No line is like that." in page
    assert f'data-live-fragment="/jobs/{job_id}/detail?q=no+such+words"' in page


async def test_the_page_of_a_job_shows_its_newest_lines_and_the_way_to_older_ones(
    server: Server, alice: Client
) -> None:
    job_id = await chatty(alice)
    job = await server.parts.jobs.store.get(job_id)
    assert job is not None
    async with server.parts.storage.database.write() as connection:
        lines = [line_now(job, f"line {number} of it", "info") for number in range(520)]
        await server.parts.jobs.store.lines.add(connection, lines)
    async with alice.get(f"/jobs/{job_id}", headers=HTML) as response:
        newest = await response.text()
    assert "line 519 of it" in newest
    assert "line 19 of it" not in newest
    assert f"/api/v1/jobs/{job_id}/log.txt" in newest
    older = newest.split(f'href="/jobs/{job_id}?before=')[1].split("#")[0]
    async with alice.get(f"/jobs/{job_id}", params={"before": older}, headers=HTML) as response:
        page = await response.text()
    assert "line 19 of it" in page
    assert "messages left out …" in page
    assert "page &lt;0&gt;" in page
    assert "line 519 of it" not in page


async def test_lines_are_told_in_the_language_of_their_reader(alice: Client) -> None:
    columns = [{"name": "region", "type": "integer"}, {"name": "amount"}]
    job_id = await start(alice, await upload(alice, "region,amount\nNorth,2\n"), options={"columns": columns})
    assert (await ended(alice, job_id))["state"] == "failed"
    (english,) = (await get(alice, f"/jobs/{job_id}/log", level="error"))["items"]
    assert "“North” is not a number" in english["message"]
    assert {"North", "error"} <= {english["message"].split("“")[1].split("”")[0], english["level"]}
    chinese = {"Accept-Language": "zh-CN"}
    async with alice.patch("/api/v1/me", json={"language": "zh-CN"}) as response:
        assert response.status == 200
    (line,) = (await get(alice, f"/jobs/{job_id}/log", level="error"))["items"]
    assert line["message"] != english["message"]
    assert "North" in line["message"]
    for path, headers in ((f"/api/v1/jobs/{job_id}/log.txt", chinese), (f"/jobs/{job_id}", chinese | HTML)):
        async with alice.get(path, headers=headers) as response:
            assert html.escape(line["message"], quote=False) in await response.text()
    # It is found by the English words, in which it is kept.
    assert (await get(alice, f"/jobs/{job_id}/log", q="is not a number"))["total"] == 1
