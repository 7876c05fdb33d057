"""The editor's two views of one text: a report made without a line of YAML, and nothing of the text is lost."""

from __future__ import annotations

import asyncio
import re

import aiohttp
import pytest
from playwright.async_api import Locator, Page, expect

from tests.browser.axe import violations
from tests.browser.conftest import PageOf
from tests.browser.editor import source_of, write
from tests.functional.batches import put_template, read
from tests.functional.importing import import_text

pytestmark = pytest.mark.browser

COMMENTED = """\
# For the board.
title: 'Orders'   # as they call it

queries:
  # by region
  regions: >
    select region, sum(amount) as revenue
    from orders group by 1 order by 1
blocks:
  # what it is about
  - text: |
      All **orders**.

  - table:   # the only one
      query: regions
      columns: [region, {name: revenue, total: sum}]
      # to come: margins
  - chart: {option: {series: [{type: bar}]}, query: regions}
"""


async def test_a_report_is_made_with_the_form_and_ordered_twice_as_of_a_day(
    alice: aiohttp.ClientSession, page_of: PageOf
) -> None:
    """From a dataset to the same bytes twice, by somebody who writes no YAML; not a line of the text is lost."""
    await import_text(alice)
    async with alice.post("/api/v1/templates/from-dataset", json={"dataset": "orders"}) as response:
        started = (await response.json())["source"]
    page = await page_of("alice", at="/templates/new?dataset=orders")
    await expect(page.get_by_text("No problems found")).to_be_visible()
    await expect(page.get_by_role("button", name="As a form")).to_have_attribute("aria-pressed", "true")
    await page.locator(".gap--end > .gap__open").press("Enter")
    await page.get_by_role("button", name="A query's rows with totals").press("Enter")
    table = page.locator(".part.is-open")
    await table.get_by_label("Data").select_option("+orders")
    await table.get_by_label("Title").fill("All orders")
    await table.get_by_role("button", name="Choose columns").click()
    await table.get_by_role("button", name="amount", exact=True).click()
    await table.get_by_label("Total").select_option("Sum")
    report = page.frame_locator("[data-preview-frames] iframe:not(.is-coming)")
    await expect(report.get_by_text("All orders", exact=True).first).to_be_attached()
    await table.get_by_label("Total").select_option("Average")
    await expect(table.get_by_role("button", name="amount Total: Average")).to_be_visible()
    await expect(report.get_by_role("cell", name="6.58")).to_be_attached()
    await expect(page.get_by_text("No problems found")).to_be_visible()
    await page.keyboard.press("Control+s")
    await page.wait_for_url("**/templates/orders/edit")
    async with alice.get("/api/v1/templates/orders") as response:
        saved = await response.text()
    assert lines_without(saved, started) == [
        "  orders: select * from orders",
        "  - table:",
        "      query: orders",
        "      title: All orders",
        "      columns: [region, {name: amount, total: average}, ordered_at, paid]",
    ]
    archives = [await ordered(page, as_of="2026-03-31") for _ in range(2)]
    assert archives[0] == archives[1]
    assert len((await read(alice, "/api/v1/batches"))["items"]) == 2


async def test_both_views_change_one_text_and_lose_nothing_of_it(alice: aiohttp.ClientSession, page_of: PageOf) -> None:
    await import_text(alice)
    await put_template(alice, source=COMMENTED.replace(", query: regions}", "}"))
    page = await page_of("alice", at="/templates/sales/edit", viewport={"width": 390, "height": 844})
    await expect(page.get_by_text("No problems found").or_(page.get_by_text("Works, with"))).to_be_visible()
    await page.get_by_role("button", name="As a form").click()
    parts = page.locator(".template-form [role=list] > .part")
    await expect(parts).to_have_count(3)
    await write_form(page, "Report", "Title", "All: orders")
    await parts.nth(1).get_by_role("button", name="Table regions").press("Alt+ArrowUp")
    await expect(parts.nth(0)).to_contain_text("Table")
    await parts.nth(0).get_by_role("button", name="Table regions").click()
    await parts.nth(0).get_by_role("button", name="region", exact=True).click()
    await parts.nth(0).get_by_label("Label", exact=True).fill("Where")
    await parts.nth(2).get_by_role("button", name="Chart").first.click()
    await expect(parts.nth(2).locator(".in-place__source")).to_have_text("{series: [{type: bar}]}")
    await parts.nth(2).get_by_role("button", name="Delete: Chart").click()
    await expect(parts).to_have_count(2)
    await page.get_by_role("button", name="Undo").click()
    await expect(parts).to_have_count(3)
    assert await violations(page, iframes=False) == []
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await page.keyboard.press("Control+s")
    await expect(page.get_by_text("Saved as version 2")).to_be_visible()
    async with alice.get("/api/v1/templates/sales") as response:
        saved = await response.text()
    text = "  # what it is about\n  - text: |\n      All **orders**.\n"
    table = COMMENTED.partition(text + "\n")[2].partition("  - chart")[0]
    assert saved == (
        COMMENTED.replace(", query: regions}", "}")
        .replace(f"{text}\n{table}", f"{table}\n{text}")
        .replace("'Orders'", "'All: orders'")
        .replace("[region,", "[{name: region, label: Where},")
    )


