"""From a file that has come to its dataset, by hand in Chromium: corrections, mistakes, and what came of it."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress

import aiohttp
import pytest
from playwright.async_api import Locator, Page, Route, expect

from tests.browser.axe import violations
from tests.functional.importing import ORDERS, ended, import_text, start, upload
from tests.worker_processes import worker_pids

pytestmark = pytest.mark.browser
PageOf = Callable[..., Awaitable[Page]]
WITH_A_MISFIT = "id,amount\n" + "".join(
    f"{number},{'??' if number == 3 else number * 1.5}\n" for number in range(1, 40)
)


async def wizard(page: Page, upload_id: str) -> None:
    await page.goto(f"/imports/new?upload={upload_id}")
    await expect(page.get_by_role("button", name="Import", exact=True)).to_be_visible()


async def settings_of(page: Page, place: int) -> Locator:
    """Of a column, opened by its head."""
    await page.locator(f"[data-head='{place}']:visible").click()
    settings = page.locator(f"#c{place}-settings")
    await expect(settings).to_be_visible()
    return settings


async def change_reading(page: Page) -> None:
    """Open what stands behind the sentence."""
    await page.locator("#reading > summary").click()


async def test_a_clean_file_is_two_clicks(alice: aiohttp.ClientSession, page_of: PageOf) -> None:
    page = await page_of("alice")
    pressed: list[str] = []
    await page.expose_function("pressed", lambda name: pressed.append(name))
    await page.add_init_script(
        "addEventListener('pointerdown', (event) => pressed(event.target.closest('label, a, button')?.className), true)"
    )
    await page.goto("/")
    async with page.expect_file_chooser() as choosing:
        await page.locator(".dropzone").click()
    await (await choosing.value).set_files({"name": "orders.csv", "mimeType": "text/csv", "buffer": ORDERS.encode()})
    await expect(page.locator(".reading__sentence")).to_have_text("CSV, UTF-8, comma, 4 columns")
    await expect(page.locator("#reading")).not_to_have_attribute("open", "")
    await expect(page.locator("#problems li")).to_have_count(0)
    await expect(page.locator(".wizard__what")).to_have_text("Creates the dataset orders, 3 rows")
    await page.get_by_role("button", name="Import", exact=True).click()
    await expect(page.get_by_role("link", name="Open “orders”")).to_be_visible(timeout=30_000)
    assert pressed == ["dropzone stack gap-2", "button button--primary button--large"]


async def test_a_file_is_looked_at_corrected_and_imported(alice: aiohttp.ClientSession, page_of: PageOf) -> None:
    upload_id = await upload(alice, name="Sales 2026.csv")
    page = await page_of("alice")
    await wizard(page, upload_id)
    assert await page.input_value("#dataset") == "sales_2026"
    assert await page.input_value("#c1-type") == "decimal"
    await (await settings_of(page, 0)).get_by_label("Name").fill("where")
    await expect(page.locator("#c0-open")).to_contain_text("where")
    await page.keyboard.press("Escape")
    await expect(page.locator("#c0-open")).to_be_focused()
    await (await settings_of(page, 3)).get_by_label("Import this column").uncheck()
    await expect(page.locator("#c3-open")).to_contain_text("left out")
    await page.keyboard.press("Escape")
    type_of = (await settings_of(page, 1)).get_by_label("Type")
    await type_of.focus()
    await type_of.select_option("text")
    await expect(page.locator("#c1-format")).to_have_count(0)  # looked at again: a text has no number format
    await expect(type_of).to_be_focused()  # looking again closes nothing
    assert await page.input_value("#c0-name") == "where"
    await expect(page.locator("#summary")).to_contain_text("3 of 4 columns")
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="Import", exact=True).click()
    await expect(page.get_by_role("link", name="Open “sales_2026”")).to_be_visible(timeout=30_000)
    async with alice.get("/api/v1/datasets/sales_2026/rows") as response:
        row = (await response.json())["items"][0]
    assert row == {"where": "North", "amount": "10.50", "ordered_at": "2026-01-03"}


async def test_another_delimiter_shows_other_columns_at_once(alice: aiohttp.ClientSession, page_of: PageOf) -> None:
    upload_id = await upload(alice, "a;b,c\n1;2,3\n4;5,6\n")
    page = await page_of("alice")
    await wizard(page, upload_id)
    await change_reading(page)
    await page.select_option("#delimiter", ";")
    await expect(page.locator(".reading__sentence")).to_contain_text("semicolon")
    await expect(page.locator("#c1-name")).to_have_value("b,c")
    await page.select_option("#delimiter", ",")
    await expect(page.locator("#c1-name")).to_have_value("c")
    await page.select_option("#header", "no")
    await expect(page.locator(".sheet tbody tr")).to_have_count(3)


async def test_a_guessed_encoding_is_chosen_among_those_side_by_side(
    alice: aiohttp.ClientSession, page_of: PageOf
) -> None:
    upload_id = await upload(alice, "a,b\nplain,1\nשם פרטי,2\n".encode("cp1255"))
    page = await page_of("alice")
    await wizard(page, upload_id)
    guesses = page.locator(".guess")  # open, since it is a guess
    await expect(page.locator("#problems")).to_contain_text("The encoding is a guess")
    await expect(guesses.first).to_contain_text("שם פרטי,2")
    await expect(guesses.first).to_have_attribute("aria-pressed", "true")
    other = guesses.nth(1)
    text = (await other.locator("span").inner_text()).split(",")[0]
    encoding = await other.get_attribute("data-encoding")
    await other.click()
    await expect(page.locator("#encoding")).to_have_value(encoding or "")
    await expect(page.locator(".sheet tbody tr").nth(1)).to_contain_text(text)
    await expect(guesses).to_have_count(0)
    await expect(page.locator("#problems")).not_to_contain_text("The encoding is a guess")


async def test_cells_that_do_not_fit_are_marked_where_they_stand(alice: aiohttp.ClientSession, page_of: PageOf) -> None:
    upload_id = await upload(alice, WITH_A_MISFIT)
    page = await page_of("alice")
    await wizard(page, upload_id)
    await (await settings_of(page, 1)).get_by_label("Type").select_option("decimal")
    await expect(page.locator("td.is-misfit")).to_have_text("??")
    await expect(page.locator("#c1-open .misfit-count")).to_have_text("1 does not fit")
    await page.keyboard.press("Escape")
    chip = page.get_by_role("link", name="amount 1 does not fit")
    await chip.press("Enter")
    await expect(page.locator("#c1-open")).to_be_focused()
    await expect(page.locator("td.is-misfit")).to_be_in_viewport()
    await page.get_by_role("button", name="Import", exact=True).click()
    await expect(page.get_by_text("1 row was left out")).to_be_visible(timeout=30_000)
    await page.get_by_role("link", name="Look at them").click()
    await expect(page.locator(".reject__reason")).to_contain_text("“??” is not a number")
    await expect(page.locator(".reject__raw mark")).to_have_text("??")
    await expect(page.locator(".reject__line")).to_contain_text("4")


async def test_mistakes_are_said_at_their_fields(alice: aiohttp.ClientSession, page_of: PageOf) -> None:
    await import_text(alice)
    upload_id = await upload(alice)
    page = await page_of("alice")
    await wizard(page, upload_id)
    assert await page.is_checked("[name=mode][value=replace]")  # the name suggested from the file exists
    await page.check("[name=mode][value=create]")
    await expect(page.locator("#dataset-note")).to_contain_text("There is a dataset “orders” already")
    await page.fill("#dataset", "Orders 2026")
    await expect(page.locator("#dataset-note")).to_contain_text("small letters")
    await page.fill("#dataset", "orders_2026")
    await expect(page.locator("#dataset-note")).to_be_hidden()
    await page.check("[name=mode][value=upsert]")
    await expect(page.locator("#dataset-note")).to_have_text("There is no dataset “orders_2026” to update.")
    await expect(page.locator("#summary")).to_contain_text("There is no dataset orders_2026 yet")
    await expect(page.locator("#file-zones[aria-busy]")).to_have_count(0)
    typed = asyncio.Event()

    async def late(route: Route) -> None:
        await typed.wait()
        await route.continue_()

    await page.route("**/imports/preview*", late)
    await page.check("[name=mode][value=create]")  # the server looks again, and is slow
    await (await settings_of(page, 1)).get_by_label("Name").fill("region")
    await expect(page.locator("#c1-name-error")).to_have_text("The name “region” is used twice.")
    await page.keyboard.press("Escape")
    async with page.expect_response("**/imports/preview*"):
        typed.set()
    await expect(page.locator("#file-zones[aria-busy]")).to_have_count(0)
    await expect(page.locator("#c1-name")).to_have_value("region")
    chip = page.get_by_role("link", name="region has a mistake")
    await expect(chip).to_be_visible()
    await page.get_by_role("button", name="Import", exact=True).click()
    await expect(page.locator("#c1-name")).to_be_focused()
    await page.fill("#c1-name", "sum")
    await expect(chip).to_have_count(0)
    assert "/imports/new" in page.url


async def test_without_scripts_it_works_as_well(alice: aiohttp.ClientSession, page_of: PageOf) -> None:
    upload_id = await upload(alice, "a;b,c\n1;2,3\n")
    page = await page_of("alice", at=f"/imports/new?upload={upload_id}", java_script_enabled=False)
    await change_reading(page)
    await page.select_option("#delimiter", ",")
    await page.get_by_role("button", name="Look again").click()
    assert await page.input_value("#c1-name") == "c"
    await (await settings_of(page, 1)).get_by_label("Name").fill("last")
    await page.keyboard.press("Escape")
    await page.fill("#dataset", "letters")
    await page.get_by_role("button", name="Import", exact=True).click()
    await page.wait_for_url("**/imports/*")
    await expect(page.locator("h1")).to_contain_text("letters")


async def test_what_is_no_table_says_why_and_what_to_do(alice: aiohttp.ClientSession, page_of: PageOf) -> None:
    upload_id = await upload(alice, b"PK\x03\x04 not a workbook at all", name="broken.xlsx")
    page = await page_of("alice", at=f"/imports/new?upload={upload_id}")
    await expect(page.locator(".notice--danger")).to_contain_text("Excel")
    await expect(page.get_by_role("link", name="Upload another file")).to_be_visible()
    await expect(page.get_by_role("button", name="Import", exact=True)).to_have_count(0)


async def test_a_cancelled_import_leaves_nothing_and_can_be_tried_again(
    alice: aiohttp.ClientSession, page_of: PageOf
) -> None:
    # Distinct amounts with a currency are read one by one: long enough to be met on the way.
    many = "a,b,c,d\n" + "".join(f"¥{n}.25,¥{n}.5,¥{n}.75,¥{n}.1\n" for n in range(40_000))
    upload_id = await upload(alice, many)
    page = await page_of("alice")
    await wizard(page, upload_id)
    await page.get_by_role("button", name="Import", exact=True).click()
    await page.wait_for_url("**/imports/*")
    await expect(page.get_by_text("Running", exact=True)).to_be_visible()
    with frozen_workers():  # people find the button while it runs, however quick the machine
        await page.get_by_role("button", name="Cancel").click()
        await page.get_by_role("button", name="Stop").click()
        await expect(page.get_by_text("Nothing of this import was kept.")).to_be_visible()
    async with alice.get("/api/v1/datasets/orders") as response:
        assert response.status == 404
    await page.get_by_role("button", name="Try again").click()
    await expect(page.get_by_role("link", name="Open “orders”")).to_be_visible(timeout=60_000)


@contextmanager
def frozen_workers() -> Iterator[None]:
    """The server's worker processes stand still meanwhile; they can be killed."""
    pids = worker_pids()
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            with suppress(ProcessLookupError):  # it was killed
                os.kill(pid, signal.SIGCONT)


