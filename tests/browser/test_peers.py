"""Files from one Chromium context to another, over real data channels: asked, accepted, cut, damaged, refused."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest
from playwright.async_api import Download, Locator, Page, expect

from server.settings import Settings
from tests.browser.axe import violations
from tests.browser.conftest import PageOf, connected
from tests.functional.batches import RIGHT, made, put_template, reports_of
from tests.functional.importing import import_text

pytestmark = pytest.mark.browser
MIB = 1024 * 1024
HOSTILE = '<img src=x onerror="alert(1)"> ‮cod.txt'  # the name of a file, with a sign that turns what follows around
SHOWN = '<img src=x onerror="alert(1)"> _cod.txt'
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1"
# The sender reads so many pieces of 1 MiB and waits: what happens in the middle happens in the middle.
READS_SLOWLY = """
  const read = Blob.prototype.arrayBuffer;
  window.mayRead = 3;
  Blob.prototype.arrayBuffer = async function () {
    while (window.mayRead <= 0) await new Promise((resolve) => setTimeout(resolve, 20));
    window.mayRead -= 1;
    return read.call(this);
  };
"""
WRITES_DOWN = """
  window.said = [];
  const send = RTCDataChannel.prototype.send;
  RTCDataChannel.prototype.send = function (data) {
    if (typeof data === "string") window.said.push(JSON.parse(data));
    return send.call(this, data);
  };
"""
DAMAGES = """
  const send = RTCDataChannel.prototype.send;
  RTCDataChannel.prototype.send = function (data) {
    if (typeof data !== "string") new Uint8Array(data)[7] ^= 1;
    return send.call(this, data);
  };
"""
FINDS_NO_WAY = """
  const Connection = RTCPeerConnection;
  window.RTCPeerConnection = function (given) { return new Connection({...given, iceTransportPolicy: "relay"}); };
  const later = window.setTimeout;
  window.setTimeout = (act, wait, ...more) => later(act, wait === 20000 ? 300 : wait, ...more);
"""

COUNTS_WAYS = """
  window.ways = 0;
  const Connection = RTCPeerConnection;
  window.RTCPeerConnection = function (given) { window.ways += 1; return new Connection(given); };
