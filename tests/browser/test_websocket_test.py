"""The page /websocket-test in a real browser: state, pings, subscriptions, any JSON, a job whose bar moves."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from playwright.async_api import Locator, Page, WebSocket, expect

from server.realtime.close_codes import CloseCode
from server.settings import Settings
from tests.browser.conftest import PageOf
from tests.browser.test_accessibility import complaints
from tests.conftest import Server, new_user

pytestmark = pytest.mark.browser
NO_WEBSOCKETS = """
  delete window.WebSocketStream;
  window.WebSocket = class extends EventTarget {
    static OPEN = 1;
    readyState = 3;
    constructor() {
      super();
      setTimeout(() => this.dispatchEvent(new CloseEvent("close", { code: 1006 })));
    }
    close() {}
  };
"""
SLOW_MS = 60_000  # where the kernel's buffers have to be filled first


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A slow client fills the kernel's buffers in less time when it may ask for more."""
    return dataclasses.replace(settings, messages_per_second=200.0, message_burst=400)


async def opened(page_of: PageOf, name: str = "alice", **options: object) -> Page:
    page = await page_of(name, at="/websocket-test", **options)
    await expect(page.locator("#ws-state")).to_have_attribute("data-state", "connected")
    return page


def messages(page: Page, text: str | re.Pattern[str] = "") -> Locator:
    return page.locator(".wstest__message", has_text=text)


async def figure(page: Page, card: str, name: str) -> str:
    return await page.locator(f"{card} [data-figure={name}]").inner_text()


async def publish(client: aiohttp.ClientSession, data: object, event: str = "test_events") -> None:
    async with client.post(f"/api/v1/events/{event}", json=data) as response:
        assert response.status == 200


async def subscribe(page: Page) -> None:
    await page.click("#ws-subscription button")
    await expect(messages(page, '"status":"subscribed"')).to_have_count(1)


async def test_connects_pings_and_sends_anything(alice: aiohttp.ClientSession, page_of: PageOf) -> None:
    page = await opened(page_of)
    await expect(page.locator("#ws-latency")).to_have_text(re.compile(r"^\d+\.\d ms$"))
    await expect(page.locator("#ws-transport")).to_have_text("WebSocket")
    await page.fill("#ws-text", '{"type": "hello", "text": "你好"}')
    await page.click("#ws-send button[type=submit]")
    echo = messages(page, "echo").first
    await expect(echo).to_contain_text("你好")
    await echo.locator("summary").click()
    await expect(echo.locator("pre")).to_contain_text('"type": "echo"')
    await page.fill("#ws-text", "{")
    await page.click("#ws-send button[type=submit]")
    await expect(page.locator(".wstest__message.is-error").first).to_contain_text("invalid_json")


async def test_subscribes_and_shows_what_is_published(alice: aiohttp.ClientSession, page_of: PageOf) -> None:
    page = await opened(page_of)
    await subscribe(page)
    await publish(alice, {"from": "outside"})
    await expect(messages(page, "outside").first).to_be_visible()
    await page.fill("[name=data]", "{")
    await page.click("#ws-publication button")
    await expect(page.locator("#ws-event-card [data-error]")).to_have_text("This is no JSON.")
    await page.fill("[name=data]", '{"from": "here"}')
    await page.click("#ws-publication button")
    await expect(page.locator("#ws-published")).to_have_text("test_events went to 1 connections.")
    await expect(messages(page, '"from":"here"').first).to_be_visible()


async def test_demonstration_job_moves_its_bar_to_the_end(alice: aiohttp.ClientSession, page_of: PageOf) -> None:
    page = await opened(page_of)
    await page.click(".wstest__options summary")
    await page.fill("#ws-demonstration [name=seconds]", "1")
    await page.click("#ws-demonstration button[type=submit]")
    bar = page.locator("#ws-jobs .progress")
    await expect(bar).to_have_attribute("data-state", "running")
    await expect(bar).to_have_attribute("data-state", "succeeded")
    await expect(bar.locator("[role=progressbar]")).to_have_attribute("aria-valuenow", "100")