async def test_rows_are_searched_sorted_and_filtered_in_place(alice: aiohttp.ClientSession, page_of: PageOf) -> None:
    await import_text(alice)
    page = await page_of("alice", at="/datasets/orders")
    rows = page.locator(".data tbody tr")
    await expect(rows).to_have_count(3)
    await page.get_by_role("link", name="amount").click()
    await expect(rows.first).to_contain_text("South")
    await page.select_option("#column", "amount")
    await page.select_option("#operator", "gt")
    await page.fill("#value", "5")
    await page.get_by_role("button", name="Filter").click()
    await expect(rows).to_have_count(2)
    await page.fill("#q", "华东")
    await expect(rows).to_have_count(1)
    await page.go_back()
    await expect(rows).to_have_count(2)


async def test_a_new_version_shows_without_a_reload(alice: aiohttp.ClientSession, page_of: PageOf) -> None:
    await import_text(alice)
    page = await page_of("alice", at="/datasets/orders")
    await expect(page.locator(".dataset-facts")).to_contain_text("3 rows")
    await expect(page.locator("#connection-state")).to_have_attribute("data-state", "connected")
    await import_text(alice, ORDERS, mode="append")
    await expect(page.locator(".dataset-facts")).to_contain_text("6 rows")
    await expect(page.locator(".data tbody tr")).to_have_count(6)


