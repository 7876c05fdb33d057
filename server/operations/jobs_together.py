"""Cancelling, starting again and deleting many jobs at once: those that fit a filter, or those that were picked."""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

from server.auth.permissions import Principal
from server.errors import JinduError, NotFound
from server.jobs.job import FINAL_STATES, State
from server.jobs.job_filter import JobFilter
from server.jobs.store import JobStore
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Together:
    """`refused` counts those that could not, by the error's code; `left` were more than are done at once."""

    done: int
    refused: dict[str, int]
    left: int


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
        wanted = dataclasses.replace(self._jobs.allowed(principal, _possible(action, wanted)), limit=AT_ONCE)
        done, refused = 0, dict[str, int]()
        total, ids = sum((await self._store.count_by_state(wanted)).values()), await self._store.ids(wanted)
        for job_id in ids:
            try:
                await self._actions[action](principal, job_id)
                done += 1
            except NotFound:  # somebody has deleted it meanwhile
                continue
            except JinduError as error:
                refused[error.specific_code] = refused.get(error.specific_code, 0) + 1
        return Together(done=done, refused=refused, left=max(0, total - len(ids)))


def _possible(action: JobAction, wanted: JobFilter) -> JobFilter:
    states = [state for state in POSSIBLE_IN[action] if not wanted.states or state in wanted.states]
    # An empty choice would mean all of them.
    return dataclasses.replace(wanted, states=states, ids=wanted.ids if states else ())
