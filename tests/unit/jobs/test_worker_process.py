"""One worker process: what the kernel says of it, whatever it is busy with."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator

import psutil
import pytest

from server.errors import WorkerFrozen
from server.jobs.worker_process import ByName, Worker
from server.jobs.workers import WorkerPool
from tests.unit.jobs import worker_functions as functions
from tests.waiting import until


@pytest.fixture
async def pool() -> AsyncIterator[WorkerPool]:
    pool = WorkerPool(size=1, memory_mib=400, silence_seconds=0.6, look_seconds=0.05)
    yield pool
    await pool.close()


async def begun(pool: WorkerPool, function: object) -> tuple[asyncio.Task[object], psutil.Process]:
    """A call under way, and its process."""
    started: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    call = asyncio.create_task(pool.run(function, 600.0, on_report=started.set_result))  # type: ignore[arg-type]
    return call, psutil.Process(await started)


async def test_a_frozen_worker_is_killed_and_the_next_call_has_another(pool: WorkerPool) -> None:
    call, process = await begun(pool, functions.spin)
    process.send_signal(signal.SIGSTOP)
    with pytest.raises(WorkerFrozen) as frozen:
        await call
    assert (frozen.value.specific_code, frozen.value.temporary) == ("worker_frozen", True)
    assert await pool.run(functions.process_id, None) != process.pid
    assert pool.statistics().died == 1


async def test_a_worker_that_waits_for_ever_is_frozen(pool: WorkerPool) -> None:
    call, _ = await begun(pool, functions.sleep)
    with pytest.raises(WorkerFrozen):
        await call


async def test_a_call_that_computes_without_letting_go_of_the_interpreter_shows_signs_of_life(pool: WorkerPool) -> None:
    call, process = await begun(pool, functions.spin)
    worker = Worker(process, None)  # type: ignore[arg-type]
    first = worker.signs()
    assert first is not None
    await until(lambda: (signs := worker.signs()) is not None and signs.cpu_ticks > first.cpu_ticks)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    process.wait(5)
    assert worker.signs() is None


_SLEEPER = """
import asyncio
from server.jobs.workers import WorkerPool
from tests.unit.jobs import worker_functions

async def main():
    pool = WorkerPool(size=1, memory_mib=400, silence_seconds=0.5, look_seconds=0.05)
    told = lambda pid: print(pid, flush=True)
    print(await pool.run(worker_functions.compute, 1.0, on_report=told), flush=True)
    await pool.close()

if __name__ == "__main__":
    asyncio.run(main())
"""


async def test_a_computer_that_sleeps_in_the_middle_freezes_no_worker() -> None:
    server = await asyncio.create_subprocess_exec(sys.executable, "-c", _SLEEPER, stdout=asyncio.subprocess.PIPE)
    assert server.stdout is not None
    both = [psutil.Process(int(await asyncio.wait_for(server.stdout.readline(), 30))), psutil.Process(server.pid)]
    for process in both:
        process.suspend()
    await asyncio.sleep(1.2)  # no clock that could be moved: it is the kernel's
    for process in reversed(both):
        process.resume()
    assert await asyncio.wait_for(server.stdout.readline(), 30) == b"done\n"
    await server.wait()


async def test_a_function_may_be_named_where_it_is_not_imported(pool: WorkerPool) -> None:
    assert await pool.run(ByName("tests.unit.jobs.worker_functions", "double"), 21) == 42