async def test_a_query_answers_below_its_box(alice: aiohttp.ClientSession, page_of: PageOf) -> None:
    await import_text(alice)
    page = await page_of("alice", at="/datasets/orders/query")
    await page.fill("#sql", "select sum(amount) as total from orders")
    await page.press("#sql", "Control+Enter")
    await expect(page.locator("#answer td")).to_have_text("19.75")
    await page.fill("#sql", "select nothing from orders")
    await page.get_by_role("button", name="Run").click()
    await expect(page.locator("#answer .notice--danger")).to_contain_text("nothing")


async def test_other_people_find_nothing_here(
    alice: aiohttp.ClientSession, bob: aiohttp.ClientSession, page_of: PageOf
) -> None:
    state = await import_text(alice)
    for path in (
        f"/imports/new?upload={state['upload_id']}",
        f"/imports/{state['job_id']}",
        f"/imports/{state['job_id']}/rejects",
        "/datasets/orders",
        "/datasets/orders/facts",
        "/datasets/orders/columns",
        "/datasets/orders/columns/profiles",
        "/datasets/orders/versions",
        "/datasets/orders/query",
    ):
        async with bob.get(path) as response:
            assert response.status == 404, path
    page = await page_of("bob", at="/datasets")
    await expect(page.get_by_text("No dataset yet")).to_be_visible()


