"""The text of the template editor, as somebody changes it who marks all of it and puts another in its place."""

from __future__ import annotations

from playwright.async_api import Locator, Page


def source_of(page: Page) -> Locator:
    return page.get_by_role("textbox", name="Template source")


async def write(page: Page, text: str) -> None:
    await source_of(page).press("Control+a")
    await page.keyboard.insert_text(text)
