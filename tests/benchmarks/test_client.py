"""What showing its progress costs a script, and what a script's updates cost the server."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

import psutil
import pytest

import jindu
from tests.functional.command_line import token_of
from tests.functional.test_external_jobs import begin, push, signed_in
from tests.functional.test_jobs_api import get
from tests.process import ROOT, ServerProcess

pytestmark = pytest.mark.benchmark

_STEPS = 1_000_000
_UPDATES, _AT_ONCE = 2_000, 20


def test_advance_costs_about_a_microsecond_whether_the_server_is_there_or_not() -> None:
    figures = {}
    with jindu.job("benchmark", total=_STEPS, url="http://127.0.0.1:9", token="none") as job:
        began = time.perf_counter()
        for _ in range(_STEPS):
            job.advance()
        figures["advance()"] = time.perf_counter() - began
    bar = jindu.tqdm(total=_STEPS, url="http://127.0.0.1:9", token="none")
    began = time.perf_counter()
    for _ in range(_STEPS):
        bar.update()
    figures["tqdm.update()"] = time.perf_counter() - began
    bar.close()
    for name, seconds in figures.items():
        print(f"{name}: {seconds / _STEPS * 1e6:.2f} µs")
    assert figures["advance()"] / _STEPS < 5e-6


async def test_updates_of_many_scripts_cost_the_server_little(tmp_path: Path) -> None:
    process = ServerProcess(tmp_path / "data", environ={"JINDU_EXTERNAL_UPDATES_PER_SECOND": "100000"})
    await asyncio.to_thread(process.start)
    try:
        async with await signed_in(process) as client:
            jobs = [(await begin(client, total=_UPDATES))["job_id"] for _ in range(_AT_ONCE)]

            async def push_all(job_id: str) -> None:
                for number in range(_UPDATES // _AT_ONCE):
                    await push(client, job_id, progress=number)

            measured = psutil.Process(process.pid)
            cpu, began = sum(measured.cpu_times()[:2]), time.perf_counter()
            await asyncio.gather(*map(push_all, jobs))
            seconds, cpu = time.perf_counter() - began, sum(measured.cpu_times()[:2]) - cpu
        print(f"updates: {_UPDATES / seconds:,.0f}/s, {cpu / _UPDATES * 1000:.2f} ms of the server's processor each")
    finally:
        await asyncio.to_thread(process.kill)


_LONG = """
import sys, time, jindu
with jindu.job(f"long {sys.argv[1]}", total=40) as job:
    for _ in range(40):
        job.advance()
        time.sleep(0.25)
"""
_SHORT = """
import sys, jindu
for number in range(100):
    with jindu.job(f"short {sys.argv[1]} {number}", total=1) as job:
        job.advance()
"""


@pytest.mark.timeout(600)
async def test_a_farm_of_150_scripts_and_400_short_jobs_on_one_token_end_all_right(tmp_path: Path) -> None:
    process = ServerProcess(tmp_path / "data")
    await asyncio.to_thread(process.start)
    try:
        async with await signed_in(process) as client:
            environ = {"JINDU_URL": process.url, "JINDU_TOKEN": token_of(client), "PYTHONPATH": str(ROOT)}
            began = time.perf_counter()
            scripts = [
                await asyncio.create_subprocess_exec(
                    sys.executable, "-c", text, str(number), env=environ, stderr=asyncio.subprocess.PIPE
                )
                for text, count in ((_LONG, 150), (_SHORT, 4))
                for number in range(count)
            ]
            told = await asyncio.gather(*(each.communicate() for each in scripts))
            seconds = time.perf_counter() - began
            lost = [error.decode() for _, error in told if b"was not told" in error]
            states = {state: (await get(client, "/jobs", state=state))["total"] for state in ("succeeded", "running")}
        print(f"150 scripts of 10 s beside 400 short jobs: {seconds:.1f} s, {states}, {len(lost)} scripts lost an end")
        assert (states, lost) == ({"succeeded": 550, "running": 0}, [])
    finally:
        await asyncio.to_thread(process.kill)