@pytest.mark.parametrize("width", [1280, 390])
async def test_pages_hold_their_width_and_axe_finds_nothing(
    alice: aiohttp.ClientSession, page_of: PageOf, width: int
) -> None:
    state = await import_text(alice, WITH_A_MISFIT, options={"columns": [{"name": "amount", "type": "decimal"}]})
    await import_text(alice, ORDERS, mode="replace")
    columns = [{"name": "amount", "type": "decimal"}]
    wrong = await import_text(alice, WITH_A_MISFIT, dataset="wrong", options={"columns": columns})
    checked = await start(alice, wrong["upload_id"], dataset="wrong", mode="append", dry_run=True)
    await ended(alice, checked)
    page = await page_of("alice", viewport={"width": width, "height": 844})
    for path in (
        f"/imports/{wrong['job_id']}/correct",
        f"/imports/{checked}",
        "/imports/new",
        f"/imports/new?upload={state['upload_id']}",
        f"/imports/{state['job_id']}",
        f"/imports/{state['job_id']}/rejects",
        "/datasets",
        "/datasets/orders",
        "/datasets/orders/columns",
        "/datasets/orders?q=north&order=amount",
        "/datasets/orders/versions",
        "/datasets/orders/diff",
        "/datasets/orders/query",
        "/datasets/orders/settings",
    ):
        await page.goto(path)
        await expect(page.locator("h1")).to_be_visible()
        assert await page.evaluate("document.documentElement.scrollWidth") <= width, path
        assert await violations(page) == []


