"""`import`, `report` and `watch`: what people do on the pages, for scripts. Status 0 done, 1 failed, 2 not possible."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from jindu import Client, ClientError
from jindu.client import Job
from server.cli.display import Display, display_for_terminal

DONE, FAILED, NOT_POSSIBLE, INTERRUPTED = 0, 1, 2, 130
Command = Callable[[Client, Display, dict[str, Any]], Awaitable[int]]


def run_command(command: Command, options: dict[str, Any]) -> int:
    """Run `command` against the server of `options`; what goes wrong is told on standard error."""
    if not options["token"]:
        return _complain("Give a token with --token or JINDU_TOKEN; make one on your account page.")
    try:
        return asyncio.run(_connected(command, options))
    except (ClientError, OSError, ValueError) as error:
        return _complain(str(error))
    except KeyboardInterrupt:
        print("\njindu: stopped watching; what was started goes on on the server", file=sys.stderr)
        return INTERRUPTED


async def _connected(command: Command, options: dict[str, Any]) -> int:
    async with Client(options["url"], options["token"]) as client:
        with display_for_terminal() as display:
            return await command(client, display, options)


async def import_file(client: Client, display: Display, options: dict[str, Any]) -> int:
    """Upload a file, import it, and tell how many rows came and how many did not."""
    path = _existing_file(options["file"])
    upload = await client.upload(path, lambda sent, size: display.show(_as_job(path.name, sent, size)))
    display.show(_as_job(path.name, upload["offset"], upload["size"]))
    started = await client.start_import(upload["id"], options["dataset"], mode=options["mode"])
    job = await _watched(client, display, started["job_id"])
    if job["state"] == "succeeded":
        _tell_imported(client, display, job)
    return _status(display, job)


async def make_reports(client: Client, display: Display, options: dict[str, Any]) -> int:
    """Order a batch, wait for it, download every file that was made."""
    parameters = dict(_parameter(given) for given in options["parameters"])
    started = await client.start_batch(
        options["template"], parameters=[parameters] if parameters else None, formats=options["formats"]
    )
    job = await _watched(client, display, started["job_id"])
    failed = await _download_all(client, display, started["batch_id"], options["output"])
    return max(_status(display, job), FAILED if failed else DONE)


async def watch_job(client: Client, display: Display, options: dict[str, Any]) -> int:
    """Show a job until it is over."""
    return _status(display, await _watched(client, display, options["job"]))


async def _watched(client: Client, display: Display, job_id: str) -> Job:
    job: Job = {}
    async for job in client.watch(job_id):
        display.show(job)
    return job


async def _download_all(client: Client, display: Display, batch_id: str, directory: Path) -> int:
    """Answers how many reports have failed."""
    failed = 0
    saved: set[str] = set()
    _make_directory(directory)
    async for report in client.reports(batch_id):
        if report["state"] == "failed":
            failed += 1
            error = report.get("error") or {}
            display.say(f"failed: {report['parameters']}: {error.get('message', '')}")
        for artifact in report["artifacts"]:
            # The last part only: whatever a server says, files land in this directory.
            name = Path(artifact["file"]).name
            target = directory / (name if name not in saved else f"{report['id']}-{name}")
            saved.add(name)
            await client.download(artifact["url"], target)
            display.say(str(target))
    return failed


def _existing_file(path: Path) -> Path:
    if not path.is_file():
        raise ClientError(f"{path} is not a file.")
    return path


def _make_directory(directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)


def _tell_imported(client: Client, display: Display, job: Job) -> None:
    result = job.get("result") or {}
    display.say(f"{result.get('dataset')}: version {result.get('version')}, {result.get('row_count', 0):,} rows")
    if result.get("rejected_count"):
        place = f"{client.url}/api/v1/imports/{job['job_id']}/rejects.csv"
        display.say(f"{result['rejected_count']:,} rejected; see {place}")


def _status(display: Display, job: Job) -> int:
    if job["state"] == "succeeded":
        return DONE
    error = job.get("error") or {}
    print(f"jindu: {job['title']}: {error.get('message') or job['state']}", file=sys.stderr)
    return FAILED


def _parameter(given: str) -> tuple[str, str]:
    name, equals, value = given.partition("=")
    if not name or not equals:
        raise ClientError(f"--param takes NAME=VALUE, not {given!r}.")
    return name, value


def _as_job(name: str, sent: int, size: int) -> Job:
    state = "running" if sent < size else "succeeded"
    return {"title": name, "state": state, "progress": sent, "total": size, "unit": "bytes"}


def _complain(text: str) -> int:
    print(f"jindu: {text}", file=sys.stderr)
    return NOT_POSSIBLE
