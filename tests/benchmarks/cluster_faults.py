"""People at work at a cluster for minutes, while its nodes, workers and engines die, freeze and come back.

MINUTES=5 SEED=7 make bench BENCH=tests/benchmarks/cluster_faults.py
"""

from __future__ import annotations

from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.benchmarks.trouble.caller import Caller
from tests.benchmarks.trouble.checking import check_person, wait_until_quiet
from tests.benchmarks.trouble.cluster_checking import check_cluster
from tests.benchmarks.trouble.cluster_injecting import ClusterFaults, all_are_ready
from tests.benchmarks.trouble.cluster_machine import ClusterMachine, cluster_machine
from tests.benchmarks.trouble.crew import MINUTES, SEED, Crew, meanwhile, token_holder
from tests.benchmarks.trouble.ledger import Ledger, without_time
from tests.benchmarks.trouble.patience import PATIENCE
from tests.benchmarks.trouble.probing import Prober
from tests.moved_clock import NO_COMPILER

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(MINUTES * 60 + 1_500 * PATIENCE)]


async def test_nothing_is_lost_and_nothing_is_there_twice(tmp_path: Path) -> None:
    ledger = Ledger()
    async with cluster_machine(tmp_path, seed=SEED) as machine:
        if machine.web[0].clock is None:
            ledger.notes[NO_COMPILER] += 1
        try:
            await _go_through(machine, ledger, tmp_path)
        finally:
            _show(machine, ledger, tmp_path)
    count = len(ledger.problems)
    assert count == 0, f"{count} lost, twice or wrong (SEED={SEED}), see above"


async def _go_through(machine: ClusterMachine, ledger: Ledger, folder: Path) -> None:
    async with AsyncExitStack() as stack:
        session = await token_holder(stack, machine.url, "admin", "correct-horse-admin")
        admin = Caller(session, ledger, name="admin")
        crew = Crew(stack, admin, folder=folder, hops=[member.process.url for member in machine.web])
        await crew.settle_in(machine)
        prober = Prober(machine.url, str(session.headers["Authorization"]).removeprefix("Bearer "), ledger)
        is_well_for_people = crew.is_well()

        async def is_well() -> bool:
            return await is_well_for_people() and await all_are_ready(machine.members)

        async with meanwhile(crew.news.tell(), prober.run()):
            faults = ClusterFaults(machine, ledger, seed=SEED, is_well=is_well, finishing=crew.finishing, prober=prober)
            await crew.work_through(faults)
        ledger.say("the faults are over, and everybody has finished")
        await wait_until_quiet(admin)
        for person in crew.people:
            await check_person(person)
        await crew.check_watchers()
        prober.show()
    await check_cluster(machine, ledger)


def _show(machine: ClusterMachine, ledger: Ledger, folder: Path) -> None:
    print(f"\nSEED={SEED} MINUTES={MINUTES:g}; logs of all: {folder / '*.log'}; {machine.words.lost} words were lost")
    errors: Counter[str] = Counter()
    for member in machine.members:
        (folder / f"{member.name}.log").write_text("\n".join(member.process.log))
        errors.update(without_time(line) for line in member.process.log if " ERROR " in line)
    for line, times in errors.most_common(20):
        print(f"{times} × {line}"[:600])
    ledger.show()