WITH_TITLES = "Report of May\nfor everybody\n\nregion,amount\nNorth,5\nSouth,7\nTotal,12\n\nprinted by Ann\n"


async def test_what_is_no_row_is_shown_and_totals_can_be_left_out(
    alice: aiohttp.ClientSession, page_of: PageOf
) -> None:
    page = await page_of("alice")
    await wizard(page, await upload(alice, WITH_TITLES, name="may.csv"))
    left_out = page.locator(".left-out")
    await expect(left_out).to_contain_text("2 lines above the table · 2 blank lines · 1 line below the table")
    await left_out.locator("summary").click()
    await expect(left_out.get_by_text("printed by Ann")).to_be_visible()
    await expect(page.locator("#note-total_rows")).to_contain_text("seem to be totals")
    await change_reading(page)  # was open, since this is to be decided
    await page.get_by_role("link", name="1 row looks like a total").click()
    await expect(page.locator("#leave_out_totals")).to_be_focused()
    await page.select_option("#leave_out_totals", "yes")
    await expect(left_out).to_contain_text("1 total row")
    await expect(left_out.get_by_text("Total,12")).to_be_visible()
    assert await violations(page) == []
    await page.get_by_role("button", name="Import", exact=True).click()
    await expect(page.get_by_text("1 total row")).to_be_visible(timeout=30_000)
    async with alice.get("/api/v1/datasets/may") as response:
        assert (await response.json())["row_count"] == 2


async def test_a_file_updates_a_dataset_by_its_key_once_its_names_are_those_of_the_dataset(
    alice: aiohttp.ClientSession, page_of: PageOf
) -> None:
    await import_text(alice, "sku,unit_price,note\nA1,1.5,old\nA2,2.5,keep\n", dataset="stock")
    upload_id = await upload(alice, "sku,Unit Price\nA1,1.75\nA3,9\n", name="stock.csv")
    page = await page_of("alice")
    await wizard(page, upload_id)
    await expect(page.locator("#summary")).to_contain_text("Replaces stock, version 1")
    await expect(page.locator("#key")).to_be_hidden()
    await page.check("input[name=mode][value=upsert]")
    await expect(page.locator("#summary")).to_contain_text("Updates stock, version 1")
    await expect(page.locator("#key-note")).to_be_hidden()  # nobody has typed yet
    await page.locator("[data-key-name=sku]").click()
    await expect(page.locator("#key")).to_have_value("sku")
    await expect(page.locator("#summary")).to_contain_text("Updates stock, version 1, by sku")
    await page.fill("#key", "")
    differences = page.locator(".differences")
    await expect(differences).to_contain_text("“Unit Price” in the file seems to be “unit_price”.")
    await expect(differences).to_contain_text("Not in the file: note · stays as it is")
    await page.get_by_role("button", name="Use the dataset's names").click()
    await expect(page.locator("#c1-name")).to_have_value("unit_price")
    await expect(differences).not_to_contain_text("seems to be")
    go = page.get_by_role("button", name="Import", exact=True)
    await go.click()
    await expect(page.locator("#key")).to_be_focused()
    await expect(page.locator("#key-note")).to_have_text("Say which columns are the key.")
    await page.fill("#key", "sku")
    await go.click()
    await expect(page.get_by_role("link", name="Open “stock”")).to_be_visible(timeout=30_000)
    async with alice.get("/api/v1/datasets/stock/rows") as response:
        rows = [list(item.values()) for item in (await response.json())["items"]]
    assert rows == [["A1", 1.75, "old"], ["A2", 2.5, "keep"], ["A3", 9, None]]