"""
SPEAKS_FOR_ITSELF = """async (user) => {
  const socket = new WebSocket(`${location.origin.replace("http", "ws")}/ws/own-program`);
  const heard = [];
  socket.onmessage = ({ data }) => heard.push(...[JSON.parse(data)].flat());
  await new Promise((open) => { socket.onopen = open; });
  window.say = (to, signal) => socket.send(JSON.stringify({ type: "peer", to, signal }));
  window.offer = (transfer, name) => say(`user:${user}`, { kind: "offer", transfer, files: [{ name, size: 3 }] });
  window.heardOf = async (fits) => {
    while (!heard.some(fits)) await new Promise((resolve) => { setTimeout(resolve, 20); });
    return heard.find(fits);
  };
}"""


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, peer=True)


def file_of(tmp_path: Path, size: int, name: str = "figures.bin") -> Path:
    path = tmp_path / name
    path.write_bytes(os.urandom(size))
    return path


async def offer(sender: Page, *files: Path, to: str = "") -> None:
    """By the page for files, to the only one who is there or the one who is called so."""
    await sender.set_input_files("#send-files", list(files))
    dialog = sender.locator("#send-dialog")
    choice = dialog.get_by_role("radio", name=to) if to else dialog.get_by_role("radio")
    await choice.first.check()
    await dialog.get_by_role("button", name="Send").click()


def apart(name: str) -> str:
    """A name within a sentence, which it turns around nothing of."""
    return f"\u2068{name}\u2069"


def card(page: Page) -> Locator:
    return page.locator("#transfers article")


async def accepted(receiver: Page) -> Download:
    async with receiver.expect_download() as download:
        await card(receiver).get_by_role("button", name="Accept").click()
    return await download.value


async def content_of(download: Download) -> bytes:
    path = await download.path()
    return await asyncio.to_thread(path.read_bytes)


async def share_with_bob(alice: aiohttp.ClientSession) -> None:
    await import_text(alice, "region,amount,paid\nNorth,120,yes\nSouth,80,yes\n")
    wanted = {"grants": [{"user": "bob", "right": "view"}]}
    async with alice.put("/api/v1/datasets/orders/access", json=wanted) as response:
        assert response.status == 200, await response.text()


async def test_files_go_to_another_device_one_after_the_other_and_are_the_same(
    page_of: PageOf, alice: object, tmp_path: Path
) -> None:
    laptop = await page_of("alice", at="/send")
    phone = await page_of("alice", user_agent=IPHONE, viewport={"width": 390, "height": 800})
    await connected(phone)
    files = [file_of(tmp_path, 2 * MIB + 17), file_of(tmp_path, 0, "empty.csv"), file_of(tmp_path, 70_000, HOSTILE)]
    await laptop.set_input_files("#send-files", files)
    dialog = laptop.locator("#send-dialog")
    await expect(dialog).to_contain_text(f"{apart('figures.bin')} and 2 more · 2.2 MB")
    await expect(dialog.get_by_role("button", name="Send")).to_be_disabled()
    await expect(dialog.get_by_role("radio")).to_have_count(1)
    assert await violations(laptop) == []
    await dialog.get_by_role("radio").focus()
    await laptop.keyboard.press("Space")
    await laptop.keyboard.press("Enter")
    await expect(card(laptop)).to_contain_text("to accept")
    await expect(card(phone).get_by_role("alert")).to_contain_text("wants to send this to you here")
    assert await violations(phone) == []
    downloads: list[Download] = []
    phone.on("download", lambda download: downloads.append(download))
    await card(phone).get_by_role("button", name="Accept").focus()
    await phone.keyboard.press("Enter")
    await expect(card(laptop)).to_contain_text("has all of it, checked by SHA-256.")
    await expect(card(phone)).to_contain_text("All of it is here, checked by SHA-256.")
    await expect(card(phone).get_by_role("progressbar")).to_have_attribute("aria-valuenow", "100")
    assert await violations(laptop) == []
    assert [await content_of(each) for each in downloads] == [path.read_bytes() for path in files]
    await expect(phone.locator("#transfers img")).to_have_count(0)
    await card(phone).get_by_role("button", name="Close").click()
    await expect(phone.locator("#transfers")).to_be_hidden()


async def test_a_colleague_gets_a_report_and_a_zip_from_their_pages(
    page_of: PageOf, alice: aiohttp.ClientSession, bob: object
) -> None:
    await share_with_bob(alice)
    await put_template(alice, source=RIGHT)
    batch = await made(alice, name="October")
    report = (await reports_of(alice, batch["id"]))[0]
    file = report["artifacts"][0]
    hers, his = await page_of("alice", at=f"/reports/{report['id']}"), await page_of("bob")
    await connected(his)
    await hers.get_by_role("button", name=f"Send {file['file']} to a device").click()
    await hers.get_by_role("radio", name="bob").check()
    await hers.locator("#send-dialog").get_by_role("button", name="Send").click()
    await expect(card(his)).to_contain_text(f"{apart('alice')} wants to send this to you")
    got = await accepted(his)
    assert got.suggested_filename == file["file"]
    assert hashlib.sha256(await content_of(got)).hexdigest() == file["sha256"]
    await hers.goto(f"/batches/{batch['id']}")
    await hers.get_by_role("button", name="Send to a device").click()
    await hers.get_by_role("radio", name="bob").check()
    await hers.locator("#send-dialog").get_by_role("button", name="Send").click()
    await expect(card(his)).to_have_count(2)
    await his.goto("/jobs")  # whoever goes elsewhere meanwhile is still asked, and of what is over no longer told
    await expect(card(his)).to_have_count(1)
    await card(his).get_by_role("button", name="Decline").click()
    await expect(card(hers)).to_contain_text(f"{apart('bob')} declined.")
    await his.goto("/templates")
    await connected(his)
    await expect(card(his)).to_have_count(0)


async def test_a_receiver_that_is_loaded_anew_goes_on_where_it_was(
    page_of: PageOf, alice: object, tmp_path: Path
) -> None:
    path = file_of(tmp_path, 6 * MIB)
    laptop, phone = await page_of("alice"), await page_of("alice", user_agent=IPHONE)
    await laptop.context.add_init_script(READS_SLOWLY)
    await phone.context.add_init_script(WRITES_DOWN)
    await laptop.goto("/send")
    await phone.goto("/jobs")
    await connected(phone)
    await offer(laptop, path)
    await card(phone).get_by_role("button", name="Accept").click()
    bar = card(phone).get_by_role("progressbar")
    await expect(bar).to_have_attribute("aria-valuenow", "50")
    await phone.goto("/datasets")  # and what is under way comes along
    await expect(card(phone)).to_be_visible()
    await laptop.evaluate("() => { window.mayRead = 100; }")
    async with phone.expect_download() as download:
        await expect(card(phone)).to_contain_text("All of it is here")
    assert await content_of(await download.value) == path.read_bytes()
    (have,) = [each["have"] for each in await phone.evaluate("() => window.said") if "have" in each]
    assert 0 < have["offset"] <= 3 * MIB
    await expect(card(laptop)).to_contain_text("has all of it")


async def test_what_arrives_damaged_is_kept_nowhere_and_both_are_told(
    page_of: PageOf, alice: object, tmp_path: Path
) -> None:
    laptop, phone = await page_of("alice"), await page_of("alice", user_agent=IPHONE)
    await laptop.context.add_init_script(DAMAGES)
    await laptop.goto("/send")
    await connected(phone)
    await offer(laptop, file_of(tmp_path, 100_000))
    await card(phone).get_by_role("button", name="Accept").click()
    await expect(card(phone)).to_contain_text("It arrived damaged")
    await expect(card(laptop)).to_contain_text("It arrived damaged, and was thrown away there.")
    await expect(card(phone).get_by_role("button", name="Save again")).to_be_hidden()


async def test_each_side_may_cancel_and_the_other_one_is_told(page_of: PageOf, alice: object, tmp_path: Path) -> None:
    path = file_of(tmp_path, 6 * MIB)
    laptop, phone = await page_of("alice"), await page_of("alice", user_agent=IPHONE)
    await laptop.context.add_init_script(READS_SLOWLY)
    await laptop.goto("/send")
    await connected(phone)
    await offer(laptop, path)
    await expect(card(phone)).to_be_visible()
    await card(laptop).get_by_role("button", name="Cancel").click()
    await expect(card(phone)).to_have_count(0)
    for canceller, other in ((phone, laptop), (laptop, phone)):
        await laptop.evaluate("() => { window.mayRead = 2; }")
        await offer(laptop, path)
        await card(phone).last.get_by_role("button", name="Accept").click()
        # what was cancelled before may have read a piece of these
        begun = re.compile("^(16|33)$")
        await expect(card(phone).last.get_by_role("progressbar")).to_have_attribute("aria-valuenow", begun)
        await card(canceller).last.get_by_role("button", name="Cancel").click()
        await expect(card(other).last).to_contain_text("Cancelled")


async def test_where_no_way_is_found_both_say_so_and_the_sender_is_led_on(
    page_of: PageOf, alice: object, tmp_path: Path
) -> None:
    laptop = await page_of("alice")
    phone = await page_of("alice", user_agent=IPHONE, locale="zh-CN")
    await laptop.context.add_init_script(FINDS_NO_WAY)
    await laptop.goto("/send")
    await connected(phone)
    await offer(laptop, file_of(tmp_path, 1_000))
    await card(phone).get_by_role("button", name="接受").click()
    await expect(card(laptop)).to_contain_text("No way was found between this browser and")
    await expect(card(phone)).to_contain_text("之间找不到连接")
    await expect(card(laptop).get_by_role("link", name="Upload it instead")).to_have_attribute("href", "/imports")


async def test_one_page_of_a_browser_answers_for_all_of_them(page_of: PageOf, alice: object, tmp_path: Path) -> None:
    laptop, phone = await page_of("alice", at="/send"), await page_of("alice", user_agent=IPHONE)
    second = await phone.context.new_page()
    await second.goto("/jobs")
    for page in (phone, second):
        await connected(page)
    await offer(laptop, file_of(tmp_path, 1_000))
    await expect(card(second)).to_be_visible()
    got = await accepted(phone)
    await expect(card(second)).to_have_count(0)
    assert len(await content_of(got)) == 1_000


async def test_the_checksum_is_that_of_the_standard_however_the_bytes_come(page_of: PageOf, alice: object) -> None:
    page = await page_of("alice", at="/send")
    sizes = [0, 1, 3, 55, 56, 57, 63, 64, 65, 119, 120, 128, 1_000_003]
    found = await page.evaluate(
        """async (sizes) => {
          const { Sha256 } = await import("/static/js/peer-sha256.js");
          return sizes.map((size) => {
            const bytes = Uint8Array.from({ length: size }, (_, index) => (index * 7 + size) % 251);
            const hash = new Sha256();
            for (let at = 0, step = 1; at < size; at += step, step = (step * 3) % 9_973) {
              hash.update(bytes.subarray(at, at + step));
            }
            return hash.hex();
          });
        }""",
        sizes,
    )
    assert found == [hashlib.sha256(bytes((n * 7 + size) % 251 for n in range(size))).hexdigest() for size in sizes]


async def test_what_was_accepted_before_is_no_consent_to_what_comes_under_its_name(
    page_of: PageOf, alice: aiohttp.ClientSession, bob: aiohttp.ClientSession
) -> None:
    await share_with_bob(alice)
    async with bob.get("/api/v1/me") as response:
        bob_id = (await response.json())["id"]
    hers, his = await page_of("alice"), await page_of("bob")
    await his.context.add_init_script(COUNTS_WAYS)
    await his.reload()
    await connected(his)
    await hers.evaluate(SPEAKS_FOR_ITSELF, bob_id)
    first, second = "a" * 22, "b" * 22
    await hers.evaluate("([id]) => offer(id, 'harmless.txt')", [first])
    await card(his).get_by_role("button", name="Accept").click()
    way = await hers.evaluate("heardOf(({ signal }) => signal?.kind === 'accept').then(({ ticket }) => ticket)")
    await card(his).get_by_role("button", name="Cancel").click()
    await card(his).get_by_role("button", name="Close").click()
    await hers.evaluate("([id]) => offer(id, 'other.exe')", [first])
    await expect(card(his)).to_contain_text("other.exe")
    await hers.evaluate(
        """async ([way]) => {
          say(way, { kind: "again" });
          const { ticket } = await heardOf(({ type, ticket }) => type === "peer_sent" && ticket && ticket !== way);
          const link = new RTCPeerConnection();
          link.createDataChannel("files");
          const { sdp } = await link.createOffer();
          say(way, { kind: "description", attempt: 2, type: "offer", sdp });
          say(ticket, { kind: "description", attempt: 2, type: "offer", sdp });
        }""",
        [way],
    )
    await hers.evaluate("([id]) => offer(id, 'last.txt')", [second])  # comes after all of that
    await expect(card(his)).to_have_count(2)
    await expect(card(his).get_by_role("button", name="Accept")).to_have_count(2)
    assert await his.evaluate("ways") == 0


async def test_nobody_fills_the_place_of_others_and_the_keyboard_goes_on_with_what_comes_next(
    page_of: PageOf, alice: aiohttp.ClientSession, bob: aiohttp.ClientSession
) -> None:
    await share_with_bob(alice)
    async with bob.get("/api/v1/me") as response:
        bob_id = (await response.json())["id"]
    hers, his, phone = await page_of("alice"), await page_of("bob"), await page_of("bob", user_agent=IPHONE)
    await connected(his)
    there = await phone.evaluate("fetch('/send/receivers', { headers: { 'X-Fragment': '1' } }).then((r) => r.text())")
    here, *_ = re.findall(r'value="(connection:[^"]+)"', there)  # the oldest first
    for page in (hers, phone):
        await page.evaluate(SPEAKS_FOR_ITSELF, bob_id)
    for number in range(7):
        await hers.evaluate("([id]) => offer(id, 'one of many.txt')", [str(number) * 22])
    await hers.evaluate("heardOf(({ transfer }) => transfer === '6'.repeat(22))")
    await phone.evaluate(
        "([to]) => say(to, { kind: 'offer', transfer: 'p'.repeat(22), files: [{ name: 'own.txt', size: 3 }] })", [here]
    )
    await expect(card(his).filter(has_text="own.txt")).to_be_visible()
    await expect(card(his)).to_have_count(5 + 1)  # of seven that she offered
    last = card(his).last
    await last.get_by_role("button", name="Accept").focus()
    for name in ("Cancel", "Close"):
        await his.keyboard.press("Enter")
        await expect(last.get_by_role("button", name=name)).to_be_focused()
    await his.keyboard.press("Enter")
    await expect(card(his)).to_have_count(5)
    for left in range(5, 0, -1):
        await expect(card(his).last.get_by_role("button", name="Accept")).to_be_focused()
        await his.keyboard.press("Tab")
        await his.keyboard.press("Enter")
        await expect(card(his)).to_have_count(left - 1)
    await expect(his.locator("main")).to_be_focused()
