"""How long a job's change takes to reach a page: in Chromium, through the real page's client. `make bench`."""

from __future__ import annotations

import statistics
from pathlib import Path

import pytest
from playwright.async_api import async_playwright

from tests.benchmarks.test_whole import quantile
from tests.browser.conftest import CHROMIUM, FLAGS, sign_in
from tests.process import ServerProcess

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(300)]

# The message's own timestamp against the page's clock: both are this machine's, and the page's has microseconds.
_FOLLOW_A_JOB = """async (isShared) => {
  const { LiveClient } = await import("/static/js/live-client.js");
  const { user, scripts } = document.body.dataset;
  const live = new LiveClient(isShared ? { user, share: `${user} ${scripts}` } : {});
  await new Promise((resolve) => {
    live.on("state", (state) => state === "connected" && resolve());
    live.connect();
  });
  const delays = [];
  const over = new Promise((resolve) => {
    live.on("job", (job) => {
      delays.push(performance.timeOrigin + performance.now() - microseconds(job.timestamp));
      if (job.state === "succeeded") resolve();
    });
  });
  const microseconds = (text) => Date.parse(text.slice(0, 23) + "Z") + Number(text.slice(23, 26)) / 1000;
  await fetch("/api/v1/jobs/demonstration", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ seconds: 20, total: 1000 }),
  });
  await over;
  return delays;
}"""


@pytest.mark.parametrize("is_shared", [False, True], ids=["own", "shared"])
async def test_a_change_of_a_job_arrives_in_the_page_at_once(tmp_path: Path, is_shared: bool) -> None:
    process = ServerProcess(tmp_path / "data")
    process.start()
    try:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            page = await browser.new_page(base_url=process.url)
            await sign_in(page, "admin")
            delays_ms: list[float] = await page.evaluate(_FOLLOW_A_JOB, is_shared)
            await browser.close()
    finally:
        process.stop()
    by = "all tabs' connection" if is_shared else "its own"
    print(
        f"\njob change to page, {by}: p50 {statistics.median(delays_ms):.2f} ms, p99 {quantile(delays_ms, 0.99):.2f} ms"
    )
    print(f"  {len(delays_ms)} messages")
