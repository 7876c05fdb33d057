"""Pages of jobs: the list with its filters, one job with its log, cancel and retry."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

import msgspec
from aiohttp import web

from server.auth.permissions import Principal, Role
from server.auth.saved_views import ViewedList
from server.clock import rfc3339, utc_now
from server.http.guards import require_principal
from server.http.parts import operations_of, parts_of
from server.jobs.job import Completeness, Job, State
from server.jobs.job_filter import JobFilter
from server.jobs.kinds import JobKind
from server.jobs.store import FailureReason
from server.numerals import whole_number
from server.operations.job_chains import NO_CHAIN
from server.operations.jobs import JobOperations
from server.operations.jobs_together import POSSIBLE_IN, JobAction
from server.storage.pages import Listing
from views.context import formats_for, render
from views.formats import ReaderFormats
from views.job_filter import FIELDS, SPANS, filter_of
from views.saved_views import view_bar

_PER_PAGE = 30
_NOT_RUNNING = tuple(state for state in State if state is not State.RUNNING)
_LINES_SHOWN = 500
_LONGEST_SEARCH = 200
_LEVELS = {"warning": ("warning", "error"), "error": ("error",)}  # of the log, as its form offers them
_MOST_FIGURES, _LONGEST_FIGURE = 30, 200


async def jobs_page(request: web.Request) -> web.Response:
    return await _list(request, "jobs/list.html")


async def jobs_rows(request: web.Request) -> web.Response:
    """The list alone, for its live refresh."""
    return await _list(request, "jobs/_list.html")


async def job_page(request: web.Request) -> web.Response:
    return await _one(request, "jobs/detail.html")


async def job_detail(request: web.Request) -> web.Response:
    """Everything under the title, for its live refresh."""
    return await _one(request, "jobs/_detail.html")


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


async def _one(request: web.Request, template: str) -> web.Response:
    principal = require_principal(request)
    job = await operations_of(request).jobs.get(principal, request.match_info["id"])
    before = whole_number(request.query.get("before"))
    shown = {name: value for name in ("q", "level") if (value := request.query.get(name, "").strip()[:_LONGEST_SEARCH])}
    log = await operations_of(request).jobs.log(
        principal,
        job.id,
        limit=_LINES_SHOWN,
        before=before,
        text=shown.get("q", ""),
        levels=_LEVELS.get(shown.get("level", ""), ()),
    )
    attempts, attempt_count = await operations_of(request).jobs.attempts(principal, job.id)
    owners = await owner_names(request, principal, [job])
    formats = formats_for(request)
    kind = parts_of(request).job_kinds.shown(job.kind)
    return await render(
        request,
        template,
        job=job,
        log=log,
        log_before=before,
        log_shown=shown,
        log_url=lambda path, before=None: url_with(
            f"/jobs/{job.id}{path}", shown | ({"before": str(before)} if before else {})
        ),
        chain=(await operations_of(request).job_chains.of(principal, [job])).get(job.id, NO_CHAIN),
        attempts=attempts,
        attempt_count=attempt_count,
        owner_name=owners.get(job.owner_id, ""),
        links=kind.links(job),
        figures=_figures(job, kind, formats),
        can_change=principal.role is not Role.VIEWER,
        can_delete=await operations_of(request).job_removal.is_possible(job),
        can_retry=kind.can_retry,
        lost=formats.gettext(kind.lost),
        kept=formats.gettext(kind.kept),
        what_to_do=formats.gettext(_what_to_do(job, retryable=kind.can_retry)),
    )


async def owner_names(request: web.Request, principal: Principal, jobs: Sequence[Job]) -> dict[str, str]:
    """Whose jobs these are, for administrators, who see those of others."""
    if not principal.is_admin or all(job.owner_id == principal.user_id for job in jobs):
        return {}
    return await operations_of(request).admin.names(principal, [job.owner_id for job in jobs])


_START_ANEW = "Start it anew where you started it."
_NEEDS_MEMORY = "If trying again does not help, make the file smaller or ask an administrator for more memory."
_CORRECT_AND_RETRY = "Correct the cause, then try again; the log below says what happened before."


def _what_to_do(job: Job, *, retryable: bool) -> str:
    if not retryable:
        return _START_ANEW
    if job.error is not None and job.error.code == "worker_died":
        return _NEEDS_MEMORY
    return _CORRECT_AND_RETRY


def _figures(job: Job, kind: JobKind, formats: ReaderFormats) -> list[tuple[str, str]]:
    """What the kind counts besides its progress."""
    if kind.is_external:
        return _told_by_script(job, formats)
    counted = job.detail | (job.result or {})
    return [
        (formats.gettext(label), formats.number(counted[name]))
        for name, label in kind.figures.items()
        if isinstance(counted.get(name), int)
    ]


def _told_by_script(job: Job, formats: ReaderFormats) -> list[tuple[str, str]]:
    """What a script tells besides its progress, in its own words."""
    told = job.detail | (job.result or {})
    figures = [
        (_short(name), _figure(value, formats))
        for name, value in told.items()
        if name != "url" and isinstance(value, str | int | float)
    ]
    more = len(figures) - _MOST_FIGURES
    if more > 0:
        figures[_MOST_FIGURES:] = [("…", formats.gettext("{count} more").format(count=formats.number(more)))]
    return figures


def _figure(value: str | float, formats: ReaderFormats) -> str:
    if isinstance(value, bool):
        return formats.gettext("Yes") if value else formats.gettext("No")
    return _short(value) if isinstance(value, str) else formats.number(value)


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_FIGURE else text[: _LONGEST_FIGURE - 1] + "…"


def url_with(path: str, query: dict[str, str]) -> str:
    return f"{path}?{urlencode(query)}" if query else path