async def test_one_press_pings_echoes_and_subscribes_as_the_client_that_was_named(
    alice: aiohttp.ClientSession, page_of: PageOf
) -> None:
    page = await opened(page_of)
    await page.fill("#ws-client", "not a name")
    await page.click("#ws-toggle")
    assert await page.locator("#ws-client").evaluate("input => input.validity.patternMismatch")
    await page.fill("#ws-client", "my-app.1")
    await expect(page.locator("#ws-toggle")).to_have_text("Connect as this")
    await page.keyboard.press("Enter")
    await expect(page.locator("#ws-toggle")).to_have_text("Disconnect")
    await expect(messages(page, '"client_id":"my-app.1"')).to_have_count(1)
    await page.click("#ws-echo")
    await expect(messages(page, "echo").filter(has_text="你好")).to_have_count(2)  # there and back
    await page.click("#ws-subscribe")
    await expect(page.locator("#ws-events")).to_contain_text("test_events")
    await publish(alice, {"from": "outside"})
    await expect(messages(page, "outside").first).to_be_visible()
    await page.click("#ws-toggle")
    await expect(page.locator("#ws-state")).to_have_attribute("data-state", "closed")
    await expect(page.locator("#ws-echo")).to_be_disabled()


async def test_each_kind_of_job_is_started_here_and_moves_its_bar(
    alice: aiohttp.ClientSession, page_of: PageOf
) -> None:
    page = await opened(page_of)
    await page.click("[data-start=reports]")
    await expect(page.locator("#ws-start-error")).to_contain_text("press Import first")
    await page.click("[data-start=import]")
    for kind, title in (("import", "websocket-test.csv → websocket_test"), ("reports", "WebSocket test")):
        bar = page.locator("#ws-jobs .progress", has=page.get_by_role("link", name=title, exact=True))
        if kind == "reports":
            await page.click("[data-start=reports]")
        await expect(bar).to_have_attribute("data-state", "succeeded", timeout=60_000)
    await expect(page.locator("#ws-jobs")).to_contain_text("websocket-test.csv")
    await page.reload()
    await expect(page.locator("#ws-no-jobs")).to_be_visible()  # what is over is not shown again


# recovery


async def cut(page: Page, meanwhile: str) -> None:
    await page.select_option("[name=meanwhile]", meanwhile)
    await page.select_option("#ws-cut-form [name=seconds]", "1")
    await page.click("#ws-cut")


async def test_a_cut_connection_comes_back_with_what_was_missed(alice: aiohttp.ClientSession, page_of: PageOf) -> None:
    page = await opened(page_of)
    await cut(page, "job")
    await expect(page.locator("#ws-state-text")).to_have_text("Cut off")
    outcome = page.locator("#ws-recovered")
    await expect(outcome).to_have_attribute("data-outcome", "recovered", timeout=15_000)
    await expect(outcome).to_contain_text("replayed in order, no gap, no duplicate")
    replayed = int(await figure(page, "#ws-recovery", "replayed"))
    before, after = [int(await figure(page, "#ws-recovery", name)) for name in ("before", "after")]
    assert replayed == after - before >= 3  # queued, running, succeeded
    assert await figure(page, "#ws-recovery", "recovered") == "true"
    await expect(page.locator(".wstest__message.is-replayed")).to_have_count(replayed)
    await expect(page.locator(".wstest__message.is-replayed").first).to_contain_text("succeeded")
    await expect(page.locator("#ws-jobs .progress[data-state=succeeded]")).to_have_count(1)
    await expect(page.locator("#ws-position")).to_have_text(str(after))


async def test_a_notification_is_replayed_and_live_ones_are_not_marked(
    alice: aiohttp.ClientSession, page_of: PageOf
) -> None:
    page = await opened(page_of)
    await cut(page, "notification")
    await expect(page.locator("#ws-recovered")).to_have_attribute("data-outcome", "recovered", timeout=15_000)
    await expect(page.locator(".wstest__message.is-replayed")).to_contain_text("This is a test")
    await page.request.post("/websocket-test/notification")
    await expect(messages(page, "This is a test")).to_have_count(2)
    await expect(page.locator(".wstest__message.is-replayed")).to_have_count(1)


async def test_coming_back_when_nothing_happened_says_so(alice: aiohttp.ClientSession, page_of: PageOf) -> None:
    page = await opened(page_of)
    await cut(page, "nothing")
    await expect(page.locator("#ws-recovered")).to_contain_text("nothing was missed", timeout=15_000)
    await expect(page.locator(".wstest__message.is-replayed")).to_have_count(0)


