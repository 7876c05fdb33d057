"""`/docs/graphql`: an operation that is typed is run as whoever looks at it, and its results shown as they come."""

from __future__ import annotations

from dataclasses import replace

import aiohttp
import pytest
from playwright.async_api import expect

from server.settings import Settings
from tests.browser.conftest import PageOf
from tests.conftest import Server

pytestmark = pytest.mark.browser


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, graphql=True)


async def test_a_query_is_answered_and_jobs_are_followed_until_it_is_stopped(
    server: Server, page_of: PageOf, alice: aiohttp.ClientSession
) -> None:
    page = await page_of("alice")
    await page.goto("/docs/graphql")
    answer, status = page.locator("[data-answer]"), page.get_by_role("status").filter(has_text=".")
    await page.get_by_label("Operation").fill("query A($first: Int!) { me { name } jobs(first: $first) { total } }")
    await page.get_by_label("Variables, as JSON").fill("{")
    await page.get_by_role("button", name="Run").click()
    await expect(status).to_have_text("The variables are not valid JSON.")
    await page.get_by_label("Variables, as JSON").fill('{"first": 3}')
    await page.keyboard.press("Control+Enter")
    await expect(answer).to_contain_text('"name": "alice"')
    await expect(status).to_have_text("Done.")
    await page.get_by_label("Operation").fill("{ nothing }")
    await page.get_by_role("button", name="Run").click()
    await expect(answer).to_contain_text("Cannot query field 'nothing'")
    await page.get_by_label("Example").select_option(label="Follow your jobs")
    await page.get_by_role("button", name="Run").click()
    await expect(answer).to_contain_text('"recovered": false')
    async with alice.post("/api/v1/jobs/demonstration", json={"seconds": 0.2, "total": 5}) as response:
        assert response.status == 202
    await expect(answer).to_contain_text('"state": "SUCCEEDED"')
    await page.get_by_role("button", name="Stop").click()
    await expect(status).to_have_text("Stopped.")


async def test_the_schema_can_be_read_from_there_and_the_reference_leads_there(page_of: PageOf, alice: object) -> None:
    page = await page_of("alice")
    await page.goto("/docs")
    await page.get_by_role("link", name="GraphQL").click()
    await page.wait_for_url("**/docs/graphql")
    await page.get_by_role("link", name="Schema").click()
    await page.wait_for_url("**/graphql/schema.graphql")
    await expect(page.locator("body")).to_contain_text("type Query")
