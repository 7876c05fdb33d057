"""`watch` and `jobs list|cancel|retry|log`: what runs, what ran, and having a say in it."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from jindu.client import Client, Job
from jindu.errors import ClientError, Problem
from server.cli.display import figures, state_of
from server.cli.output import complain, say, say_json
from server.cli.session import CliSession
from server.cli.statuses import DONE, FAILED

_PAGE = 200


async def watch_job(session: CliSession, options: dict[str, Any]) -> int:
    """Show a job until it is over; with `--json`, each of its newer states is a line."""
    if not session.as_json:
        return session.status_of(await session.followed(options["job"]))
    job: Job = {}
    async for job in session.client.watch(options["job"]):
        say_json(job)
    return session.status_of(job)


async def list_jobs(session: CliSession, options: dict[str, Any]) -> int:
    """The newest first; with `--json`, a line each."""
    async for job in _found(session, options, limit=options["limit"]):
        if session.as_json:
            say_json(job)
        else:
            say(_line(job))
    return DONE


async def cancel_jobs(session: CliSession, options: dict[str, Any]) -> int:
    """Stop jobs; those that are over already stay as they are."""
    return await _each(session, options, "cancel", session.client.cancel)


async def retry_jobs(session: CliSession, options: dict[str, Any]) -> int:
    """Start failed or cancelled jobs again from the beginning."""
    return await _each(
        session, options, "retry", lambda job_id: session.client.post(f"/api/v1/jobs/{job_id}/retry", {})
    )


async def show_log(session: CliSession, options: dict[str, Any]) -> int:
    """What a job logged, the oldest line first."""
    for line in await whole_log(session.client, options["job"]):
        if session.as_json:
            say_json(line)
        else:
            say(f"{line['at']} {line['level']:<7} {line['message']}")
    return DONE


async def whole_log(client: Client, job_id: str, *, page_lines: int = _PAGE) -> list[dict[str, Any]]:
    """All that is kept, which is bounded. The server tells the newest page first."""
    query = {"limit": str(page_lines)}
    pages: list[list[dict[str, Any]]] = []
    while True:
        page = await client.get(f"/api/v1/jobs/{job_id}/log", **query)
        pages.append(page["items"])
        if not page["next_cursor"]:
            return [line for items in reversed(pages) for line in items]
        query["cursor"] = page["next_cursor"]


async def _each(session: CliSession, options: dict[str, Any], link: str, do: Callable[[str], Awaitable[Job]]) -> int:
    """Do it to every job that was named, or that fits the filters and can have it done."""
    status = DONE
    async for job_id in _chosen(session, options, link):
        try:
            job = await do(job_id)
        except Problem as error:
            complain(f"{job_id}: {error}")
            status = FAILED
            continue
        session.answer(job, _line(job))
    return status


async def _chosen(session: CliSession, options: dict[str, Any], link: str) -> AsyncIterator[str]:
    given = options["jobs"]
    has_filter = any(options[name] for name in ("state", "outcome", "kind", "user", "since", "until", "search"))
    if bool(given) == has_filter:
        raise ClientError("Name jobs, give - to read their ids from standard input, or say which by filters.")
    if has_filter:
        # All of them before the first is touched: a list that moves while it is read would leave some out.
        found = [job async for job in _found(session, options, limit=None)]
        for job_id in [job["job_id"] for job in found if job["links"][link]]:
            yield job_id
        return
    for job_id in given:
        if job_id != "-":
            yield job_id
            continue
        for line in sys.stdin:
            if words := line.split():
                yield words[0]


async def _found(session: CliSession, options: dict[str, Any], *, limit: int | None) -> AsyncIterator[Job]:
    """Page by page. Raises `Problem`."""
    named = {"state": options["state"], "kind": options["kind"], "user": options["user"], "q": options["search"]}
    query = {**named, **{name: options[name] for name in ("outcome", "since", "until")}}
    query = {name: value for name, value in query.items() if value}
    left = limit
    while left is None or left > 0:
        wanted = _PAGE if left is None else min(_PAGE, left)
        page = await session.client.get("/api/v1/jobs", limit=str(wanted), **query)
        for job in page["items"]:
            yield job
        if not page["next_cursor"]:
            return
        query["cursor"] = page["next_cursor"]
        left = None if left is None else left - wanted


def _line(job: Job) -> str:
    """The id first, so that the lines can be handed on: `jobs list … | jobs cancel -`."""
    error = (job.get("error") or {}).get("message")
    told = f"{job['job_id']}  {state_of(job):<9}  {job['kind']:<13}  {job['title']}: {figures(job)}"
    return f"{told} · {error}" if error else told
