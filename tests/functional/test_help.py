"""`/help` over HTTP: for strangers too, but for what is about running a server; kept by browsers, asked for again."""

from __future__ import annotations

import re
from pathlib import Path

import aiohttp
import pytest
from yarl import URL

from server.help.chapters import CHAPTERS, LANGUAGES
from tests.conftest import Server
from tests.functional.command_line import token_of
from tests.functional.scripts import script
from tests.functional.test_docs_examples import PACKAGES, blocks

Client = aiohttp.ClientSession
MOST_BYTES = 100_000
CHINESE = {"Accept-Language": "zh-CN"}


async def page(client: Client, path: str, status: int = 200, **options: object) -> str:
    async with client.get(path, allow_redirects=False, **options) as response:
        assert response.status == status, path
        return await response.text()


async def test_everybody_reads_the_guide_and_administrators_all(server: Server, admin: Client, alice: Client) -> None:
    html = {"Accept": "text/html"}
    async with aiohttp.ClientSession(server.url, headers=html) as stranger:
        for client in (stranger, alice, admin):
            for chapter in CHAPTERS:
                path = f"/help/en/{chapter.name}"
                may = client is admin or not chapter.is_for_admins
                async with client.get(path, allow_redirects=False, headers=html) as response:
                    # A stranger is asked who they are first.
                    assert response.status == (200 if may else 303 if client is stranger else 403), path
                    if may:
                        assert len(await response.read()) < MOST_BYTES, path
                        assert "unsafe" not in response.headers["Content-Security-Policy"]
            listed = set(re.findall(r'href="/help/en/([\w-]+)"', await page(client, "/help/en")))
            assert listed == {each.name for each in CHAPTERS if client is admin or not each.is_for_admins}
            found = await page(client, "/help/en?q=heartbeat_url")
            assert ("/help/en/operations#alerts" in found) is (client is admin)


async def test_the_language_is_the_readers_or_that_of_the_address(server: Server) -> None:
    async with aiohttp.ClientSession(server.url, headers=CHINESE) as reader:
        assert '<html lang="zh-CN"' in await page(reader, "/help")
        assert "/help/zh-CN/analysts#importing-files" in await page(reader, "/help")
        async with reader.get("/help/analysts", allow_redirects=False) as response:
            assert (response.status, response.headers["Location"]) == (302, "/help/zh-CN/analysts")
        assert '<article class="help__article" lang="en">' in await page(reader, "/help/en/analysts")
        text = await page(reader, "/help/zh-CN/datasets")
        assert "此页面只有英文版。" in text
        assert 'href="/help/zh-CN/imports' in text
        assert 'href="/help/en/imports' not in text
        assert 'href="/help/en/datasets"' in text  # the way to the other language
        found = await page(reader, "/help?q=合计")
        assert "/help/zh-CN/analysts#problems" in found
        assert "<mark>合计</mark>" in found
        assert "没有包含“xyzzy”的章节" in await page(reader, "/help/zh-CN?q=xyzzy")


async def test_a_browser_asks_again_and_is_told_that_nothing_changed(server: Server, alice: Client) -> None:
    path = "/help/en/analysts"
    async with alice.get(path) as response:
        tag, told = response.headers["ETag"], response.headers
        assert (told["Cache-Control"], told["Vary"]) == (
            "private, no-cache",
            "Accept-Encoding, Accept-Language, Cookie",
        )
    async with alice.get(path, headers={"If-None-Match": tag}) as response:
        assert (response.status, await response.read(), response.headers["ETag"]) == (304, b"", tag)
    async with alice.head(path) as response:
        assert (response.status, response.headers["ETag"]) == (200, tag)
    async with aiohttp.ClientSession(server.url) as stranger:  # around the text stands who reads it
        async with stranger.get(path, headers={"If-None-Match": tag}) as response:
            assert response.status == 200
        async with stranger.get(path, headers={"Accept-Encoding": "gzip"}) as response:
            assert response.headers["Content-Encoding"] == "gzip"
        picture = re.findall(r'src="(/help/pictures/[^"]+)"', await page(stranger, path))[0]
        async with stranger.get(picture) as response:
            assert (response.status, response.content_type) == (200, "image/webp")
            assert "max-age" in response.headers["Cache-Control"]


@pytest.mark.parametrize(
    "path",
    [
        "/help/pictures/../user-guide.md",
        "/help/pictures/..%2Fuser-guide.md",
        "/help/pictures/%2Fetc%2Fpasswd",
        "/help/en/..%2F..%2Fsetup.cfg",
        "/help/en/decisions%2F0001",
        "/help/en/architecture",
        "/help/xx/analysts",
    ],
)
async def test_nothing_else_is_reachable(server: Server, path: str) -> None:
    async with (
        aiohttp.ClientSession() as client,
        client.get(URL(server.url + path, encoded=True), headers={"Accept": "text/html"}) as response,
    ):
        assert response.status == 404, path
        assert "<h1>Not found</h1>" in await response.text()


async def test_a_wrong_name_is_answered_with_what_may_be_meant(server: Server) -> None:
    async with aiohttp.ClientSession(server.url) as stranger:
        for path in ("/help/anlysts", "/help/en/analyst"):
            assert 'Did you mean <a href="/help/en/analysts">' in await page(stranger, path, 404)
        text = await page(stranger, "/help/en/" + "x" * 200, 404)
        assert "Did you mean" not in text
        assert "All of the help" in text


async def test_the_import_of_the_guide_runs(server: Server, alice: Client, tmp_path: Path) -> None:
    for language in LANGUAGES:
        guide = "docs/user-guide/script-authors" + (".md" if language == "en" else f".{language}.md")
        example = next(block for block in blocks(guide, "python") if "start_import" in block)
        (tmp_path / "sales.csv").write_text("a,b\n1,2\n")
        text = example.replace('Path("sales.csv")', f'Path("{tmp_path}/sales.csv")')
        name = "sales" if language == "en" else "sales_zh"
        text = text.replace('upload["id"], "sales"', f'upload["id"], "{name}"')
        async with script(text, server.url, token_of(alice), PYTHONPATH=str(PACKAGES)) as running:
            status, out, error = await running.end()
        assert (status, error) == (0, "")
        assert "succeeded" in out
