"""`import`: a file, or what comes in a pipe, into a dataset."""

from __future__ import annotations

import contextlib
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jindu.client import Job
from jindu.errors import ClientError, Problem
from server.cli.output import complain
from server.cli.profiles import Order, order_of
from server.cli.session import CliSession
from server.cli.statuses import DONE, REJECTS

_UPLOAD_GOES_ON = "stopped; the same command goes on with the upload where it was"


async def import_file(session: CliSession, options: dict[str, Any]) -> int:
    """Have the order checked, upload, import, and tell how many rows came and how many did not."""
    order = order_of(options)
    _require_possible(options)
    place = _place_of(options["file"])
    if place is None:
        _require_source(options["file"], options["name"])
    # Before the first byte is read or sent: a slip in a name must not cost an hour.
    await session.client.post("/api/v1/imports/check", order)
    if place is None:
        sent = await _sent(session, options["file"], options["name"], dataset=order["dataset"])
    else:
        sent = await _fetched(session, place)
    job = await session.followed(await _started(session, sent, order))
    outcome = await session.client.get(f"/api/v1/imports/{job['job_id']}")
    told = _would_lines if options["dry_run"] else _lines
    session.answer(outcome, *(told(session, outcome) if job["state"] == "succeeded" else ()))
    if not options["dry_run"]:
        for warning in outcome["warnings"]:
            complain(f"warning: {warning['message']}")
    if job["state"] == "failed" and options["save_rejects"] and outcome["rejected_count"]:
        complain(
            f"{options['save_rejects']} is not written: nothing was imported that rows could be appended to. What was "
            f"rejected: {_list_of(session, outcome)}"
        )
    if job["state"] == "succeeded" and options["save_rejects"] and outcome["rejected_count"]:
        await session.client.download(f"/api/v1/imports/{job['job_id']}/rejects/file", options["save_rejects"])
    status = session.status_of(job)
    if status == DONE and options["fail_on_rejects"] and outcome["rejected_count"]:
        return REJECTS
    return status


def _place_of(given: str) -> dict[str, str] | None:
    """What the server is to get itself: `https://…`, or `folder:NAME/FILE`; None for a file of ours."""
    if given.startswith("https://"):
        return {"url": given}
    if given.startswith("folder:"):
        folder, _, file = given.removeprefix("folder:").partition("/")
        if not folder or not file:
            raise ClientError("Write folder:NAME/FILE; FILE may have * and ?, and means the newest of several.")
        return {"folder": folder, "file": file}
    return None


async def _fetched(session: CliSession, place: dict[str, str]) -> _Sent:
    """Raises `ClientError` with the reason why the server has not got it."""
    started = await session.client.post("/api/v1/fetches", place)
    job = await session.followed(started["job_id"])
    if job["state"] != "succeeded":
        raise ClientError((job.get("error") or {}).get("message") or f"{job['title']}: {job['state']}")
    return _Sent(session=session, name=job["title"], upload_id=job["result"]["upload_id"], is_ours=True)


def _require_possible(options: dict[str, Any]) -> None:
    target = options["save_rejects"]
    if target is not None and options["dry_run"]:
        raise ClientError("A dry run saves no rejects; it says where their list is.")
    if target is not None and not target.absolute().parent.is_dir():
        raise ClientError(f"{target.parent} is not a directory.")


def _require_source(given: str, name: str | None) -> None:
    if given != "-" and name:
        raise ClientError("--name is for standard input; a file has its own name.")
    if given != "-" and not Path(given).is_file():
        raise ClientError(f"{given} is not a file.")


@contextmanager
def _source(given: str, name: str | None) -> Iterator[Path]:
    """The file to send. What comes in a pipe is kept until it is there: an upload says its size first."""
    if given != "-":
        yield Path(given)
        return
    with tempfile.TemporaryDirectory(prefix="jindu-") as directory:
        path = Path(directory) / (Path(name or "").name or "stdin")
        with path.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        yield path


@dataclass(slots=True, kw_only=True)
class _Sent:
    """An upload; `is_ours` when this command had to send any of it."""

    session: CliSession
    name: str
    upload_id: str = ""
    is_ours: bool = False

    def show(self, sent: int, size: int) -> None:
        self.is_ours = True
        state = "running" if sent < size else "succeeded"
        self.session.display.show(
            {"title": self.name, "state": state, "progress": sent, "total": size, "unit": "bytes"}
        )


async def _sent(session: CliSession, given: str, name: str | None, *, dataset: str) -> _Sent:
    with _source(given, name) as path:
        sent = _Sent(session=session, name=path.name)
        if given == "-":
            session.farewell = "stopped; nothing was imported"
            upload = await session.client.upload(path, sent.show, dataset=dataset)
        else:
            session.farewell = _UPLOAD_GOES_ON
            upload = await session.client.resume_upload(path, sent.show, dataset=dataset)
    sent.upload_id = upload["id"]
    return sent


async def _started(session: CliSession, sent: _Sent, order: Order) -> str:
    try:
        started = await session.client.post("/api/v1/imports", {**order, "upload_id": sent.upload_id})
    except Problem:
        if sent.is_ours:  # else it belongs to an earlier import, which may be tried again
            with contextlib.suppress(ClientError):
                await session.client.delete_upload(sent.upload_id)
        raise
    job_id: str = started["job_id"]
    return job_id


def _lines(session: CliSession, outcome: Job) -> Iterator[str]:
    yield f"{outcome['dataset']}: version {outcome['version']}, {_rows(outcome['row_count'])}"
    if outcome["rejected_count"]:
        yield f"{outcome['rejected_count']:,} rejected; see {_list_of(session, outcome)}"


def _would_lines(session: CliSession, outcome: Job) -> Iterator[str]:
    """What an import would have done; nothing was."""
    would = outcome["result"]
    yield f"{would['dataset']} would be version {would['version']}, {_rows(would['row_count'])}; nothing was changed"
    yield f"{_rows(would['imported_count'])} of the file would be imported"
    if "updated" in would:
        yield f"{would['inserted']:,} added, {would['updated']:,} changed, {would['unchanged']:,} as they are"
    if would["rejected_count"]:
        codes = ", ".join(f"{count:,} {code}" for code, count in would["rejected_by"].items())
        yield f"{would['rejected_count']:,} would be rejected ({codes}); see {_list_of(session, outcome)}"
    for reason, count in would["named"].items():
        yield f"{count:,} lines are no rows: {reason}" if count != 1 else f"1 line is no row: {reason}"
    yield from (f"warning: {warning['message']}" for warning in would["warnings"])


def _rows(count: int) -> str:
    return f"{count:,} rows" if count != 1 else "1 row"


def _list_of(session: CliSession, outcome: Job) -> str:
    return f"{session.client.url}/api/v1/imports/{outcome['job_id']}/rejects.csv"