async def test_a_position_too_old_is_refused_and_the_snapshot_asked_for(
    alice: aiohttp.ClientSession, page_of: PageOf
) -> None:
    page = await opened(page_of)
    await page.click("#ws-too-old")
    await expect(page.locator("#ws-recovered")).to_have_attribute("data-outcome", "refused", timeout=15_000)
    assert await figure(page, "#ws-recovery", "recovered") == "false"
    assert await figure(page, "#ws-recovery", "replayed") == "0"
    of_it = messages(page, "position too old")
    await expect(of_it.filter(has_text="connection")).to_have_count(1)
    await expect(of_it.filter(has_text='"jobs":[]')).to_have_count(1)
    await expect(page.locator("#ws-state")).to_have_attribute("data-state", "connected")


# delays and rates


@pytest.mark.parametrize(("series", "count"), [("pings", 50), ("publications", 20)])
async def test_delays_are_measured_and_drawn(
    alice: aiohttp.ClientSession, page_of: PageOf, series: str, count: int
) -> None:
    page = await opened(page_of)
    await page.click(f"[data-series={series}]")
    chart = page.locator("#ws-delays [role=img]")
    button = page.locator(f"button[data-measure={series}]")
    await button.click()
    await expect(button).to_be_disabled()
    await expect(button).to_be_enabled(timeout=30_000)
    assert int(await figure(page, "#ws-delays", "count")) >= count
    delays = [await figure(page, "#ws-delays", name) for name in ("p50", "p90", "p99", "max")]
    numbers = [float(delay.removesuffix(" ms").replace(",", "")) for delay in delays]
    assert numbers == sorted(numbers)
    assert numbers[0] > 0
    label = await chart.get_attribute("aria-label") or ""
    drawn = [int(found) for found in re.findall(r"(\d+) up to", label)]
    assert sum(drawn) == int(await figure(page, "#ws-delays", "count"))
    heights = await chart.locator("rect").evaluate_all("bars => bars.map((bar) => Number(bar.getAttribute('height')))")
    assert max(heights) == 1
    assert sum(height > 0 for height in heights) == len(drawn)


async def test_own_publications_are_measured_on_a_name_nobody_else_hears(
    alice: aiohttp.ClientSession, bob: aiohttp.ClientSession, page_of: PageOf
) -> None:
    other = await opened(page_of, "bob")
    page = await opened(page_of)
    await page.click("[data-series=publications]")
    await page.click("button[data-measure=publications]")
    await expect(page.locator("#ws-delays [data-figure=count]")).to_have_text("20", timeout=30_000)
    name = await page.locator("#ws-client").input_value()
    await expect(messages(page, f"delay.{name}").first).to_be_attached()
    await expect(messages(other, "delay.")).to_have_count(0)


async def test_the_rate_counts_messages_and_bytes(alice: aiohttp.ClientSession, page_of: PageOf) -> None:
    page = await opened(page_of)
    await subscribe(page)
    for count in range(30):
        await publish(alice, {"number": count})
    label = re.compile(r"Messages in the last minute: (3[3-9]|4\d), at most [1-9]\d* in a second")
    await expect(page.locator("#ws-sparkline")).to_have_attribute("aria-label", label)
    await expect(page.locator("#ws-bytes")).to_have_text(re.compile(r"kB$"))
    await expect(page.locator("#ws-peak")).not_to_have_text("0")


# frames


async def test_frames_are_shown_exactly_as_they_came(alice: aiohttp.ClientSession, page_of: PageOf) -> None:
    page = await page_of("alice")
    received: list[str] = []

    def listen(socket: WebSocket) -> None:
        if "lang" in socket.url:
            socket.on("framereceived", lambda payload: received.append(str(payload)))

    await page.goto("/websocket-test")
    await expect(page.locator("#ws-state")).to_have_attribute("data-state", "connected")
    page.on("websocket", listen)
    await cut(page, "job")
    await expect(page.locator("#ws-recovered")).to_have_attribute("data-outcome", "recovered", timeout=15_000)
    array = next(frame for frame in received if frame.startswith("["))  # what was missed came in one
    await page.click("[data-view=frames]")
    await page.click("[data-form=raw]")
    row = messages(page, f"array of {len(json.loads(array))}").last
    await expect(row.locator(".wstest__size")).to_have_text(re.compile(r"B$"))
    await row.locator("summary").click()
    assert await row.locator("pre").inner_text() == array
    await page.click("[data-form=pretty]")
    pretty = await row.locator("pre").inner_text()
    assert json.loads(pretty) == json.loads(array)
    assert '\n    "type": ' in pretty
    await expect(row).to_contain_text(f"{len(array.encode()):,} bytes")


