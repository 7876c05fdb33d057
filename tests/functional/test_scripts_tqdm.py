"""`jindu.tqdm` where tqdm is installed: all that tqdm can do, and a job besides."""

from __future__ import annotations

import aiohttp
import pytest

from tests.conftest import Server
from tests.functional.command_line import token_of
from tests.functional.scripts import job_where, script
from tests.functional.test_jobs_api import get
from tests.process import ROOT

Client = aiohttp.ClientSession
PACKAGES = ROOT / "tests" / "clients" / "python"


@pytest.fixture(autouse=True)
def _packages_are_there() -> None:
    assert (PACKAGES / "installed").is_file(), "make clients"


async def run(text: str, server: Server, client: Client) -> tuple[int, str, str]:
    async with script(text, server.url, token_of(client), PYTHONPATH=str(PACKAGES)) as running:
        return await running.end()


async def jobs_of(client: Client) -> dict[str, tuple[str, float, float | None, str]]:
    jobs = (await get(client, "/jobs"))["items"]
    return {job["title"]: (job["state"], job["progress"], job["total"], job["unit"]) for job in jobs}


async def test_it_is_tqdms_own_class_with_its_looks_and_methods(server: Server, alice: Client, bob: Client) -> None:
    text = """
import sys, tqdm.std, jindu
from jindu import tqdm, trange
assert issubclass(tqdm, tqdm_std := sys.modules["tqdm.std"].tqdm), tqdm.__mro__
for outer in tqdm(["a", "b"], desc="Outer", unit="regions", colour="green", smoothing=0.1):
    for inner in tqdm(range(3), desc="Inner", leave=False, position=1):
        pass
with tqdm(total=10, desc="By hand", unit="rows", postfix={"bad": 1}, bar_format="{l_bar}{bar:10}|") as bar:
    bar.update(4)
    bar.set_postfix(loss=0.25)
    bar.n = 6
    bar.refresh()
    bar.set_description("Second half")
    tqdm.write("beside the bar")
    assert (bar.n, bar.format_dict["n"], len(bar)) == (6, 6, 10)
for number in trange(100_000, desc="Quick"):
    pass
with tqdm(total=3, desc="Again") as bar:
    bar.update(3)
    bar.reset(total=5)
    bar.update(5)
list(tqdm(range(3), desc="Off", disable=True))
list(tqdm(range(3), desc="Not in pipes", disable=None))
bar = tqdm(total=2, desc="None in pipes, by hand", disable=None)
bar.update(2)
bar.close()
list(tqdm(range(2), "Positional", None, True))
"""
    status, out, error = await run(text, server, alice)
    assert (status, out) == (0, "beside the bar\n"), error
    assert "Outer: 100%|" in error
    assert "Not in pipes" not in error
    assert "Traceback" not in error
    assert await jobs_of(alice) == {
        "Outer": ("succeeded", 2, 2, "regions"),
        "By hand": ("succeeded", 6, 6, "rows"),
        "Quick": ("succeeded", 100_000, 100_000, "it"),
        "Again": ("succeeded", 3, 3, "it"),  # the first of two
        "Not in pipes": ("succeeded", 3, 3, "it"),
        "None in pipes, by hand": ("succeeded", 2, 2, "it"),
        "Positional": ("succeeded", 2, 2, "it"),
    }
    assert [job["progress"] for job in (await get(alice, "/jobs"))["items"] if job["title"] == "Again"] == [5, 3]
    by_hand = next(job for job in (await get(alice, "/jobs"))["items"] if job["title"] == "By hand")
    assert (by_hand["detail"], by_hand["stage"]) == ({"bad": 1, "loss": 0.25}, "Second half")
    assert (await get(bob, "/jobs"))["total"] == 0


async def test_everything_built_on_tqdm_is_a_job_too(server: Server, alice: Client) -> None:
    text = """
import asyncio, io, threading
import pandas
from tqdm.contrib import tenumerate, tzip
from tqdm.contrib.concurrent import process_map, thread_map
from jindu import tqdm

def double(x): return 2 * x

if __name__ == "__main__":
    assert thread_map(double, range(20), tqdm_class=tqdm, desc="thread_map") == [2 * x for x in range(20)]
    assert process_map(double, range(20), tqdm_class=tqdm, desc="process_map", max_workers=2)[-1] == 38
    tqdm.set_lock(threading.RLock())
    tqdm.pandas(desc="pandas")
    frame = pandas.DataFrame({"a": range(9)})
    assert frame.a.progress_apply(double).sum() == 72
    with tqdm.wrapattr(io.BytesIO(b"x" * 1000), "read", total=1000, desc="wrapattr") as file:
        while file.read(100):
            pass
    assert [i for i, _ in tenumerate("abc", tqdm_class=tqdm, desc="tenumerate")] == [0, 1, 2]
    assert len(list(tzip("abc", "def", tqdm_class=tqdm, desc="tzip"))) == 3

    async def numbers():
        for number in range(4):
            await asyncio.sleep(0)
            yield number

    async def main():
        assert [n async for n in tqdm(numbers(), desc="async for", total=4)] == [0, 1, 2, 3]
        assert sorted(await tqdm.gather(*(asyncio.sleep(0, n) for n in range(5)), desc="gather")) == [0, 1, 2, 3, 4]

    asyncio.run(main())
"""
    status, _, error = await run(text, server, alice)
    assert status == 0, error
    assert "Traceback" not in error
    shown = await jobs_of(alice)
    assert {title: done[:2] for title, done in shown.items()} == {
        "thread_map": ("succeeded", 20),
        "process_map": ("succeeded", 20),
        "pandas": ("succeeded", 9),
        "wrapattr": ("succeeded", 1000),
        "tenumerate": ("succeeded", 3),
        "tzip": ("succeeded", 3),
        "async for": ("succeeded", 4),
        "gather": ("succeeded", 5),
    }


