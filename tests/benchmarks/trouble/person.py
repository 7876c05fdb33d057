"""Somebody at work: uploads, imports, asks, orders reports, downloads and deletes, round after round."""

from __future__ import annotations

import asyncio
import io
import random
import time
import zipfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jindu
from tests.benchmarks.trouble.caller import PAUSE_SECONDS, Caller, UnansweredError
from tests.benchmarks.trouble.ledger import Harm
from tests.benchmarks.trouble.made_file import FORMATS, OPTIONS, REGIONS, TEMPLATE, MadeFile, made_file
from tests.benchmarks.trouble.patience import PATIENCE
from tests.benchmarks.trouble.sending import WHAT as UPLOADS
from tests.benchmarks.trouble.sending import Sending, sha256

_JOB_SECONDS = 240.0 * PATIENCE
_MOST_KEPT = 4  # uploads and batches; older ones are deleted
_ROUNDS_OF_DATASETS = 8  # then they are deleted with all their versions, and made anew
_FINAL = ("succeeded", "failed", "cancelled")
_TUS = {"Tus-Resumable": "1.0.0"}


@dataclass(slots=True)
class Belongings:
    """What the server has said it has."""

    uploads: dict[str, str] = field(default_factory=dict)  # id → sha256
    batches: dict[str, str] = field(default_factory=dict)  # id → its first job
    deleted: list[str] = field(default_factory=list)  # paths
    jobs: dict[str, str] = field(default_factory=dict)  # id → what for; of imports and batches that are there
    succeeded: set[str] = field(default_factory=set)
    datasets: dict[str, tuple[int, int]] = field(default_factory=dict)  # rows, and the sum of their ids


