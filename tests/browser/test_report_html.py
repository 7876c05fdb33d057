"""Report pages in a real browser: opened as a file, with and without scripts, wide and narrow, dark and light."""

from __future__ import annotations

import io
from pathlib import Path

import pypdf
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
  - chart: {query: products, option: {xAxis: {type: category}, yAxis: {}, series: [{type: bar}]}}
  - table: {query: products, columns: [product, {name: revenue, bar: true, total: sum}, pieces]}
"""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    directory = tmp_path_factory.mktemp("report")
    rendered = render(SOURCE, write_orders(directory), directory / "out")
    return rendered.artifacts[0].path.as_uri()


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_charts_tell_their_values_and_nothing_overflows(
    browser: Browser, report: str, width: int, scheme: str
) -> None:
    context = await browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)  # type: ignore[arg-type]
    page = await context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    await page.goto(report)
    assert await page.locator("[data-chart] svg:visible").count() == 3
    assert await page.evaluate("document.documentElement.scrollWidth") == width
    assert await page.locator("h1").inner_text() == "<script>alert(1)</script>"
    bars, tip = page.locator("[data-chart='0']"), page.locator(".tip").first
    await bars.locator("svg:visible").hover(position={"x": 60, "y": 150})
    assert (await tip.inner_text()).split()[-4:] == ["revenue", "12,500.00", "pieces", "750"]
    await page.mouse.move(0, 0)
    await bars.focus()
    await page.keyboard.press("End")
    assert "Tea" in await tip.inner_text()
    await page.keyboard.press("ArrowLeft")
    assert "Coffee" in await tip.inner_text()
    await page.keyboard.press("Escape")
    assert await tip.is_hidden()
    await page.locator("[data-chart='1']").focus()
    await page.keyboard.press("Home")
    assert "%" in await page.locator(".tip").nth(1).inner_text()
    assert complaints == []
    await context.close()


async def test_without_scripts_the_charts_are_there_with_their_figures_in_words(browser: Browser, report: str) -> None:
    context = await browser.new_context(java_script_enabled=False)
    page = await context.new_page()
    await page.goto(report)
    assert await page.locator("[data-chart] svg:visible").count() == 3
    assert "highest at" in str(await page.get_by_role("img").first.get_attribute("aria-label"))
    assert await page.locator("tfoot td").first.inner_text() == "Total"
    await context.close()


WIDE = """\
title: Wide
queries:
  wide: select i as n, 1 as c0, {} from range(120) t(i)
blocks:
  - chart: {{kind: bar, query: wide, x: n, y: c1}}
  - table: {{query: wide, columns: [n, {}, {{name: c0, total: sum}}]}}
"""


async def test_a_printed_page_has_every_column_and_one_total(browser: Browser, tmp_path: Path) -> None:
    columns = [f"c{number}" for number in range(1, 15)]
    source = WIDE.format(", ".join(f"1234567.89 as {name}" for name in columns), ", ".join(columns))
    rendered = render(source, write_orders(tmp_path), tmp_path / "out")
    page = await browser.new_page(color_scheme="dark")
    await page.goto(rendered.artifacts[0].path.as_uri())
    paper = pypdf.PdfReader(io.BytesIO(await page.pdf(format="A4", prefer_css_page_size=True)))
    texts = [sheet.extract_text() for sheet in paper.pages]
    assert len(texts) > 2
    assert sum(text.count("Total") for text in texts) == 1
    assert sum(text.count("1,234,567.89") for text in texts) == 120 * len(columns)
    first = paper.pages[1].mediabox
    assert first.width > first.height
    await page.close()


GROUPED = """\
title: x
queries: {w: "select 'Group ' || (i // 7) as g, i as id, i as v from range(150) t(i)"}
blocks: [{table: {query: w, title: Groups, group: g, columns: [id, {name: v, total: sum}]}}]
"""


async def test_no_printed_page_ends_with_a_head_or_begins_with_a_sum(browser: Browser, tmp_path: Path) -> None:
    rendered = render(GROUPED, write_orders(tmp_path), tmp_path / "out")
    page = await browser.new_page()
    await page.goto(rendered.artifacts[0].path.as_uri())
    paper = pypdf.PdfReader(io.BytesIO(await page.pdf(format="A4", prefer_css_page_size=True)))
    lines = [sheet.extract_text().splitlines() for sheet in paper.pages]
    assert len(lines) > 5
    assert [each[-1] for each in lines if each[-1].startswith("Group")] == []
    assert [each[1] for each in lines[1:] if each[1].startswith(("Subtotal", "Total"))] == []
    await page.close()


LONG_FIGURES = """\
title: x
queries: {q: "select 'Northeast' as r, '华南地区' as z, 'a long note of many words' as n, WORD as w, FIGURES"}
blocks: [{table: {query: q, title: Long figures}}]
"""


async def test_long_figures_break_no_words_on_a_printed_page(browser: Browser, tmp_path: Path) -> None:
    figures = ", ".join(f"12345678901234.5 as {name}" for name in "abc")
    source = LONG_FIGURES.replace("WORD", f"'{'abcdefghij' * 8}'").replace("FIGURES", figures)
    rendered = render(source, write_orders(tmp_path), tmp_path / "out")
    page = await browser.new_page(viewport={"width": 670, "height": 900})  # A4 without its margins
    await page.goto(rendered.artifacts[0].path.as_uri())
    await page.emulate_media(media="print")
    assert await page.evaluate("document.documentElement.scrollWidth") == 670
    paper = pypdf.PdfReader(io.BytesIO(await page.pdf(format="A4", prefer_css_page_size=True)))
    text = paper.pages[0].extract_text()
    assert all(word in text for word in ("Northeast", "华南地区", "words"))
    assert text.count("12,345,678,901,234.50") == 3
    await page.close()
