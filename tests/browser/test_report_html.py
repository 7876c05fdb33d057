"""Report pages in a real browser: opened as a file, with and without scripts, wide and narrow, dark and light."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser

from tests.unit.reports.orders import render, write_orders

pytestmark = pytest.mark.browser

SOURCE = """\
title: "<script>alert(1)</script>"
queries:
  products: select product, sum(amount) as revenue, sum(quantity) as pieces from orders group by 1 order by 1
blocks:
  - kpis: [{label: Products, value: products | length}]
  - chart: {kind: bar, query: products, x: product, y: [revenue, pieces], title: Products}
  - chart: {kind: pie, query: products, x: product, y: revenue}
  - table: {query: products, columns: [product, {name: revenue, bar: true, total: sum}, pieces]}
"""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    directory = tmp_path_factory.mktemp("report")
    rendered = render(SOURCE, write_orders(directory), directory / "out")
    return rendered.artifacts[0].path.as_uri()


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_charts_come_alive_and_nothing_overflows(browser: Browser, report: str, width: int, scheme: str) -> None:
    context = await browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)  # type: ignore[arg-type]
    page = await context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    await page.goto(report)
    assert await page.locator("[data-chart] svg").count() == 2
    assert await page.locator("[data-chart].still").count() == 0
    assert await page.evaluate("document.documentElement.scrollWidth") == width
    assert await page.locator("h1").inner_text() == "<script>alert(1)</script>"
    await page.locator("[data-chart='0'] svg").hover()
    await page.get_by_text("revenue").first.wait_for()
    assert complaints == []
    await context.close()


async def test_without_scripts_the_charts_are_there_as_drawn(browser: Browser, report: str) -> None:
    context = await browser.new_context(java_script_enabled=False)
    page = await context.new_page()
    await page.goto(report)
    assert await page.locator("[data-chart].still svg").count() == 2
    assert await page.locator("tfoot td").first.inner_text() == "Total"
    await context.close()
