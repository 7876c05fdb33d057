"""Looking at everything afterwards: what people were told is there, is there, once, and nothing else."""

from __future__ import annotations

import asyncio
import io
import json
import sqlite3
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from typing import Any

import openpyxl
import pypdf

from server.care.frozen_files import places_in
from server.care.named_files import named_files
from server.jobs.job import FINAL_STATES
from tests.benchmarks.trouble.caller import Caller
from tests.benchmarks.trouble.ledger import Harm, Ledger
from tests.benchmarks.trouble.machine import Machine, make_old
from tests.benchmarks.trouble.patience import PATIENCE
from tests.benchmarks.trouble.person import Person
from tests.benchmarks.trouble.sending import WHAT as UPLOADS
from tests.benchmarks.trouble.sending import sha256
from tests.benchmarks.trouble.watcher import WHAT as KEPT
from tests.benchmarks.trouble.watcher import Watcher
from tests.functional.command_line import run

_QUIET_SECONDS = 120.0 * PATIENCE
_SWEPT_SECONDS = 6.0  # the server removes what is too old two seconds after its start
# Of the machine on which this runs, not of what the server did.
_OF_THE_MACHINE = frozenset({"few_descriptors", "disk_low", "fonts_missing", "few_inodes"})


async def wait_until_quiet(admin: Caller) -> None:
    """Until no job waits or runs."""
    deadline = time.monotonic() + _QUIET_SECONDS
    while True:
        query = "state=queued&state=running&limit=20"
        left = (await admin("GET", f"/api/v1/jobs?{query}", "jobs asked for")).json["items"]
        if not left:
            return
        if time.monotonic() > deadline:
            admin.ledger.harmed(Harm.LOST, "jobs", f"{len(left)} do not end, such as {left[0]}")
            return
        await asyncio.sleep(0.5)


async def check_person(person: Person) -> None:
    call, own = person.call, person.own
    for upload_id, expected in own.uploads.items():
        answer = await call("GET", f"/api/v1/uploads/{upload_id}/content", "files read at the end", ok=(200, 404))
        is_there = answer.status == 200
        harm = Harm.WRONG if is_there else Harm.LOST
        is_same = is_there and sha256(answer.content) == expected
        text = f"{person.name} {upload_id}: {answer.status} {answer.content[:99]!r}"
        call.ledger.expect(is_same, harm, UPLOADS, text)
    for dataset in own.datasets:
        await person.check_dataset(dataset, "datasets asked at the end")
    for batch_id in own.batches:
        for report in await person.check_reports(batch_id):
            for artifact in report["artifacts"]:
                await _check_artifact(call, report, artifact)
    for path in own.deleted:
        answer = await call("GET", path, "what was deleted", ok=(200, 404, 410))
        call.ledger.expect(answer.status != 200, Harm.TWICE, "what was deleted", f"{path} is there again")
    await _check_lists(person)


async def _check_artifact(call: Caller, report: dict[str, Any], artifact: dict[str, Any]) -> None:
    what = "files of reports opened at the end"
    content = (await call("GET", artifact["url"], what)).content
    text = f"{call.name} {artifact['url']}"
    call.ledger.expect(sha256(content) == artifact["sha256"], Harm.WRONG, what, f"{text}: other bytes than stored")
    with call.ledger.within(what):
        await asyncio.to_thread(_open, content, artifact["file"].rpartition(".")[2], report["parameters"]["region"])


def _open(content: bytes, kind: str, region: str) -> None:
    if kind == "pdf":
        assert len(pypdf.PdfReader(io.BytesIO(content)).pages) > 0
    elif kind == "xlsx":
        assert openpyxl.load_workbook(io.BytesIO(content)).sheetnames
    else:
        assert region in content.decode()


async def _check_lists(person: Person) -> None:
    """Nothing is there that nobody was told of."""
    call, own = person.call, person.own
    batches = Counter([each["id"] async for each in listed(call, "/api/v1/batches")])
    _compare(call.ledger, "batches", person.name, found=batches, expected=Counter(list(own.batches)))
    jobs = [each async for each in listed(call, "/api/v1/jobs")]
    of_imports = Counter(job["job_id"] for job in jobs if job["kind"] == "data_import")
    told = Counter(job_id for job_id, what in own.jobs.items() if what.startswith("import"))
    _compare(call.ledger, "jobs of imports", person.name, found=of_imports, expected=told)
    for job in jobs:
        took = job.get("took_seconds")
        is_possible = took is None or took >= 0
        call.ledger.expect(is_possible, Harm.WRONG, "states of jobs", f"{job['job_id']} took {took} s")
    uploads = {each["id"]: each async for each in listed(call, "/api/v1/uploads")}
    for upload_id in uploads.keys() - own.uploads.keys():
        call.ledger.say(f"nobody was told of {uploads[upload_id]}")
    _compare(call.ledger, UPLOADS, person.name, found=Counter(list(uploads)), expected=Counter(list(own.uploads)))


