"""`report`: order a batch, wait for it, download every file that was made."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jindu.client import Job
from jindu.errors import ClientError
from server.cli.output import complain
from server.cli.session import CliSession
from server.cli.statuses import DONE, FAILED
from server.reports.file_names import unique_names
from server.reports.parameter_texts import value_text


async def make_reports(session: CliSession, options: dict[str, Any]) -> int:
    """The reports that were made are downloaded, also when others have failed."""
    parameters = parameters_of(options["parameters"])
    wishes = _deliveries(options["deliver"])
    with _ready(options["output"]) as directory:
        ordered = {
            "owner": options["owner"],
            "parameters": [parameters] if parameters else None,
            "as_of": options["as_of"],
            "deliveries": wishes,
        }
        warnings = await _not_reached(session, {"template": options["template"], **ordered}) if wishes else []
        started = await session.client.start_batch(options["template"], formats=options["formats"], **ordered)
        warnings = list(dict.fromkeys([*started["warnings"], *warnings]))
        for warning in warnings:
            complain(f"warning: {warning}")
        job = await session.followed(started["job_id"])
        files, failed = await _download_all(session, started["batch_id"], directory)
    session.answer(_outcome(job, started["batch_id"], files, failed) | {"warnings": warnings})
    return max(session.status_of(job), FAILED if failed else DONE)


def _deliveries(given: list[str]) -> list[dict[str, Any]] | None:
    addresses = [each for each in given if "@" in each]
    columns = [each for each in given if "@" not in each]
    wishes: list[dict[str, Any]] = [{"via": "mail", "to": addresses}] if addresses else []
    return [*wishes, *({"via": "mail", "to_column": column} for column in columns)] or None


async def _not_reached(session: CliSession, order: dict[str, Any]) -> list[str]:
    """Why addresses that rows name get nothing. Asked only where mail has come back: it costs as much as ordering."""
    by_row = [wish for wish in order["deliveries"] if "to_column" in wish]
    if not by_row or not (await session.client.get("/api/v1/held-addresses", limit="1"))["total"]:
        return []
    preview = await session.client.post("/api/v1/deliveries/preview", order | {"deliveries": by_row})
    return [each["problem"] for each in preview["items"] if each["problem"]]


@contextmanager
def _ready(directory: Path) -> Iterator[Path]:
    """A directory that files can be written to, known before anything is ordered; only its last part is made."""
    is_new = not directory.exists()
    try:
        directory.mkdir(exist_ok=True)
        with tempfile.TemporaryFile(dir=directory):
            pass
    except FileNotFoundError as error:
        raise ClientError(f"--output: there is no directory {directory.parent} to make {directory.name} in.") from error
    except OSError as error:
        raise ClientError(f"--output: {directory} cannot be written to: {error.strerror}.") from error
    try:
        yield directory
    finally:
        if is_new and not any(directory.iterdir()):
            directory.rmdir()


async def _download_all(session: CliSession, batch_id: str, directory: Path) -> tuple[list[str], list[dict[str, Any]]]:
    """The files that were saved, and the reports that have failed."""
    failed: list[dict[str, Any]] = []
    files: list[str] = []
    made: list[dict[str, Any]] = []
    async for report in session.client.reports(batch_id):
        if report["state"] == "failed":
            failed.append(report)
            given = ", ".join(f"{name}={value_text(value)}" for name, value in report["parameters"].items())
            complain(f"failed: {given}: {(report.get('error') or {}).get('message', '')}")
        made.extend(report["artifacts"])
    # The last part only: whatever a server says, files land in this directory, each under a name of its own.
    names = unique_names(Path(artifact["file"]).name for artifact in made)
    for artifact, name in zip(made, names, strict=True):
        target = directory / name
        await session.client.download(artifact["url"], target)
        files.append(str(target))
        session.display.say(str(target))
    return files, failed


def _outcome(job: Job, batch_id: str, files: list[str], failed: list[dict[str, Any]]) -> dict[str, Any]:
    told = [{key: report.get(key) for key in ("id", "parameters", "error")} for report in failed]
    return {"batch_id": batch_id, "job": job, "files": files, "failed": told}


def parameters_of(given: list[str]) -> dict[str, str | list[str]]:
    """By name; one that is given several times is a list of its values, whatever commas these have."""
    found: dict[str, list[str]] = {}
    for each in given:
        name, equals, value = each.partition("=")
        if not name or not equals:
            raise ClientError(f"--param takes NAME=VALUE, not {each!r}.")
        found.setdefault(name, []).append(value)
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}
