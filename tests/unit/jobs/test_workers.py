"""The worker pool: what happens in a process stays in that process."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator

import psutil
import pytest

from server.errors import FileProblem, JobFailed, WorkerDied
from server.jobs.worker_process import WorkerCrash
from server.jobs.workers import WorkerPool
from tests.unit.jobs import worker_functions as functions


@pytest.fixture
async def pool() -> AsyncIterator[WorkerPool]:
    pool = WorkerPool(size=2, memory_mib=400)
    yield pool
    await pool.close()


async def test_result_comes_back(pool: WorkerPool) -> None:
    assert await pool.run(functions.double, 21) == 42


async def test_limit_below_what_libraries_hold_already_leaves_the_worker_working() -> None:
    pool = WorkerPool(size=1, memory_mib=16)
    assert await asyncio.wait_for(pool.run(functions.double, 21), timeout=60) == 42
    await pool.close()


async def test_worker_is_reused(pool: WorkerPool) -> None:
    first = await pool.run(functions.process_id, None)
    assert await pool.run(functions.process_id, None) == first


async def test_reports_arrive_in_order_before_the_result(pool: WorkerPool) -> None:
    seen: list[int] = []
    assert await pool.run(functions.count, 50, on_report=seen.append) == "done"
    assert seen == list(range(50))


async def test_flood_of_reports_does_not_stall_the_loop(pool: WorkerPool) -> None:
    longest_seconds = 0.0

    async def watch() -> None:
        nonlocal longest_seconds
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0.001)
            longest_seconds = max(longest_seconds, time.perf_counter() - before)

    watching = asyncio.create_task(watch())
    await pool.run(functions.count, 20_000, on_report=lambda value: None)
    watching.cancel()
    assert longest_seconds < 0.5


async def test_killed_worker_fails_its_call_and_the_next_one_runs(pool: WorkerPool) -> None:
    with pytest.raises(WorkerDied, match="ran out of memory"):
        await pool.run(functions.kill_itself, None)
    assert await pool.run(functions.double, 2) == 4


async def test_worker_killed_while_idle_is_noticed(pool: WorkerPool) -> None:
    process = psutil.Process(await pool.run(functions.process_id, None))
    process.kill()  # and no wait: the pool may still take it for alive
    assert await pool.run(functions.double, 3) == 6


async def test_clear_error_crosses_as_itself(pool: WorkerPool) -> None:
    with pytest.raises(FileProblem, match=r"Line 7 is broken\.") as caught:
        await pool.run(functions.fail_clearly, 7)
    assert caught.value.specific_code == "broken_line"
    assert caught.value.parameters == {"line": 7}


async def test_unexpected_error_brings_its_traceback(pool: WorkerPool) -> None:
    with pytest.raises(WorkerCrash, match="ZeroDivisionError: somewhere deep"):
        await pool.run(functions.fail_unexpectedly, None)


async def test_memory_limit_is_a_clear_error_and_the_worker_goes_on(pool: WorkerPool) -> None:
    with pytest.raises(JobFailed, match="more than the 400 MiB of memory that one worker may use") as caught:
        await pool.run(functions.use_memory, 2_000)
    assert caught.value.specific_code == "out_of_memory"
    assert await pool.run(functions.use_memory, 10) == 10 * 1024 * 1024


async def test_exit_in_a_function_is_an_error_not_a_death(pool: WorkerPool) -> None:
    with pytest.raises(WorkerCrash, match="SystemExit: 3"):
        await pool.run(functions.print_and_exit, "printed by a worker")
    assert pool.statistics().died == 0


async def test_result_that_cannot_be_pickled_is_an_error(pool: WorkerPool) -> None:
    with pytest.raises(WorkerCrash, match="pickle"):
        await pool.run(functions.return_what_cannot_be_pickled, None)


async def test_cancelled_call_kills_its_process_at_once(pool: WorkerPool) -> None:
    started: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    call = asyncio.create_task(pool.run(functions.sleep, 60.0, on_report=started.set_result))
    process = psutil.Process(await started)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert await asyncio.to_thread(psutil.wait_procs, [process], 2) == ([process], [])
    assert await pool.run(functions.double, 4) == 8


async def test_call_past_its_time_is_stopped(pool: WorkerPool) -> None:
    with pytest.raises(JobFailed, match=r"longer than the allowed 0\.3 seconds") as caught:
        await pool.run(functions.sleep, 60.0, timeout_seconds=0.3)
    assert caught.value.specific_code == "timed_out"
    assert await pool.run(functions.double, 5) == 10


async def test_no_more_processes_than_slots(pool: WorkerPool) -> None:
    await asyncio.gather(*(pool.run(functions.double, number) for number in range(20)))
    assert pool.statistics().started <= 2


async def test_close_ends_every_process() -> None:
    pool = WorkerPool(size=1, memory_mib=400)
    process = psutil.Process(await pool.run(functions.process_id, None))
    await pool.close()
    assert not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


_SERVER = """
import asyncio
from server.jobs.workers import WorkerPool
from tests.unit.jobs import worker_functions

async def main():
    pool = WorkerPool(size=1, memory_mib=400)
    await pool.run(worker_functions.sleep, 600.0, on_report=lambda pid: print(pid, flush=True))

if __name__ == "__main__":
    asyncio.run(main())
"""


async def test_worker_does_not_outlive_a_killed_server() -> None:
    server = await asyncio.create_subprocess_exec(sys.executable, "-c", _SERVER, stdout=asyncio.subprocess.PIPE)
    assert server.stdout is not None
    worker = psutil.Process(int(await asyncio.wait_for(server.stdout.readline(), 30)))
    server.kill()
    await server.wait()
    gone, _ = await asyncio.to_thread(psutil.wait_procs, [worker], 5)
    assert gone == [worker]
