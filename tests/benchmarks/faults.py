"""People at work for minutes, while everything around the server goes wrong: nothing is lost, nothing is there twice.

MINUTES=1 SEED=7 make bench BENCH=tests/benchmarks/faults.py
"""

from __future__ import annotations

import time
from collections import Counter
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path

import pytest

from tests.benchmarks.trouble.caller import Caller
from tests.benchmarks.trouble.checking import check_data, check_person, wait_until_quiet
from tests.benchmarks.trouble.crew import MINUTES, SEED, Crew, meanwhile, token_holder
from tests.benchmarks.trouble.injecting import SILENCE_SECONDS, Faults
from tests.benchmarks.trouble.ledger import Ledger, without_time
from tests.benchmarks.trouble.machine import Machine
from tests.benchmarks.trouble.patience import PATIENCE
from tests.benchmarks.trouble.record import Looker, check_record
from tests.functional.small_disk import SmallDisk, small_disk
from tests.moved_clock import NO_COMPILER, moved_clock
from tests.process import ServerProcess

_MIB = 1024 * 1024
_DISK_MIB = 600
_SETTINGS = {
    "JINDU_WORKERS": "2",
    "JINDU_WORKER_SILENCE_SECONDS": str(SILENCE_SECONDS),
    "JINDU_MIN_FREE_BYTES": str(8 * _MIB),
    "JINDU_RESERVE_BYTES": str(8 * _MIB),
    "JINDU_JOB_RETRY_SECONDS": "2",
    "JINDU_DRAIN_SECONDS": "3",
}

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(MINUTES * 60 + 1_200 * PATIENCE)]


async def test_nothing_is_lost_and_nothing_is_there_twice(tmp_path: Path) -> None:
    ledger = Ledger()
    with ExitStack() as stack:
        disk = _small_disk(stack, tmp_path / "disk", ledger)
        clock = moved_clock(tmp_path)
        if clock is None:
            ledger.notes[NO_COMPILER] += 1
        server = ServerProcess(tmp_path / "disk" / "data", environ=_SETTINGS | (clock.environ if clock else {}))
        machine = Machine(server, disk=disk, clock=clock)
        try:
            await machine.start()
            await _go_through(machine, ledger, tmp_path)
        finally:
            await machine.close()
            (tmp_path / "server.log").write_text("\n".join(server.log))
            print(f"\nSEED={SEED} MINUTES={MINUTES:g}; the server's log: {tmp_path / 'server.log'}")
            for line, times in Counter(without_time(line) for line in server.log if " ERROR " in line).most_common(20):
                print(f"{times} × {line}")
            ledger.show()
    count = len(ledger.problems)
    assert count == 0, f"{count} lost, twice or wrong (SEED={SEED}), see above"


def _small_disk(stack: ExitStack, path: Path, ledger: Ledger) -> SmallDisk | None:
    try:
        return stack.enter_context(small_disk(path, mib=_DISK_MIB))
    except pytest.skip.Exception as why:
        ledger.notes[str(why)] += 1
        return None


async def _go_through(machine: Machine, ledger: Ledger, folder: Path) -> None:
    began = time.monotonic()
    url = machine.server.url
    async with AsyncExitStack() as stack:
        admin = Caller(await token_holder(stack, url, "admin", "correct-horse-admin"), ledger, name="admin")
        crew, looker = Crew(stack, admin, folder=folder), Looker(url)
        await crew.settle_in(machine)
        async with meanwhile(looker.look(), looker.try_in_vain()):
            async with meanwhile(crew.news.tell()):
                faults = Faults(machine, ledger, seed=SEED, is_well=crew.is_well(), finishing=crew.finishing)
                await crew.work_through(faults)
            ledger.say("the faults are over, and everybody has finished")
            await wait_until_quiet(admin)
            for person in crew.people:
                await check_person(person)
            await crew.check_watchers()
            await check_record(admin, machine, looker, crew.watchers, began=began)
    if machine.disk:
        ledger.say(f"{machine.disk.free_bytes / _MIB:.0f} of the disk's {_DISK_MIB} MiB are free")
    await check_data(machine, ledger)