async def test_a_broken_text_is_told_of_and_taken_back(alice: aiohttp.ClientSession, page_of: PageOf) -> None:
    page = await page_of("alice", at="/templates/new")
    await expect(page.get_by_text("No problems found")).to_be_visible()
    await write(page, 'title: "Broken\nblocks:\n  - text: Hello\n')
    await page.get_by_role("button", name="As a form").click()
    await expect(page.get_by_text("The text cannot be read as it is")).to_be_visible()
    await page.get_by_role("button", name="Show it in the text").click()
    await expect(source_of(page)).to_be_focused()
    await write(page, "title: Whole\nblocks:\n  - text: Hello\n  - heading: {a: 1}\n")
    await page.get_by_role("button", name="As a form").click()
    await expect(page.locator(".part.is-wrong")).to_contain_text("A text is expected here")
    await page.locator(".source-problem--error").first.click()
    await expect(page.locator(".part.is-open .in-place__source")).to_have_text("{a: 1}")


WITHIN = """\
title: Orders  # as they call it
queries:
  all: select sum(amount) as total, max(region) as last from orders
  regions: select region, sum(amount) as revenue from orders group by 1 order by 1
  days: select ordered_at as day, sum(amount) as amount, count(*) as count from orders group by 1 order by 1
blocks:
  - table: {query: regions, columns: [{name: region, label: Where}, revenue], group: region}
  - text: |
""" + "".join(f"      Paragraph {number}.\n\n" for number in range(80))


async def test_another_query_takes_its_columns_along_and_the_preview_stays_in_its_place(
    alice: aiohttp.ClientSession, page_of: PageOf
) -> None:
    await import_text(alice)
    await put_template(alice, source=WITHIN)
    page = await page_of("alice", at="/templates/sales/edit")
    await expect(page.get_by_text("Works, with")).to_be_visible()
    await page.get_by_role("button", name="As a form").click()
    preview = page.frame_locator("[data-preview-frames] iframe:not(.is-coming)")
    await preview.locator("body").evaluate("() => scrollTo(0, 700)")
    await write_form(page, "Report", "Title", "")
    await write_form(page, "Report", "Title", "All orders")
    await expect(preview.get_by_role("heading", name="All orders")).to_be_attached()
    assert await preview.locator("body").evaluate("() => scrollY") == 700
    await page.locator(".gap--end > .gap__open").click()
    await page.get_by_role("button", name="Lines, bars").click()
    chart = page.locator(".part.is-open")
    await expect(chart.get_by_label("Data")).to_have_value("regions")
    await chart.get_by_label("Data").select_option("days")
    await expect(page.get_by_text("Columns that “days” does not have were changed or taken out.")).to_be_visible()
    await page.get_by_role("button", name="Table regions").click()
    await page.locator(".part.is-open").first.get_by_label("Data").select_option("days")
    await expect(page.get_by_text("Works, with")).to_be_visible()
    await expect(page.locator(".source-problem--error")).to_have_count(0)
    await page.get_by_role("button", name="As text").click()
    await expect(page.locator(".cm-tooltip-autocomplete")).to_have_count(0)
    await page.keyboard.press("Control+Home")
    await expect(source_of(page)).to_contain_text('title: "All orders"  # as they call it')
    await expect(source_of(page)).to_contain_text("- table: {query: days}")
    await page.keyboard.press("Control+End")
    chart_lines = page.locator(".cm-line").filter(has_text=re.compile(r"^      (query|x|y): "))
    await expect(chart_lines).to_have_text(["      query: days", "      x: day", "      y: amount"])
    await write(page, "")
    await page.get_by_role("button", name="As a form").click()
    await write_form(page, "Report", "Title", "Anew")
    await page.get_by_role("button", name="As text").click()
    await expect(source_of(page)).to_have_text("title: Anew")


