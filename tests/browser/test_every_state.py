"""Every state of a job is drawn alike by pages and scripts, never backwards, and so that everybody can read it."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any

import aiohttp
import msgspec
import pytest
from playwright.async_api import Page, expect

from server.clock import new_id, utc_now
from server.jobs.job import PAUSED, Completeness, Job, JobError, Priority, State
from server.jobs.waiting import Waiting, WaitingFor
from server.settings import Settings
from tests.browser.conftest import NETWORK, SECONDS, Complaints, PageOf, Visit, connected, heard
from tests.browser.line import Line
from tests.browser.test_accessibility import complaints as found_by_axe
from tests.conftest import Server, serving, signed_in
from tests.functional import batches
from tests.functional.importing import import_text
from tests.functional.test_external_jobs import begin, push
from tests.functional.test_live import demonstrate
from tests.functional.test_uploads import announce, patch, upload_of
from tests.states import every_state

pytestmark = pytest.mark.browser
Client = aiohttp.ClientSession

LONG_AGO = utc_now() - timedelta(days=3)
RUNNING = {"state": State.RUNNING, "attempt": 1, "unit": "rows", "progress": 12_400, "total": 50_000}
UNKNOWN = RUNNING | {"total": None, "rate": 812.0}
DONE = {"state": State.SUCCEEDED, "attempt": 1, "unit": "rows", "progress": 49_880, "total": 49_880}
UPLOAD = {"kind": "file_upload", "unit": "bytes", "progress": 420_000, "total": 1_000_000, "title": "orders.csv"}
WAITS = Waiting(reason=WaitingFor.TURN, kind="batch_report", count=2, is_own=False, seconds=6.0, place=3)
STATES: dict[str, dict[str, Any]] = {
    "waiting": {"unit": "reports", "kind": "batch_report"},
    "waiting in line": {"unit": "reports", "kind": "batch_report", "waiting": WAITS, "priority": Priority.LOW},
    "running": RUNNING | {"rate": 8_120.4, "message": "Reading orders", "stage": "reading"},
    "by its history": RUNNING | {"unit_seconds": 0.01, "last_seconds": 21.0},
    "without total": UNKNOWN,
    "without a worker": RUNNING | {"waiting": msgspec.structs.replace(WAITS, reason=WaitingFor.WORKER, place=None)},
    "still": RUNNING | {"stalled_since": utc_now()},
    "still since long ago": RUNNING | {"stalled_since": LONG_AGO},
    "stalled": RUNNING | {"stalled_since": utc_now(), "is_stalled": True},
    "stalled without total": UNKNOWN | {"rate": None, "stalled_since": utc_now(), "is_stalled": True},
    "paused": RUNNING | UPLOAD | {"stage": PAUSED},
    "waiting for its sender": RUNNING | UPLOAD | {"stalled_since": utc_now(), "is_stalled": True},
    "some bytes": RUNNING | UPLOAD | {"progress": 12, "total": None},
    "finishing": RUNNING | {"progress": 50_000},
    "leaving rows out": RUNNING | {"kind": "data_import", "detail": {"rejected": 1_200}},
    "done": DONE | {"outcome": Completeness.COMPLETE},
    "left out": DONE | {"kind": "data_import", "outcome": Completeness.PARTIAL, "result": {"rejected_count": 1_120}},
    "one failed": DONE | {"kind": "batch_report", "outcome": Completeness.PARTIAL, "result": {"failed": 1}},
    "failed": RUNNING | {"state": State.FAILED, "error": JobError(code="silent", message="It fell silent.")},
    "cancelled": RUNNING | {"state": State.CANCELLED},
    "cancelled before it began": {"state": State.CANCELLED, "unit": "rows"},
    "again later": {
        "attempt": 1,
        "unit": "rows",
        "message": "The attempt before this one failed for a reason that may pass; the log says which.",
        "waiting": Waiting(reason=WaitingFor.AGAIN, kind="data_import", seconds=9.0),
    },
    "waits for files": {
        "attempt": 1,
        "unit": "reports",
        "kind": "batch_report",
        "stage": "files_away",
        "message": "The store of files did not answer. This goes on by itself once it is back.",
        "stalled_since": LONG_AGO,
        "waiting": Waiting(reason=WaitingFor.FILES),
    },
    "nobody runs it": {"unit": "rows", "waiting": Waiting(reason=WaitingFor.NOBODY)},
    "again": RUNNING | {"attempt": 2, "message": "The server stopped in the middle of the attempt before this one."},
}

LOAD = """async (path) => {
  document.getElementById("content").innerHTML = await (await fetch(path)).text();
}"""
DRAWN = """(root) => {
  const text = (selector) => root.querySelector(selector)?.textContent.replaceAll("\\u202f", " ").trim();
  const progress = root.querySelector(".progress"), bar = progress.querySelector("[role=progressbar]");
  const badge = root.querySelector("[data-state-of]");
  const number = (selector, name) => parseFloat(progress.querySelector(selector).getAttribute(name)) || 0;
  return {
    texts: ["percent", "count", "pace", "waiting", "message"].map((part) => text(`.progress__${part}`)),
    badge: [badge.dataset.state, badge.className, badge.textContent.trim()],
    stage: text("[data-stage-of]"),
    state: [progress.dataset.shownState, progress.dataset.attempt, "repeated" in progress.dataset],
    striped: bar.classList.contains("is-indeterminate"),
    values: [bar.getAttribute("aria-valuenow"), bar.getAttribute("aria-valuetext").replaceAll("\\u202f", " ")],
    done: number(".progress__fill", "width"),
    missing: [number(".progress__missing", "x"), number(".progress__missing", "width")],
  };
}"""
DRAW_ANEW = """async ([root, job]) => {
  const { show } = await import("/static/js/jobs-live.js");
  const progress = root.querySelector(".progress");
  progress.removeAttribute("data-repeated");
  for (const rect of progress.querySelectorAll("rect")) rect.setAttribute("width", "0%");
  for (const part of progress.querySelectorAll("span:not(:has(*))")) part.textContent = "";
  root.querySelector("[data-state-of] .badge__text").textContent = "";
  root.querySelector("[data-stage-of]").textContent = "";
  progress.dataset.revision = -1;
  show(progress, job);
}"""


@pytest.mark.parametrize(("language", "zone"), [("en", "Asia/Tokyo"), ("zh-CN", "Europe/Berlin")])
async def test_scripts_draw_each_state_as_pages_do(
    server: Server, alice: Client, page_of: PageOf, language: str, zone: str
) -> None:
    page = await page_of("alice", locale=language, timezone_id=zone)
    await page.goto("/jobs")  # the one before has told the server its time zone
    async with alice.get("/api/v1/me") as response:
        owner_id = (await response.json())["id"]
    seen = set()
    for name, fields in STATES.items():
        usual = {"id": new_id(), "kind": "external", "owner_id": owner_id, "title": name, "created_at": utc_now()}
        job = Job(**usual | fields)
        server.parts.jobs.table.put(job)
        await page.evaluate(LOAD, f"/jobs/{job.id}/detail")
        root = await page.query_selector(".job-hero")
        drawn = await page.evaluate(DRAWN, root)
        told = await page.evaluate("path => fetch(path).then((answer) => answer.json())", f"/api/v1/jobs/{job.id}")
        await page.evaluate(DRAW_ANEW, [root, told])
        assert await page.evaluate(DRAWN, root) == drawn, name
        seen.add(drawn["badge"][0])
    assert seen == {
        "queued", "running", "stalled", "paused", "waiting_for_sender", "finishing", "succeeded", "partial", "failed",
        "cancelled",
    }  # fmt: skip


RECORDER = """
window.seen = [];
setInterval(() => {
  for (const progress of document.querySelectorAll(".progress[data-job-id]")) {
    const bar = progress.querySelector(".progress__bar"), fill = bar.querySelector(".progress__fill");
    if (bar.classList.contains("is-indeterminate") || progress.dataset.state === "queued") continue;
    const drawn = (100 * fill.getBoundingClientRect().width) / bar.getBoundingClientRect().width;
    const text = parseInt(progress.querySelector(".progress__percent").textContent || 0);
    const value = Number(bar.getAttribute("aria-valuenow"));
    window.seen.push([progress.dataset.jobId, Number(progress.dataset.attempt), text, value, drawn]);
  }
}, 50);
"""
ROUNDING = 0.2  # of a percent, in pixels of a narrow bar


class TestBars:
    @pytest.fixture
    def init_script(self) -> str:
        return RECORDER

    async def test_no_bar_of_an_attempt_goes_backwards_whatever_happens(
        self, settings: Settings, visit: Visit, complaints: Complaints
    ) -> None:
        complaints.allowed = NETWORK
        seen: list[list[Any]] = []
        async with serving(settings) as server, await signed_in(server, "admin") as client:
            line = Line(server.url)
            await line.open()
            page = await visit(line.url, "admin")
            await page.goto("/jobs")
            await connected(page)
            script = (await begin(client, total=None, unit="rows"))["job_id"]
            for change in (
                {"progress": 30},
                {"progress": 40, "total": 400},
                {"progress": 80},
                {"progress": 300, "total": 900},
            ):
                await push(client, script, **change)
                await moved(page, script, f"{change['progress']}")
            place = await announce(client, 1_000_000)
            await patch(client, place, 0, b"0" * 420_000)
            upload = (await upload_of(client, place))["job_id"]
            async with client.post(f"{place}/pause"):
                pass
            demonstration = await demonstrate(client, seconds=60, total=1_000)
            await import_text(client)
            await batches.put_template(client, source=batches.RIGHT)
            await batches.made(client)
            await expect(page.locator(f"#job-{upload} .badge")).to_have_text("Paused", timeout=SECONDS)
            seen += await page.evaluate("window.seen")
            await page.reload()
            await connected(page)
            await heard(page, "window.seen.length > 20")
        async with serving(settings) as server:
            line.lead_to(server.url)
            again = page.locator(f"#job-{demonstration}")
            await expect(again).to_contain_text("attempt 2", timeout=SECONDS)
            await expect(again).to_contain_text("The server stopped in the middle of the attempt before this one.")
            await heard(page, "(id) => window.seen.filter((one) => one[0] === id && one[1] === 2).length > 20", upload)
            seen += await page.evaluate("window.seen")
            await line.close()
        of_attempts: dict[tuple[str, int], list[list[float]]] = {}
        for job_id, attempt, *figures in seen:
            of_attempts.setdefault((job_id, attempt), []).append(figures)
        for attempt_of, samples in of_attempts.items():
            for figures in zip(*samples, strict=True):
                assert all(new >= old - ROUNDING for old, new in itertools.pairwise(figures)), (attempt_of, figures)
        assert {attempt for job_id, attempt in of_attempts if job_id == demonstration} == {1, 2}
        assert {text for text, *_ in of_attempts[upload, 2]} == {42}  # what a restart keeps never looks like nothing


async def moved(page: Page, job_id: str, count: str) -> None:
    await expect(page.locator(f"#job-{job_id} .progress__count")).to_contain_text(count, timeout=SECONDS)


LOOKED_AT = ("stalled", "again", "partial-import", "partial-batch", "failed-import", "waiting-batch")
# A mark without ink tells nothing: it has a border, a background or a picture of its own.
MARKS = """() => Object.fromEntries([...document.querySelectorAll(".job-row .badge")].map((badge) => {
  const style = getComputedStyle(badge.querySelector(".badge__mark"));
  const hasInk = style.backgroundColor !== "rgba(0, 0, 0, 0)" || style.backgroundImage !== "none";
  return [badge.dataset.state, hasInk || parseFloat(style.borderRightWidth) > 0];
}))"""


async def test_everybody_can_read_every_state(settings: Settings, visit: Visit, complaints: Complaints) -> None:
    complaints.allowed = NETWORK  # the server ends before the pages
    async with every_state(settings) as places:
        url = places.server.url
        paths = ["/", "/jobs", "/batches", "/notifications", *(places.pages[name] for name in LOOKED_AT)]
        dark = await visit(url, "admin", color_scheme="dark")
        phone = await visit(url, "admin", locale="zh-CN", viewport={"width": 360, "height": 740})
        found = []
        for path in paths:
            for page in (dark, phone):
                await page.goto(path, wait_until="domcontentloaded")
            found += await found_by_axe(dark)
            assert await phone.evaluate("document.documentElement.scrollWidth") <= 360, path
        assert found == []
        forced = await visit(url, "admin", forced_colors="active")
        await forced.goto("/jobs")
        marks = await forced.evaluate(MARKS)
    assert len(marks) == 10
    assert all(marks.values()), marks
