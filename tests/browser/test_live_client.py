"""The browser client in Chromium: restarts, dead lines, sleep, blocked WebSockets, expired tokens, wrong clocks."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from playwright.async_api import Page, WebSocketRoute, expect

from server.clock import utc_now
from server.realtime.close_codes import CloseCode
from server.settings import Settings
from tests.browser.conftest import (
    BLOCKED,
    NETWORK,
    SECONDS,
    Complaints,
    Visit,
    connected,
    heard,
    loop_fixture,
    sign_in,
)
from tests.browser.line import Line, Upgrades
from tests.browser.test_shell import demonstrate
from tests.conftest import Server, signed_in
from tests.functional.test_live import demonstrate as demonstrate_by_api
from tests.process import ROOT, ServerProcess

pytestmark = pytest.mark.browser
Client = aiohttp.ClientSession
LIVE = "import([...document.scripts].find((s) => /app.js$/.test(s.src)).src).then(({ live }) => live)"
# Everything the page's connection says, in order, and the offsets of the kept messages that listeners heard.
RECORD = """
    (async () => {
        window.live = window.live ?? (await import([...document.scripts].find((s) => /app.js$/.test(s.src)).src)).live;
        window.said = [];
        window.kept = [];
        for (const type of ['job', 'notification'])
            live.on(type, (message) => 'offset' in message && kept.push(message.offset));
        live.on('state', (state, { transport }) => said.push(`${state} ${transport}`));
        live.on('closed', ({ code }) => said.push(`closed ${code}`));
    })()
