"""`/docs/events` shows the whole protocol to anybody, signed in or not, and reads well on any screen."""

from __future__ import annotations

import json

import pytest
from playwright.async_api import Page, expect

from server.realtime.close_codes import CloseCode
from server.realtime.examples import EXAMPLES
from server.realtime.job_fields import JobFields
from server.realtime.protocol import COMMANDS, SERVER_MESSAGES
from tests.browser.conftest import PageOf

pytestmark = pytest.mark.browser


async def opened(page_of: PageOf, **options: object) -> Page:
    page = await page_of(None, **options)
    await page.goto("/docs/events")
    return page


async def test_every_message_and_command_is_there_with_its_example(page_of: PageOf) -> None:
    page = await opened(page_of)
    for kind in (*SERVER_MESSAGES, *COMMANDS):
        tag = kind.__struct_config__.tag
        card = page.locator(f"#{'send' if kind in COMMANDS else 'receive'}_{tag}")
        await expect(card.locator("h3")).to_have_text(str(tag))
        assert json.loads(await card.locator("pre").inner_text()) == EXAMPLES[kind]


async def test_every_close_code_says_what_it_means_and_whether_to_come_back(page_of: PageOf) -> None:
    page = await opened(page_of)
    for code in CloseCode:
        row = page.locator("#close-codes tbody tr", has_text=str(int(code)))
        await expect(row).to_contain_text("yes" if code.may_reconnect else "no")
        meaning, reason = await row.locator("td").nth(2).inner_text(), await row.locator("td").nth(3).inner_text()
        assert reason == code.reason
        assert meaning != reason  # a sentence, translated


async def test_every_link_leads_somewhere_and_no_text_is_taken_for_a_tag(page_of: PageOf) -> None:
    page = await opened(page_of)
    targets = await page.locator("main a[href^='#']").evaluate_all("links => links.map((link) => link.hash)")
    assert len(targets) > 30
    for target in set(targets):
        await expect(page.locator(target)).to_have_count(1)
    await expect(page.locator("#connect")).to_contain_text("<epoch>:<offset>")
    await expect(page.locator("main epoch")).to_have_count(0)


async def test_every_field_of_a_job_has_a_meaning(page_of: PageOf) -> None:
    page = await opened(page_of)
    meanings = await page.locator("#job-fields tbody td:last-child").all_inner_texts()
    assert len(meanings) == len(JobFields.__struct_fields__)
    assert all(meanings)