# the list


async def test_the_list_is_filtered_by_type_and_text(alice: aiohttp.ClientSession, page_of: PageOf) -> None:
    page = await opened(page_of)
    await subscribe(page)
    await publish(alice, "apple")
    await publish(alice, "pear")
    await expect(messages(page, "pear")).to_have_count(1)
    await page.select_option("#ws-type", "event")
    await expect(messages(page)).to_have_count(2)
    await page.fill("#ws-filter", "APPLE")
    await expect(messages(page)).to_have_count(1)
    await expect(page.locator("#ws-shown")).to_have_text(re.compile(r"^1 of \d+ shown$"))
    await publish(alice, "apple pie")
    await publish(alice, "plum")
    await expect(messages(page, "apple pie")).to_have_count(1)
    await expect(messages(page)).to_have_count(2)
    await page.fill("#ws-filter", "nothing like it")
    await expect(page.locator("#ws-empty")).to_contain_text("Nothing fits the filter")
    await page.fill("#ws-filter", "")
    await expect(messages(page)).to_have_count(4)
    await page.click("#ws-clear")
    await expect(page.locator("#ws-empty")).to_contain_text("No message yet")


async def test_a_paused_list_stands_still_and_catches_up(alice: aiohttp.ClientSession, page_of: PageOf) -> None:
    page = await opened(page_of)
    await subscribe(page)
    await publish(alice, "before")
    await expect(messages(page, "before")).to_have_count(1)
    await page.click("#ws-pause")
    await expect(page.locator("#ws-pause")).to_have_attribute("aria-pressed", "true")
    await publish(alice, "meanwhile")
    await expect(page.locator("#ws-shown")).to_contain_text("paused, 1 new")
    await expect(messages(page, "meanwhile")).to_have_count(0)
    await page.fill("#ws-filter", "e")
    await expect(messages(page, "meanwhile")).to_have_count(0)
    await page.fill("#ws-filter", "")
    await page.click("#ws-pause")
    await expect(messages(page, "meanwhile")).to_have_count(1)


async def test_a_flood_never_shows_more_rows_than_are_kept(
    server: Server, alice: aiohttp.ClientSession, page_of: PageOf
) -> None:
    page = await opened(page_of)
    await subscribe(page)
    await page.select_option("#ws-kept", "100")
    await page.evaluate(
        """() => {
        const list = document.getElementById("ws-messages");
        window.most = 0;
        window.changes = 0;
        window.frames = 0;
        const tick = () => {
          window.frames += 1;
          requestAnimationFrame(tick);
        };
        requestAnimationFrame(tick);
        new MutationObserver(() => {
          window.changes += 1;
          window.most = Math.max(window.most, list.childElementCount);
        }).observe(list, { childList: true });
        }"""
    )
    before = int((await page.locator("#ws-count").inner_text()).replace(",", ""))
    for first in range(0, 3_000, 100):  # the browser takes its share in between
        for number in range(first, first + 100):
            server.parts.live.announcing.publish("test_events", {"number": number})
        await page.evaluate("new Promise((resolve) => setTimeout(resolve, 20))")
    await expect(messages(page).first).to_contain_text('"number":2999', timeout=30_000)
    assert int((await page.locator("#ws-count").inner_text()).replace(",", "")) >= before + 3_000
    await expect(page.locator("#ws-shown")).to_have_text("100 of 100 shown")
    assert await page.evaluate("window.most") == 100
    assert await page.evaluate("window.changes <= window.frames + 1")  # rows are made once per animation frame
    await page.click("#ws-ping")  # and the page still answers
    await expect(messages(page).first).to_contain_text("pong")


