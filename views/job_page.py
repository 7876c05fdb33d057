"""The page of one job: how it stands, what it counted, its attempts and its log."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from server.auth.permissions import Principal, Role
from server.http.guards import require_principal
from server.http.parts import operations_of, parts_of
from server.jobs.job import Job
from server.jobs.kinds import JobKind
from server.numerals import whole_number
from server.operations.job_chains import NO_CHAIN
from views.context import formats_for, render
from views.formats import ReaderFormats
from views.jobs import owner_names, url_with

_LINES_SHOWN = 500
_LONGEST_SEARCH = 200
_LEVELS = {"warning": ("warning", "error"), "error": ("error",)}  # of the log, as its form offers them
_MOST_FIGURES, _LONGEST_FIGURE = 30, 200


async def job_page(request: web.Request) -> web.Response:
    """Kinds that have a page of their own are shown there, with all that stands here."""
    principal = require_principal(request)
    job = await operations_of(request).jobs.get(principal, request.match_info["id"])
    page = parts_of(request).job_kinds.shown(job.kind).page_of(job.id)
    if page != f"/jobs/{job.id}":
        raise web.HTTPSeeOther(url_with(page, dict(request.query)))
    return await render(request, "jobs/detail.html", **await job_values(request, principal, job))


async def job_detail(request: web.Request) -> web.Response:
    """Everything under the title, for its live refresh."""
    principal = require_principal(request)
    job = await operations_of(request).jobs.get(principal, request.match_info["id"])
    return await render(request, "jobs/_detail.html", **await job_values(request, principal, job))


async def job_values(request: web.Request, principal: Principal, job: Job) -> dict[str, Any]:
    """What the page of a job shows, whatever its kind; `jobs/_more.html` says which of it."""
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
    page = kind.page_of(job.id)
    return {
        "job": job,
        "log": log,
        "log_before": before,
        "log_shown": shown,
        "page_url": page,
        "log_url": lambda path="", before=None, **more: url_with(
            f"{page}{path}", more | shown | ({"before": str(before)} if before else {})
        ),
        "chain": (await operations_of(request).job_chains.of(principal, [job])).get(job.id, NO_CHAIN),
        "attempts": attempts,
        "attempt_count": attempt_count,
        "owner_name": owners.get(job.owner_id, ""),
        "links": kind.links(job),
        "figures": _figures(job, kind, formats),
        "can_change": principal.role is not Role.VIEWER,
        "can_delete": await operations_of(request).job_removal.is_possible(job),
        "can_retry": kind.can_retry,
        "lost": formats.gettext(kind.lost),
        "kept": formats.gettext(kind.kept),
        "what_to_do": formats.gettext(_what_to_do(job, retryable=kind.can_retry)),
    }


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
