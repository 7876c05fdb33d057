"""Which jobs a request means: in the query of the list and of reasons, and in what is done with many."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct

from server.http.endpoint import Call, PageByNumber
from server.http.values import Moment
from server.jobs.job import Completeness, State
from server.jobs.job_filter import JobFilter

_UserName = Annotated[str, Meta(min_length=1)]


class JobQuery(PageByNumber, frozen=True, kw_only=True):
    """`outcome` is of those that succeeded, `error` the code of those that failed, `reason`
    one of `/jobs/reasons`; `user` is a name, for admins.

    `since` and `until` are moments of creation, `ended_since` and `ended_until` of the end. `q` looks in all that
    people know a job by, its error included; `"some words"` stand together, and `-word` leaves out what has it.
    """

    state: tuple[State, ...] = ()
    outcome: tuple[Completeness, ...] = ()
    kind: tuple[str, ...] = ()
    error: tuple[str, ...] = ()
    reason: str = ""
    user: _UserName | None = None
    since: Moment | None = None
    until: Moment | None = None
    ended_since: Moment | None = None
    ended_until: Moment | None = None


class JobCriteria(Struct, frozen=True, kw_only=True):
    """As in the query of the list, for jobs in whichever state."""

    kind: tuple[str, ...] = ()
    error: tuple[str, ...] = ()
    reason: str = ""
    user: _UserName | None = None
    since: Moment | None = None
    until: Moment | None = None
    ended_since: Moment | None = None
    ended_until: Moment | None = None
    q: str = ""


class JobsWanted(JobCriteria, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """As in the query of the list."""

    state: tuple[State, ...] = ()
    outcome: tuple[Completeness, ...] = ()


async def filter_by(call: Call[Any, Any], wanted: JobCriteria | JobQuery) -> JobFilter:
    """In whichever state. Raises `NotFound` for a user that there is not."""
    jobs = call.operations.jobs
    return JobFilter(
        owner_id=await jobs.owner_named(call.principal, wanted.user) if wanted.user else None,
        kinds=wanted.kind,
        errors=wanted.error,
        reason=wanted.reason,
        text=wanted.q or "",
        since=wanted.since,
        until=wanted.until,
        ended_since=wanted.ended_since,
        ended_until=wanted.ended_until,
    )