class Person:
    """`client` is followed by a watcher as well: one connection for both, as in a program of theirs."""

    def __init__(self, call: Caller, client: jindu.Client, *, seed: str, folder: Path) -> None:
        self.call = call
        self.name = call.name
        self.ledger = call.ledger
        self.own = Belongings()
        self.client = client
        self._random = random.Random(f"{seed} {self.name}")
        self._sending = Sending(call, client, self._random, folder)
        self._round = 0

    async def work(self, until: float) -> None:
        while time.monotonic() < until:
            self._round += 1
            try:
                await self._work_once()
            except UnansweredError:
                continue  # the ledger has it

    async def _work_once(self) -> None:
        rows = 60_000 if self._round % 5 == 0 else self._random.randrange(200, 8_000)
        made = await asyncio.to_thread(made_file, self._random, rows)
        upload = await self._sending.send(f"{self.name}-{self._round}.csv", made.content)
        self._know(upload, made)
        if await self._imported(upload["id"], "cur", "replace" if "cur" in self.own.datasets else "create", made):
            self.own.datasets["cur"] = (made.good, made.id_sum)
            await self.check_dataset("cur", "queries")
        if await self._imported(upload["id"], "acc", "append" if "acc" in self.own.datasets else "create", made):
            good, id_sum = self.own.datasets.get("acc", (0, 0))
            self.own.datasets["acc"] = (good + made.good, id_sum + made.id_sum)
            await self.check_dataset("acc", "queries")
        if "cur" in self.own.datasets:
            await self._report()
        await self._tidy()

    def _know(self, upload: dict[str, Any], made: MadeFile) -> None:
        self.ledger.asked(UPLOADS)
        expected = sha256(made.content)
        is_whole = (upload["sha256"], upload["offset"]) == (expected, len(made.content))
        self.ledger.expect(is_whole, Harm.WRONG, UPLOADS, f"{self.name}: {upload}, expected {expected}")
        self.ledger.acknowledged(UPLOADS)
        self.own.uploads[upload["id"]] = expected

    async def _imported(self, upload_id: str, dataset: str, mode: str, made: MadeFile) -> bool:
        body = {"upload_id": upload_id, "dataset": dataset, "mode": mode, "options": OPTIONS}
        key = {"Idempotency-Key": self.call.new_key()}
        started = await self.call("POST", "/api/v1/imports", "imports", ok=(202,), json=body, headers=key)
        job = await self.ended(started.json["job_id"], f"import ({mode})")
        if job is None:
            return False
        result = job["result"]
        counts = (result["imported_count"], result["rejected_count"], sum(result.get("named", {}).values()))
        text = f"{self.name} {dataset} {mode}: {counts}, of {made.records} records {made.good} are good rows"
        self.ledger.expect(counts == (made.good, made.wrong, 1), Harm.WRONG, "rows", text)
        listed = await self.call("GET", f"/api/v1/imports/{job['job_id']}/rejects?limit=1", "rejects asked for")
        self.ledger.expect(listed.json["total"] == made.wrong, Harm.WRONG, "rejects", f"{listed.json} {text}")
        return True

    async def ended(self, job_id: str, what: str) -> dict[str, Any] | None:
        """The job once it succeeded: whoever sees it fail presses *Try again*, which is counted."""
        self.own.jobs[job_id] = what
        deadline = time.monotonic() + _JOB_SECONDS
        while time.monotonic() < deadline:
            job = await self._over(job_id)
            if job["state"] == "succeeded":
                self.own.succeeded.add(job_id)
                return job
            code = (job["error"] or {}).get("code")
            self.ledger.by_hand[f"{what}: {job['state']} {code}"] += 1
            key = {"Idempotency-Key": self.call.new_key()}
            await self.call("POST", f"/api/v1/jobs/{job_id}/retry", "jobs tried again", ok=(200, 202), headers=key)
        self.ledger.harmed(Harm.LOST, "jobs", f"{self.name} {what} {job_id} does not end")
        return None

    async def _over(self, job_id: str) -> dict[str, Any]:
        """Half of the times over the live connection, else by asking again and again."""
        if self._random.random() < 0.5:
            self.ledger.asked("jobs watched")
            while True:
                try:
                    async with asyncio.timeout(_JOB_SECONDS):
                        async for job in self.client.watch(job_id):
                            if job["state"] in _FINAL:
                                self.ledger.acknowledged("jobs watched")
                                return job
                except TimeoutError:
                    return await self._polled(job_id)
                except jindu.ClientError as error:
                    self.ledger.repeated("jobs watched", f"watch: {type(error).__name__}")
                    await asyncio.sleep(PAUSE_SECONDS)
        return await self._polled(job_id)

    async def _polled(self, job_id: str) -> dict[str, Any]:
        deadline = time.monotonic() + _JOB_SECONDS
        while True:
            job: dict[str, Any] = (await self.call("GET", f"/api/v1/jobs/{job_id}", "jobs asked for")).json
            if job["state"] in _FINAL:
                return job
            if time.monotonic() > deadline:
                self.ledger.harmed(Harm.LOST, "jobs", f"{self.name} {job_id} stands: {job}")
                raise UnansweredError(job_id)
            await asyncio.sleep(PAUSE_SECONDS)

    async def check_dataset(self, dataset: str, what: str) -> None:
        sql = f"select count(*) as n, sum(id) as s from {dataset}"
        answer = (await self.call("POST", "/api/v1/queries", what, json={"sql": sql})).json
        found = answer["items"][0]["n"], int(answer["items"][0]["s"] or 0)
        expected = self.own.datasets[dataset]
        harm = Harm.LOST if found[0] < expected[0] else Harm.TWICE if found[0] > expected[0] else Harm.WRONG
        self.ledger.expect(found == expected, harm, "rows", f"{self.name} {dataset}: {found}, expected {expected}")

    async def _report(self) -> None:
        if not self.own.batches:
            await self._save_template()
        key = {"Idempotency-Key": self.call.new_key()}
        body = {"template": "regions"}
        started = (await self.call("POST", "/api/v1/batches", "batches", ok=(202,), json=body, headers=key)).json
        batch_id = started["batch_id"]
        self.own.batches[batch_id] = started["job_id"]
        if await self.ended(started["job_id"], "batch") is None:
            return
        await self._mended(batch_id)
        reports = await self.check_reports(batch_id)
        await self._zip(batch_id, reports)

    async def _save_template(self) -> None:
        await self.call(
            "PUT",
            "/api/v1/templates/regions",
            "templates saved",
            ok=(200, 201),
            data=TEMPLATE.encode(),
            headers={"Content-Type": "application/yaml"},
        )

    async def _mended(self, batch_id: str) -> None:
        """Reports that failed are made again by hand, which is counted."""
        for _ in range(5):
            page = await self.call("GET", f"/api/v1/batches/{batch_id}/reports?state=failed", "reports asked for")
            failed = page.json["items"]
            if not failed:
                return
            for report in failed:
                self.ledger.by_hand[f"report: {report['error'].get('code')}"] += 1
            key = {"Idempotency-Key": self.call.new_key()}
            again = await self.call(
                "POST", f"/api/v1/batches/{batch_id}/retry", "batches tried again", ok=(202,), headers=key
            )
            await self.ended(again.json["job_id"], "batch tried again")

    async def check_reports(self, batch_id: str) -> list[dict[str, Any]]:
        """Each that was ordered is there, once, with its files."""
        page = await self.call("GET", f"/api/v1/batches/{batch_id}/reports?limit=100", "reports asked for")
        reports: list[dict[str, Any]] = page.json["items"]
        found = Counter(report["parameters"]["region"] for report in reports if report["state"] == "succeeded")
        ordered = Counter(REGIONS)
        text = f"{self.name} batch {batch_id}: {dict(found)}, {[r['state'] for r in reports]}"
        self.ledger.expect(not ordered - found, Harm.LOST, "reports", text)
        self.ledger.expect(not found - ordered, Harm.TWICE, "reports", text)
        for report in reports:
            formats = Counter(artifact["file"].rpartition(".")[2] for artifact in report["artifacts"])
            is_whole = formats == Counter(FORMATS)
            self.ledger.expect(is_whole, Harm.WRONG, "reports", f"{self.name} {report['id']}: files {formats}")
        return reports

    async def _zip(self, batch_id: str, reports: list[dict[str, Any]]) -> None:
        answer = await self.call("GET", f"/api/v1/batches/{batch_id}/download.zip", "zips downloaded")
        with self.ledger.within("zips downloaded"), zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
            inside = Counter(sha256(archive.read(name)) for name in archive.namelist())
            listed = Counter(artifact["sha256"] for report in reports for artifact in report["artifacts"])
            text = f"{self.name} batch {batch_id}: files of the list are not in the zip"
            self.ledger.expect(not listed - inside, Harm.LOST, "zips downloaded", text)

    async def _tidy(self) -> None:
        while len(self.own.uploads) > _MOST_KEPT:
            upload_id = next(iter(self.own.uploads))
            await self._delete(f"/api/v1/uploads/{upload_id}", "uploads deleted")
            del self.own.uploads[upload_id]
        while len(self.own.batches) > _MOST_KEPT:
            batch_id = next(iter(self.own.batches))
            await self._delete(f"/api/v1/batches/{batch_id}", "batches deleted")
            self.own.jobs.pop(self.own.batches.pop(batch_id), None)
        if self._round % _ROUNDS_OF_DATASETS == 0:
            for dataset in list(self.own.datasets):
                await self._delete(f"/api/v1/datasets/{dataset}", "datasets deleted", is_final=False)
                del self.own.datasets[dataset]

    async def _delete(self, path: str, what: str, *, is_final: bool = True) -> None:
        """Asked again it is gone: 404 is as good then."""
        await self.call("DELETE", path, what, ok=(200, 204, 404), headers=_TUS)
        if is_final:
            self.own.deleted.append(path)
