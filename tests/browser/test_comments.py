"""Comments on a report, which stand on every open page of it at once; stars, and what the home page makes of them."""

from __future__ import annotations

import aiohttp
import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import PageOf, connected
from tests.conftest import Server
from tests.functional.batches import made, put_template, reports_of
from tests.functional.importing import import_text
from tests.waiting import until

pytestmark = pytest.mark.browser


async def test_two_people_talk_below_a_report(
    server: Server, page_of: PageOf, alice: aiohttp.ClientSession, bob: aiohttp.ClientSession
) -> None:
    await import_text(alice)
    await put_template(alice)
    batch = (await made(alice, formats=["html"], parameters=[{"region": "North"}]))["id"]
    (report,) = await reports_of(alice, batch)
    grants = {"grants": [{"user": "bob", "right": "view"}]}
    async with alice.put(f"/api/v1/batches/{batch}/access", json=grants) as response:
        assert response.status == 200
    hers, his = await page_of("alice", viewport={"width": 390, "height": 800}), await page_of("bob")
    for page in (hers, his):
        await page.goto(f"/reports/{report['id']}")
        await connected(page)
    await until(lambda: server.parts.realtime.manager.count_subscribers(f"report:{report['id']}") == 2)
    await write(hers, his)
    async with alice.get("/notifications") as response:
        assert "commented on" not in await response.text()  # she has it before her
    await change_and_delete(hers, his)
    assert await hers.evaluate("document.documentElement.scrollWidth") <= 390
    await mark(his)
    await his.goto(f"/reports/{report['id']}")
    await until(lambda: server.parts.realtime.manager.count_subscribers(f"report:{report['id']}") == 2)
    await keep_what_was_typed(his, alice, batch)
    async with alice.put(f"/api/v1/batches/{batch}/access", json=grants) as response:
        assert response.status == 200
    await hers.goto("/")  # away from it
    await until(lambda: server.parts.realtime.manager.count_subscribers(f"report:{report['id']}") == 0)
    async with bob.post(f"/api/v1/reports/{report['id']}/comments", json={"text": "@alice?"}) as response:
        assert response.status == 201
    await hers.goto("/notifications")
    await hers.get_by_role("link", name="bob mentioned you").click()
    await expect(hers.locator(".comment:target .comment__text")).to_have_text("@alice?")


async def write(hers: Page, his: Page) -> None:
    """By keyboard, with a name completed."""
    box = his.get_by_label("Write a comment")
    await box.focus()
    await his.keyboard.type("@AL")
    await expect(his.get_by_role("option")).to_have_text(["alice"])
    await his.keyboard.press("Enter")
    await expect(box).to_have_value("@alice ")
    await his.keyboard.type("North looks odd, @nobody")
    await his.keyboard.press("Escape")
    await his.keyboard.press("Control+Enter")
    for page in (his, hers):
        await expect(page.locator(".comment__text")).to_have_text("@alice North looks odd, @nobody")
        await expect(page.locator(".mention")).to_have_text("@alice")
        await expect(page.locator("a[href='#comments']")).to_have_text("Comments 1")
    await expect(his.locator(".comment__untold")).to_contain_text("“nobody” was not told")
    await expect(hers.locator(".comment__untold")).to_have_count(0)
    await expect(box).to_have_value("")


async def keep_what_was_typed(his: Page, alice: aiohttp.ClientSession, batch: str) -> None:
    """Whose right ends while they write."""
    await his.get_by_label("Write a comment").fill("half a thought")
    async with alice.put(f"/api/v1/batches/{batch}/access", json={"grants": []}) as response:
        assert response.status == 200
    await expect(his.locator("#comment-error")).to_contain_text("You may no longer see this report")
    await expect(his.get_by_label("Write a comment")).to_have_value("half a thought")
    await expect(his.locator(".comment, iframe, h1")).to_have_count(0)  # what they may not see is gone
    await expect(his.get_by_role("button", name="Copy", exact=True)).to_be_visible()


async def change_and_delete(hers: Page, his: Page) -> None:
    """What somebody types stays while others write."""
    typing = hers.get_by_label("Write a comment")
    await typing.fill("I look into it")
    await his.get_by_role("link", name="Change").click()
    box = his.get_by_label("Change your comment")
    await expect(box).to_have_value("@alice North looks odd, @nobody")
    await box.fill("North looks odd")
    await his.get_by_role("button", name="Save").click()
    await expect(hers.locator(".comment__text")).to_have_text("North looks odd")
    await expect(hers.locator(".comment__head")).to_contain_text("edited")
    await expect(typing).to_have_value("I look into it")
    await hers.get_by_role("button", name="Comment", exact=True).click()
    await expect(his.locator(".comment")).to_have_count(2)
    await hers.locator(".comment", has_text="odd").get_by_role("button", name="Delete").click()
    await hers.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await expect(his.locator(".comment").first).to_contain_text("This comment was deleted.")


async def mark(his: Page) -> None:
    star = his.get_by_role("button", name="Favourite: North")
    async with his.expect_response(lambda response: "/favourites/" in response.url):
        await star.click()
    await expect(star).to_have_attribute("aria-pressed", "true")
    await his.reload()
    await expect(star).to_have_attribute("aria-pressed", "true")
    await his.get_by_role("link", name="Sales").first.click()  # the batch
    await expect(his.locator(".report-tile__comments")).to_have_text("1 comment")
    await his.goto("/")
    lines = his.locator(".kept__line")
    await expect(lines.nth(0)).to_contain_text("North")
    await expect(lines.nth(1)).to_contain_text("Recently seen")
    await expect(lines).to_have_count(2)