def _compare(ledger: Ledger, what: str, name: str, *, found: Counter[str], expected: Counter[str]) -> None:
    if lost := expected - found:
        ledger.harmed(Harm.LOST, what, f"{name}: {sorted(lost)} are not listed")
    if twice := found - expected:
        ledger.harmed(Harm.TWICE, what, f"{name}: {sorted(twice)} are listed and nobody was told of them")


async def listed(call: Caller, path: str) -> AsyncIterator[dict[str, Any]]:
    """All pages."""
    cursor = ""
    while True:
        page = (await call("GET", f"{path}?limit=100{cursor}", "lists read at the end")).json
        for each in page["items"]:
            yield each
        if not page.get("next_cursor"):
            return
        cursor = f"&cursor={page['next_cursor']}"


def check_watcher(watcher: Watcher, person: Person, news: Sequence[str], ledger: Ledger) -> None:
    """Each end was told once, and each acknowledged piece of news came once."""
    for job_id in person.own.succeeded:
        times = watcher.ended[job_id]
        text = f"{watcher.name}: told {times} times that {job_id} ({person.own.jobs.get(job_id)}) succeeded"
        ledger.expect(times == 1, Harm.TWICE if times > 1 else Harm.LOST, KEPT, text)
    for title in news:
        times = watcher.news[title]
        ledger.expect(times > 0, Harm.LOST, KEPT, f"{watcher.name}: {title} never came")
    for title, times in watcher.news.items():
        is_once = times == 1 or not title.startswith("News")
        ledger.expect(is_once, Harm.TWICE, KEPT, f"{watcher.name}: {title} came {times} times")


async def check_data(machine: Machine, ledger: Ledger) -> None:
    """Stopped in order, a day later: the database is whole, and the product itself finds nothing wrong."""
    await _stop(machine, ledger)
    await asyncio.to_thread(make_old, machine, days=2)
    await machine.start()
    await asyncio.sleep(_SWEPT_SECONDS)
    await _stop(machine, ledger)
    data = machine.server.data
    await asyncio.to_thread(_check_database, str(data / "jindu.db"), ledger)
    outcome = await run(
        "doctor", "--thorough", "--json", "--data", str(data), JINDU_MIN_FREE_BYTES="1", **machine.environ
    )
    ledger.asked("doctor --thorough")
    for finding in json.loads(outcome.out)["findings"]:
        if finding["code"] not in _OF_THE_MACHINE:
            ledger.harmed(Harm.WRONG, "doctor --thorough", str(finding))
    ledger.acknowledged("doctor --thorough")
    await _check_leftovers(machine, ledger)


async def _stop(machine: Machine, ledger: Ledger) -> None:
    status = await asyncio.to_thread(machine.server.stop)
    ledger.expect(status == 0, Harm.WRONG, "stopping in order", f"exit status {status}: {machine.server.log[-5:]}")


def _check_database(path: str, ledger: Ledger) -> None:
    database = sqlite3.connect(path)
    try:
        for pragma, fine in (("integrity_check", [("ok",)]), ("foreign_key_check", [])):
            found = database.execute(f"PRAGMA {pragma}").fetchall()
            ledger.expect(found == fine, Harm.WRONG, "the database", f"{pragma}: {found[:5]}")
        states = dict(database.execute("SELECT state, count(*) FROM jobs GROUP BY state"))
        over = {each.value for each in FINAL_STATES}
        unknown = {state: count for state, count in states.items() if state not in over}
        ledger.expect(not unknown, Harm.WRONG, "states of jobs", f"in the end there are {unknown}")
        published = "SELECT job_id, count(*) FROM dataset_versions GROUP BY job_id HAVING count(*) > 1"
        twice = database.execute(published).fetchall()
        ledger.expect(not twice, Harm.TWICE, "versions of datasets", str(twice))
    finally:
        database.close()


async def _check_leftovers(machine: Machine, ledger: Ledger) -> None:
    """Stricter than the product: files in the folder of a job or batch that is there, and that no row names."""
    database = machine.server.database()
    try:
        async with database.read() as connection:
            named = await named_files(connection)
    finally:
        await database.close()
    data = machine.server.data
    left = [place for place in places_in(data) if place not in named.required and place not in named.allowed]
    size = sum((data / place).stat().st_size for place in left)
    partial = sum(path.is_file() for path in (data / "blobs" / "partial").rglob("*"))
    if left:
        ledger.notes[f"files in folders of jobs that no row names, {size:,} bytes, such as {left[0]}"] += len(left)
    if partial:
        ledger.notes["unfinished files of crashes, which the server removes every ten minutes"] += partial
