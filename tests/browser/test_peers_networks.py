"""Two browsers in two networks: no way between them, one through a relay, one through a router, and a pulled plug.

Each browser is a Chromium in a network namespace of its own, and so are the server and coturn. Only root makes these.
"""

from __future__ import annotations

import re
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Download, Page, async_playwright, expect

from tests.browser.conftest import CHROMIUM, FLAGS, SECONDS
from tests.browser.networks import SECRET, Networks, browser_program, can_be_made, has_relayed, inside, networks, relay
from tests.browser.test_peers import MIB, READS_SLOWLY, card, content_of, file_of, offer
from tests.conftest import PASSWORDS
from tests.process import ServerProcess

pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("networks"),
    pytest.mark.timeout(300),
    pytest.mark.skipif(not can_be_made(), reason="only root makes network namespaces, and not everywhere"),
]
GIVES_UP_SOON = """() => {
  const later = window.setTimeout;
  window.setTimeout = (act, wait, ...more) => later(act, wait === 20000 ? 2000 : wait, ...more);
}"""


@dataclass(frozen=True)
class Two:
    networks: Networks
    left: Page
    right: Page
    directory: Path


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def two(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Two]:
    """The same person, at two browsers that reach the same server."""
    directory = tmp_path_factory.mktemp("networks")
    async with AsyncExitStack() as stack:
        made = stack.enter_context(networks())
        environ = {
            "JINDU_HOST": "0.0.0.0",
            "JINDU_PEER": "1",
            "JINDU_TURN_URLS": made.turn_url,
            "JINDU_TURN_SECRET": SECRET,
            "JINDU_WORKERS": "1",
        }
        command = [*inside(made.middle), sys.executable, "run.py"]
        server = ServerProcess(directory, environ=environ, command=command)
        server.start()
        stack.callback(server.kill)
        url = f"http://{made.address}:{server.url.rpartition(':')[2]}"
        playwright = await stack.enter_async_context(async_playwright())
        pages: list[Page] = []
        for name in (made.left, made.right):
            program = browser_program(name, CHROMIUM, directory)
            chromium = await playwright.chromium.launch(executable_path=program, args=FLAGS)
            stack.push_async_callback(chromium.close)
            context = await chromium.new_context(base_url=url, reduced_motion="reduce")
            context.set_default_timeout(SECONDS)
            pages.append(await context.new_page())
            await sign_in(pages[-1])
        yield Two(networks=made, left=pages[0], right=pages[1], directory=directory)


async def sign_in(page: Page) -> None:
    """In the page: what Playwright asks for by itself does not come from that network."""
    await page.goto("/login")
    await page.fill("[name=username]", "admin")
    await page.fill("[name=password]", PASSWORDS["admin"])
    async with page.expect_navigation():
        await page.keyboard.press("Enter")


async def at_their_places(two: Two) -> None:
    await two.left.goto("/send")
    await two.right.goto("/jobs")
    for page in (two.left, two.right):
        await expect(page.locator("#connection-state")).to_have_attribute("data-state", "connected")


async def sent(two: Two, path: Path) -> Download:
    await offer(two.left, path)
    async with two.right.expect_download() as download:
        await card(two.right).get_by_role("button", name="Accept").click()
    return await download.value


async def test_without_a_relay_nothing_gets_through_and_both_say_so(two: Two, tmp_path: Path) -> None:
    two.networks.let_through(False)
    await at_their_places(two)
    await two.left.evaluate(GIVES_UP_SOON)
    await offer(two.left, file_of(tmp_path, 1_000))
    await card(two.right).get_by_role("button", name="Accept").click()
    for page in (two.left, two.right):
        await expect(card(page)).to_contain_text("No way was found")
    await expect(card(two.left).get_by_role("link", name="Upload it instead")).to_be_visible()


async def test_a_relay_carries_it_for_whom_the_server_gave_credentials(two: Two, tmp_path: Path) -> None:
    two.networks.let_through(False)
    path = file_of(tmp_path, MIB)
    with relay(two.networks, tmp_path):
        await at_their_places(two)
        assert await content_of(await sent(two, path)) == path.read_bytes()
        await expect(card(two.left)).to_contain_text("has all of it")
        assert has_relayed(tmp_path)


async def test_a_plug_that_is_pulled_and_put_in_again_costs_nothing_that_had_arrived(two: Two, tmp_path: Path) -> None:
    two.networks.let_through(True)
    path = file_of(tmp_path, 4 * MIB)
    await at_their_places(two)
    await two.left.evaluate(f"() => {{ {READS_SLOWLY} }}")
    await offer(two.left, path)
    await card(two.right).get_by_role("button", name="Accept").click()
    await expect(card(two.right).get_by_role("progressbar")).to_have_attribute("aria-valuenow", "75")
    two.networks.cut(two.networks.right, is_cut=True)
    await expect(card(two.left)).to_contain_text(re.compile("broke off"))
    two.networks.cut(two.networks.right, is_cut=False)
    async with two.right.expect_download() as download:
        await two.left.evaluate("() => { window.mayRead = 100; }")
    assert await content_of(await download.value) == path.read_bytes()
    await expect(card(two.left)).to_contain_text("has all of it")