async def test_one_report_for_each_region_needs_no_sql(alice: aiohttp.ClientSession, page_of: PageOf) -> None:
    """A chart by month, a parameter that makes a report for each region, and only its rows: all from lists."""
    await import_text(alice)
    page = await page_of("alice", at="/templates/new")
    await page.get_by_role("button", name="As a form").click()
    await page.locator(".gap--end > .gap__open").click()
    await page.get_by_role("button", name="Lines, bars").click()
    chart = page.locator(".part.is-open")
    await chart.get_by_label("Data").select_option("=orders")
    await chart.get_by_label("One row for each 1").select_option("month of ordered_at")
    await chart.get_by_label("Figures: add …").select_option("number of rows")
    await page.locator("#part-parameters button").click()
    await page.get_by_label("Add a parameter").fill("Region")
    await page.get_by_label("Add a parameter").press("Enter")
    values = page.locator("#field-parameters-region-each").locator("..").get_by_role("combobox")
    await values.select_option("region")
    only = chart.get_by_label("only what the parameter “Region” says")
    await only.check()
    await page.locator("#form-content").click()  # nothing has the focus then
    await page.keyboard.press("Control+z")
    await expect(only).not_to_be_checked()
    await page.keyboard.press("Control+Shift+z")
    await expect(only).to_be_checked()
    await expect(page.get_by_text("No problems found")).to_be_visible()
    report = page.frame_locator("[data-preview-frames] iframe:not(.is-coming)")
    await expect(report.get_by_text("Region", exact=True)).to_be_attached()
    await page.get_by_label("Name", exact=True).fill("regions")
    await page.keyboard.press("Control+s")
    await page.wait_for_url("**/templates/regions/edit")
    async with alice.get("/api/v1/templates/regions") as response:
        saved = await response.text()
    assert "each: select distinct region from orders where region is not null order by 1\n" in saved
    assert saved.partition("  orders_by_region: |\n")[2].partition("blocks:")[0] == (
        "    select date_trunc('month', ordered_at)::date as month, sum(amount) as amount, count(*) as row_count\n"
        "    from orders\n    where region = $region\n    group by 1\n    order by 1\n"
    )
    assert "      x: month\n      y: amount\n" in saved
    await page.goto("/batches/new?template=regions")
    await expect(page.get_by_text("reports will be made")).to_be_visible()


async def test_names_and_keys_are_offered_while_they_are_written(alice: aiohttp.ClientSession, page_of: PageOf) -> None:
    await import_text(alice)
    await put_template(alice, source=COMMENTED.replace(", query: regions}", "}"))
    page = await page_of("alice", at="/templates/sales/edit")
    await expect(page.get_by_text("No problems found").or_(page.get_by_text("Works, with"))).to_be_visible()
    await source_of(page).press("Control+End")
    await take(page, "  - tab", "table", "Table")
    await take(page, "{que", "query", "Data")
    await take(page, "reg", "regions", "query")
    await page.keyboard.type(", columns: [{")
    await take(page, "na", "name", "Column")
    await take(page, "rev", "revenue", "regions")
    await page.keyboard.type(", ")
    await take(page, "tot", "total", "Total")
    await take(page, "av", "average", "Average")
    await expect(source_of(page)).to_contain_text(
        "- table: {query: regions, columns: [{name: revenue, total: average}]}"
    )
    await source_of(page).press("End")
    await source_of(page).press("Enter")
    await page.keyboard.type('- text: "{{ ')
    await take(page, "reg", "regions", "query")
    await take(page, ".rev", "revenue", "regions")
    await take(page, " | cur", "currency", "")
    await source_of(page).press("Control+Home")
    await page.keyboard.type("each_row: select ")
    await take(page, "regi", "region", "orders")
    await page.keyboard.type(" from ")
    await take(page, "ord", "orders", "dataset")
    await page.keyboard.type(" where $")
    await take(page, "to", "today", "")
    await expect(source_of(page)).to_contain_text("each_row: select region from orders where $today")
    await expect(page.get_by_text("not saved")).to_be_visible()
    await source_of(page).press("Escape")
    await page.keyboard.press("Tab")
    await expect(source_of(page)).not_to_be_focused()


async def take(page: Page, typed: str, name: str, detail: str) -> None:
    await page.keyboard.type(typed)
    offered = page.locator(".cm-tooltip-autocomplete li").first
    await expect(offered).to_have_text(f"{name}{detail}")
    await page.keyboard.press("Tab")


async def write_form(page: Page, section: str, label: str, text: str) -> None:
    part: Locator = page.locator(".part--section", has=page.get_by_text(section, exact=True))
    await part.get_by_role("button").first.click()
    await part.get_by_label(label).fill(text)
    await part.get_by_role("button").first.click()


async def ordered(page: Page, *, as_of: str) -> bytes:
    await page.goto("/batches/new?template=orders")
    await page.get_by_label("Reports as of").fill(as_of)
    for label in ("PDF", "Excel", "HTML"):
        await page.get_by_label(label).check()
    await page.get_by_role("button", name="Generate").click()
    await expect(page.locator(".report-tile--succeeded")).to_have_count(1, timeout=30_000)
    async with page.expect_download() as download:
        await page.get_by_role("link", name="Download zip").click()
    archive = await (await download.value).path()
    return await asyncio.to_thread(archive.read_bytes)


def lines_without(text: str, original: str) -> list[str]:
    """What stands between the lines of the original, all of which are there, in their order."""
    left, added = original.splitlines(), []
    for line in text.splitlines():
        if left and line == left[0]:
            left.pop(0)
        else:
            added.append(line)
    assert left == []
    return added