async def test_a_loop_that_an_exception_left_failed_and_one_that_was_broken_off_is_cancelled(
    server: Server, alice: Client
) -> None:
    text = """
import pandas
from jindu import tqdm

def fails(x):
    if x == 3: raise ValueError(f"row {x}")

def attempt(work):
    try: work()
    except ValueError: pass

def plain():
    for x in tqdm(range(9), desc="plain"): fails(x)

def with_block():
    with tqdm(range(9), desc="with") as bar:
        for x in bar: fails(x)

def by_hand():
    with tqdm(total=9, desc="by hand") as bar:
        for x in range(9):
            fails(x)
            bar.update()

def in_finally():
    bar = tqdm(total=9, desc="finally")
    try:
        for x in range(9):
            fails(x)
            bar.update()
    finally:
        bar.close()

def frame():
    tqdm.pandas(desc="pandas")
    pandas.Series(range(9)).progress_apply(fails)

def source():
    def rows():
        yield 1
        raise ValueError("source")
    for x in tqdm(rows(), desc="source"): pass

for work in (plain, with_block, by_hand, in_finally, frame, source): attempt(work)
for x in tqdm(range(9), desc="break"):
    if x == 3: break
for x in tqdm(range(9), desc="dies"): fails(x)
"""
    status, _, error = await run(text, server, alice)
    assert status == 1
    assert "ValueError: row 3" in error
    jobs = {job["title"]: job for job in (await get(alice, "/jobs"))["items"]}
    told = {title: (job["state"], (job["error"] or {}).get("message")) for title, job in jobs.items()}
    assert told == {
        "plain": ("failed", "An exception ended the loop; the script's own output says more."),  # it was caught
        "with": ("failed", "ValueError: row 3"),
        "by hand": ("failed", "ValueError: row 3"),
        "finally": ("failed", "ValueError: row 3"),
        "pandas": ("failed", "ValueError: row 3"),
        "source": ("failed", "ValueError: source"),
        "break": ("cancelled", None),
        "dies": ("failed", "ValueError: row 3"),
    }
    assert jobs["with"]["progress"] == 3


async def test_a_cell_that_fails_fails_its_bars_and_those_of_other_cells_go_on(server: Server, alice: Client) -> None:
    text = """
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
for cell in (
    "import jindu; from jindu import tqdm\\nkept = jindu.job('Kept', total=2).start(); kept.advance()",
    "bar = tqdm(range(9), desc='Bar')\\nfor x in bar: 1 / (3 - x)",
    "begun = jindu.job('Begun').start()\\nbegun.advance()\\nraise KeyError('column')",
    "stopped = jindu.job('Stopped').start()\\nraise KeyboardInterrupt",
    "kept.advance(); kept.finish()",
):
    shell.run_cell(cell)
"""
    status, out, error = await run(text, server, alice)
    assert status == 0, out + error
    jobs = {job["title"]: job for job in (await get(alice, "/jobs"))["items"]}
    told = {title: (job["state"], job["progress"], (job["error"] or {}).get("message")) for title, job in jobs.items()}
    assert told == {
        "Kept": ("succeeded", 2, None),
        "Bar": ("failed", 3, "ZeroDivisionError: division by zero"),
        "Begun": ("failed", 1, "KeyError: 'column'"),
        "Stopped": ("cancelled", 0, None),
    }


async def test_cancel_reaches_a_bar_of_tqdm(server: Server, alice: Client) -> None:
    text = """
import itertools, time
from jindu import tqdm
for number in tqdm(itertools.count(), desc="Endless"):
    time.sleep(0.01)
"""
    async with script(text, server.url, token_of(alice), PYTHONPATH=str(PACKAGES)) as running:
        job = await job_where(alice, state="running")
        async with alice.post(f"/api/v1/jobs/{job['job_id']}/cancel") as response:
            assert response.status == 200
        status, _, error = await running.end()
    assert status == 1
    assert "“Endless” was cancelled." in error
