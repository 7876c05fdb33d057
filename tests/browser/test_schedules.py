"""A schedule is made on a template's page in three fields; its time comes, and the page shows the reports by itself."""

from __future__ import annotations

from datetime import timedelta

import aiohttp
import pytest
from playwright.async_api import expect

from server.app.schedules import build_schedules
from server.auth.access import ThingAccess
from server.auth.audit import Audit
from server.clock import utc_now
from tests.browser.conftest import PageOf
from tests.conftest import Server
from tests.functional.batches import put_template
from tests.functional.importing import import_text
from tests.functional.test_schedules import OWN

pytestmark = pytest.mark.browser


async def test_planned_on_a_templates_page_and_there_when_its_time_comes(
    server: Server, alice: aiohttp.ClientSession, page_of: PageOf
) -> None:
    await import_text(alice)
    await put_template(alice, "sales", OWN)
    page = await page_of("alice")
    await page.goto("/templates/sales")
    panel = page.get_by_role("region", name="Schedule")
    await panel.get_by_label("How often").select_option("weekly")
    await expect(panel.get_by_label("On day")).to_be_hidden()
    await panel.get_by_label("On", exact=True).select_option("4")
    await panel.get_by_label("At").fill("17:30")
    await panel.get_by_role("button", name="Plan it").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Sales")
    await expect(page.get_by_text("every Friday at 17:30").first).to_be_visible()
    await expect(page.locator(".schedule-times li")).to_have_count(5)
    await expect(page.get_by_text("It has not run yet.")).to_be_visible()

    parts = server.parts
    database = parts.storage.database
    in_a_week = utc_now() + timedelta(days=7)
    moved = build_schedules(
        storage=parts.storage,
        live=parts.live,
        rights=ThingAccess(database, audit=Audit(database)),
        kinds=parts.operations.schedules.kinds,
        deliveries=parts.operations.deliveries.checks,
        clock=lambda: in_a_week,
    )
    await moved.scheduler.look()
    row = page.locator("#runs-title ~ * tbody tr, section:has(#runs-title) tbody tr")
    await expect(row).to_have_count(1)  # nobody loaded the page again
    await expect(row.get_by_text("Done")).to_be_visible()
    await row.get_by_role("link", name="Open the reports").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Sales")

    await page.goto(f"/schedules?month={in_a_week:%Y-%m}")
    await expect(page.get_by_role("link", name="Sales").first).to_be_visible()
    await page.set_viewport_size({"width": 390, "height": 800})
    await expect(page.locator(".month-day:not(.month-day--empty, .month-day--outside)").first).to_be_visible()
    await expect(page.locator(".month-day--empty").first).to_be_hidden()
    await page.get_by_role("link", name="Sales").first.click()
    await page.get_by_role("button", name="Pause").click()
    await expect(page.get_by_text("Somebody paused it.")).to_be_visible()
    await page.get_by_role("button", name="Turn on").click()
    await expect(page.get_by_text("Somebody paused it.")).to_have_count(0)


async def test_a_form_has_the_fields_of_what_is_chosen_and_sends_no_others(
    alice: aiohttp.ClientSession, page_of: PageOf
) -> None:
    page = await page_of("alice")
    await page.goto("/schedules/new?runs=query")
    form, column = page.locator("form.schedule-form"), page.get_by_label("Column")
    sent = "form => [...new FormData(form).keys()]"
    await expect(column).to_be_hidden()
    assert not {"column", "limit", "of"} & set(await form.evaluate(sent))
    await page.get_by_label("Tell me when").select_option("above")
    await expect(column).to_be_visible()
    assert {"column", "limit", "of"} <= set(await form.evaluate(sent))
    await page.goto("/schedules/new?runs=import")
    await expect(page.get_by_label("Key", exact=True)).to_be_hidden()
    await page.get_by_label("Its rows").select_option("upsert")
    await expect(page.get_by_label("Key", exact=True)).to_be_visible()
