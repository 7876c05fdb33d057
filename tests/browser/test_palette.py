"""Ctrl K: finding and going by keyboard, by thumb and in Chinese; and the keys that every page knows."""

from __future__ import annotations

import aiohttp
import pytest
from playwright.async_api import Route, expect

from tests.browser.conftest import PageOf
from tests.browser.test_accessibility import complaints
from tests.functional.batches import put_template
from tests.functional.importing import import_text

pytestmark = pytest.mark.browser
TEMPLATE = 'title: 销售月报\nblocks:\n  - heading: "x"\n'


async def furnish(client: aiohttp.ClientSession) -> None:
    await import_text(client, "region,金额\nNorth,1\n", dataset="orders")
    await import_text(client, "city,amount\nNorth,1\n", dataset="old_orders")
    await put_template(client, "销售", TEMPLATE)


async def test_something_is_found_and_opened_with_the_keyboard_alone(
    page_of: PageOf, alice: aiohttp.ClientSession
) -> None:
    await furnish(alice)
    page = await page_of("alice")
    field, chosen = (
        page.get_by_role("combobox", name="Search everything"),
        page.locator("#palette [aria-selected=true]"),
    )
    opener = page.locator(".topbar [data-open-palette]")
    await opener.focus()
    await page.keyboard.press("Control+k")
    await expect(field).to_be_focused()
    await expect(chosen).to_contain_text("Import a file")  # what can be done, before anything is typed
    await expect(page.locator("#palette")).not_to_contain_text("Users")  # who is no administrator
    await page.keyboard.press("Escape")
    await expect(page.locator("#palette")).to_be_hidden()
    await expect(opener).to_be_focused()

    await page.locator("h1").first.click()
    await page.keyboard.press("/")
    await expect(field).to_be_focused()
    await page.keyboard.type("ord")
    await expect(page.get_by_role("option", name="orders").first).to_be_visible()
    await expect(chosen).to_have_text("orders")
    await expect(chosen.locator("mark")).to_have_text("ord")
    await expect(field).to_have_attribute("aria-activedescendant", await chosen.get_attribute("id") or "")
    await page.keyboard.press("ArrowUp")  # from the first to the last, and back
    await expect(chosen).not_to_have_text("orders")
    await page.keyboard.press("ArrowDown")
    await expect(chosen).to_have_text("orders")
    await page.keyboard.press("ArrowDown")
    await expect(chosen).to_have_text("old_orders")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/datasets/old_orders")

    # Enter before there is an answer goes where the answer says; one of earlier words is dropped.
    await page.keyboard.press("Control+k")
    await field.fill("zzzz")
    await expect(page.locator("#palette [role=status]")).to_contain_text("“zzzz”")
    await field.fill("金额")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/datasets/orders/columns*")


async def test_in_chinese_keys_of_an_input_method_choose_characters_alone(
    page_of: PageOf, alice: aiohttp.ClientSession, tolerated: set[str]
) -> None:
    await furnish(alice)
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "locale": "zh-CN", "color_scheme": "dark"}
    page = await page_of("alice", **phone)
    await page.locator(".topbar [data-open-palette]").tap()
    field = page.locator("#palette-q")
    await field.fill("销")
    await expect(page.locator("#palette [role=option]").first).to_have_text("销售销售月报")
    assert await complaints(page) == []
    here = page.url
    for said in ({"isComposing": True}, {"keyCode": 229}):
        press = 'said => document.activeElement.dispatchEvent(new KeyboardEvent("keydown", '
        await page.evaluate(press + '{ key: "Enter", bubbles: true, cancelable: true, ...said }))', said)
    await field.evaluate('field => field.dispatchEvent(new InputEvent("input", { isComposing: true }))')
    await expect(page.locator("#palette")).to_be_visible()
    assert page.url == here

    async def fails(route: Route) -> None:
        await route.abort()

    tolerated.add("Failed to load resource: net::ERR_FAILED")
    await page.route("**/api/v1/search*", fails)
    await field.fill("销售")
    await expect(page.locator("#palette [role=status]")).to_contain_text("搜索没有回应")
    await page.unroute("**/api/v1/search*")
    await field.fill("@@")
    tolerated.add("Failed to load resource: the server responded with a status of 422 (Unprocessable Entity)")
    await expect(page.locator("#palette [role=status]")).to_contain_text("@@")
    await field.fill("售月")
    await page.locator("#palette [role=option]").first.tap()
    await page.wait_for_url("**/templates/**")


async def test_keys_go_to_pages_but_never_from_a_field(page_of: PageOf, admin: aiohttp.ClientSession) -> None:
    page = await page_of("admin", color_scheme="light")
    await page.keyboard.press("g")
    await page.keyboard.press("d")
    await page.wait_for_url("**/datasets")
    await page.keyboard.press("g")
    await page.keyboard.press("a")
    await page.wait_for_url("**/admin")
    await page.keyboard.press("?")
    dialog = page.locator("#shortcuts-dialog")
    await expect(dialog).to_be_visible()
    assert await complaints(page) == []
    await page.locator("#single-keys").uncheck()
    await page.keyboard.press("Escape")
    for key in ("/", "?"):
        await page.keyboard.press(key)
    await expect(page.locator("dialog[open]")).to_have_count(0)
    await page.locator(".user-button").click()
    await page.locator("[data-open-shortcuts]").click()
    await page.locator("#single-keys").check()
    await page.keyboard.press("Escape")
    await page.goto("/jobs")
    await page.locator("main input[type=search]").first.focus()
    await page.keyboard.type("g/d?")
    await expect(page.locator("main input[type=search]").first).to_have_value("g/d?")
    await page.keyboard.press("Control+k")
    await expect(page.locator("#palette-q")).to_be_focused()
    await page.locator("#palette-q").fill("user")
    await expect(page.get_by_role("option", name="Users", exact=True)).to_be_visible()
    assert await complaints(page) == []
