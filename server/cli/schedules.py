"""`schedule list|run|pause|resume`: what comes by itself, from the command line."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from jindu.errors import Problem
from server.cli.output import complain, say, say_json
from server.cli.session import CliSession
from server.cli.statuses import DONE, FAILED

_PAGE = "200"


async def list_schedules(session: CliSession, options: dict[str, Any]) -> int:
    """What comes next first; with `--json`, a line each."""
    query = {"limit": _PAGE, **({"whose": "all"} if options["all"] else {})}
    while True:
        page = await session.client.get("/api/v1/schedules", **query)
        for schedule in page["items"]:
            if session.as_json:
                say_json(schedule)
            else:
                say(_line(schedule))
        if not page["next_cursor"]:
            return DONE
        query["cursor"] = page["next_cursor"]


async def run_schedules(session: CliSession, options: dict[str, Any]) -> int:
    """Now, besides their times; with `--wait` until it is done, with `--to-me` to whoever asks alone."""
    status, body = DONE, {"trial": True} if options["to_me"] else {}
    for schedule_id in options["schedules"]:
        try:
            run = await session.client.post(f"/api/v1/schedules/{schedule_id}/run", body)
        except Problem as error:
            complain(f"{schedule_id}: {error}")
            status = FAILED
            continue
        session.answer(run, f"{schedule_id}  {run['state']}  {run['batch_id'] or run['error'] or ''}".rstrip())
        if run["state"] == "failed":
            status = FAILED
        elif options["wait"] and run["job_id"]:
            status = max(status, session.status_of(await session.followed(run["job_id"])))
    return status


async def pause_schedules(session: CliSession, options: dict[str, Any]) -> int:
    """They come no more until they are resumed."""
    return await _each(session, options, lambda each: _turned(session, each, is_on=False))


async def resume_schedules(session: CliSession, options: dict[str, Any]) -> int:
    """From now on; what would have come meanwhile was not missed."""
    return await _each(session, options, lambda each: _turned(session, each, is_on=True))


async def _each(session: CliSession, options: dict[str, Any], do: Callable[[str], Awaitable[dict[str, Any]]]) -> int:
    status = DONE
    for schedule_id in options["schedules"]:
        try:
            schedule = await do(schedule_id)
        except Problem as error:
            complain(f"{schedule_id}: {error}")
            status = FAILED
            continue
        session.answer(schedule, _line(schedule))
    return status


async def _turned(session: CliSession, schedule_id: str, *, is_on: bool) -> dict[str, Any]:
    turned: dict[str, Any] = await session.client.request(
        "PATCH", f"/api/v1/schedules/{schedule_id}", {"enabled": is_on}
    )
    return turned


def _line(schedule: dict[str, Any]) -> str:
    """The id first, so that it can be handed on."""
    following = schedule["next_at"][0]["at"] if schedule["next_at"] else "–"
    runs = schedule["last_runs"]
    last = ("partial" if runs[0]["outcome"] == "partial" else runs[0]["state"]) if runs else "–"
    why = f" ({schedule['reason']})" if schedule["reason"] else ""
    when = f"next {following}  last {last}"
    return f"{schedule['id']}  {schedule['state']}{why}  {when}  {schedule['runs']}  {schedule['name']}"
