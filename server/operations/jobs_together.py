"""Cancelling, starting again and deleting many jobs at once: those that fit a filter, or those that were picked."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from server.auth.permissions import Principal
from server.errors import JinduError, NotFound
from server.jobs.job import FINAL_STATES, State
from server.jobs.job_filter import JobFilter
from server.jobs.store import JobMention, JobStore
from server.operations.job_removal import JobRemoval
from server.operations.jobs import JobOperations

AT_ONCE = 500
"""Jobs; each is its own transaction and its own line in the audit log, so more would take longer than people wait."""


class JobAction(StrEnum):
    CANCEL = "cancel"
    RETRY = "retry"
    DELETE = "delete"


POSSIBLE_IN = {
    JobAction.CANCEL: (State.QUEUED, State.RUNNING),
    JobAction.RETRY: (State.FAILED, State.CANCELLED),
    JobAction.DELETE: tuple(FINAL_STATES),
}


_OTHERWISE = {JobAction.CANCEL: "job_over", JobAction.RETRY: "job_not_retryable", JobAction.DELETE: "job_not_over"}
_NOT_FOUND = NotFound.code  # of somebody else's job as of one that there never was


@dataclass(frozen=True, slots=True, kw_only=True)
class NotDone:
    """One that was asked for and could not be done; `code` says why, `title` is empty of what nobody may see."""

    job_id: str
    code: str
    title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Together:
    """`left` were more than are done at once."""

    done: int
    not_done: Sequence[NotDone] = ()
    left: int

    @property
    def refused(self) -> dict[str, int]:
        """How many could not be done, by the reason's code."""
        return dict(Counter(each.code for each in self.not_done))


class JobsTogether:
    def __init__(self, *, jobs: JobOperations, removal: JobRemoval, store: JobStore) -> None:
        self._jobs = jobs
        self._store = store
        self._actions: dict[JobAction, Callable[[Principal, str], Awaitable[object]]] = {
            JobAction.CANCEL: jobs.cancel,
            JobAction.RETRY: jobs.retry,
            JobAction.DELETE: removal.delete,
        }

    async def count(self, principal: Principal, action: JobAction, wanted: JobFilter) -> int:
        """With how many of them it could be done now."""
        principal.require_write()
        return sum((await self._jobs.count_by_state(principal, _possible(action, wanted))).values())

    async def act(self, principal: Principal, action: JobAction, wanted: JobFilter) -> Together:
        """The oldest first, and each as if it were the only one: one that cannot be done keeps no other from it."""
        principal.require_write()
        wanted = dataclasses.replace(self._jobs.allowed(principal, wanted), limit=AT_ONCE)
        possible = _possible(action, wanted)
        total, ids = sum((await self._store.count_by_state(possible)).values()), await self._store.ids(possible)
        tried = set(ids)
        others = [job_id for job_id in dict.fromkeys(wanted.ids or ()) if job_id not in tried]
        known = await self._store.mentions(self._jobs.allowed(principal, JobFilter(ids=[*ids, *others])))
        left = max(0, total - len(ids))
        refused = await self._act_on_each(principal, action, ids, known)
        passed_over = _passed_over(action, others, known, is_any_left=bool(left))
        return Together(done=len(ids) - len(refused), not_done=[*refused, *passed_over], left=left)

    async def _act_on_each(
        self, principal: Principal, action: JobAction, ids: Sequence[str], known: Mapping[str, JobMention]
    ) -> list[NotDone]:
        """Those of which it could not be done."""
        refused = list[NotDone]()
        for job_id in ids:
            try:
                await self._actions[action](principal, job_id)
            except NotFound:  # somebody has deleted it meanwhile
                refused.append(NotDone(job_id=job_id, code=_NOT_FOUND))
            except JinduError as error:
                refused.append(
                    NotDone(
                        job_id=job_id, code=error.specific_code, title=known[job_id].title if job_id in known else ""
                    )
                )
        return refused


def _passed_over(
    action: JobAction, ids: Iterable[str], known: Mapping[str, JobMention], *, is_any_left: bool
) -> Iterator[NotDone]:
    """Why nothing was tried with those that were named and do not fit."""
    for job_id in ids:
        mention = known.get(job_id)
        if mention is None:
            yield NotDone(job_id=job_id, code=_NOT_FOUND)
        elif mention.state not in POSSIBLE_IN[action]:
            yield NotDone(job_id=job_id, code=_OTHERWISE[action], title=mention.title)
        elif not is_any_left:  # else it may be one of those
            yield NotDone(job_id=job_id, code="job_not_in_filter", title=mention.title)


def _possible(action: JobAction, wanted: JobFilter) -> JobFilter:
    states = [state for state in POSSIBLE_IN[action] if not wanted.states or state in wanted.states]
    # An empty choice would mean all of them.
    return dataclasses.replace(wanted, states=states, ids=wanted.ids if states else ())