DOUBTFUL = "id,day,share\n" + "".join(
    f"{n},0{n % 9 + 1}/0{n % 8 + 1}/2026,{n}{'%' if n % 2 else ''}\n" for n in range(40)
)


async def test_a_doubt_lasts_until_somebody_decides(alice: aiohttp.ClientSession, page_of: PageOf) -> None:
    page = await page_of("alice")
    await wizard(page, await upload(alice, DOUBTFUL))
    chips = page.locator("#problems a")
    await expect(chips).to_have_text(["day day, month or year first?", "share percentages beside numbers"])
    await (await settings_of(page, 0)).get_by_label("Type").select_option("text")
    await expect(page.locator("#c0-open")).to_contain_text("Text")
    await expect(chips).to_have_count(2)  # a word about another column says nothing of these
    await page.keyboard.press("Escape")
    await change_reading(page)
    await page.select_option("#quote", "none")
    await expect(page.locator("#c0-open")).to_contain_text("Text")  # nor does another quote undo it
    await chips.nth(1).click()
    settings = page.locator("#c2-settings")
    await expect(settings.get_by_label("Written like")).to_be_focused()
    await settings.get_by_role("button", name="It is right as it is").click()
    await expect(chips).to_have_count(1)
    await expect(settings.get_by_label("Import this column")).to_be_focused()
    await page.keyboard.press("Escape")
    await chips.first.click()
    await page.locator("#c1-settings").get_by_label("Written like").select_option("MM/DD/YYYY")
    await expect(chips).to_have_count(0)


async def test_the_field_in_focus_is_never_under_the_bar(alice: aiohttp.ClientSession, page_of: PageOf) -> None:
    page = await page_of("alice", reduced_motion="reduce")
    await wizard(page, await upload(alice, WITH_TITLES))
    await page.check("[name=mode][value=upsert]")
    fields = page.locator("#file-zones, .target").locator(":is(input, select, button, summary, a[href]):visible")
    for width, height in ((1280, 800), (390, 844), (640, 400), (390, 420)):
        await page.set_viewport_size({"width": width, "height": height})
        await fields.first.focus()
        for key in ("Tab", "Shift+Tab"):
            for _ in range(await fields.count()):
                assert await page.evaluate(IS_IN_SIGHT), (width, height, key, await page.evaluate(IN_FOCUS))
                await page.keyboard.press(key)


IN_FOCUS = "document.activeElement.outerHTML.slice(0, 200)"
IS_IN_SIGHT = """() => {
    const focused = document.activeElement;
    if (!focused.closest("#file-zones, .target")) return true;
    const { left, right, top, bottom } = focused.getBoundingClientRect();
    if (bottom - top > 200) return true; // the table, higher than what is left of the window
    const seen = [top + 2, bottom - 2].map((y) => document.elementFromPoint((left + right) / 2, y));
    return seen.every((element) => element && !element.closest(".wizard__go, .nav, .topbar"));
}"""


async def test_on_a_phone_columns_are_cards(alice: aiohttp.ClientSession, page_of: PageOf) -> None:
    page = await page_of("alice", viewport={"width": 390, "height": 844})
    many = "a,b,c\n" + "".join(f"{n},{'x' if n == 30 else n},z\n" for n in range(45))
    await wizard(page, await upload(alice, many))
    await expect(page.locator(".sheet")).to_be_hidden()
    card = page.locator(".column-card").nth(1)
    values = card.locator(".column-card__values li")
    await expect(values).to_have_text(["0", "1", "2", re.compile("rejected: x")])
    await page.get_by_role("link", name="b 1 does not fit").click()
    await expect(page.locator("#c1-card")).to_be_focused()
    settings = await settings_of(page, 1)
    assert await violations(page) == []
    await settings.get_by_label("Type").select_option("text")
    await expect(values).to_have_count(3)
    await settings.get_by_role("button", name="Close").click()
    await expect(page.locator("#c1-card")).to_be_focused()
