"""Deleting, making again, cancelling and sharing all batches that fit a filter, as many as somebody was told."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import sqlalchemy as sa

from server.auth.access import BATCHES, Right, listed, may
from server.auth.grants import Grant
from server.auth.permissions import Principal
from server.errors import ChangedMeanwhile, InvalidInput, JinduError, NotFound
from server.jobs.job import FINAL_STATES, State
from server.operations.batches import BatchOperations
from server.operations.sharing import SharingOperations
from server.reports.batch_filter import BatchCondition, BatchFilter
from server.reports.batch_lists import BatchLists
from server.storage.tables import batches, jobs, reports

AT_ONCE = 500
"""Batches; each is its own transaction and its own line in the audit log: more would take longer than people wait."""


class BatchAction(StrEnum):
    DELETE = "delete"
    RETRY = "retry"
    CANCEL = "cancel"
    SHARE = "share"


_RIGHTS = {BatchAction.RETRY: Right.EDIT, BatchAction.CANCEL: Right.EDIT}
_IS_OVER = jobs.c.state.in_([state.value for state in FINAL_STATES])
_HAS_UNMADE = sa.or_(
    batches.c.report_count == 0,
    sa.exists().where(reports.c.batch_id == batches.c.id, reports.c.state != State.SUCCEEDED.value),
)
_POSSIBLE = {
    BatchAction.DELETE: _IS_OVER,
    BatchAction.RETRY: sa.and_(_IS_OVER, _HAS_UNMADE),
    BatchAction.CANCEL: sa.not_(_IS_OVER),
    BatchAction.SHARE: sa.true(),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class NotDoneBatch:
    """One of which it could not be done; `code` says why."""

    batch_id: str
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchesDone:
    """`left` were more than are done at once."""

    done: int
    not_done: Sequence[NotDoneBatch]
    left: int


class BatchesTogether:
    def __init__(self, *, lists: BatchLists, batches: BatchOperations, sharing: SharingOperations) -> None:
        self._lists = lists
        self._batches = batches
        self._sharing = sharing
        self._deeds: dict[BatchAction, Callable[[Principal, str], Awaitable[object]]] = {
            BatchAction.DELETE: batches.delete,
            BatchAction.RETRY: batches.retry,
            BatchAction.CANCEL: batches.cancel,
        }

    async def count(self, principal: Principal, action: BatchAction, wanted: BatchFilter) -> int:
        """With how many of them it could be done now."""
        return await self._lists.count(_possible(principal, action, wanted), wanted)

    async def act(
        self,
        principal: Principal,
        action: BatchAction,
        wanted: BatchFilter,
        *,
        expected: int,
        grant: Grant | None = None,
    ) -> BatchesDone:
        """The oldest first, and each as if it were the only one: one that cannot be done keeps no other from it.

        Raises `ChangedMeanwhile` when they are not as many as `expected`: nobody is asked about some, and answers for
        others. With `share`, `grant` is added to those that each has, in place of one to the same people.
        """
        if (grant is None) is (action is BatchAction.SHARE):
            raise InvalidInput("Say with whom to share, and with nothing else.")
        which = _possible(principal, action, wanted)
        ids = await self._lists.ids(which, wanted)
        if len(ids) != expected:
            raise ChangedMeanwhile(
                "{now} match now, {expected} when you looked: look again.", now=len(ids), expected=expected
            )
        if grant is not None:
            await self._sharing.require_good(principal, grant)
        refused = list[NotDoneBatch]()
        for batch_id in ids[:AT_ONCE]:
            try:
                await self._do(principal, action, batch_id, grant)
            except NotFound:  # somebody has deleted it meanwhile
                refused.append(NotDoneBatch(batch_id=batch_id, code=NotFound.code))
            except JinduError as error:
                refused.append(NotDoneBatch(batch_id=batch_id, code=error.specific_code))
        done = min(len(ids), AT_ONCE) - len(refused)
        return BatchesDone(done=done, not_done=refused, left=max(0, len(ids) - AT_ONCE))

    async def _do(self, principal: Principal, action: BatchAction, batch_id: str, grant: Grant | None) -> None:
        if grant is None:
            await self._deeds[action](principal, batch_id)
        else:
            await self._sharing.add(principal, BATCHES.kind, batch_id, grant)


def _possible(principal: Principal, action: BatchAction, wanted: BatchFilter) -> BatchCondition:
    principal.require_write()
    right = _RIGHTS.get(action, Right.OWN)
    theirs = may(principal, BATCHES, right) if right is Right.EDIT else _own(principal)
    return sa.and_(listed(principal, BATCHES, wanted.whose, wanted.owner), theirs, _POSSIBLE[action])


def _own(principal: Principal) -> BatchCondition:
    return sa.true() if principal.is_admin else batches.c.owner_id == principal.user_id
