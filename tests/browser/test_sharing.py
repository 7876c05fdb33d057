"""The panel *Shared with*, by keyboard and on a phone; and what becomes of an open page when a right ends."""

from __future__ import annotations

import aiohttp
import pytest
from playwright.async_api import expect

from tests.browser.conftest import SECONDS, PageOf, connected
from tests.conftest import Server
from tests.functional.batches import made, put_template
from tests.functional.importing import ORDERS, import_text
from tests.waiting import until

pytestmark = pytest.mark.browser


async def test_a_dataset_is_shared_by_keyboard_and_taken_back_while_it_is_open_elsewhere(
    server: Server,
    page_of: PageOf,
    admin: aiohttp.ClientSession,
    alice: aiohttp.ClientSession,
    bob: aiohttp.ClientSession,
    tolerated: set[str],
) -> None:
    tolerated.add("Failed to load resource: the server responded with a status of 404 (Not Found)")
    tolerated.add("Failed to load resource: the server responded with a status of 422 (Unprocessable Entity)")
    await import_text(alice, "region,amount\nNorth,1\nSouth,2\n")
    hers = await page_of("alice", viewport={"width": 390, "height": 800})
    await hers.goto("/datasets/orders/settings")
    await expect(hers.get_by_text("Nobody but you, and administrators.")).to_be_visible()
    whom = hers.get_by_label("Person or group")
    await whom.focus()
    await hers.keyboard.type("nobody at all")
    await hers.keyboard.press("Enter")
    await expect(hers.locator("#share-error")).to_have_text("There is no user named “nobody at all”.")
    await expect(whom).to_have_value("nobody at all")
    await whom.fill("bob")
    await hers.keyboard.press("Enter")
    row = hers.locator(".share__item", has_text="bob")
    await expect(row.get_by_role("combobox")).to_have_value("view")
    assert await hers.evaluate("document.documentElement.scrollWidth") <= 390

    his = await page_of("bob")
    await his.goto("/datasets?whose=shared")
    await his.get_by_role("link", name="orders").click()
    await connected(his)
    await expect(his.locator(".dataset-facts")).to_contain_text("of alice")
    await his.get_by_role("link", name="Settings").click()
    await expect(his.locator("#share")).to_contain_text("It belongs to alice. You may look at it.")
    await expect(his.get_by_role("button", name="Save")).to_have_count(0)
    await row.get_by_role("combobox").select_option("edit")
    await expect(hers.get_by_text("Saved. It holds from this moment on.")).to_be_visible()
    await his.reload()
    await connected(his)
    await expect(his.get_by_role("button", name="Save")).to_be_visible()
    await expect(his.get_by_role("button", name="Delete dataset")).to_have_count(0)

    async with alice.get("/api/v1/datasets/orders") as response:
        event = f"dataset:{(await response.json())['id']}"
    await until(lambda: server.parts.realtime.manager.count_subscribers(event) == 1)
    await hers.get_by_role("button", name="Share no longer with bob").click()
    await expect(his.get_by_role("heading", level=1)).to_have_text("Not found", timeout=SECONDS)


async def test_lists_that_are_open_elsewhere_lose_what_is_shared_no_longer(
    server: Server, page_of: PageOf, alice: aiohttp.ClientSession, bob: aiohttp.ClientSession, tolerated: set[str]
) -> None:
    """A page of a shared batch does not ask for its job either, which is its owner's."""
    tolerated.add("Failed to load resource: the server responded with a status of 404 (Not Found)")
    await import_text(alice, ORDERS)
    await put_template(alice)
    things = {"datasets": "orders", "templates": "sales", "batches": str((await made(alice, "sales"))["id"])}
    addresses = [f"/api/v1/{kind}/{name}/access" for kind, name in things.items()]
    for address in addresses:
        async with alice.put(address, json={"grants": [{"user": "bob", "right": "view"}]}) as response:
            assert response.status == 200, await response.text()
    opened, said = await page_of("bob"), []
    opened.on("console", lambda message: said.append(message.text))
    await opened.goto(f"/batches/{things['batches']}")
    await connected(opened)
    shown = {"/": "#content a[href*='orders']", "/datasets": "h2 a", "/templates": "h2 a", "/batches": "h2 a"}
    lists = [await page_of("bob") for _ in shown]
    for page, (path, row) in zip(lists, shown.items(), strict=True):
        await page.goto(path)
        await connected(page)
        await expect(page.locator(row).first).to_be_visible()
    for address in addresses:
        async with alice.put(address, json={"grants": []}) as response:
            assert response.status == 200, await response.text()
    for page, row in zip(lists, shown.values(), strict=True):
        await expect(page.locator(row)).to_have_count(0, timeout=SECONDS)
    await expect(opened.get_by_role("heading", level=1)).to_have_text("Not found", timeout=SECONDS)
    assert not [text for text in said if "subscribe" in text]