async def test_messages_are_copied_as_json(alice: aiohttp.ClientSession, page_of: PageOf) -> None:
    page = await opened(page_of)
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await subscribe(page)
    await publish(alice, {"text": "一"})
    await publish(alice, {"text": "二"})
    await expect(messages(page, "二")).to_have_count(1)

    async def copied(button: Locator) -> Any:
        await button.click()
        await expect(button).to_contain_text("Copied")
        return json.loads(await page.evaluate("navigator.clipboard.readText()"))

    await messages(page, "一").locator("summary").click()
    one = await copied(messages(page, "一").locator("[data-copy-one]"))
    assert one["message"]["data"] == {"text": "一"}
    assert one["direction"] == "in"
    await page.select_option("#ws-type", "event")
    everything = await copied(page.locator("#ws-copy"))
    assert [entry["message"]["data"]["text"] for entry in everything] == ["一", "二"]


async def test_everything_is_reached_by_keyboard(alice: aiohttp.ClientSession, page_of: PageOf) -> None:
    page = await opened(page_of)
    reached: set[str] = set()
    for _ in range(60):
        await page.keyboard.press("Tab")
        reached.add(await page.evaluate("document.activeElement.id || document.activeElement.name || ''"))
    wanted = {"ws-toggle", "ws-ping", "ws-cut", "ws-too-old", "ws-slow-toggle", "ws-type", "ws-filter", "ws-kept"}
    assert wanted | {"ws-pause", "ws-clear", "ws-copy", "ws-messages", "ws-text", "event"} <= reached
    await messages(page, "connection").locator("summary").focus()
    await page.keyboard.press("Enter")
    await expect(messages(page, "connection").locator("pre")).to_contain_text('"client_id"')


# a slow client


async def make_slow(page: Page, transport: str = "websocket") -> None:
    await page.select_option("#ws-slow-transport", transport)
    await page.click("#ws-slow-toggle")
    await expect(page.locator("#ws-slow-steps [data-step=closed]")).to_have_attribute(
        "data-state", "done", timeout=SLOW_MS
    )


@pytest.mark.parametrize("transport", ["websocket", "sse"])
async def test_a_slow_client_is_conflated_and_then_let_go(
    server: Server, alice: aiohttp.ClientSession, page_of: PageOf, tolerated: set[str], transport: str
) -> None:
    # A command that is on its way when the server lets the stream go finds no stream any more.
    tolerated.add("Failed to load resource: the server responded with a status of 404 (Not Found)")
    page = await opened(page_of)
    await make_slow(page, transport)
    assert int(await figure(page, "#ws-slow", "conflated")) > 0
    statistics = server.parts.realtime.manager.statistics()
    assert statistics.closed == {"slow_consumer": 1}
    assert statistics.conflated > 0
    # On a busy machine we may read on too late to find the close frame.
    assert await figure(page, "#ws-slow", "code") in ("4001", "–")
    await expect(page.locator("#ws-state")).to_have_attribute("data-state", "connected")
    await expect(messages(page, "slow client")).to_have_count(1)
    await expect(page.locator("#ws-jobs .progress")).to_have_attribute("data-state", "cancelled")  # cleared away


async def test_a_slow_client_can_be_stopped_on_its_way(alice: aiohttp.ClientSession, page_of: PageOf) -> None:
    page = await opened(page_of)
    await page.click("#ws-slow-toggle")
    await expect(page.locator("#ws-slow-steps [data-step=fill]")).to_have_attribute("data-state", "now")
    await page.click("#ws-slow-toggle")
    await expect(page.locator("#ws-slow-note")).to_have_text("Stopped.")
    await expect(page.locator("#ws-slow-toggle")).to_contain_text("Stop reading")
    await expect(page.locator("#ws-jobs .progress")).to_have_attribute("data-state", "cancelled")


async def test_a_slow_client_that_is_closed_for_another_reason_says_so(
    server: Server, alice: aiohttp.ClientSession, page_of: PageOf
) -> None:
    page = await opened(page_of)
    await page.click("#ws-slow-toggle")
    await expect(page.locator("#ws-slow-steps [data-step=fill]")).to_have_attribute("data-state", "now")
    server.parts.realtime.manager.close_where(
        lambda connection: connection.client_id.endswith("-slow"), CloseCode.REPLACED
    )
    await expect(page.locator("#ws-slow-note")).to_contain_text("Closed with 4501: replaced", timeout=SLOW_MS)


