"""The home page: bring in data, see what is going on, what ended meanwhile, and what there is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import web

from server.auth.permissions import Principal, Role
from server.auth.things import ThingSeen
from server.datasets.dataset import Dataset
from server.errors import NotFound
from server.http.guards import require_principal
from server.http.parts import operations_of
from server.jobs.job import FINAL_STATES, Job, State
from server.jobs.job_filter import JobFilter
from server.reports.batches import BatchHead
from views.context import render

_SHOWN = 6
_LIVE_SHOWN = 20
_VIEWERS_SHOWN = 60
_FAVOURITES_SHOWN = 10
_RECENT_SHOWN = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """What the home page shows of one person's things under the drop zone."""

    away: Sequence[Job]
    away_count: int  # also of those that are not shown
    ended: Sequence[Job]
    datasets: Sequence[Dataset]
    batches: Sequence[BatchHead]
    is_for_viewer: bool = False  # who looks at reports, and brings in nothing

    @property
    def is_empty(self) -> bool:
        """Nothing that reports could be made from; a first upload or import may be under way."""
        return not (self.datasets or self.batches)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptThings:
    """What somebody marked, and what else they opened last; `has_more`: more favourites than are shown."""

    favourites: Sequence[ThingSeen]
    has_more: bool
    recent: Sequence[ThingSeen]


async def home_page(request: web.Request) -> web.Response:
    principal = require_principal(request)
    return await render(
        request,
        "home/index.html",
        home=await _home(request, principal),
        live=await _live(request, principal),
        kept=await _kept(request, principal),
        can_write=principal.role is not Role.VIEWER,
    )


async def home_live(request: web.Request) -> web.Response:
    """What is in progress, for its live refresh."""
    principal = require_principal(request)
    return await render(request, "home/_live.html", live=await _live(request, principal))


async def home_overview(request: web.Request) -> web.Response:
    """Everything under the drop zone, for its live refresh."""
    principal = require_principal(request)
    return await render(request, "home/_overview.html", home=await _home(request, principal))


async def _live(request: web.Request, principal: Principal) -> list[Job]:
    """What is in progress, running before waiting."""
    wanted = JobFilter(owner_id=principal.user_id, states=(State.RUNNING, State.QUEUED), limit=_LIVE_SHOWN)
    found = await operations_of(request).jobs.list(principal, wanted)
    return sorted(found.items, key=lambda job: job.state is State.QUEUED)


async def _kept(request: web.Request, principal: Principal) -> KeptThings:
    favourites = await operations_of(request).favourites.list(principal, limit=_FAVOURITES_SHOWN + 1)
    known = {thing.id for thing in favourites}
    recent = await operations_of(request).recently_seen.list(principal)
    return KeptThings(
        favourites=favourites[:_FAVOURITES_SHOWN],
        has_more=len(favourites) > _FAVOURITES_SHOWN,
        recent=[thing for thing in recent if thing.id not in known][:_RECENT_SHOWN],
    )


async def _home(request: web.Request, principal: Principal) -> Home:
    if principal.role is Role.VIEWER:
        return await _viewers_home(request, principal)
    jobs = operations_of(request).jobs
    ended = JobFilter(owner_id=principal.user_id, states=tuple(FINAL_STATES), limit=_SHOWN)
    unseen = await operations_of(request).notifications.ended_unseen(principal)
    away = await _most_important(request, principal, unseen)
    known = {job.id for job in away}
    return Home(
        away=away,
        away_count=max(len(unseen), len(away)),
        ended=[job for job in (await jobs.list(principal, ended)).items if job.id not in known],
        datasets=(await operations_of(request).datasets.list(principal, limit=_SHOWN)).items,
        batches=(await operations_of(request).batch_lists.batches(principal, limit=_SHOWN)).items,
    )


async def _viewers_home(request: web.Request, principal: Principal) -> Home:
    """The reports that are theirs to see, newest first."""
    page = await operations_of(request).batch_lists.batches(principal, limit=_VIEWERS_SHOWN)
    return Home(away=(), away_count=0, ended=(), datasets=(), batches=page.items, is_for_viewer=True)


async def _most_important(request: web.Request, principal: Principal, unseen: Sequence[str]) -> list[Job]:
    """Of those that ended unseen a few: first what somebody has to look at, then the newest."""
    jobs = operations_of(request).jobs
    failed = JobFilter(owner_id=principal.user_id, states=(State.FAILED,), limit=_SHOWN)
    wanted = set(unseen)
    found = {job.id: job for job in (await jobs.list(principal, failed)).items if job.id in wanted}
    for job_id in unseen:
        if len(found) >= _SHOWN:
            break
        try:
            job = found.get(job_id) or await jobs.get(principal, job_id)
        except NotFound:
            continue  # deleted meanwhile
        if job.state.is_final:
            found[job_id] = job
    return list(found.values())
