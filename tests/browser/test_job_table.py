"""What a tab knows of its jobs does not depend on the order in which it was told."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from playwright.async_api import Page

from tests.browser.conftest import PageOf, loop_fixture

pytestmark = pytest.mark.browser

Job = dict[str, Any]
TELL = """async (messages) => {
  const { JobTable } = await import("/static/js/job-table.js");
  const table = new JobTable(), shown = [];
  table.listen((job, before) => shown.push([before ?? null, job]));
  for (const message of messages) {
    if (Array.isArray(message)) table.replace(message);
    else table.apply(message);
  }
  const names = new Set(messages.flat().map((job) => job.job_id));
  return { known: [...names].map((name) => table.get(name)), shown };
}"""


@st.composite
def tellings(draw: st.DrawFn) -> tuple[list[Job], list[Job | list[Job]]]:
    """The newest state of some jobs, and what a tab hears of them, mixed anyhow: messages, and snapshots of all.

    Much is lost and much comes twice, but the newest of each comes at least once.
    """
    histories = [draw(history(number)) for number in range(draw(st.integers(1, 4)))]
    newest = [states[-1] for states in histories]
    messages = draw(st.lists(st.sampled_from([state for states in histories for state in states]), max_size=30))
    snapshots = draw(st.lists(st.tuples(*map(st.sampled_from, histories)).map(list), max_size=3))
    return newest, draw(st.permutations([*messages, *snapshots, *newest]))


@st.composite
def history(draw: st.DrawFn, number: int) -> list[Job]:
    """What a job was, one revision after the other, with attempts that begin anew."""
    steps = draw(st.lists(st.tuples(st.booleans(), st.none() | st.integers(0, 100)), min_size=1, max_size=12))
    attempts = itertools.accumulate(int(begins_anew) for begins_anew, _ in steps)
    return [
        {"job_id": f"job-{number}", "revision": revision, "attempt": attempt, "state": "running", "percent": percent}
        for revision, (attempt, (_, percent)) in enumerate(zip(attempts, steps, strict=True))
    ]


@loop_fixture
async def page(page_of: PageOf) -> Page:
    page = await page_of(None)
    await page.goto("/login")
    return page


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(telling=tellings())
async def test_any_order_of_snapshots_and_messages_gives_the_same_table(
    page: Page, telling: tuple[list[Job], list[Job | list[Job]]]
) -> None:
    newest, messages = telling
    found = await page.evaluate(TELL, messages)
    assert sorted(map(without_percent, found["known"])) == sorted(map(without_percent, newest))
    for before, job in found["shown"]:
        if (
            before is not None
            and before["attempt"] == job["attempt"]
            and None not in (before["percent"], job["percent"])
        ):
            assert job["percent"] >= before["percent"]  # within an attempt no bar goes backwards


def without_percent(job: Job) -> list[tuple[str, Any]]:
    return sorted((name, value) for name, value in job.items() if name != "percent")