"""


@dataclass(frozen=True, slots=True)
class Portal:
    """Shows what `pages["page"]` says."""

    url: str
    pages: dict[str, str]


@loop_fixture
async def portal() -> AsyncIterator[Portal]:
    """Another web site, of which we know only its origin."""
    app = web.Application()
    pages: dict[str, str] = {}

    async def show(_request: web.Request) -> web.Response:
        return web.Response(text=pages["page"], content_type="text/html")

    app.router.add_get("/", show)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield Portal(f"http://127.0.0.1:{runner.addresses[0][1]}", pages)
    await runner.cleanup()


@pytest.fixture
def init_script() -> str:
    """Each page has a connection of its own; those that share one are in `test_shared_connection.py`."""
    return "delete window.SharedWorker; delete window.BroadcastChannel;"


@pytest.fixture
def settings(settings: Settings, portal: Portal) -> Settings:
    return replace(settings, allowed_origins=(portal.url,))


async def look(page: Page, *, away: bool) -> None:
    """What a page sees when somebody turns to another tab, or back."""
    await page.evaluate(
        """(hidden) => {
            const seen = { hidden, visibilityState: hidden ? 'hidden' : 'visible' };
            for (const [name, value] of Object.entries(seen))
                Object.defineProperty(document, name, { value, configurable: true });
            document.dispatchEvent(new Event('visibilitychange'));
        }""",
        away,
    )


# interruptions


@pytest.mark.parametrize("end", ["stop", "kill"])
async def test_restart_of_the_server_loses_nothing_and_doubles_nothing(
    tmp_path: Path, visit: Visit, complaints: Complaints, end: str
) -> None:
    complaints.allowed = NETWORK
    process = ServerProcess(tmp_path / "data")
    await asyncio.to_thread(process.start)
    try:
        page = await visit(process.url, "admin")
        await connected(page)
        await page.evaluate(RECORD)
        await demonstrate(page, seconds=0, total=3)
        await heard(page, "kept.length === 3")
        await asyncio.to_thread(getattr(process, end))
        await expect(page.locator("#connection-state")).not_to_have_attribute("data-state", "connected")
        await asyncio.to_thread(process.start)
        async with await signed_in(process, "admin") as admin:
            await demonstrate_by_api(admin, seconds=0, total=3)  # most likely while the page is away
        await connected(page)
        await demonstrate(page, seconds=0, total=3)
        await heard(page, "kept.length >= 9")
        assert await page.evaluate("kept") == list(range(1, 10))
        assert await page.evaluate("live.connection.recovered")
    finally:
        await asyncio.to_thread(process.kill)


async def test_network_off_and_on_again_is_noticed_at_once(
    server: Server, alice: Client, visit: Visit, complaints: Complaints
) -> None:
    complaints.allowed = NETWORK
    page = await visit(server.url, "alice")
    await connected(page)
    await page.evaluate(RECORD)
    await page.context.set_offline(True)
    await expect(page.locator("#connection-state")).to_have_attribute("data-state", "offline", timeout=SECONDS)
    await demonstrate_by_api(alice, seconds=0, total=3)
    await page.context.set_offline(False)
    await connected(page)
    await heard(page, "kept.length === 3")
    assert await page.evaluate("live.connection.recovered")


async def test_cut_line_is_mended_with_all_that_was_missed(
    line: Line, alice: Client, visit: Visit, complaints: Complaints
) -> None:
    complaints.allowed = NETWORK
    page = await visit(line.url, "alice")
    await connected(page)
    await page.evaluate(RECORD)
    for number in range(1, 4):
        line.cut()
        await expect(page.locator("#connection-state")).not_to_have_attribute("data-state", "connected")
        await demonstrate_by_api(alice, seconds=0, total=3)
        line.mend()
        await connected(page)
        await heard(page, f"kept.length >= {3 * number}")
    assert await page.evaluate("kept") == list(range(1, 10))


async def test_dead_line_is_noticed_when_somebody_looks(line: Line, alice: Client, visit: Visit) -> None:
    page = await visit(line.url, "alice")
    await connected(page)
    await page.evaluate(RECORD)
    await look(page, away=True)
    line.go_dead()
    await demonstrate_by_api(alice, seconds=0, total=3)
    await look(page, away=False)  # four seconds, not the half minute until the next ping fails
    await heard(page, "said.includes('closed 4002')")
    await connected(page)
    await heard(page, "kept.length === 3")


async def test_tab_that_slept_for_an_hour_waits_until_somebody_looks(
    line: Line, alice: Client, visit: Visit, complaints: Complaints
) -> None:
    complaints.allowed = NETWORK
    page = await visit(line.url, "alice")
    await page.clock.install()
    await page.goto("/jobs")
    await connected(page)
    await page.evaluate(RECORD)
    await look(page, away=True)
    await page.clock.pause_at(utc_now() + timedelta(seconds=60))  # its timers stand still
    line.cut()
    await heard(page, "said.some((each) => each.startsWith('closed'))")
    line.mend()
    await demonstrate_by_api(alice, seconds=0, total=3)
    await page.clock.fast_forward(3_600_000)
    assert await page.evaluate("live.transport") is None
    assert not await page.evaluate("said.some((each) => each.startsWith('connected'))")
    await page.clock.resume()
    await look(page, away=False)
    await connected(page)
    await heard(page, "kept.length === 3")


async def test_server_that_stops_says_when_to_come_back(server: Server, alice: Client, visit: Visit) -> None:
    sockets: list[WebSocketRoute] = []

    def route(socket: WebSocketRoute) -> None:
        sockets.append(socket)
        socket.connect_to_server()

    page = await visit(server.url, None)
    await page.route_web_socket(re.compile("/ws/"), route)
    await sign_in(page, "alice")
    await connected(page)
    await page.evaluate(RECORD)
    await page.evaluate("void live.on('closed', () => (window.closedAt = performance.now()))")
    await page.evaluate("void live.on('connection', () => (window.backAt = performance.now()))")
    await sockets[-1].close(code=4000, reason="draining; retry in 2 s")
    await heard(page, "'backAt' in window")
    assert await page.evaluate("backAt - closedAt") >= 1_990
    assert await page.evaluate("said") == ["closed 4000", "connecting null", "connected websocket"]


# what is told


async def test_snapshot_comes_before_connected_when_nothing_could_be_recovered(
    server: Server, alice: Client, visit: Visit
) -> None:
    page = await visit(server.url, "alice")
    await page.evaluate(
        """async () => {
            const { LiveClient } = await import('/static/js/live-client.js');
            const live = new LiveClient();
            window.order = [];
            for (const type of ['connection', 'jobs', 'state'])
                live.on(type, (content) => order.push(content.type ?? content));
            live.connect();
        }"""
    )
    await heard(page, "order.includes('connected')")
    assert await page.evaluate("order.slice(0, 4)") == ["connecting", "connection", "jobs", "connected"]


async def test_older_revisions_are_dropped_and_a_listener_that_throws_stops_no_other(
    server: Server, alice: Client, visit: Visit, complaints: Complaints
) -> None:
    complaints.allowed = re.compile("a listener's own fault")
    page = await visit(server.url, "alice")
    await connected(page)
    await page.evaluate(
        f"""{LIVE}.then((live) => {{
            window.live = live;
            window.revisions = [];
            live.on('job', () => {{ throw new Error("a listener's own fault"); }});
            live.on('job', (job) => revisions.push(job.revision));
        }})"""
    )
    manager = server.parts.realtime.manager
    (connection,) = [each for each in manager.active_connections.values() if each.principal.user_name == "alice"]
    fields = {"type": "job", "job_id": "j1", "state": "running", "attempt": 1, "title": "t", "unit": "rows"}
    for revision in (5, 3, 6, 6, 4, 7):
        manager.send_json_to_user(connection.user_id, fields | {"revision": revision, "progress": revision})
    await heard(page, "revisions.includes(7)")
    assert await page.evaluate("revisions") == [5, 6, 6, 7]
    assert len(complaints.texts) == 4


@pytest.mark.parametrize("transport", ["websocket", "sse"])
async def test_expired_token_closes_and_a_listener_goes_on_with_a_new_one(
    server: Server, alice: Client, visit: Visit, complaints: Complaints, transport: str
) -> None:
    complaints.allowed = NETWORK
    page = await visit(server.url, None)
    await page.goto("/login")
    first, second = await signed_in(server, "alice"), await signed_in(server, "alice")
    async with first, second:
        tokens = [client.headers["Authorization"].removeprefix("Bearer ") for client in (first, second)]
        await page.evaluate(
            """async ([tokens, transport]) => {
                const { LiveClient } = await import('/static/js/live-client.js');
                window.live = new LiveClient({ token: async () => tokens[0], transports: [transport] });
                window.renewed = 0;
                live.on('state', (state) => {
                    if (state !== 'closed' || renewed++) return;
                    live.token = tokens[1];
                    live.connect();
                });
                live.connect();
            }""",
            [tokens, transport],
        )
        await heard(page, "live.state === 'connected'")
        await page.evaluate(RECORD)
        await demonstrate_by_api(alice, seconds=0, total=3)
        await heard(page, "kept.length === 3")
        async with first.get("/api/v1/tokens") as response:
            newest = [item["id"] for item in (await response.json())["items"]]
        async with alice.delete(f"/api/v1/tokens/{newest[1]}") as response:  # the newest stands first
            assert response.status in (200, 204)
        await heard(page, "live.state === 'connected' && renewed === 1")
        assert await page.evaluate("said") == [
            "closed 4500",
            "closed null",
            "connecting null",
            f"connected {transport}",
        ]
        await demonstrate_by_api(alice, seconds=0, total=3)
        await heard(page, "kept.length >= 6")
        assert await page.evaluate("kept") == list(range(1, 7))


async def test_whoever_signs_out_elsewhere_is_told_so(server: Server, alice: Client, visit: Visit) -> None:
    page = await visit(server.url, "alice")
    await connected(page)
    await page.context.clear_cookies()  # else the page finds that it is signed in again, and comes back
    server.parts.realtime.manager.close_where(lambda connection: True, CloseCode.SIGNED_OUT)
    light = page.locator("#connection-state")
    await expect(light).to_have_attribute("data-state", "closed", timeout=SECONDS)
    await expect(light).to_have_text("Not live; reload the page")


@pytest.mark.parametrize("upgrades", [Upgrades.PASSED, Upgrades.REFUSED])
async def test_session_that_ended_while_the_page_was_away_is_noticed(
    server: Server, line: Line, alice: Client, visit: Visit, complaints: Complaints, upgrades: Upgrades
) -> None:
    complaints.allowed = NETWORK
    line.upgrades = upgrades
    page = await visit(line.url, "alice")
    await connected(page, "websocket" if upgrades is Upgrades.PASSED else "sse")
    await page.evaluate(RECORD)
    line.cut()
    await expect(page.locator("#connection-state")).not_to_have_attribute("data-state", "connected")
    await page.context.clear_cookies()
    line.mend()
    await expect(page.locator("#connection-state")).to_have_attribute("data-state", "closed", timeout=SECONDS)
    assert re.search(r"closed 450[03]", " ".join(await page.evaluate("said")))


# blocked WebSockets


@pytest.mark.parametrize(("language", "words"), [("en", "Live (fallback)"), ("zh-CN", "实时（备用通道）")])
async def test_where_websockets_are_refused_progress_moves_all_the_same_and_the_light_says_how(
    line: Line, alice: Client, bob: Client, visit: Visit, complaints: Complaints, language: str, words: str
) -> None:
    complaints.allowed = BLOCKED
    line.upgrades = Upgrades.REFUSED
    page, stranger = (
        await visit(line.url, "alice", locale=language),
        await visit(line.url, "bob", locale=language),
    )
    for each in (page, stranger):
        await each.goto("/jobs")
        await connected(each, "sse")
    light = page.locator("#connection-state")
    await expect(light).to_have_text(words)
    await expect(light).to_have_attribute("title", re.compile("WebSocket"))
    await demonstrate(page, seconds=3, total=1000)
    bar = page.locator(".job-row [role=progressbar]")
    await expect(bar).to_have_attribute("aria-valuenow", re.compile(r"^[1-9]\d$"), timeout=SECONDS)
    await expect(bar).to_have_attribute("aria-valuenow", "100", timeout=SECONDS)
    await expect(stranger.locator(".job-row")).to_have_count(0)
    assert (
        await page.evaluate(f"{LIVE}.then((live) => live.request({{ type: 'ping' }})).then(({{ type }}) => type)")
        == "pong"
    )


# A try that failed doubles the pause before the next one.
TRIED_AGAIN = """Object.entries(sessionStorage).some(
  ([key, value]) => key.startsWith("jindu.live.blocked") && JSON.parse(value).pause === 60_000
)"""


async def test_blocked_websocket_is_tried_again_and_takes_over_without_a_gap(
    line: Line, alice: Client, visit: Visit, complaints: Complaints
) -> None:
    # A ping that was on its way when the socket took over finds its stream gone.
    complaints.allowed = re.compile(rf"{BLOCKED.pattern}|404 \(Not Found\)")
    line.upgrades = Upgrades.REFUSED
    page = await visit(line.url, None)
    await page.clock.install()
    await sign_in(page, "alice")
    await connected(page, "sse")
    before = len(complaints.texts)
    await page.goto("/jobs")  # the tab knows by now
    await connected(page, "sse")
    assert len(complaints.texts) == before
    await page.evaluate(RECORD)
    await page.evaluate("void live.subscribe('test_events', (data) => (window.published = data))")
    await demonstrate_by_api(alice, seconds=0, total=3)
    await page.clock.fast_forward(31_000)
    await heard(page, TRIED_AGAIN)
    await heard(page, "live.transport === 'sse'")  # still refused, and nobody noticed
    line.upgrades = Upgrades.PASSED
    await page.clock.fast_forward(61_000)
    await connected(page, "websocket")
    await demonstrate_by_api(alice, seconds=0, total=3)
    await heard(page, "kept.length >= 6")
    assert await page.evaluate("kept") == list(range(1, 7))
    assert await page.evaluate("said") == ["connected websocket"]
    async with alice.post("/api/v1/events/test_events", json="still subscribed") as response:
        assert (await response.json())["receivers"] == 1
    await heard(page, "window.published === 'still subscribed'")
    await page.reload()
    await connected(page, "websocket")


async def test_websockets_that_never_open_are_given_up_for_events(
    line: Line, alice: Client, visit: Visit, complaints: Complaints
) -> None:
    complaints.allowed = BLOCKED
    line.upgrades = Upgrades.SWALLOWED
    page = await visit(line.url, None)
    await page.clock.install()
    await sign_in(page, "alice")
    async with asyncio.timeout(SECONDS / 1000):
        while await page.evaluate(f"{LIVE}.then((live) => live.transport)") != "sse":
            await page.clock.fast_forward(5_000)
    await connected(page, "sse")


async def test_lost_event_stream_is_mended_with_all_that_was_missed(
    line: Line, alice: Client, visit: Visit, complaints: Complaints
) -> None:
    complaints.allowed = NETWORK
    line.upgrades = Upgrades.REFUSED
    page = await visit(line.url, "alice")
    await connected(page, "sse")
    await page.evaluate(RECORD)
    line.cut()
    await expect(page.locator("#connection-state")).not_to_have_attribute("data-state", "connected")
    await demonstrate_by_api(alice, seconds=0, total=3)
    line.mend()
    await connected(page, "sse")
    await heard(page, "kept.length >= 3")
    assert await page.evaluate("kept") == [1, 2, 3]


async def test_server_that_is_down_is_not_taken_for_a_blocked_websocket(
    line: Line, alice: Client, visit: Visit, complaints: Complaints
) -> None:
    complaints.allowed = NETWORK
    page = await visit(line.url, "alice")
    await connected(page)
    await page.evaluate(RECORD)
    line.cut()
    await heard(page, "said.filter((each) => each.startsWith('closed')).length > 4")  # both ways were tried
    line.mend()
    await connected(page, "websocket")
    assert not await page.evaluate("said.includes('connected sse')")


# clocks


@pytest.mark.parametrize("hours", [-1, 1])
async def test_times_are_right_on_a_machine_whose_clock_is_wrong(
    server: Server, alice: Client, visit: Visit, hours: int
) -> None:
    await demonstrate_by_api(alice, seconds=0, total=3)
    page = await visit(server.url, None)
    await page.clock.install(time=utc_now() + timedelta(hours=hours))
    await sign_in(page, "alice")
    await page.goto("/jobs")
    await connected(page)
    times = page.locator("time[data-relative]")
    await expect(times.first).to_be_visible()
    await page.evaluate("document.querySelectorAll('time[data-relative]').forEach((each) => (each.textContent = ''))")
    await page.clock.fast_forward(21_000)
    await expect(times.first).to_have_text(re.compile(r"just now|seconds? ago|minutes? ago"))
    behind = await page.evaluate(f"{LIVE}.then((live) => live.now() - Date.now())")
    assert abs(behind + hours * 3_600_000) < 60_000


# for other pages and frameworks


@pytest.mark.parametrize("upgrades", [Upgrades.PASSED, Upgrades.REFUSED])
async def test_the_example_of_the_docs_runs_on_a_page_of_another_origin(
    line: Line, portal: Portal, alice: Client, bob: Client, visit: Visit, complaints: Complaints, upgrades: Upgrades
) -> None:
    complaints.allowed = re.compile(BLOCKED.pattern + "|favicon|404")
    line.upgrades = upgrades
    text = (ROOT / "docs" / "live-client.md").read_text("utf-8")
    found = re.search(r"```html\n(.*?)```", text, re.DOTALL)
    assert found
    example = found[1].replace("https://reports.example.com", line.url)
    assert line.url in example
    portal.pages["page"] = f"<!doctype html><title>Portal</title>{example}"
    page = await visit(portal.url, None)
    token = alice.headers["Authorization"].removeprefix("Bearer ")
    await page.add_init_script(f"sessionStorage.setItem('jindu-token', '{token}')")
    await page.goto("/")
    await expect(page.locator("#jobs")).to_have_attribute("data-state", "connected", timeout=SECONDS)
    await demonstrate_by_api(bob, seconds=0, total=3)
    await demonstrate_by_api(alice, seconds=0, total=3)
    items = page.locator("#jobs li")
    await expect(items).to_have_count(1)
    await expect(items).to_have_text("Demonstration: succeeded 100 %", timeout=SECONDS)


async def test_plain_event_source_comes_back_with_what_it_missed_and_stops_when_told(
    server: Server, alice: Client, visit: Visit
) -> None:
    page = await visit(server.url, "alice")
    await page.evaluate(
        """() => {
            window.source = new EventSource('/events?client_id=plain');
            window.opened = 0;
            window.ends = [];
            window.kept = [];
            source.onopen = () => (opened += 1);
            source.onmessage = ({ data, lastEventId }) =>
                'offset' in JSON.parse(data) && kept.push(lastEventId.split(':')[1]);
            source.addEventListener('close', ({ data }) => ends.push(JSON.parse(data).code));
        }"""
    )
    await heard(page, "kept.length === 1")  # the connection's own position
    manager = server.parts.realtime.manager
    manager.close_where(lambda connection: connection.client_id == "plain", CloseCode.DRAINING)
    await heard(page, "ends.length === 1")
    await demonstrate_by_api(alice, seconds=0, total=3)
    await heard(page, "opened === 2 && kept.length === 5")
    assert await page.evaluate("kept") == ["0", "0", "1", "2", "3"]  # the second place is the one it came back with
    manager.close_where(lambda connection: connection.client_id == "plain", CloseCode.SIGNED_OUT)
    await heard(page, "source.readyState === EventSource.CLOSED")
    assert await page.evaluate("[opened, ends]") == [2, [4000, 4500]]


async def test_pages_of_origins_that_are_not_allowed_cannot_even_load_it(
    server: Server, visit: Visit, complaints: Complaints, alice: Client
) -> None:
    complaints.allowed = re.compile("CORS policy|Failed to load resource")
    stranger = web.Application()
    runner = web.AppRunner(stranger)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    page = await visit(f"http://127.0.0.1:{runner.addresses[0][1]}", None)
    await page.goto("/")
    outcome = await page.evaluate(
        "(url) => import(`${url}/static/js/live-client.js`).then(() => 'loaded', () => 'refused')", server.url
    )
    assert outcome == "refused"
    await runner.cleanup()


async def test_every_public_member_stands_in_the_type_declarations(server: Server, alice: Client, visit: Visit) -> None:
    page = await visit(server.url, "alice")
    members = await page.evaluate(
        """async () => {
            const module = await import('/static/js/live-client.js');
            const own = Object.getOwnPropertyNames(new module.LiveClient());
            const shared = Object.getOwnPropertyNames(module.LiveClient.prototype);
            return { exported: Object.keys(module), members: [...own, ...shared] };
        }"""
    )
    declared = (ROOT / "static" / "js" / "live-client.d.ts").read_text("utf-8")
    for name in members["exported"]:
        assert f"export class {name} " in declared
    body = declared[declared.index("export class LiveClient {") :]
    for name in members["members"]:
        assert re.search(rf"^  (readonly |set )?{name}(<.*?>)?[(:]", body, re.MULTILINE), name