async def test_a_viewer_tries_everything_that_changes_nothing(
    server: Server, admin: aiohttp.ClientSession, page_of: PageOf
) -> None:
    async with await new_user(server, admin, "bob", role="viewer"):
        page = await opened(page_of, "bob")
        await expect(page.locator("#ws-demonstration, #ws-publication")).to_have_count(0)
        await page.click("[data-series=publications]")
        await expect(page.locator("#ws-delays")).to_contain_text("Publishing needs a role that may write.")
        await cut(page, "notification")
        await expect(page.locator("#ws-recovered")).to_have_attribute("data-outcome", "recovered", timeout=15_000)
        await make_slow(page)
        assert server.parts.realtime.manager.statistics().closed == {"slow_consumer": 1}


async def test_everything_works_where_websockets_are_blocked(alice: aiohttp.ClientSession, page_of: PageOf) -> None:
    page = await page_of("alice")
    await page.add_init_script(NO_WEBSOCKETS)
    await page.goto("/websocket-test")
    await expect(page.locator("#ws-state")).to_have_attribute("data-state", "connected", timeout=15_000)
    await expect(page.locator("#ws-transport")).to_have_text("Server-sent events")
    await expect(page.locator("#ws-slow-transport option[value=websocket]")).to_be_disabled()
    await cut(page, "job")
    await expect(page.locator("#ws-recovered")).to_have_attribute("data-outcome", "recovered", timeout=15_000)
    assert int(await figure(page, "#ws-recovery", "replayed")) >= 3
    await page.fill("#ws-text", '{"type": "hello"}')
    await page.click("#ws-send button[type=submit]")
    await expect(messages(page, "echo")).to_have_count(1)


# others, ends, looks


async def test_nothing_of_it_reaches_another_user(
    alice: aiohttp.ClientSession, bob: aiohttp.ClientSession, page_of: PageOf
) -> None:
    other = await opened(page_of, "bob")
    page = await opened(page_of)
    await page.click(".wstest__options summary")
    await page.fill("#ws-demonstration [name=seconds]", "0")
    await page.click("#ws-demonstration button[type=submit]")
    await cut(page, "notification")
    await expect(page.locator("#ws-recovered")).to_have_attribute("data-outcome", "recovered", timeout=15_000)
    await make_slow(page)
    await other.fill("#ws-text", '{"type": "marker"}')  # whatever had been sent to Bob would be here before its answer
    await other.click("#ws-send button[type=submit]")
    await expect(messages(other, "echo")).to_have_count(1)
    for text in ("Demonstration", "This is a test", "load"):
        await expect(messages(other, text)).to_have_count(0)
    await expect(other.locator("#ws-jobs .progress")).to_have_count(0)


async def test_signed_out_connection_stays_away(server: Server, alice: aiohttp.ClientSession, page_of: PageOf) -> None:
    page = await opened(page_of)
    server.parts.realtime.manager.close_where(lambda connection: True, CloseCode.SIGNED_OUT)
    await expect(page.locator("#ws-state")).to_have_attribute("data-state", "closed")
    await expect(messages(page, "4500").first).to_be_attached()
    await page.click("#ws-toggle")
    await expect(page.locator("#ws-state")).to_have_attribute("data-state", "connected")


async def test_fits_a_phone(alice: aiohttp.ClientSession, page_of: PageOf, tmp_path: Path) -> None:
    page = await opened(page_of, viewport={"width": 360, "height": 740})
    width = await page.evaluate("document.documentElement.scrollWidth")
    assert width <= 360


@pytest.mark.parametrize(("scheme", "locale"), [("light", "zh-CN"), ("dark", "en-US")])
async def test_axe_finds_nothing_whether_empty_busy_or_disconnected(
    alice: aiohttp.ClientSession, page_of: PageOf, scheme: str, locale: str
) -> None:
    page = await opened(page_of, color_scheme=scheme, locale=locale)
    await page.click("#ws-clear")
    found = await complaints(page)
    await cut(page, "job")
    await expect(page.locator("#ws-recovered")).to_have_attribute("data-outcome", "recovered", timeout=15_000)
    await page.click("#ws-slow-toggle")
    await expect(page.locator("#ws-slow-steps [data-step=fill]")).to_have_attribute("data-state", "now")
    await page.click("#ws-pause")
    await page.locator(".is-replayed summary").first.click()
    found += await complaints(page)
    await page.click("#ws-slow-toggle")
    await page.click("[data-view=frames]")
    await page.click("#ws-toggle")
    await expect(page.locator("#ws-state")).to_have_attribute("data-state", "closed")
    found += await complaints(page)
    assert found == []
