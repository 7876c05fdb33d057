"""One live connection a browser: its tabs all move, keep what is theirs, and leave nothing behind when they go."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import aiohttp
import pytest
from playwright.async_api import Page, expect

from server.realtime.connection import Connection
from server.settings import Settings
from tests.browser.conftest import BLOCKED, NETWORK, SECONDS, Complaints, Visit, connected, heard
from tests.browser.line import Line, Upgrades
from tests.browser.test_live_client import LIVE, RECORD
from tests.conftest import PASSWORDS, Server
from tests.functional.test_live import demonstrate as demonstrate_by_api
from tests.waiting import until

pytestmark = pytest.mark.browser
Client = aiohttp.ClientSession
Tabs = Callable[..., Awaitable[list[Page]]]
TABS = 12  # twice as many as a browser opens connections to a server over HTTP/1.1
WITHOUT_WORKERS = "delete window.SharedWorker;"  # as on Android: one of the pages leads


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, max_connections_per_user=2, ping_interval_seconds=3.0, pong_timeout_seconds=3.0)


@pytest.fixture(params=["", WITHOUT_WORKERS], ids=["worker", "leader"])
def init_script(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def tabs(visit: Visit, complaints: Complaints) -> Tabs:
    async def open_tabs(url: str, name: str, *, count: int) -> list[Page]:
        """So many tabs of one browser that is signed in, all live."""
        first = await visit(url, name)
        others = [await first.context.new_page() for _ in range(count - 1)]
        for page in others:
            complaints.heard(page)
            await page.goto("/jobs")
        return [first, *others]

    return open_tabs


ONE_GOES_WHILE_ANOTHER_ASKS = """async () => {
  const { Hub } = await import("/static/js/live-hub.js");
  const hub = new Hub({});
  window.told = [];
  const guest = async (id) => {
    let subscribed;
    const port = { asked: new Promise((done) => (subscribed = done)) };
    await new Promise((welcome) => {
      port.post = ({ text }) => {
        const message = text ? JSON.parse(text) : {};
        if (message.type === "connection") welcome();
        if (message.type === "subscription") subscribed();
        if (message.type === "event" && id === "after") told.push(message.data);
      };
      hub.take(port, { join: { clientId: id } });
    });
    return port;
  };
  const command = JSON.stringify({ type: "subscribe", events: ["third"], id: "1" });
  const subscribe = (port) => hub.take(port, { text: command });
  const before = await guest("before");
  subscribe(before);
  await before.asked;
  const after = await guest("after");
  subscribe(after);
  hub.take(before, { leave: true });
  await after.asked;
}"""


def connections_of(server: Server, name: str) -> list[Connection]:
    everybody = server.parts.realtime.manager.active_connections.values()
    return [each for each in everybody if each.principal.user_name == name]


async def recording(page: Page) -> None:
    """Once it is connected, `kept` holds the positions of what it hears, and `said` its states."""
    await connected(page)
    await page.evaluate(RECORD)


async def publish(client: Client, event: str, data: object) -> None:
    async with client.post(f"/api/v1/events/{event}", json=data) as response:
        assert response.status == 200, await response.text()


async def test_many_tabs_over_http_1_without_websockets_all_move_by_one_connection(
    server: Server, line: Line, alice: Client, bob: Client, tabs: Tabs, visit: Visit, complaints: Complaints
) -> None:
    complaints.allowed = BLOCKED
    line.upgrades = Upgrades.REFUSED
    pages = await tabs(line.url, "alice", count=TABS)
    stranger = await visit(line.url, "bob")
    for page in pages:
        await connected(page, "sse")
    assert len(connections_of(server, "alice")) == 1
    for page in pages:
        await page.evaluate(RECORD)
    await demonstrate_by_api(alice, seconds=0, total=3)
    for page in pages:
        await heard(page, "kept.length === 3")
    await connected(stranger, "sse")
    assert await stranger.evaluate(f"{LIVE}.then((live) => live.position.split(':')[1])") == "0"
    pong = f"{LIVE}.then((live) => live.request({{ type: 'ping' }})).then(({{ type }}) => type)"
    assert await asyncio.gather(*(page.evaluate(pong) for page in pages)) == ["pong"] * TABS


async def test_each_tab_hears_what_it_subscribed_to_and_the_answers_to_its_own_commands(
    server: Server, alice: Client, tabs: Tabs
) -> None:
    one, two = await tabs(server.url, "alice", count=2)
    for page in (one, two):
        await recording(page)
        await page.evaluate("void (window.all = []), live.on('message', (each) => all.push(each))")
        await page.evaluate("void (window.got = [])")
    ids = await asyncio.gather(
        *(page.evaluate("live.connection.client_id === live.clientId && live.clientId") for page in (one, two))
    )
    assert all(ids)
    assert ids[0] != ids[1]
    await one.evaluate("void (window.stop = live.subscribe('first', (data) => got.push(data)))")
    await two.evaluate("void live.subscribe('second', (data) => got.push(data))")
    await until(lambda: connections_of(server, "alice")[0].events >= {"first", "second"})
    await publish(alice, "first", 1)
    await publish(alice, "second", 2)
    await heard(one, "got.length === 1")
    await heard(two, "got.length === 1")
    assert [await page.evaluate("got") for page in (one, two)] == [[1], [2]]
    assert not await one.evaluate("all.some(({ event }) => event === 'second')")
    assert await one.evaluate("live.request({ type: 'hello', from: 'one' }).then(({ data }) => data.from)") == "one"
    assert not await two.evaluate("all.some(({ type }) => type === 'echo')")
    code = "live.request({ type: 'subscribe', events: ['job:none'] }).then(() => 'taken', (error) => error.code)"
    assert await two.evaluate(code) == "not_found"
    await one.evaluate("stop()")
    await until(lambda: "first" not in connections_of(server, "alice")[0].events)
    assert "second" in connections_of(server, "alice")[0].events
    # A page that goes takes nothing from the one that comes in its place, as after a form that leads to the same page.
    await one.evaluate(ONE_GOES_WHILE_ANOTHER_ASKS)
    await publish(alice, "third", 3)
    await heard(one, "told.includes(3)")


async def test_a_tab_that_comes_back_with_its_position_gets_what_it_missed_and_no_more(
    server: Server, alice: Client, tabs: Tabs
) -> None:
    one, two = await tabs(server.url, "alice", count=2)
    for page in (one, two):
        await recording(page)
    await demonstrate_by_api(alice, seconds=0, total=3)
    for page in (one, two):
        await heard(page, "kept.length === 3")
    await two.evaluate("live.close()")
    await demonstrate_by_api(alice, seconds=0, total=3)
    await heard(one, "kept.length === 6")
    await two.evaluate("live.connect()")
    await heard(two, "kept.length === 6")
    assert await two.evaluate("[live.connection.recovered, live.connection.missed, kept]") == [
        True,
        3,
        [1, 2, 3, 4, 5, 6],
    ]
    assert not await two.evaluate(
        """new Promise(async (resolve) => {
            const app = await import([...document.scripts].find((s) => /app.js$/.test(s.src)).src);
            const { LiveClient } = app.m_js_live_client_js;
            const { user, scripts } = document.body.dataset;
            const late = new LiveClient({ user, share: `${user} ${scripts}`, since: 'gone:0' });
            late.on('connection', ({ recovered }) => resolve(recovered));
            late.connect();
        })"""
    )
    assert len(connections_of(server, "alice")) == 1


async def test_a_lost_line_is_mended_for_all_tabs_with_what_they_missed(
    server: Server, line: Line, alice: Client, tabs: Tabs, complaints: Complaints
) -> None:
    complaints.allowed = NETWORK
    pages = await tabs(line.url, "alice", count=3)
    for page in pages:
        await recording(page)
        await page.evaluate("void live.subscribe('test_events', (data) => (window.published = data))")
    line.cut()
    for page in pages:
        await expect(page.locator("body")).to_have_attribute("data-live", "lost", timeout=SECONDS)
    await demonstrate_by_api(alice, seconds=0, total=3)
    line.mend()
    for page in pages:
        await connected(page)
        await heard(page, "kept.length >= 3")
        assert await page.evaluate("kept") == [1, 2, 3]
    await until(lambda: "test_events" in connections_of(server, "alice")[0].events)
    await publish(alice, "test_events", "again")
    for page in pages:
        await heard(page, "window.published === 'again'")


async def test_a_tab_that_crashes_leaves_nothing_behind_and_the_others_go_on(
    server: Server, alice: Client, tabs: Tabs
) -> None:
    first, *others = await tabs(server.url, "alice", count=3)
    for page in (first, *others):
        await recording(page)
    await first.evaluate("void live.subscribe('only_first', () => undefined)")
    await until(lambda: "only_first" in connections_of(server, "alice")[0].events)
    session = await first.context.new_cdp_session(first)
    crash = asyncio.create_task(session.send("Page.crash"))  # never answered
    await first.wait_for_event("crash", timeout=SECONDS)
    crash.cancel()
    await until(lambda: all("only_first" not in each.events for each in connections_of(server, "alice")), seconds=30)
    for page in others:
        await connected(page)
    await demonstrate_by_api(alice, seconds=0, total=3)
    for page in others:
        await heard(page, "kept.length === 3")
    await until(lambda: len(connections_of(server, "alice")) == 1, seconds=30)


@pytest.mark.parametrize("init_script", [WITHOUT_WORKERS], ids=["leader"])
async def test_a_page_that_leads_and_is_frozen_is_replaced_and_steps_back_when_it_wakes(
    server: Server, alice: Client, tabs: Tabs
) -> None:
    first, second = await tabs(server.url, "alice", count=2)
    for page in (first, second):
        await recording(page)
    session = await first.context.new_cdp_session(first)
    await session.send("Page.setWebLifecycleState", {"state": "frozen"})
    await demonstrate_by_api(alice, seconds=0, total=3)
    await heard(second, "kept.length === 3")
    await session.send("Page.setWebLifecycleState", {"state": "active"})
    await demonstrate_by_api(alice, seconds=0, total=3)
    for page in (first, second):
        await heard(page, "kept.length === 6")
        assert await page.evaluate("kept") == [1, 2, 3, 4, 5, 6]
    await until(lambda: len(connections_of(server, "alice")) == 1)


async def test_who_signs_in_next_gets_nothing_of_the_former_user(
    server: Server, alice: Client, bob: Client, tabs: Tabs, complaints: Complaints
) -> None:
    complaints.allowed = NETWORK  # what the pages ask for between the two people is refused
    one, two = await tabs(server.url, "alice", count=2)
    for page in (one, two):
        await recording(page)
        await page.evaluate("void (window.all = []), live.on('message', (each) => all.push(each))")
    form = {"username": "bob", "password": PASSWORDS["bob"]}
    await one.request.post("/logout", max_redirects=0)
    await until(lambda: not connections_of(server, "alice"))
    await expect(two.locator("#signed-out-dialog")).to_be_visible(timeout=SECONDS)
    assert (await one.request.post("/login", form=form, max_redirects=0)).status == 303
    await one.goto("/jobs")
    await recording(one)
    await two.evaluate("all.length = 0; live.connect()")  # of a page that is still Alice's
    await heard(two, "live.state === 'closed'")
    await demonstrate_by_api(bob, seconds=0, total=3)
    await demonstrate_by_api(alice, seconds=0, total=3)
    await heard(one, "kept.length === 3")
    assert await one.evaluate("live.connection.user.name") == "bob"
    assert await two.evaluate("all.length") == 0
    assert not connections_of(server, "alice")


async def test_pages_of_other_scripts_do_not_share_with_these(server: Server, alice: Client, visit: Visit) -> None:
    page = await visit(server.url, "alice")
    await connected(page)
    await page.evaluate(
        """async () => {
            const { LiveClient } = await import('/static/js/live-client.js');
            const { user } = document.body.dataset;
            window.other = new LiveClient({ user, share: `${user} newer` });
            other.connect();
        }"""
    )
    await heard(page, "other.state === 'connected'")
    assert len(connections_of(server, "alice")) == 2


async def test_the_last_tab_that_goes_takes_the_connection_with_it(server: Server, alice: Client, tabs: Tabs) -> None:
    one, two = await tabs(server.url, "alice", count=2)
    for page in (one, two):
        await connected(page)
    await one.close()
    await connected(two)
    await until(lambda: len(connections_of(server, "alice")) == 1)
    await two.goto("about:blank")
    await until(lambda: not connections_of(server, "alice"))
