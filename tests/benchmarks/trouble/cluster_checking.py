"""Looking at a cluster afterwards: its rows are whole, and the product itself finds nothing wrong with its files."""

from __future__ import annotations

import asyncio
import json

import psycopg

from server.jobs.job import FINAL_STATES
from tests.benchmarks.trouble.cluster_machine import ClusterMachine
from tests.benchmarks.trouble.ledger import Harm, Ledger
from tests.functional.command_line import begin

# Of the machine on which this runs, not of what the nodes did.
_OF_THE_MACHINE = frozenset({"few_descriptors", "disk_low", "fonts_missing", "few_inodes", "no_backups"})


async def check_cluster(machine: ClusterMachine, ledger: Ledger) -> None:
    """Stopped in order, workers last."""
    for member in machine.members:
        status = await asyncio.to_thread(member.process.stop)
        text = f"{member.name}: exit status {status}: {member.process.log[-5:]}"
        ledger.expect(status == 0, Harm.WRONG, "stopping in order", text)
    await asyncio.to_thread(_check_rows, machine, ledger)
    await _ask_doctor(machine, ledger)


def _check_rows(machine: ClusterMachine, ledger: Ledger) -> None:
    with psycopg.connect(machine.environment["JINDU_DATABASE_URL"]) as database:
        states = dict(database.execute("SELECT state, count(*) FROM jobs GROUP BY state").fetchall())
        over = {each.value for each in FINAL_STATES}
        unknown = {state: count for state, count in states.items() if state not in over}
        ledger.expect(not unknown, Harm.WRONG, "states of jobs", f"in the end there are {unknown}")
        published = "SELECT job_id, count(*) FROM dataset_versions GROUP BY job_id HAVING count(*) > 1"
        twice = database.execute(published).fetchall()
        ledger.expect(not twice, Harm.TWICE, "versions of datasets", str(twice))
        attempts = database.execute("SELECT attempt, count(*) FROM jobs GROUP BY attempt ORDER BY attempt").fetchall()
        ledger.say(f"jobs by their attempts: {dict(attempts)}")


async def _ask_doctor(machine: ClusterMachine, ledger: Ledger) -> None:
    """By the true time: a store takes no other."""
    data = machine.web[0].process.data
    process = await begin("doctor", "--thorough", "--json", "--data", str(data), **machine.environment)
    async with asyncio.timeout(300):
        out, error = await process.communicate()
    ledger.asked("doctor --thorough")
    for finding in json.loads(out)["findings"]:
        if finding["code"] in _OF_THE_MACHINE:
            continue
        ledger.harmed(Harm.WRONG, "doctor --thorough", str(finding))
    if error:
        ledger.say(f"doctor says besides: {error.decode()[-500:]}")
    ledger.acknowledged("doctor --thorough")
