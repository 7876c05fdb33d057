"""Pages of jobs: the list with its filters, one job with its log, cancel and retry."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

import msgspec
from aiohttp import web

from server.auth.permissions import Principal
from server.auth.saved_views import ViewedList
from server.clock import rfc3339, utc_now
from server.http.guards import require_principal
from server.http.parts import operations_of, parts_of
from server.jobs.job import Completeness, Job, State
from server.jobs.job_filter import JobFilter
from server.jobs.store import FailureReason
from server.operations.jobs import JobOperations
from server.operations.jobs_together import POSSIBLE_IN, JobAction
from server.storage.pages import Listing
from views.batch_list import FilterChip
from views.context import render
from views.job_filter import FIELDS, SPANS, filter_of, senseless_in
from views.saved_views import view_bar

_PER_PAGE = 30
_NOT_RUNNING = tuple(state for state in State if state is not State.RUNNING)


async def jobs_page(request: web.Request) -> web.Response:
    return await _list(request, "jobs/list.html")


async def jobs_rows(request: web.Request) -> web.Response:
    """The list alone, for its live refresh."""
    return await _list(request, "jobs/_list.html")


async def cancel_job(request: web.Request) -> web.Response:
    principal = require_principal(request, "write")
    job_id = request.match_info["id"]
    await operations_of(request).jobs.cancel(principal, job_id)
    raise web.HTTPSeeOther(f"/jobs/{job_id}")


async def retry_job(request: web.Request) -> web.Response:
    principal = require_principal(request, "write")
    job_id = request.match_info["id"]
    await operations_of(request).jobs.retry(principal, job_id)
    raise web.HTTPSeeOther(f"/jobs/{job_id}")


async def delete_job(request: web.Request) -> web.Response:
    principal = require_principal(request, "write")
    await operations_of(request).job_removal.delete(principal, request.match_info["id"])
    raise web.HTTPSeeOther("/jobs")


async def _list(request: web.Request, template: str) -> web.Response:
    principal = require_principal(request)
    jobs = operations_of(request).jobs
    wanted = {name: request.query.get(name, "").strip() for name in (*FIELDS, "cursor")}
    found = dataclasses.replace(await filter_of(request, wanted), limit=_PER_PAGE)
    page, running = await _shown(jobs, principal, found, cursor=wanted["cursor"])
    counts = await jobs.count_by_state(principal, dataclasses.replace(found, states=(), outcomes=()))
    here = {name: value for name, value in wanted.items() if value}
    first = _without(here, "cursor")
    view = {"view": request.query["view"]} if request.query.get("view") else {}
    of_any_state = _without(first, "state", "error", "reason") | view
    is_about_failures = wanted["state"] == State.FAILED and not wanted["error"] and not wanted["reason"]
    shown = [*page.items, *(running.items if running else ())]
    return await render(
        request,
        template,
        page=page,
        wanted=wanted,
        cursor=wanted["cursor"],
        running=running,
        reasons=await jobs.failure_reasons(principal, found) if is_about_failures else (),
        url_of_reason=lambda why: url_with("/jobs", first | _asked_by(why)),
        url_of_all_reasons=url_with("/jobs", _without(first, "error", "reason")),
        running_url=url_with("/jobs", of_any_state | {"state": State.RUNNING.value}),
        is_filtered=bool(first),
        has_more=any(wanted[name] for name in ("user", "when", "from", "to")),
        bar=await view_bar(request, ViewedList.JOBS, {name: [value] for name, value in first.items()}),
        tabs=_tabs(counts, of_any_state, wanted["state"]),
        kinds=parts_of(request).job_kinds.names(),
        spans=SPANS,
        actions=_actions(counts, wanted["state"]),
        seen_at=rfc3339(utc_now()),
        owners=await owner_names(request, principal, shown),
        chains=await operations_of(request).job_chains.of(principal, shown),
        fragment_url=url_with("/jobs/rows", here),
        chips=[
            FilterChip(
                field=name,
                text=wanted[name],
                url=url_with("/jobs", _without(first, name) | view),
                is_gone=True,
                is_senseless=True,
            )
            for name in senseless_in(request, wanted)
        ],
        first_url=url_with("/jobs", first | view),
        next_url=url_with("/jobs", first | view | {"cursor": page.next_cursor}) if page.next_cursor else "",
    )


async def _shown(
    jobs: JobOperations, principal: Principal, found: JobFilter, *, cursor: str
) -> tuple[Listing[Job], Listing[Job] | None]:
    """A page; and where no state was chosen, what runs, which stands above the first page and on none."""
    if found.states or found.outcomes:
        return await jobs.list(principal, dataclasses.replace(found, cursor=cursor or None)), None
    others = dataclasses.replace(found, states=_NOT_RUNNING, cursor=cursor or None)
    page = await jobs.list(principal, others)
    if cursor:
        return page, None
    running = await jobs.list(principal, dataclasses.replace(found, states=(State.RUNNING,)))
    begun = {job.id for job in running.items}  # one that began in between would stand in both
    return msgspec.structs.replace(page, items=[job for job in page.items if job.id not in begun]), running


def _without(fields: Mapping[str, str], *names: str) -> dict[str, str]:
    return {name: value for name, value in fields.items() if name not in names}


def _asked_by(why: FailureReason) -> dict[str, str]:
    return {"error": why.code, "reason": why.reason} if why.reason else {"error": why.code}


_Counts = Mapping[tuple[State, Completeness | None], int]


def _tabs(counts: _Counts, query: dict[str, str], chosen: str) -> list[tuple[str, str, int, bool]]:
    """The state (empty for all), where it leads, how many there are, and whether it is shown."""
    numbers = {state.value: 0 for state in State} | {Completeness.PARTIAL.value: 0}
    for (state, outcome), number in counts.items():
        numbers[state.value] += number
        if outcome is Completeness.PARTIAL:
            numbers[outcome.value] += number
    shown = {"": sum(counts.values()), **numbers}
    return [
        (state, url_with("/jobs", query | {"state": state} if state else query), number, state == chosen)
        for state, number in shown.items()
    ]


def _actions(counts: _Counts, chosen: str) -> list[tuple[JobAction, int]]:
    """What can be done with how many of those shown."""

    def possible(action: JobAction) -> int:
        return sum(
            number
            for (state, outcome), number in counts.items()
            if state in POSSIBLE_IN[action] and chosen in ("", state, outcome)
        )

    return [(action, number) for action in JobAction if (number := possible(action))]


async def owner_names(request: web.Request, principal: Principal, jobs: Sequence[Job]) -> dict[str, str]:
    """Whose jobs these are, for administrators, who see those of others."""
    if not principal.is_admin or all(job.owner_id == principal.user_id for job in jobs):
        return {}
    return await operations_of(request).admin.names(principal, [job.owner_id for job in jobs])


def url_with(path: str, query: dict[str, str]) -> str:
    return f"{path}?{urlencode(query)}" if query else path
