"""The query page: names are completed, an input method is left alone, and an answer is drawn."""

from __future__ import annotations

import aiohttp
import pytest
from playwright.async_api import expect

from tests.browser.axe import violations
from tests.browser.conftest import PageOf
from tests.functional.importing import import_text

pytestmark = pytest.mark.browser

# What an input method sends while characters are chosen: the words are not typed yet, and Enter takes a character.
COMPOSING = """box => {
  const key = (name, more) => box.dispatchEvent(new KeyboardEvent("keydown",
    {key: name, keyCode: 229, isComposing: true, bubbles: true, cancelable: true, ...more}));
  return [key("ArrowDown"), key("Enter"), key("Tab"), key("Enter", {isComposing: false})];
}"""


async def test_names_are_completed_and_an_input_method_is_left_alone(
    alice: aiohttp.ClientSession, page_of: PageOf
) -> None:
    await import_text(alice, "region,Order No,订单金额\nNorth,1,2\n")
    page = await page_of("alice", at="/datasets/orders/query")
    box, options = page.locator("#sql"), page.locator("#completions li")
    await box.fill("select ")
    async with page.expect_response("**/query/names"):
        await page.reload()
        await box.click()
    await box.fill("")
    await box.press_sequentially("select order")
    await expect(options).to_have_text(["orders", "Order Noorders"])
    assert await box.evaluate(COMPOSING) == [True] * 4  # none was taken from it
    await expect(box).to_have_value("select order")
    await box.press("ArrowUp")
    await box.press("Enter")
    await expect(box).to_have_value('select "Order No"')
    await box.press_sequentially(", 订")
    await expect(options).to_have_count(1)
    await box.press("Tab")
    await expect(box).to_have_value('select "Order No", 订单金额')
    await box.press_sequentially(" from ord")
    await box.press("Escape")
    await expect(page.locator("#completions")).to_be_hidden()
    await box.press("Tab")  # nothing to take: it leads on
    await expect(box).not_to_be_focused()


@pytest.mark.parametrize("width", [1280, 390])
async def test_an_answer_is_drawn(alice: aiohttp.ClientSession, page_of: PageOf, width: int) -> None:
    await import_text(alice)
    page = await page_of("alice", at="/datasets/orders/query", viewport={"width": width, "height": 844})
    await page.fill("#sql", "select region, amount, amount * 2 as twice from orders")
    await page.press("#sql", "Control+Enter")
    await page.locator("#answer-chart summary").click()
    await expect(page.locator("[data-chart-place] canvas")).to_be_visible()
    await page.select_option("[data-chart-kind]", "line")
    await page.select_option("[data-chart-y]", "")
    await expect(page.locator("[data-chart-place] canvas")).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    assert await violations(page) == []
    await page.press("#sql", "Control+Enter")  # it stays open, and is drawn of the new answer
    await expect(page.locator("[data-chart-place] canvas")).to_be_visible()
